"""How far two matched samples differ, told from keyed sums that say nothing of who is in them.

Two samples that differ by one person would tell, by the difference of their match reports, whether the source knows
that person. So every group of people of which a match tells a figure leaves a *sketch*: people are spread over 256
buckets by a keyed hash, and a bucket holds the sum of keyed hashes of what was asked about its people (ids used, day of
the application). One person changes one bucket, so the number of unlike buckets bounds from below how many people
differ.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from datafactory.engine.disclosure import people_by_group
from datafactory.engine.keying import id_column
from datafactory.engine.match_report import month_codes

BUCKETS = 256
OVERALL = "overall"
Buckets = npt.NDArray[np.uint32]


@dataclass(frozen=True)
class Sketch:
    """One row of buckets for each group of which a match tells how many were found."""

    groups: tuple[str, ...]
    cells: Buckets  # (len(groups), BUCKETS)

    def to_bytes(self) -> bytes:
        """Cells alone: whoever compares needs no names."""
        return self.cells.astype("<u4").tobytes()


def cells_of(stored: bytes) -> Buckets:
    return np.frombuffer(stored, "<u4").astype(np.uint32).reshape(-1, BUCKETS)


def sketch_sample(rows: Path, id_types: Sequence[str], zone: str, key: bytes, cell_floor: int) -> Sketch:
    """Sketch the sample as a whole, each month and each outcome with at least ``cell_floor`` people.

    Parameters
    ----------
    rows : ``rows.parquet`` of the sample
    id_types : the ids that the match uses: with another choice another question is asked about the same person
    key : secret of the site, the same for all projects
    """
    there = pq.ParquetFile(rows).schema_arrow.names
    ids = [id_column(id_type) for id_type in id_types]
    table = pq.read_table(rows, columns=[*ids, *(name for name in ("person", "observed_at", "y") if name in there)])
    encoded = table["person"].combine_chunks().dictionary_encode()
    person = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    bucket = _keyed(encoded.dictionary, key, b"bucket")[person] % BUCKETS
    asked = _asked(table, ids, key)
    groups: dict[str, Buckets] = {OVERALL: _sums(asked, bucket)}
    for name, (codes, labels) in _groupings(table, zone).items():
        people = people_by_group(person, codes, len(labels))
        for code in np.flatnonzero(people >= cell_floor).tolist():
            groups[f"{name} {labels[code]}"] = _sums(asked[codes == code], bucket[codes == code])
    return Sketch(tuple(groups), np.stack(list(groups.values())))


def _keyed(values: pa.Array, key: bytes, purpose: bytes) -> npt.NDArray[np.uint32]:
    """32 bits of HMAC-SHA256 of each text; 0.7 µs each."""
    inner = hmac.new(key, purpose + b"\0", hashlib.sha256)
    result = np.empty(len(values), np.uint32)
    for position, value in enumerate(values.to_pylist()):
        digest = inner.copy()
        digest.update((value or "").encode())
        result[position] = int.from_bytes(digest.digest()[:4], "little")
    return result


def _asked(table: pa.Table, ids: Sequence[str], key: bytes) -> npt.NDArray[np.uint32]:
    """What is asked about the person of each row: the ids that it has of those used, and the day of the application."""
    parts = [_named(table[name].cast(pa.string()), name) for name in ids]
    if "observed_at" in table.column_names:
        parts.append(pc.strftime(table["observed_at"], format="%Y-%m-%d"))
    joined = pc.binary_join_element_wise(*parts, "", "") if parts else table["person"]
    encoded = joined.combine_chunks().dictionary_encode()
    asked: Buckets = _keyed(encoded.dictionary, key, b"asked")[encoded.indices.to_numpy(zero_copy_only=False)]
    return asked


def _named(ids: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    """Ids with their type; nothing where there is none, so that a type which nobody has asks nothing."""
    return pc.fill_null(pc.binary_join_element_wise(name, ids, ";", ""), "")


def _groupings(table: pa.Table, zone: str) -> Mapping[str, tuple[npt.NDArray[np.int64], list[str]]]:
    found: dict[str, tuple[npt.NDArray[np.int64], list[str]]] = {}
    if "observed_at" in table.column_names:
        found["month"] = month_codes(table["observed_at"], zone)
    if "y" in table.column_names:
        codes = pc.fill_null(table["y"].cast(pa.int64()), 2).to_numpy()
        found["label"] = codes, ["good", "bad", "unknown"]
    return found


def _sums(asked: npt.NDArray[np.uint32], bucket: npt.NDArray[np.uint32]) -> Buckets:
    """Sum of distinct questions in each bucket, modulo 2^32."""
    pairs = np.unique(bucket.astype(np.uint64) << np.uint64(32) | asked.astype(np.uint64))
    sums = np.zeros(BUCKETS, np.uint64)
    np.add.at(sums, (pairs >> np.uint64(32)).astype(np.int64), pairs & np.uint64(0xFFFFFFFF))
    return sums.astype(np.uint32)


def near(sketch: Sketch, earlier: Buckets, floor: int) -> list[str]:
    """Groups that differ from a group of an earlier match by some people, but by fewer than ``floor``.

    Unlike buckets are at most as many as unlike people, so nothing near is missed; for a few more people than ``floor``
    that share buckets it may say near as well.
    """
    unlike = (sketch.cells[:, None, :] != earlier[None, :, :]).sum(axis=2)
    close = ((unlike > 0) & (unlike < floor)).any(axis=1)
    return [group for group, is_close in zip(sketch.groups, close.tolist(), strict=True) if is_close]
