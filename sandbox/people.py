"""People with hashed ids, what links them, and a latent risk that moves from month to month."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

MONTHS = 24
EMPLOYERS_PER_PERSON = 1 / 40
GANG_SHARE = 0.006
INTERMEDIARY_SHARE = 0.015
KNOWN_SHARE = 0.82


@dataclass(frozen=True)
class Plan:
    """``until`` is the first day after the world's last month, ISO; same plan, same bytes."""

    people: int = 20_000
    seed: int = 7
    until: str = "2026-11-01"
    lenders: int = 60


@dataclass(frozen=True)
class People:
    """One entry a person. ``risk`` is (people, months): higher = more likely to miss a payment in that month."""

    mobile: np.ndarray
    idno: np.ndarray
    device: np.ndarray
    ability: np.ndarray  # what a payslip shows
    hunger: np.ndarray  # what other lenders see
    stress: np.ndarray  # (people, months), what only the present shows
    risk: np.ndarray
    known: np.ndarray  # whether the platform holds anything about the person
    age: np.ndarray
    city_tier: np.ndarray
    employer: np.ndarray
    address: np.ndarray
    device_no: np.ndarray
    gang: np.ndarray  # 0 = none; truth, never a feature
    intermediary: np.ndarray  # 0 = none; truth, never a feature


def hashes(kind: str, numbers: np.ndarray, seed: int) -> np.ndarray:
    """sha256 of made-up numbers. They carry a prefix, so no real phone or id number has such a hash."""
    return np.array(
        [hashlib.sha256(f"sandbox:{seed}:{kind}:{number}".encode()).hexdigest() for number in numbers.tolist()]
    )


def groups(rng: np.random.Generator, people: int, share: float, low: int, high: int) -> np.ndarray:
    """Disjoint groups that hold about ``share`` of the people; 0 = in no group."""
    member = np.zeros(people, dtype=np.int32)
    order = rng.permutation(people)
    taken, number = 0, 0
    while taken < share * people:
        size = int(rng.integers(low, high + 1))
        number += 1
        member[order[taken : taken + size]] = number
        taken += size
    return member


def latent_stress(rng: np.random.Generator, people: int) -> np.ndarray:
    """AR(1) by month, stationary with unit variance."""
    stress = np.empty((people, MONTHS), dtype=np.float32)
    stress[:, 0] = rng.standard_normal(people)
    for month in range(1, MONTHS):
        stress[:, month] = 0.85 * stress[:, month - 1] + np.sqrt(1 - 0.85**2) * rng.standard_normal(people)
    return stress


def make_people(plan: Plan) -> People:
    rng = np.random.default_rng([plan.seed, 1])
    count = plan.people
    ability, hunger, stress = rng.standard_normal(count), rng.standard_normal(count), latent_stress(rng, count)
    gang = groups(rng, count, GANG_SHARE, 6, 24)
    intermediary = groups(rng, count, INTERMEDIARY_SHARE, 30, 90)
    device_no, address = np.arange(count), rng.integers(0, max(1, int(count / 2.4)), count)
    device_no = np.where(gang > 0, count + gang * 3 + rng.integers(0, 2, count), device_no)
    address = np.where(gang > 0, count + gang, address)
    address = np.where(intermediary > 0, 2 * count + intermediary, address)
    risk = 0.75 * ability[:, None] + 0.65 * hunger[:, None] + 0.8 * stress
    risk += 1.5 * (gang > 0)[:, None] + 0.5 * (intermediary > 0)[:, None]
    return People(
        mobile=hashes("mobile", np.arange(count), plan.seed),
        idno=hashes("idno", np.arange(count), plan.seed),
        device=hashes("device", device_no, plan.seed),
        ability=ability,
        hunger=hunger,
        stress=stress,
        risk=risk.astype(np.float32),
        known=rng.random(count) < KNOWN_SHARE,
        age=np.clip(rng.normal(36 - 3 * ability, 9), 19, 68).astype(np.int16),
        city_tier=rng.choice(np.array([1, 2, 3, 4]), count, p=[0.18, 0.27, 0.33, 0.22]).astype(np.int8),
        employer=rng.integers(0, max(1, int(count * EMPLOYERS_PER_PERSON)), count),
        address=address,
        device_no=device_no,
        gang=gang,
        intermediary=intermediary,
    )
