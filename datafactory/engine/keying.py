"""Ids under the project's key: HMAC-SHA256 of ``id_type + ":" + hash``, the only form in which two sides are joined.

The key goes into these functions and nowhere else: no SQL text, plan, log line or file ever holds it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from modeling.artifacts import Progress, no_progress
from modeling.errors import DataError

KEY_TYPE = pa.binary(32)
_BLOCK = 64  # bytes of a SHA-256 block
_BATCH = 100_000


def id_column(id_type: str) -> str:
    return f"id__{id_type}"


def keys_file(id_type: str) -> str:
    return f"keys__{id_type}.parquet"


def keyer(id_type: str, key: bytes) -> Callable[[str], bytes]:
    """HMAC-SHA256 of one id; the state after the padded key and the id type is reused.

    1.2 s a million ids on one core, ``hmac.digest`` takes 2.6 s; hashlib holds the interpreter lock for short strings
    and queue workers may not fork, so one process it is.

    Source
    ------
    RFC 2104.

    Examples
    --------
    >>> import hmac
    >>> keyer("mobile__md5", b"k" * 32)("ab") == hmac.digest(b"k" * 32, b"mobile__md5:ab", "sha256")
    True
    """
    block = (hashlib.sha256(key).digest() if len(key) > _BLOCK else key).ljust(_BLOCK, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block) + id_type.encode() + b":")
    outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block))

    def keyed(id_hash: str) -> bytes:
        first, second = inner.copy(), outer.copy()
        first.update(id_hash.encode())
        second.update(first.digest())
        return second.digest()

    return keyed


def key_ids(
    rows: Path, id_types: Sequence[str], key: bytes, out: Path, *, progress: Progress = no_progress
) -> dict[str, int]:
    """Write ``keys__<id_type>.parquet`` (``id``, ``key``), one row for each distinct id, sorted by id.

    Parameters
    ----------
    rows : ``rows.parquet`` of a source or a sample with columns ``id__<id_type>``
    key : the project's key, 32 random bytes
    out : existing folder

    Returns
    -------
    Number of distinct ids of each type.

    Raises
    ------
    DataError
        ``id_type_missing`` when the file lacks an id type.
    """
    return {id_type: _key_one(rows, id_type, key, out, progress) for id_type in id_types}


def keyed_column(ids: pa.ChunkedArray, id_type: str, key: bytes) -> pa.Array:
    """Each id of a column under the key; null stays null. Distinct ids are hashed once."""
    encoded = ids.combine_chunks().dictionary_encode()
    keyed = keyer(id_type, key)
    dictionary = pa.array([keyed(value) for value in encoded.dictionary.to_pylist()], KEY_TYPE)
    return dictionary.take(encoded.indices)


def _key_one(rows: Path, id_type: str, key: bytes, out: Path, progress: Progress) -> int:
    ids = distinct_ids(rows, id_type)
    keyed = keyer(id_type, key)
    schema = pa.schema([("id", pa.string()), ("key", KEY_TYPE)])
    with pq.ParquetWriter(out / keys_file(id_type), schema) as writer:
        for start in range(0, len(ids), _BATCH):
            progress(start, len(ids), "ids")
            part = ids.slice(start, _BATCH).cast(pa.string())
            keys = pa.array([keyed(value) for value in part.to_pylist()], KEY_TYPE)
            writer.write_table(pa.table([part, keys], schema=schema))
    return len(ids)


def distinct_ids(rows: Path, id_type: str) -> pa.Array:
    """The distinct ids of one type in a table of rows, sorted; raises ``id_type_missing``.

    Sources lie sorted by their first id: there the runs of equal ids are all that is looked at.
    """
    column = id_column(id_type)
    file = pq.ParquetFile(rows)
    if column not in file.schema_arrow.names:
        raise DataError("id_type_missing", "The table has no ids of type %(id_type)s.", id_type=id_type)
    parts: list[pa.Array] = [pa.array([], pa.large_string())]
    ascending = True
    for batch in file.iter_batches(250_000, columns=[column]):
        part = pc.unique(batch.column(0).cast(pa.large_string()).drop_null())
        if len(part) and len(parts[-1]) and part[0].as_py() == parts[-1][-1].as_py():
            part = part.slice(1)
        ascending &= _follows(parts[-1], part)
        if len(part):
            parts.append(part)
    seen = pa.concat_arrays(parts)
    return seen if ascending else pc.unique(seen).sort()


def _follows(before: pa.Array, part: pa.Array) -> bool:
    """Whether ``part`` ascends, from above the end of ``before``."""
    if not len(part):
        return True
    above = not len(before) or before[-1].as_py() < part[0].as_py()
    return above and pc.all(pc.less(part.slice(0, len(part) - 1), part.slice(1))).as_py() is not False
