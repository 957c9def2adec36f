"""The world written as files: what the platform holds, what the partner holds, and the truth that no model reads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from sandbox.lending import (
    DAY_US,
    PARTNER,
    Applications,
    Repayments,
    lender_is_bank,
    make_applications,
    make_repayments,
    month_starts,
)
from sandbox.people import MONTHS, People, Plan, make_people

BAD_AT_MISSED = 2  # two instalments in a row = more than 30 days past due
PERFORMANCE_MONTHS = 6
UTC = pa.timestamp("us", tz="UTC")


def make_world(folder: Path, plan: Plan) -> dict[str, int]:
    """Write all tables below ``folder`` and return their numbers of rows."""
    people = make_people(plan)
    applications = make_applications(plan, people)
    repayments = make_repayments(plan, people, applications)
    rng = np.random.default_rng([plan.seed, 4])
    tables = {
        "platform/profile.parquet": profile(rng, plan, people),
        "platform/lending.parquet": lending(rng, plan, people, applications),
        "platform/repayment.parquet": repayment(plan, people, applications, repayments),
        "platform/behaviour.parquet": behaviour(rng, plan, people),
        "platform/links.parquet": links(people),
        "partner/applications.csv": partner_applications(rng, plan, people, applications, repayments),
        "partner/overdue.csv": partner_overdue(rng, plan, people, applications, repayments),
        "truth/gangs.parquet": truth(people, people.gang, "gang"),
        "truth/intermediaries.parquet": truth(people, people.intermediary, "intermediary"),
    }
    tables["partner/applications_dirty.csv"] = dirty(tables["partner/applications.csv"])
    for name, table in tables.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".csv":
            pyarrow.csv.write_csv(table, path)
        else:
            pyarrow.parquet.write_table(table, path)
    return {name: table.num_rows for name, table in tables.items()}


def times(values: np.ndarray) -> pa.Array:
    return pa.array(values.astype("datetime64[us]")).cast(UTC)


def day_text(values: np.ndarray) -> np.ndarray:
    """The date in Shanghai's zone, as a partner's file has it."""
    return np.datetime_as_string((values + 8 * 3_600_000_000).astype("datetime64[us]"), unit="s")


def with_codes(rng: np.random.Generator, values: np.ndarray, share: float, code: float) -> np.ndarray:
    """Some values replaced by the code that the trade writes for "no record"."""
    return np.where(rng.random(len(values)) < share, code, values)


def profile(rng: np.random.Generator, plan: Plan, people: People) -> pa.Table:
    """Two snapshots a person, a year apart; the platform does not know everybody."""
    starts = month_starts(plan.until)
    parts = []
    for month in (2, 12):
        known = np.flatnonzero(people.known & (rng.random(plan.people) < 0.9))
        at = starts[month] + rng.integers(0, 20 * DAY_US, len(known))
        parts.append(
            pa.table(
                {
                    "mobile_sha256": people.mobile[known],
                    "idno_sha256": people.idno[known],
                    "snapshot_at": times(at),
                    "known_at": times(at + rng.integers(0, 3 * DAY_US, len(known))),
                    "phone_age_months": with_codes(
                        rng, np.maximum(1, rng.normal(50 - 9 * people.hunger[known], 20)).round(), 0.04, -1
                    ),
                    "consumption_index": np.round(50 - 9 * people.ability[known] + rng.normal(0, 11, len(known)), 1),
                    "night_share": np.round(
                        np.clip(0.2 + 0.05 * people.stress[known, month] + rng.normal(0, 0.08, len(known)), 0, 1), 3
                    ),
                    "city_tier": people.city_tier[known],
                    "contacts": with_codes(
                        rng, np.maximum(0, rng.normal(130 - 14 * people.hunger[known], 50)).round(), 0.06, -999
                    ),
                }
            )
        )
    table = pa.concat_tables(parts)
    return table.sort_by([("snapshot_at", "ascending"), ("mobile_sha256", "ascending")])


def lending(rng: np.random.Generator, plan: Plan, people: People, applications: Applications) -> pa.Table:
    """Applications at the other lenders; a few arrive twice, as real feeds do."""
    reported = people.known[applications.person] & (applications.known < month_starts(plan.until)[-1])
    rows = np.flatnonzero((applications.lender != PARTNER) & reported)
    rows = np.sort(np.concatenate([rows, rng.choice(rows, len(rows) // 200, replace=False)]))
    lender, bank = applications.lender[rows], lender_is_bank(plan)
    return pa.table(
        {
            "mobile_sha256": people.mobile[applications.person[rows]],
            "idno_sha256": people.idno[applications.person[rows]],
            "event_time": times(applications.at[rows]),
            "known_at": times(applications.known[rows]),
            "lender": np.char.add("L", np.char.zfill(lender.astype(str), 2)),
            "lender_type": np.where(bank[lender], "bank", "nonbank"),
            "amount": applications.amount[rows],
            "granted": applications.approved[rows].astype(np.int8),
            "online": applications.online[rows].astype(np.int8),
        }
    )


def repayment(plan: Plan, people: People, applications: Applications, repayments: Repayments) -> pa.Table:
    """Instalments of loans at other lenders, known two days after they are due."""
    known = repayments.at + 2 * DAY_US < month_starts(plan.until)[-1]
    rows = np.flatnonzero((applications.lender[repayments.loan] != PARTNER) & known & people.known[repayments.person])
    return pa.table(
        {
            "mobile_sha256": people.mobile[repayments.person[rows]],
            "event_time": times(repayments.at[rows]),
            "known_at": times(repayments.at[rows] + 2 * DAY_US),
            "due": repayments.due[rows],
            "paid": repayments.paid[rows],
            "dpd": (repayments.missed[rows] * 30).astype(np.int16),
        }
    )


def behaviour(rng: np.random.Generator, plan: Plan, people: People) -> pa.Table:
    """Account events of the platform's app: visits and limit look-ups rise with stress."""
    starts = month_starts(plan.until)
    counts = rng.poisson(np.exp(-1.0 + 0.3 * people.stress) * people.known[:, None])
    person, month = np.nonzero(counts)
    person, month = np.repeat(person, counts[person, month]), np.repeat(month, counts[person, month])
    at = starts[month] + (rng.random(len(person)) * (starts[month + 1] - starts[month])).astype(np.int64)
    order = np.lexsort((person, at))
    kinds = np.array(["visit", "limit_lookup", "contact_change", "payment"])
    return pa.table(
        {
            "device_sha256": people.device[person[order]],
            "mobile_sha256": people.mobile[person[order]],
            "event_time": times(at[order]),
            "event": rng.choice(kinds, len(order), p=[0.6, 0.2, 0.03, 0.17]),
            "value": np.round(rng.gamma(2.0, 150.0, len(order)), 2),
        }
    )


def links(people: People) -> pa.Table:
    """Who shares a device, an address, an employer: the edges of the association graph."""
    return pa.table(
        {
            "mobile_sha256": people.mobile,
            "idno_sha256": people.idno,
            "device_sha256": people.device,
            "address": np.char.add("A", people.address.astype(str)),
            "employer": np.char.add("E", people.employer.astype(str)),
        }
    )


def outcome(applications: Applications, repayments: Repayments, loans: np.ndarray) -> np.ndarray:
    """1 = bad: two instalments missed in a row within the performance window; indexed by application."""
    worst = np.zeros(len(applications.person), dtype=np.int16)
    inside = repayments.instalment <= PERFORMANCE_MONTHS
    np.maximum.at(worst, repayments.loan[inside], repayments.missed[inside])
    bad: np.ndarray = np.greater_equal(worst[loans], BAD_AT_MISSED).astype(np.int8)
    return bad


def partner_applications(
    rng: np.random.Generator, plan: Plan, people: People, applications: Applications, repayments: Repayments
) -> pa.Table:
    """The partner's approved applications with its own attributes and the outcome after six months."""
    matured = day_text(applications.at) < np.datetime_as_string(np.datetime64(plan.until, "M") - PERFORMANCE_MONTHS)
    rows = np.flatnonzero((applications.lender == PARTNER) & applications.approved & matured)
    person = applications.person[rows]
    ability, size = people.ability[person], len(rows)
    income = np.exp(rng.normal(9.0 - 0.33 * ability, 0.24)).round(-1)
    return pa.table(
        {
            "application_no": np.char.add("HX", np.char.zfill(np.arange(1, size + 1).astype(str), 7)),
            "mobile_sha256": people.mobile[person],
            "idno_sha256": people.idno[person],
            "applied_at": day_text(applications.at[rows]),
            "income": with_codes(rng, income, 0.05, -1),
            "loan_amount": applications.amount[rows],
            "term_months": rng.choice(np.array([6, 12, 18, 24]), size),
            "age": people.age[person],
            "education": rng.choice(
                np.array(["high school", "college", "bachelor", "master"]), size, p=[0.35, 0.3, 0.28, 0.07]
            ),
            "job_years": np.round(np.maximum(0, rng.normal(6 - 1.6 * ability, 3.2)), 1),
            "channel": np.where(
                people.intermediary[person] > 0, "agent", rng.choice(np.array(["app", "branch", "dealer"]), size)
            ),
            "own_cards": rng.poisson(np.exp(0.5 + 0.12 * people.hunger[person])),
            "bad_30dpd_6mob": outcome(applications, repayments, rows),
        }
    )


def dirty(applications: pa.Table) -> pa.Table:
    """The first rows as a branch office sends them: a raw phone, an impossible date, a repeated number, a bad label."""
    rows = applications.slice(0, 500).to_pydict()
    rows["mobile_sha256"][16] = "13800138000"
    rows["applied_at"][41] = "2031-02-30T10:00:00"
    rows["application_no"][99] = rows["application_no"][98]
    labels = [str(value) for value in rows["bad_30dpd_6mob"]]
    labels[211] = "maybe"
    return pa.table(rows | {"bad_30dpd_6mob": labels})


def partner_overdue(
    rng: np.random.Generator, plan: Plan, people: People, applications: Applications, repayments: Repayments
) -> pa.Table:
    """Overdue instalments of the partner and whether the next month brought a payment (1 = it did not)."""
    own = applications.lender[repayments.loan] == PARTNER
    rows = np.flatnonzero(own & (repayments.missed > 0) & (repayments.at < month_starts(plan.until)[MONTHS - 3]))
    following = {
        (loan, instalment): missed
        for loan, instalment, missed in zip(
            repayments.loan[own].tolist(),
            repayments.instalment[own].tolist(),
            repayments.missed[own].tolist(),
            strict=True,
        )
    }
    keys = zip(repayments.loan[rows].tolist(), (repayments.instalment[rows] + 1).tolist(), strict=True)
    later = np.array([following.get(key, -1) for key in keys])
    rows, later = rows[later >= 0], later[later >= 0]
    person = repayments.person[rows]
    return pa.table(
        {
            "case_no": np.char.add("C", np.char.zfill(np.arange(1, len(rows) + 1).astype(str), 7)),
            "mobile_sha256": people.mobile[person],
            "as_of": day_text(repayments.at[rows] + DAY_US),
            "missed": repayments.missed[rows],
            "overdue_amount": np.round(repayments.missed[rows] * repayments.due[rows], 2),
            "instalment": repayments.instalment[rows],
            "contacts_7d": rng.poisson(2.0, len(rows)),
            "income": np.exp(rng.normal(9.0 - 0.33 * people.ability[person], 0.32)).round(-1),
            "unpaid_next_month": (later > 0).astype(np.int8),
        }
    )


def truth(people: People, member: np.ndarray, name: str) -> pa.Table:
    rows = np.flatnonzero(member)
    return pa.table({name: member[rows], "mobile_sha256": people.mobile[rows]}).sort_by(name)
