"""The same windows as one would write them by hand in polars, on its streaming engine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

Files = tuple[Path, Path, Path]  # the keyed sample, the source, its keyed ids
ID = "id__mobile__sha256"


def _known(files: Files, longest: int) -> pl.LazyFrame:
    """Events that each application could know, with their age."""
    spine, source, keys = (pl.scan_parquet(file) for file in files)
    people = spine.select("pos", "observed_at", "key").join(keys, on="key").select("pos", "observed_at", "id")
    events = source.select(ID, "event_time", "known_at", "amount", "lender")
    known = events.join(people, left_on=ID, right_on="id").filter(
        pl.col("event_time") < pl.col("observed_at"),
        pl.col("known_at") <= pl.col("observed_at"),
        pl.col("event_time") >= pl.col("observed_at") - pl.duration(days=longest),
    )
    return known.select("pos", "amount", "lender", age=pl.col("observed_at") - pl.col("event_time"))


def windows(files: Files, days: Sequence[int], out: Path) -> None:
    """One filter an aggregate."""
    columns = []
    for day in days:
        inside = pl.col("age") <= pl.duration(days=day)
        amount = pl.col("amount").filter(inside)
        columns += [
            inside.sum().alias(f"count_{day}"),
            amount.sum().alias(f"sum_{day}"),
            amount.mean().alias(f"mean_{day}"),
            amount.max().alias(f"max_{day}"),
            pl.col("lender").filter(inside).n_unique().alias(f"distinct_{day}"),
        ]
    _write(files, _known(files, max(days)).group_by("pos").agg(columns), out)


def bucketed_windows(files: Files, days: Sequence[int], out: Path) -> None:
    """By parts: each event into the shortest window that holds it, a window being the sum of its buckets."""
    bucket = pl.lit(len(days) - 1)
    for n, day in reversed(list(enumerate(days[:-1]))):
        bucket = pl.when(pl.col("age") <= pl.duration(days=day)).then(n).otherwise(bucket)
    events = (
        _known(files, max(days)).select("pos", "amount", "lender", bucket=bucket).collect(engine="streaming").lazy()
    )
    amount = pl.col("amount")
    buckets = events.group_by("pos", "bucket").agg(n=pl.len(), total=amount.sum(), most=amount.max())
    parts, distinct = [], []
    for n, day in enumerate(days):
        inside = pl.col("bucket") <= n
        count, total = pl.col("n").filter(inside).sum(), pl.col("total").filter(inside).sum()
        parts += [
            count.alias(f"count_{day}"),
            total.alias(f"sum_{day}"),
            (total / count).alias(f"mean_{day}"),
            pl.col("most").filter(inside).max().alias(f"max_{day}"),
        ]
        distinct.append(inside.sum().alias(f"distinct_{day}"))
    lenders = events.group_by("pos", "lender").agg(bucket=pl.col("bucket").min()).group_by("pos").agg(distinct)
    _write(files, buckets.group_by("pos").agg(parts).join(lenders, on="pos"), out)


def _write(files: Files, found: pl.LazyFrame, out: Path) -> None:
    """Every application in the sample's order with what was found for it."""
    sample = pl.scan_parquet(files[0]).select("pos", "row_id", "observed_at")
    rows = sample.join(found.with_columns(matched=True), on="pos", how="left").sort("pos")
    rows.with_columns(pl.col("matched").fill_null(False)).sink_parquet(out, engine="streaming")
