"""Bins by month: bad rates that cross, and how far each month's shares lie from those of train."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from modeling.bin_cells import VariableCells
from modeling.bin_figures import p_value, psi_parts
from modeling.bin_given import GivenBins
from modeling.woe import Cells

SURE = 0.05  # of a month in which the order is turned


@dataclass(frozen=True)
class Crossing:
    """Two neighbouring ordinary bins whose order by bad rate turns in some months."""

    left: int
    right: int
    months: tuple[str, ...]
    sure: tuple[str, ...]  # months in which chance alone would hardly turn it


@dataclass(frozen=True)
class MonthRow:
    """One month: people and bad rate by bin, share by bin, PSI against train and its parts by bin."""

    month: str
    late: bool  # no train row is in it
    people: tuple[int, ...]
    bad_rate: tuple[float, ...]
    share: tuple[float, ...]
    psi: float
    psi_parts: tuple[float, ...]


def months(given: GivenBins, cells: VariableCells) -> tuple[MonthRow, ...]:
    """The bins in every month of all shown splits; rows without a time are left out."""
    counts = cells.by_month(given)
    train = cells.by_bin(given, "train")
    in_train = cells.n[0].sum(axis=1) > 0
    return tuple(_month(name, not in_train[i], counts, i, train) for i, name in enumerate(cells.months) if name)


def _month(name: str, late: bool, counts: Cells, i: int, train: Cells) -> MonthRow:
    weight = counts.good[i] + counts.bad[i]
    rate = np.divide(counts.bad[i], weight, out=np.zeros_like(weight), where=weight > 0)
    parts = psi_parts(train.good + train.bad, weight)
    share = weight / max(weight.sum(), 1e-12)
    return MonthRow(
        name, bool(late), tuple(counts.people[i].tolist()), tuple(rate.tolist()), tuple(share.tolist()),
        float(parts.sum()), tuple(parts.tolist()),
    )  # fmt: skip


def crossings(given: GivenBins, cells: VariableCells, floor: int) -> tuple[Crossing, ...]:
    """Neighbouring ordinary bins whose bad rates cross; months in which one holds fewer than ``floor`` say nothing."""
    counts = cells.by_month(given)
    found = (_crossing(counts, i, cells.months, floor) for i in range(given.n_ordinary - 1))
    return tuple(one for one in found if one.months)


def _crossing(counts: Cells, i: int, names: tuple[str, ...], floor: int) -> Crossing:
    weight, bad = counts.good + counts.bad, counts.bad
    pair = [i, i + 1]
    whole = bad[:, pair].sum(axis=0) / np.maximum(weight[:, pair].sum(axis=0), 1e-12)
    order = np.sign(whole[1] - whole[0])
    turned, sure = [], []
    for m, name in enumerate(names):
        if not name or (counts.people[m, pair] < floor).any():
            continue
        rate = bad[m, pair] / weight[m, pair]
        if np.sign(rate[1] - rate[0]) * order < 0:
            turned.append(name)
            p = p_value(weight[m, i], bad[m, i], weight[m, i + 1], bad[m, i + 1])
            sure += [name] if p is not None and p < SURE else []
    return Crossing(i, i + 1, tuple(turned), tuple(sure))
