"""Which rows a model learns from and which judge it: by person, by time, by the sample's own column, or in folds."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from modeling.errors import DataError

if TYPE_CHECKING:  # heavy, and plans are read by processes that never split
    import pandas as pd

SplitKind = Literal["random", "time", "column", "folds"]
SPLITS = ("train", "valid", "test", "oot")
DISPLAY_ZONE = "Asia/Shanghai"


@dataclass(frozen=True)
class SplitPlan:
    """How rows become train, valid, test and oot.

    ``shares`` are the people's shares of train, valid and test among the rows that are not out of time. ``oot_months``
    (the last N calendar months of ``zone``) or ``oot_from`` (an ISO date, the first day that is out of time) say where
    oot begins: needed by ``time``, allowed with ``random`` and ``folds``.
    """

    kind: SplitKind = "random"
    seed: int = 0
    shares: tuple[float, float, float] = (0.6, 0.2, 0.2)
    oot_months: int | None = None
    oot_from: str | None = None
    folds: int = 5
    zone: str = DISPLAY_ZONE

    @property
    def has_oot(self) -> bool:
        return self.oot_months is not None or self.oot_from is not None


def assign_splits(
    person: ArrayLike, observed_at: ArrayLike | None, column: ArrayLike | None, plan: SplitPlan
) -> NDArray[Any]:
    """The split of every row.

    ``random``: all rows of a person go to one split. ``time``: rows from the out-of-time boundary on are ``oot``,
    whoever they belong to; the rows before it are divided by person. A returning person is thus in train with an early
    row and in oot with a late one. That is kept on purpose: the live model will meet returning people too, and an oot
    of newcomers alone would be another population. :func:`shared_people` counts them, and the evaluation shows the oot
    figures without them beside the plain ones. ``folds``: every row that is not out of time is ``train``.
    ``column``: the sample's own words, checked and taken as they are.

    Parameters
    ----------
    person : shape (n,), str
    observed_at : shape (n,), datetime64 or aware timestamps in UTC, or None
    column : shape (n,), str, or None

    Returns
    -------
    shape (n,), object array of "train", "valid", "test", "oot"

    >>> assign_splits(["a", "a", "b"], None, None, SplitPlan(shares=(1, 0, 0))).tolist()
    ['train', 'train', 'train']
    """
    people = _people(person)
    if plan.kind == "column":
        return _own_column(column, len(people))
    late = _out_of_time(observed_at, len(people), plan)
    split = np.full(len(people), "train", dtype=object)
    if plan.kind != "folds":
        split[~late] = _random_splits(people[~late], plan)
    split[late] = "oot"
    if not (split == "train").any():
        raise DataError("no_train_rows", "No row is left to train on: the out-of-time boundary covers every row.")
    return split


def assign_folds(person: ArrayLike, n: int, seed: int) -> NDArray[np.int64]:
    """The fold, 0 to n - 1, of every row; all rows of a person share one; sizes in people differ by one at most.

    >>> assign_folds(["a", "b", "a", "c"], 3, seed=1).tolist()
    [1, 0, 1, 2]
    """
    codes, order = _ranked(_people(person), seed)
    if not 2 <= n <= len(order):
        raise DataError("folds_out_of_range", "%(n)d folds need at least that many people, and two.", n=n)
    return (order % n)[codes]


def shared_people(person: ArrayLike, split: ArrayLike, left: str, right: str) -> set[str]:
    """People with rows in both splits."""
    people, names = _people(person), np.asarray(split, dtype=object)
    return set(people[names == left]) & set(people[names == right])


def local_months(observed_at: ArrayLike, zone: str = DISPLAY_ZONE) -> NDArray[Any]:
    """The calendar month, "2024-03", of each UTC time as seen in ``zone``; None where there is no time.

    >>> local_months(np.array(["2024-02-29T17:00"], dtype="datetime64[us]")).tolist()
    ['2024-03']
    """
    local = _local(observed_at, zone)
    months = local.year.to_numpy(dtype=float) * 12 + local.month.to_numpy(dtype=float) - 1
    values, inverse = np.unique(np.where(np.isnan(months), -1, months).astype(np.int64), return_inverse=True)
    names = np.array([None if m < 0 else f"{m // 12:04d}-{m % 12 + 1:02d}" for m in values], dtype=object)
    return names[inverse]


def _people(person: ArrayLike) -> NDArray[Any]:
    return np.asarray(person, dtype=object)


def _local(observed_at: ArrayLike, zone: str) -> pd.DatetimeIndex:
    import pandas as pd

    times = pd.DatetimeIndex(pd.to_datetime(pd.Series(observed_at), utc=True))
    return times.tz_convert(zone)


def _ranked(people: NDArray[Any], seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Code of each row's person, and each person's rank in the order of a seeded hash.

    A person's hash does not depend on who else is in the sample, so a grown sample moves only people near a cut.
    One blake2b a person in Python: 1.1 s for a million.
    """
    import pandas as pd

    codes, values = pd.factorize(people, sort=True)
    key = seed.to_bytes(8, "big", signed=True)
    digests = b"".join(hashlib.blake2b(str(value).encode(), digest_size=8, key=key).digest() for value in values)
    rank = np.empty(len(values), dtype=np.int64)
    rank[np.argsort(np.frombuffer(digests, dtype=">u8"), kind="stable")] = np.arange(len(values))
    return codes.astype(np.int64), rank


def _random_splits(people: NDArray[Any], plan: SplitPlan) -> NDArray[Any]:
    if min(plan.shares) < 0 or not np.isclose(sum(plan.shares), 1) or plan.shares[0] <= 0:
        raise DataError("shares_not_one", "The shares of train, valid and test must add up to 1, train above 0.")
    codes, rank = _ranked(people, plan.seed)
    cuts = np.round(np.cumsum(plan.shares)[:2] * len(rank))
    return np.array(SPLITS[:3], dtype=object)[np.searchsorted(cuts, rank, side="right")][codes]


def _out_of_time(observed_at: ArrayLike | None, n: int, plan: SplitPlan) -> NDArray[np.bool_]:
    if not plan.has_oot:
        if plan.kind == "time":
            raise DataError("oot_missing", "A split by time needs a number of out-of-time months or a first date.")
        return np.zeros(n, dtype=bool)
    if observed_at is None:
        raise DataError("no_time", "The sample has no application time, so it cannot be split by time.")
    local = _local(observed_at, plan.zone)
    if local.hasnans:
        row = int(np.flatnonzero(local.isna())[0]) + 1
        raise DataError("time_missing", "Row %(row)d has no application time.", row=row)
    late = np.asarray(local >= _boundary(local, plan), dtype=bool)
    if not late.any():
        raise DataError("no_oot_rows", "No row is on or after the out-of-time date %(date)s.", date=plan.oot_from)
    return late


def _boundary(local: pd.DatetimeIndex, plan: SplitPlan) -> pd.Timestamp:
    """Local midnight at which oot begins."""
    import pandas as pd

    if plan.oot_from is not None:
        try:
            return pd.Timestamp(plan.oot_from).tz_localize(plan.zone)
        except (ValueError, TypeError):
            raise DataError("oot_date", "%(date)s is not a date such as 2024-10-01.", date=plan.oot_from) from None
    months = plan.oot_months or 0
    if months < 1:
        raise DataError("oot_months", "At least one month must be out of time.")
    last = local.max()
    first = pd.Period(year=last.year, month=last.month, freq="M") - (months - 1)
    return first.start_time.tz_localize(plan.zone)


def _own_column(column: ArrayLike | None, n: int) -> NDArray[Any]:
    import pandas as pd

    if column is None:
        raise DataError("no_split_column", "The sample has no split column.")
    split = pd.Series(column, dtype=object)
    wrong = np.flatnonzero(~split.isin(SPLITS))
    if len(wrong):
        raise DataError(
            "split_unknown",
            "Row %(row)d has the split '%(value)s'; known are train, valid, test and oot.",
            row=int(wrong[0]) + 1,
            value=split.iloc[int(wrong[0])],
        )
    values = split.to_numpy(dtype=object)
    if not (values == "train").any():
        raise DataError("no_train_rows", "The split column marks no row as train.")
    return values
