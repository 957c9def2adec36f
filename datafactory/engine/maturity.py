"""Months of a sample: how many bad, whether their outcomes had the time to show, and whether the bad rate falls."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from datafactory.engine.disclosure import hidden_cells, hidden_outcomes
from modeling.errors import DataError

MIN_MONTHS = 4
MIN_ROWS = 100  # of a month that takes part in the suspicion


@dataclass(frozen=True)
class Month:
    """Counts of one month of application; ``n`` counts rows, ``people`` distinct persons."""

    month: str  # 2018-07
    n: int
    people: int
    n_bad: int | None = None
    bad_people: int = 0
    good_people: int = 0
    n_labelled: int = 0


def outcomes_until(as_of: str, zone: str) -> dt.datetime:
    """The end of the day on which outcomes were read."""
    try:
        day = dt.date.fromisoformat(as_of)
    except ValueError:
        raise DataError(
            "outcome_date", "The date of the outcomes, %(value)s, is not a date such as 2019-06-30.", value=as_of
        ) from None
    return dt.datetime.combine(day, dt.time.max, ZoneInfo(zone))


def immature_months(months: list[str], window_months: int, as_of: str, zone: str) -> list[str]:
    """Months of which some applications had not the whole performance window before the outcomes were read.

    A month is mature when its last moment plus the window is not after the end of ``as_of``.

    >>> immature_months(["2018-05", "2018-06", "2018-07"], 12, "2019-06-30", "Asia/Shanghai")
    ['2018-07']
    """
    until = outcomes_until(as_of, zone)
    return [month for month in months if _end_of(month, window_months, zone) > until]


def _end_of(month: str, later: int, zone: str) -> dt.datetime:
    """The last moment of the month that is ``later`` months after the given one."""
    year, number = (int(part) for part in month.split("-"))
    year, zero_based = divmod(year * 12 + number + later, 12)
    return dt.datetime(year, zero_based + 1, 1, tzinfo=ZoneInfo(zone)) - dt.timedelta(microseconds=1)


def falling_bad_rate(months: list[Month]) -> dict[str, Any] | None:
    """Figures of the suspicion that the last months are not mature, or None.

    The last third of the months is compared with the first half: suspected when its bad rate is lower by more than
    three standard errors, the last month's is below 80 % of the first half's, and the rate falls within that third.

    Parameters
    ----------
    months : list of Month
        In order of time; months under 100 labelled rows are left out.

    Returns
    -------
    dict or None
        ``from_month``, ``early_rate``, ``late_rate``, ``last_rate``, ``z``.
    """
    used = [month for month in months if month.n_labelled >= MIN_ROWS]
    if len(used) < MIN_MONTHS:
        return None
    early, late = used[: len(used) // 2], used[-max(2, math.ceil(len(used) / 3)) :]
    early_rate, late_rate, last_rate = _rate(early), _rate(late), _rate(late[-1:])
    pooled = _rate(early + late)
    spread = pooled * (1 - pooled) * (1 / _labelled(early) + 1 / _labelled(late))
    if spread <= 0 or early_rate == 0:
        return None
    z = (late_rate - early_rate) / math.sqrt(spread)
    if z > -3 or last_rate > 0.8 * early_rate or last_rate >= _rate(late[:1]):
        return None
    return {
        "from_month": late[0].month,
        "early_rate": round(early_rate, 4),
        "late_rate": round(late_rate, 4),
        "last_rate": round(last_rate, 4),
        "z": round(z, 2),
    }


def _labelled(months: list[Month]) -> int:
    return sum(month.n_labelled for month in months)


def _rate(months: list[Month]) -> float:
    return sum(month.n_bad or 0 for month in months) / _labelled(months)


def shown_months(months: list[Month], immature: list[str] | None, floor: int, has_label: bool) -> list[dict[str, Any]]:
    """Months as a report shows them; None stands for a hidden cell, and for a maturity that is not known.

    Rows are hidden where few people stand behind them; bads where few bad or few good people do, since one follows
    from the other and the month's total.
    """
    people = [month.people for month in months]
    few = hidden_cells(people, floor)
    secret = hidden_outcomes(people, [m.bad_people for m in months], [m.good_people for m in months], floor)
    out = []
    for month, hide_n, hide_bad in zip(months, few, secret, strict=True):
        row: dict[str, Any] = {"month": month.month, "n": None if hide_n else month.n}
        row["mature"] = None if immature is None else month.month not in immature
        if has_label:
            row["n_bad"] = None if hide_bad else month.n_bad
            row["bad_rate"] = None if hide_bad else round((month.n_bad or 0) / month.n_labelled, 4)
        out.append(row)
    return out
