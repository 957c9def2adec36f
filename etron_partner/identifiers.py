"""What a value is: raw personal numbers, hashes and their formats, and how a number is written before it is hashed.

The one home of these rules: the platform's engine and the partner's command line both import it. Standard library only.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import unicodedata
from collections.abc import Callable

HASH_LENGTHS = {"md5": 32, "sha1": 40, "sha256": 64, "sm3": 64, "sha512": 128}
RAW = "raw"  # a token that was never a personal number: a device id, a customer number made for this purpose
ALGORITHMS = (*HASH_LENGTHS, RAW)
HASHED_HERE = ("md5", "sha256")  # what the command line and the browser can make of a raw number
MAX_TOKEN = 128
_NAMESPACE = re.compile(r"[a-z][a-z0-9_]{0,30}")

_MOBILE = re.compile(r"1[3-9][0-9]{9}")
_CARD_PREFIX = re.compile(r"62|60|65|4|5[1-5]|2[2-7]|3[4-7]|9558")
_PROVINCES = {
    *range(11, 16), *range(21, 24), *range(31, 38), *range(41, 47), *range(50, 55), *range(61, 66), 71, 81, 82, 83, 91
}  # fmt: skip
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_HEX = re.compile(r"[0-9a-f]+")
_COUNTRY = re.compile(r"^\+?(?:00)?86(?=1\d{10}$)")
_WHOLE = re.compile(r"\.0+$")
_SEPARATORS = re.compile(r"[\s\-‐-―]+")


class NotThisKind(ValueError):
    """A value that is not of the kind that was named; carries no part of the value."""


def is_mobile(text: str) -> bool:
    """A mobile number of mainland China, without separators.

    >>> is_mobile("13800138000"), is_mobile("12800138000")
    (True, False)
    """
    return _MOBILE.fullmatch(text) is not None


def is_id_card(text: str) -> bool:
    """A resident identity number: province, date of birth and check digit (GB 11643, ISO 7064 MOD 11-2).

    >>> is_id_card("11010519491231002X"), is_id_card("110105194912310021")
    (True, False)
    >>> is_id_card("110105491231002")
    True
    """
    if len(text) == 15 and _is_number(text):
        return int(text[:2]) in _PROVINCES and _is_date("19" + text[6:12])
    if len(text) != 18 or not _is_number(text[:17]) or int(text[:2]) not in _PROVINCES or not _is_date(text[6:14]):
        return False
    total = sum(int(digit) * weight for digit, weight in zip(text, _WEIGHTS))
    return "10X98765432"[total % 11] == text[17].upper()


def is_bank_card(text: str) -> bool:
    """A payment card number: issuer prefix, 15 to 19 digits, Luhn check digit (ISO/IEC 7812).

    >>> is_bank_card("4111111111111111"), is_bank_card("4111111111111112")
    (True, False)
    """
    if not 15 <= len(text) <= 19 or not _is_number(text) or not _CARD_PREFIX.match(text):
        return False
    digits = [int(digit) for digit in reversed(text)]
    return (sum(digits[::2]) + sum(sum(divmod(2 * digit, 10)) for digit in digits[1::2])) % 10 == 0


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _is_date(text: str) -> bool:
    try:
        day = dt.date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return False
    return 1900 <= day.year <= 2100


def folded(text: str) -> str:
    """Full-width digits and letters as plain ones.

    >>> folded("１３８")
    '138'
    """
    return text if text.isascii() else unicodedata.normalize("NFKC", text)


def is_namespace(text: str) -> bool:
    """Whether it can name a kind of id, and a column.

    >>> is_namespace("mobile"), is_namespace("Mobile"), is_namespace("a__b")
    (True, False, False)
    """
    return _NAMESPACE.fullmatch(text) is not None and "__" not in text


def normalise(kind: str, value: str) -> str:
    """A raw value as it is hashed; equal people give equal text whatever the file looked like.

    Full-width characters are folded and outer white space goes. ``mobile``: separators, the country code 86 and a
    spreadsheet's ``.0`` go, eleven digits stay. ``idno``: separators go, the X is upper-cased. ``bankcard``: digits
    only. ``email``: lower case. Any other kind stays as it is.

    Raises
    ------
    NotThisKind
        When the value is not a number of its kind.

    >>> normalise("mobile", "+86 138-0013-8000"), normalise("idno", "11010519491231002x")
    ('13800138000', '11010519491231002X')
    """
    text = folded(value).strip()
    if kind == "mobile":
        return _checked(kind, _COUNTRY.sub("", _digits(text)), is_mobile)
    if kind == "idno":
        return _checked(kind, _digits(text).upper(), is_id_card)
    if kind == "bankcard":
        return _checked(kind, _digits(text), is_bank_card)
    if kind == "email":
        return _checked(kind, text.lower(), _is_email)
    return text


def _digits(text: str) -> str:
    return _WHOLE.sub("", _SEPARATORS.sub("", text))


def _is_email(text: str) -> bool:
    return re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", text) is not None


def _checked(kind: str, text: str, test: Callable[[str], bool]) -> str:
    if not test(text):
        raise NotThisKind(f"not a valid {kind}")
    return text


def hashed(text: str, algorithm: str) -> str:
    """Lower-case hex of the UTF-8 bytes.

    >>> hashed("13800138000", "md5")
    '7945bd83237335e5376ff44d62e4f0ae'
    """
    if algorithm not in HASHED_HERE:
        raise ValueError(f"{algorithm} is not one of {', '.join(HASHED_HERE)}")
    return hashlib.new(algorithm, text.encode(), usedforsecurity=False).hexdigest()


def hash_format(value: str) -> str | None:
    """The length of a value that is hex of a known hash, upper or lower case; None for anything else.

    >>> hash_format("D41D8CD98F00B204E9800998ECF8427E"), hash_format("13800138000")
    ('32', None)
    """
    if len(value) not in HASH_LENGTHS.values() or _HEX.fullmatch(value.lower()) is None:
        return None
    return str(len(value))


def masked(value: str) -> str:
    """An id as a preview may show it: its first four characters, if it is long enough to keep a secret.

    >>> masked("e3b0c44298fc1c149afbf4c8996fb924"), masked("1234")
    ('e3b0…', '…')
    """
    return f"{value[:4]}…" if len(value) >= 16 else ("…" if value else "")
