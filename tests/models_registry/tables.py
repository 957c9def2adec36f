"""A small feature table with a known truth: partner and platform columns both tell something, joint tells most."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from modeling.artifacts import Column, FeatureTable, fingerprint, hash_folder
from models_registry.engine.gate import Check

COLUMNS = (
    Column("partner__income", "float", "partner", "sample", "income", "Monthly income", (-1.0,)),
    Column("partner__age", "int", "partner", "sample", "age"),
    Column("partner__city", "category", "partner", "sample", "city"),
    Column("lending__count_d90", "int", "platform", "lending", "count", "Loans in 90 days"),
    Column("lending__max_amount_d90", "float", "platform", "lending", "amount", "", (-1.0,)),
    Column("lending__kind", "category", "platform", "lending", "kind"),
)


def rows(n: int = 2400, seed: int = 3, matched: float = 0.8, constant: Sequence[str] = ()) -> pd.DataFrame:
    """Applications of ``n`` people over twelve months; platform columns are missing for the unmatched.

    Columns in ``constant`` say the same of everybody.
    """
    rng = np.random.default_rng(seed)
    partner, platform = rng.normal(size=n), rng.normal(size=n)
    hit = rng.random(n) < matched
    risk = 1 / (1 + np.exp(1.2 - 1.0 * partner - 1.1 * platform))
    day = rng.integers(0, 365, n)
    table = pd.DataFrame(
        {
            "row_id": [f"r{i:06d}" for i in range(n)],
            "person": [f"p{i:06d}" for i in range(n)],
            "observed_at": pd.Timestamp("2025-01-01", tz="UTC") + pd.to_timedelta(day, unit="D"),
            "y": pd.array((rng.random(n) < risk).astype("int8"), dtype="Int8"),
            "weight": np.ones(n),
            "matched": hit,
            "partner__income": np.where(rng.random(n) < 0.05, -1.0, np.round(8000 - 2500 * partner, 2)),
            "partner__age": pd.array(rng.integers(20, 60, n), dtype="Int64"),
            "partner__city": np.where(partner > 0.5, "south", np.where(rng.random(n) < 0.5, "north", "west")),
            "lending__count_d90": pd.array(np.clip(np.round(2 + 1.5 * platform), 0, None), dtype="Int64"),
            "lending__max_amount_d90": np.where(platform < -1, -1.0, np.round(5000 + 2000 * platform)),
            "lending__kind": np.where(platform + rng.normal(size=n) > 0, "payday", "bank"),
        }
    )
    table.loc[~hit, "lending__count_d90"] = pd.NA
    table.loc[~hit, "lending__max_amount_d90"] = np.nan
    table["lending__kind"] = table["lending__kind"].where(hit, None)
    for name in constant:
        table[name] = table[name].iloc[0]
    return table


def write(folder: Path, relative: str, table: pd.DataFrame, marks: tuple[str, ...] = ()) -> FeatureTable:
    """``rows.parquet`` below ``folder`` and its ticket."""
    place = folder / relative
    place.mkdir(parents=True)
    table.to_parquet(place / "rows.parquet", index=False)
    content = hash_folder(place)
    ticket = FeatureTable(
        fingerprint("table", content), (), relative, content, COLUMNS, len(table), int(table["matched"].sum())
    )
    return replace(ticket, marks=marks)


def job_of(row):
    """The job behind a row that has one."""
    assert row.job is not None
    return row.job


def online_is_fine(version):
    """Stands in for the gate's look-ups where the table has no people to look up."""
    return Check("online_is_offline", True, 0.0, 0.0)
