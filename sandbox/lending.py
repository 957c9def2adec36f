"""Applications at all lenders over the world's months, the loans that follow and how they are repaid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sandbox.people import MONTHS, People, Plan

DAY_US = 86_400_000_000
PARTNER = 0  # the lender whose own applications are the partner's sample
CORRECTED_SHARE = 0.03


def month_starts(until: str) -> np.ndarray:
    """First instants of the world's months in microseconds since 1970, and of the month after the last."""
    last = np.datetime64(until, "M")
    return np.arange(last - MONTHS, last + 1).astype("datetime64[us]").astype(np.int64)


@dataclass(frozen=True)
class Applications:
    """One entry an application, in order of time; ``known`` is when the platform learnt of it."""

    person: np.ndarray
    month: np.ndarray
    lender: np.ndarray
    at: np.ndarray  # microseconds UTC
    known: np.ndarray
    amount: np.ndarray
    approved: np.ndarray
    online: np.ndarray


@dataclass(frozen=True)
class Repayments:
    """One entry a loan and month due."""

    loan: np.ndarray  # index into the applications
    person: np.ndarray
    instalment: np.ndarray  # 1 = first
    at: np.ndarray
    due: np.ndarray
    paid: np.ndarray
    missed: np.ndarray  # instalments in a row, 0 = current


def lender_is_bank(plan: Plan) -> np.ndarray:
    return np.equal(np.arange(plan.lenders) % 3, 0)


def make_applications(plan: Plan, people: People) -> Applications:
    rng = np.random.default_rng([plan.seed, 2])
    starts = month_starts(plan.until)
    rate = np.exp(-1.55 + 0.55 * people.hunger[:, None] + 0.5 * people.stress)
    rate[people.gang > 0] *= 1.6
    counts = rng.poisson(rate)
    person, month = np.nonzero(counts)
    times = counts[person, month]
    person, month = np.repeat(person, times), np.repeat(month, times)
    total = len(person)
    lender = rng.integers(1, plan.lenders, total)
    person, month, lender = _with_partner(rng, plan, people, person, month, lender)
    total = len(person)
    at = starts[month] + (rng.random(total) * (starts[month + 1] - starts[month])).astype(np.int64)
    delay = np.where(
        rng.random(total) < CORRECTED_SHARE,
        rng.integers(5, 45, total) * DAY_US,
        rng.integers(1, 36, total) * 3_600_000_000,
    )
    order = np.lexsort((person, at))
    approved = rng.random(total) < 1 / (1 + np.exp(-0.9 + 0.55 * people.risk[person, month]))
    amount = np.round(np.exp(rng.normal(9.1 - 0.2 * people.ability[person], 0.7)) / 100) * 100
    online = rng.random(total) < 0.7
    return Applications(
        person[order],
        month[order],
        lender[order],
        at[order],
        (at + delay)[order],
        amount[order],
        approved[order],
        online[order],
    )


def _with_partner(
    rng: np.random.Generator, plan: Plan, people: People, person: np.ndarray, month: np.ndarray, lender: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Add the partner's own applicants: months 8 to 17, so that a year of history and half a year of outcome exist."""
    chosen = np.flatnonzero(rng.random(plan.people) < 0.6)
    when = rng.integers(8, 18, len(chosen))
    again = rng.random(len(chosen)) < 0.12
    person = np.concatenate([person, chosen, chosen[again]])
    month = np.concatenate([month, when, np.minimum(when[again] + 1, 17)])
    return person, month, np.concatenate([lender, np.zeros(len(chosen) + again.sum(), dtype=lender.dtype)])


def make_repayments(plan: Plan, people: People, applications: Applications, term: int = 12) -> Repayments:
    """Approved loans month by month: a miss depends on the person's risk in that month and on the last miss."""
    rng = np.random.default_rng([plan.seed, 3])
    starts = month_starts(plan.until)
    loans = np.flatnonzero(applications.approved)
    person, first = applications.person[loans], applications.month[loans]
    missed = np.zeros(len(loans), dtype=np.int16)
    parts: list[tuple[np.ndarray, ...]] = []
    for instalment in range(1, term + 1):
        month = first + instalment
        alive = (month < MONTHS) & (missed < 6)
        chance = 1 / (1 + np.exp(3.1 - 1.15 * people.risk[person, np.minimum(month, MONTHS - 1)] - 1.1 * (missed > 0)))
        miss = rng.random(len(loans)) < chance
        missed = np.where(alive, np.where(miss, missed + 1, 0), missed)
        due = np.round(applications.amount[loans] / term, 2)
        at = starts[np.minimum(month, MONTHS - 1)] + (applications.at[loans] % (27 * DAY_US))
        keep = np.flatnonzero(alive)
        row = (loans, person, np.full(len(loans), instalment), at, due, np.where(miss, 0.0, due), missed.copy())
        parts.append(tuple(column[keep] for column in row))
    columns = [np.concatenate([part[i] for part in parts]) for i in range(7)]
    order = np.lexsort((columns[0], columns[3]))
    return Repayments(*(column[order] for column in columns))
