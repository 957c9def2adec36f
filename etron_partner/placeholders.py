"""Hashes of what is no person's number: of an empty value, of words for "missing", of numbers typed to fill a field.

Standard library only.
"""

from __future__ import annotations

import hashlib
from functools import cache

NOTHING = (
    "",
    " ",
    "null",
    "NULL",
    "Null",
    "None",
    "none",
    "nan",
    "NaN",
    "NA",
    "N/A",
    "nil",
    "undefined",
    "\\N",
    "无",
    "空",
)
FILLERS = (
    "0", "1", "-1", "-", "test", "unknown", "13800000000", "13800138000", "13000000000", "13888888888", "13333333333",
    "12345678901", "12345678910", "18888888888", "00000000000", "11111111111", "99999999999", "110101199001010000",
    "000000000000000", "000000000000000000", "111111111111111111", "123456789012345678", "999999999999999999",
)  # fmt: skip


@cache
def hashes_of(algorithm: str, values: tuple[str, ...]) -> dict[str, str]:
    """Lower-case hash -> the value it is of; empty where the machine lacks the algorithm.

    >>> hashes_of("md5", NOTHING)["d41d8cd98f00b204e9800998ecf8427e"]
    ''
    """
    try:
        return {hashlib.new(algorithm, value.encode(), usedforsecurity=False).hexdigest(): value for value in values}
    except ValueError:
        return {}
