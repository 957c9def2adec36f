"""How often each field of a source is filled for the applications of a sample (查得率), and the bad rate by it.

A snapshot's field counts as filled where the latest row known at the application holds a value, a field of events where
any known row does; special codes are not values.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from datafactory.engine.disclosure import coarse, count_people, few
from datafactory.engine.engines import Table, TableEngine
from datafactory.engine.keying import id_column, keys_file
from datafactory.engine.matching import MatchPlan, SourceInput, as_known, moments_of, source_prefix, validity_starts
from modeling.artifacts import Column

_SPINE = "fills.parquet"
Filled = dict[str, npt.NDArray[np.bool_]]


def feature_lines(
    sample_dir: Path, match_dir: Path, plan: MatchPlan, keyed_dirs: Mapping[str, Path], engine: TableEngine
) -> list[dict[str, Any]]:
    """One line a field of each source: ``source, name, title, kind, hidden, n_filled, share, bad_filled, bad_empty``.

    Parameters
    ----------
    sample_dir, match_dir : folders with ``rows.parquet`` and ``matched.parquet``, of one order
    keyed_dirs : per source slug the folder of its keyed ids

    Returns
    -------
    Counts are coarse and small cells hidden, as in the match report; ``share`` is of all applications.
    """
    names = [name for name in ("person", "y") if name in pq.ParquetFile(sample_dir / "rows.parquet").schema_arrow.names]
    rows = pq.read_table(sample_dir / "rows.parquet", columns=names)
    person = rows["person"].combine_chunks().dictionary_encode().indices.to_numpy(zero_copy_only=False)
    y = pc.fill_null(rows["y"].cast(pa.int64()), -1).to_numpy() if "y" in names else None
    _write_spine(sample_dir, match_dir, plan, engine)
    lines = []
    for source in plan.sources:
        filled = _filled(source, plan, keyed_dirs[source.slug], engine, rows.num_rows)
        for column in source.columns:
            told = _told(filled[column.name], person.astype(np.int64), y, plan.cell_floor)
            lines.append(
                {"source": source.slug, "name": column.name, "title": column.title, "kind": column.kind} | told
            )
    return lines


def _told(
    filled: npt.NDArray[np.bool_], person: npt.NDArray[np.int64], y: npt.NDArray[np.int64] | None, floor: int
) -> dict[str, Any]:
    people = count_people(person[filled])
    if few(people, count_people(person), floor) or count_people(person[~filled]) < floor:
        return {"hidden": True, "n_filled": None, "share": None, "bad_filled": None, "bad_empty": None}
    n_filled = coarse(int(filled.sum()), len(filled), floor)
    with_value, without = (None, None) if y is None else _bad_rates(filled, person, y, floor)
    share = round(n_filled / len(filled), 4)
    return {"hidden": False, "n_filled": n_filled, "share": share, "bad_filled": with_value, "bad_empty": without}


def _bad_rates(
    filled: npt.NDArray[np.bool_], person: npt.NDArray[np.int64], y: npt.NDArray[np.int64], floor: int
) -> tuple[float | None, float | None]:
    """Bad rates with and without a value; None for both if one of the four cells holds few people."""
    cells = [side & (y == label) for side in (filled, ~filled) for label in (1, 0)]
    if min(count_people(person[cell]) for cell in cells) < floor:
        return None, None
    n_bad, n_good = int((y == 1).sum()), int((y == 0).sum())
    bad, good = coarse(int(cells[0].sum()), n_bad, floor), coarse(int(cells[1].sum()), n_good, floor)
    return round(bad / (bad + good), 4), round((n_bad - bad) / (n_bad + n_good - bad - good), 4)


def _write_spine(sample_dir: Path, match_dir: Path, plan: MatchPlan, engine: TableEngine) -> None:
    """Position, moments and the keyed id that hit in each source, as scratch file of the engine."""
    matched = pq.read_table(match_dir / "matched.parquet")
    columns: dict[str, Any] = {"pos": pa.array(np.arange(matched.num_rows))}
    if any(source.has_event_time for source in plan.sources):
        observed = pq.read_table(sample_dir / "rows.parquet", columns=["observed_at"])["observed_at"]
        columns |= {"observed_at": observed} | validity_starts(observed, plan.sources)
    for source in plan.sources:
        for part in ("via", "key"):
            name = f"{part}__{source_prefix(source.slug)}"
            columns[name] = matched[name]
    pq.write_table(pa.table(columns), engine.scratch(_SPINE))


def _filled(source: SourceInput, plan: MatchPlan, keyed: Path, engine: TableEngine, n_rows: int) -> Filled:
    result: Filled = {column.name: np.zeros(n_rows, bool) for column in source.columns}
    shorts = {f"f{index}": column.name for index, column in enumerate(source.columns)}
    for id_type in (id_type for id_type in plan.id_types if id_type in source.id_types and shorts):
        known = _known(source, id_type, keyed, engine)
        if source.kind == "snapshot":
            known = _latest(source, id_type, known, engine)
        fields = _fields(source, engine)
        having = known.join(fields, "row_no")
        found = engine.fetch(having.group_by("pos").agg(**{short: having[short].max() for short in shorts}))
        position = found["pos"].to_numpy()
        for short, name in shorts.items():
            result[name][position] = found[short].to_numpy() == 1
    return result


def _known(source: SourceInput, id_type: str, keyed: Path, engine: TableEngine) -> Table:
    """Rows that each application could know, of those that this id type hit."""
    prefix, moments = source_prefix(source.slug), moments_of(source)
    spine = engine.table(engine.scratch(_SPINE))
    found = spine.filter(spine[f"via__{prefix}"] == id_type).select("pos", *moments, key=f"key__{prefix}")
    found = found.join(engine.table(keyed / keys_file(id_type)), "key").drop("key").rename(found_id="id")
    rows = engine.table(engine.root / source.path / "rows.parquet", row_no="row_no")
    order = ["row_hash"] if source.kind == "snapshot" else []
    own = rows.select(*source.times, *order, "row_no", own_id=rows[id_column(id_type)])
    joined = found.join(own, found["found_id"] == own["own_id"])
    joined = joined.filter(as_known(joined, source)) if source.has_event_time else joined
    return joined.select("pos", "row_no", *source.times, *order)


def _latest(source: SourceInput, id_type: str, known: Table, engine: TableEngine) -> Table:
    """The last row of each application in the order (event_time, known_at, row hash), without window functions.

    A source lies sorted by its first id and that order: there the last row is the one furthest down.
    """
    if id_type != source.id_types[0]:
        known = engine.keep(f"fills_{source_prefix(source.slug)}_{id_type}", known)
        for name in (*source.times, "row_hash"):
            best = known.group_by("pos").agg(best=known[name].max())
            joined = known.join(best, "pos")
            known = joined.filter(joined[name] == joined["best"]).drop("best")
    return known.group_by("pos").agg(row_no=known["row_no"].max())


def _fields(source: SourceInput, engine: TableEngine) -> Table:
    """Which fields of each row hold a value, 1 or 0."""
    rows = engine.table(engine.root / source.path / "rows.parquet", row_no="row_no")
    return rows.select("row_no", **{f"f{index}": _has_value(rows, one) for index, one in enumerate(source.columns)})


def _has_value(rows: Table, column: Column) -> Any:
    value = rows[column.name]
    filled = value.notnull()
    if column.specials and column.kind not in {"category", "bool", "date"}:
        filled = filled & value.cast("float64").notin([float(code) for code in column.specials])
    return filled.fill_null(False).cast("int8")
