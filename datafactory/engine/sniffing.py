"""A file at first sight: how it was saved, what its columns seem to be, and a preview in which ids are masked."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from datafactory.engine import times
from datafactory.engine.dialect import find_dialect
from datafactory.engine.files import first_cells, open_table, sheets_of
from datafactory.engine.kinds import NUMBER, kind_of_text, kind_of_type
from datafactory.engine.looking import tidy
from datafactory.engine.personal import PersonalScan
from datafactory.engine.plans import DEFAULT_NULLS, ColumnGuess, Dialect, Limits, Saved, Sniff
from etron_partner.identifiers import HASH_LENGTHS, masked
from modeling.artifacts import Kind

HEAD_ROWS = 1_000
HEAD_CELLS = 500_000  # fewer rows of a wide file
PREVIEW_ROWS = 100
FEW_VALUES = 12
_NAMES = {  # the first that fits wins; the name of a column is only a hint, its values decide
    "known_at": r"known_at|known|loaded_at|load_time|updated_at|update_time|etl_time|入库|更新时间",
    "observed_at": r"observed_at|appl(y|ied|ication)_?(time|date|on|at)|.*(_at|_on|_time|_date|_dt|date|time)|issue_d"
    r"|申请(时间|日期)|.*(时间|日期)",
    "label": r"y|label|target|bad|bad_?flag|is_?bad|default|.*default.*|loan_status|creditability|标签|是否逾期",
    "weight": r"weight|sample_weight|权重",
    "split": r"split|fold_?name|data_?set|sample_?type|样本集",
    "approved": r"approved|approval|decision|is_?approved|是否通过|审批结果",
    "row_id": r"id|row_?id|app_?id|(application|apply|loan|order)_?(id|no)|申请(编号|号)|订单号",
}
_NAMESPACES = {
    "mobile": r".*(mobile|phone|tel|msisdn|手机).*",
    "idno": r".*(id_?no|id_?card|cert|identity|身份证).*",
    "device": r".*(device|imei|idfa|oaid|android).*",
    "bankcard": r".*(bank|card|银行卡).*",
    "email": r".*(mail|邮箱).*",
}
_MARKERS = (
    "-", "--", "---", "/", "\\", "?", ".", "*", "nil", "missing", "unknown", "n.a.", "(null)", "无", "空", "缺失"
)  # fmt: skip
_SPLITS = {"train", "valid", "test", "oot"}


def sniff_file(
    path: Path, limits: Limits, encoding: str | None = None, delimiter: str | None = None, told: Saved | None = None
) -> Sniff:
    """Look at the first rows of a file.

    Parameters
    ----------
    path : Path
        CSV (plain or gzip), Parquet or Excel.
    limits : Limits
        Bounds; a file beyond them is refused here already.
    encoding, delimiter : str, optional
        What the caller knows about a text file; otherwise found.
    told : Saved, optional
        All that is known about how the file was saved, instead of these two.

    Raises
    ------
    DataError
        With code, row and column when the file cannot be read or holds raw personal data.
    """
    told = told or Saved(encoding, delimiter)
    dialect = _with_header(path, find_dialect(path, limits, told), limits, told)
    head = _head(path, dialect, limits)
    _refuse_personal(head)
    columns = {name: head.column(name).combine_chunks() for name in head.column_names}
    nulls = _nulls(columns) if told.nulls is None else told.nulls
    texts = {name: _text(column, nulls) for name, column in columns.items()}
    decimal = told.decimal or _decimal(list(texts.values()), dialect.delimiter)
    guesses = _guess_roles([_guess(name, columns[name], texts[name], decimal, head.num_rows) for name in columns])
    return Sniff(
        format=dialect.format,
        encoding=dialect.encoding,
        delimiter=dialect.delimiter,
        decimal=decimal,
        header=dialect.header,
        columns=tuple(guesses),
        preview=_preview(texts, guesses),
        time_format=_time_format(guesses),
        nulls=nulls,
        warnings=tuple(_warnings(dialect, guesses)),
        sheet=dialect.sheet or "",
        sheets=tuple(sheets_of(path, dialect.format)),
    )


def _with_header(path: Path, dialect: Dialect, limits: Limits, told: Saved) -> Dialect:
    """A first row of values is not a header, unless somebody says that it is."""
    if told.header is not None or not looks_like_data(first_cells(path, dialect, limits)):
        return dialect
    return replace(dialect, header=False)


def _head(path: Path, dialect: Dialect, limits: Limits) -> pa.Table:
    held: list[pa.RecordBatch] = []
    with open_table(path, dialect, limits) as table:
        wanted = max(PREVIEW_ROWS, min(HEAD_ROWS, HEAD_CELLS // len(table.names)))
        for batch in table.batches:
            held.append(batch)
            if sum(one.num_rows for one in held) >= wanted:
                break
    return pa.Table.from_batches(held).slice(0, wanted)


def _nulls(columns: dict[str, pa.Array]) -> tuple[str, ...]:
    """The usual markers, and those that stand where a column otherwise holds nothing but numbers or dates."""
    found: set[str] = set()
    for column in columns.values():
        if not pa.types.is_string(column.type):
            continue
        values = tidy(column, DEFAULT_NULLS).drop_null()
        odd = values.filter(pc.is_in(pc.utf8_lower(values), pa.array(_MARKERS)))
        if 0 < len(odd) < len(values):
            rest = values.filter(pc.invert(pc.is_in(pc.utf8_lower(values), pa.array(_MARKERS))))
            if kind_of_text(rest, ".") in {"int", "float", "date"} or kind_of_text(rest, ",") == "float":
                found |= set(pc.unique(odd).to_pylist())
    return (*DEFAULT_NULLS, *sorted(found))


def _refuse_personal(head: pa.Table) -> None:
    scan = PersonalScan()
    for name in head.column_names:
        scan.look_at_head(name, head.column(name).combine_chunks())
    scan.refuse()


def _text(column: pa.Array, nulls: tuple[str, ...]) -> pa.Array:
    return tidy(column if pa.types.is_string(column.type) else column.cast(pa.string()), nulls)


def _decimal(texts: list[pa.Array], delimiter: str) -> str:
    """A comma when numbers use it and it does not cut the values."""
    if delimiter == ",":
        return "."
    comma = point = 0
    for text in texts:
        comma += pc.sum(pc.match_substring_regex(text, r"^-?\d+,\d+$")).as_py() or 0
        point += pc.sum(pc.match_substring_regex(text, r"^-?\d+\.\d+$")).as_py() or 0
    return "," if comma > point else "."


def _guess(name: str, column: pa.Array, text: pa.Array, decimal: str, n_rows: int) -> ColumnGuess:
    native = not pa.types.is_string(column.type)
    kind: Kind = kind_of_type(column.type) if native else (kind_of_text(text, decimal) or "category")
    distinct = pc.unique(text.drop_null())
    values = tuple(sorted(value[:40] for value in distinct.to_pylist())) if len(distinct) <= FEW_VALUES else ()
    algorithm = _algorithm(text)
    return ColumnGuess(
        name=name,
        kind="category" if algorithm else kind,
        role="id" if algorithm else _role_of(name, kind, text, len(distinct), n_rows),
        namespace=_namespace(name) if algorithm else "",
        algorithm=algorithm,
        n_missing=text.null_count,
        n_distinct=len(distinct),
        values=() if algorithm else values,
        time_format="" if algorithm or kind in {"int", "float"} else times.find_format(text) or "",
    )


def _algorithm(text: pa.Array) -> str:
    """The hash whose length the values have; ``""`` when they are not hex of such a length."""
    values = text.drop_null()
    if (
        not len(values)
        or len(values[0].as_py()) < 32
        or not pc.all(pc.match_substring_regex(values, r"^[0-9a-fA-F]{32,128}$")).as_py()
    ):
        return ""
    longest = pc.max(pc.utf8_length(values)).as_py()
    return next((name for name, length in HASH_LENGTHS.items() if length == longest), "")


def _namespace(name: str) -> str:
    return next((space for space, pattern in _NAMESPACES.items() if re.fullmatch(pattern, name.lower())), "person")


def _role_of(name: str, kind: Kind, text: pa.Array, n_distinct: int, n_rows: int) -> str:
    lower = name.lower()
    role = next((role for role, pattern in _NAMES.items() if re.fullmatch(pattern, lower)), "feature")
    fits = {
        "known_at": lambda: kind == "date" or times.find_format(text) is not None,
        "observed_at": lambda: kind == "date" or times.find_format(text) is not None,
        "label": lambda: 1 <= n_distinct <= 3,
        "weight": lambda: kind in {"int", "float"},
        "split": lambda: set(pc.unique(text.drop_null()).to_pylist()) <= _SPLITS,
        "approved": lambda: n_distinct <= 2,
        "row_id": lambda: n_distinct == n_rows,
    }
    return role if role != "feature" and fits[role]() else "feature"


def _guess_roles(guesses: list[ColumnGuess]) -> list[ColumnGuess]:
    """Each role once: the first column that fits keeps it."""
    taken: set[str] = set()
    out = []
    for guess in guesses:
        key = f"id:{guess.namespace}:{guess.algorithm}" if guess.role == "id" else guess.role
        if key in taken and guess.role != "feature":
            guess = ColumnGuess(**{**vars(guess), "role": "feature"})
        taken.add(key)
        out.append(guess)
    return out


def _preview(texts: dict[str, pa.Array], guesses: list[ColumnGuess]) -> tuple[tuple[str, ...], ...]:
    shown = []
    for guess in guesses:
        values = [value or "" for value in texts[guess.name].slice(0, PREVIEW_ROWS).to_pylist()]
        hide = guess.role == "id" or guess.algorithm
        shown.append([masked(value) if hide else value[:80] for value in values])
    return tuple(zip(*shown, strict=True))


def _time_format(guesses: list[ColumnGuess]) -> str:
    return next((guess.time_format for guess in guesses if guess.role == "observed_at"), "")


def looks_like_data(names: list[str]) -> bool:
    """Most names of columns are numbers or hashes: the first row is not a header."""
    data = sum(bool(re.fullmatch(rf"{NUMBER[1:-1]}|[0-9a-fA-F]{{32,64}}", name)) for name in names)
    return bool(names) and data * 2 > len(names)


def _warnings(dialect: Dialect, guesses: list[ColumnGuess]) -> list[str]:
    found = []
    if not dialect.header:
        found.append("no_header")
    if not any(guess.role == "id" for guess in guesses):
        found.append("no_id_found")
    if not any(guess.role == "observed_at" for guess in guesses):
        found.append("no_time_found")
    return found
