"""A watch list's accounts from a CSV file: a column ``account``, one an id type, the others the caller's values."""

from __future__ import annotations

import csv
import io
import re
from typing import Any, NamedTuple

from modeling.errors import DataError
from risk_products.engine.signature import RequestField, Signature

MAX_BYTES = 20 * 1024**2
NAME = "account"
_REFERENCE = re.compile(r"[A-Za-z0-9._:~@-]{1,64}")


class AccountRow(NamedTuple):
    """What a partner puts on a watch list."""

    account: str
    ids: dict[str, str]
    features: dict[str, Any]


def read_accounts(content: bytes, signature: Signature) -> list[AccountRow]:
    """Rows of a UTF-8 CSV file with a header.

    Raises
    ------
    DataError
        ``file_too_large``, ``encoding``, ``column_missing``, ``unknown_field``, ``ragged_row``, ``no_rows``,
        ``bad_account``, ``account_twice``, ``wrong_type``; with row and column.

    Examples
    --------
    >>> read_accounts(b"account,mobile__raw\\nL-1,abc\\n", Signature(ids=("mobile__raw",)))
    [AccountRow(account='L-1', ids={'mobile__raw': 'abc'}, features={})]
    """
    if len(content) > MAX_BYTES:
        raise DataError("file_too_large", "The file is larger than 20 MB.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError("encoding", "The file is not UTF-8 (byte %(at)s).", at=error.start) from None
    reader = csv.reader(io.StringIO(text, newline=""))
    header = [name.strip() for name in next(reader, [])]
    fields = _checked_header(header, signature)
    rows = [_row(number, cells, header, fields, signature) for number, cells in enumerate(reader, 1) if any(cells)]
    if not rows:
        raise DataError("no_rows", "The file has no rows.")
    _check_once(rows)
    return rows


def _checked_header(header: list[str], signature: Signature) -> dict[str, RequestField]:
    fields = {field.key: field for field in signature.request}
    if NAME not in header:
        raise DataError("column_missing", "The file has no column %(column)s.", column=NAME)
    for column in header:
        if column != NAME and column not in signature.ids and column not in fields:
            known = ", ".join([NAME, *signature.ids, *fields])
            text = "The file has a column %(column)s that the model does not take. It takes: %(known)s."
            raise DataError("unknown_field", text, column=column, known=known)
    return fields


def _row(
    number: int, cells: list[str], header: list[str], fields: dict[str, RequestField], signature: Signature
) -> AccountRow:
    if len(cells) != len(header):
        text = "Row %(row)s has %(n)s cells, the header %(wanted)s."
        raise DataError("ragged_row", text, row=number, n=len(cells), wanted=len(header))
    values = {name: cell.strip() for name, cell in zip(header, cells, strict=True)}
    account = values[NAME]
    if not _REFERENCE.fullmatch(account):
        text = "Row %(row)s: the account must be 1 to 64 letters, digits or . _ : ~ @ - characters."
        raise DataError("bad_account", text, row=number, column=NAME)
    ids = {id_type: values[id_type] for id_type in signature.ids if values.get(id_type)}
    return AccountRow(
        account, ids, {key: _value(number, f, values[key]) for key, f in fields.items() if values.get(key)}
    )


def _value(number: int, field: RequestField, text: str) -> Any:
    try:
        match field.kind:
            case "int":
                return int(text)
            case "float" | "decimal":
                return float(text)
            case "bool":
                return {"true": True, "1": True, "false": False, "0": False}[text.lower()]
    except (ValueError, KeyError):
        sentence = "Row %(row)s: %(column)s cannot be read as a number."
        raise DataError("wrong_type", sentence, row=number, column=field.key) from None
    return text


def _check_once(rows: list[AccountRow]) -> None:
    seen: set[str] = set()
    for number, row in enumerate(rows, 1):
        if row.account in seen:
            text = "Row %(row)s: the account is in the file twice."
            raise DataError("account_twice", text, row=number, column=NAME)
        seen.add(row.account)
