"""Ids under the project's key: HMAC-SHA256 of ``id_type + ":" + hash``, the only form in which two sides are joined.

The key goes into these functions and nowhere else: no SQL text, plan, log line or file ever holds it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from modeling.artifacts import Progress, no_progress
from modeling.errors import DataError

KEY_TYPE = pa.binary(32)
_BLOCK = 64  # bytes of a SHA-256 block
_BATCH = 100_000
FIRST_ROW, N_ROWS = "first_row", "n_rows"  # in a file of keyed ids: where the rows of an id lie


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

    Where the rows lie sorted by these ids, ``first_row`` and ``n_rows`` say which are whose.

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
    ids, first, n = id_runs(rows, id_type)
    keyed = keyer(id_type, key)
    places = [] if first is None else [(FIRST_ROW, pa.int64()), (N_ROWS, pa.int64())]
    schema = pa.schema([("id", pa.string()), ("key", KEY_TYPE), *places])
    with pq.ParquetWriter(out / keys_file(id_type), schema) as writer:
        for start in range(0, len(ids), _BATCH):
            progress(start, len(ids), "ids")
            part = ids.slice(start, _BATCH)
            keys = pa.array([keyed(value) for value in part.to_pylist()], KEY_TYPE)
            lying = [column.slice(start, _BATCH) for column in (first, n) if column is not None]
            writer.write_table(pa.table([part.cast(pa.string()), keys, *lying], schema=schema))
    return len(ids)


def distinct_ids(rows: Path, id_type: str) -> pa.Array:
    """The distinct ids of one type in a table of rows, sorted; raises ``id_type_missing``."""
    return id_runs(rows, id_type)[0]


def id_runs(rows: Path, id_type: str) -> tuple[pa.Array, pa.Array | None, pa.Array | None]:
    """The distinct ids of one type, sorted, and where each one's rows begin and how many there are.

    The last two are None unless the table lies sorted by these ids, as a source does by its first; then the runs of
    equal ids are all that is looked at, and nothing has to be sorted.
    """
    column = id_column(id_type)
    file = pq.ParquetFile(rows)
    if column not in file.schema_arrow.names:
        raise DataError("id_type_missing", "The table has no ids of type %(id_type)s.", id_type=id_type)
    found = [pa.table({"id": pa.array([], pa.large_string()), "end": pa.array([], pa.int64())})]
    done, before = 0, None
    for batch in file.iter_batches(250_000, columns=[column]):
        runs = pc.run_end_encode(batch.column(0).cast(pa.large_string()))
        if runs.values[0].as_py() == before:
            found[-1] = found[-1].slice(0, len(found[-1]) - 1)  # it goes on
        ends = pc.add(runs.run_ends.cast(pa.int64()), done)
        found.append(pa.table({"id": runs.values, "end": ends}))
        done, before = done + batch.num_rows, runs.values[-1].as_py()
    table = pa.concat_tables(found)
    ends = table["end"].to_numpy()
    table = pa.table({"id": table["id"], "n": np.diff(ends, prepend=0), "first": ends - np.diff(ends, prepend=0)})
    table = table.filter(pc.is_valid(table["id"])) if table["id"].null_count else table
    ids = table["id"].combine_chunks()
    if pc.all(pc.less(ids.slice(0, max(0, len(ids) - 1)), ids.slice(1))).as_py() is False:
        return pc.unique(ids).sort(), None, None
    return ids, table["first"].combine_chunks(), table["n"].combine_chunks()
