"""The rows that judge: predictions by split, labelled and mature, as columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from modeling.scorecard import Scaling
from modeling.splits import DISPLAY_ZONE, SPLITS, local_months

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
ORDER = (*SPLITS[:3], "oof", "oot")  # from the rows that taught to the rows that judge
NEW_DATA = ("test", "oof", "oot")


@dataclass(frozen=True)
class EvaluationPlan:
    """How to judge. ``immature_months`` ("2024-05", in ``zone``) are left out of every figure that needs the label.

    ``auc_fall`` and ``ks_fall`` (fractions, from train to the split that judges) and ``approval`` set where warnings
    and comparisons look; ``points`` bounds the length of curves.
    """

    bootstrap: int = 500
    seed: int = 0
    cell_floor: int = 10
    immature_months: tuple[str, ...] = ()
    zone: str = DISPLAY_ZONE
    approval: float = 0.6
    auc_fall: float = 0.03
    ks_fall: float = 0.05
    points: int = 200


@dataclass(frozen=True)
class Judged:
    """Labelled rows of one split. ``month`` is None without times."""

    row_id: NDArray[Any]
    person: NDArray[Any]
    y: Floats
    weight: Floats
    pd: Floats
    score: Floats
    matched: NDArray[np.bool_]
    month: NDArray[Any] | None

    def __len__(self) -> int:
        return len(self.y)

    @property
    def n_people(self) -> int:
        return len(set(self.person.tolist()))

    @property
    def n_bad(self) -> int:
        return int(self.y.sum())

    def take(self, chosen: NDArray[Any]) -> Judged:
        parts = {name: getattr(self, name)[chosen] for name in self.__dataclass_fields__ if name != "month"}
        return replace(self, **parts, month=None if self.month is None else self.month[chosen])


def judged_splits(predictions: pd.DataFrame, plan: EvaluationPlan, scaling: Scaling | None = None) -> dict[str, Judged]:
    """Splits in order of :data:`ORDER`; "oof" are the train rows with the PD of the fold that did not see them."""
    rows = predictions[predictions["y"].notna()]
    month = months_of(rows, plan.zone)
    if month is not None and plan.immature_months:
        mature = ~np.isin(month, np.array(plan.immature_months, dtype=object))
        rows, month = rows[mature], month[mature]
    names = rows["split"].to_numpy(dtype=object)
    frames = {name: (names == name, "pd") for name in SPLITS}
    if "pd_oof" in rows:
        frames["oof"] = (rows["pd_oof"].notna().to_numpy(), "pd_oof")
    return {
        name: _judged(rows[chosen], None if month is None else month[chosen], column, scaling)
        for name in ORDER
        for chosen, column in [frames.get(name, (np.zeros(len(rows), dtype=bool), "pd"))]
        if chosen.any()
    }


def months_of(rows: pd.DataFrame, zone: str) -> NDArray[Any] | None:
    return local_months(rows["observed_at"], zone) if "observed_at" in rows else None


def judged_on(splits: Mapping[str, Any]) -> str | None:
    """The split whose figures count: out of time if there is one, else out of fold, test, valid, train."""
    return next((name for name in reversed(ORDER) if name in splits), None)


def _judged(rows: pd.DataFrame, month: NDArray[Any] | None, column: str, scaling: Scaling | None) -> Judged:
    pds = rows[column].to_numpy(dtype=np.float64)
    own = "score" in rows and column == "pd"
    score = rows["score"].to_numpy(dtype=np.float64) if own else (scaling or Scaling()).score(pds).astype(np.float64)
    return Judged(
        row_id=rows["row_id"].to_numpy(dtype=object),
        person=rows["person"].to_numpy(dtype=object),
        y=rows["y"].to_numpy(dtype=np.float64),
        weight=rows["weight"].to_numpy(dtype=np.float64),
        pd=pds,
        score=score,
        matched=rows["matched"].to_numpy(dtype=bool),
        month=month,
    )
