"""What the bin editor shows of a variable: tables by split, months, where edges may go. Small cells are hidden."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from datafactory.engine.disclosure import hidden_cells, rounded_rate
from modeling.artifacts import to_json
from modeling.bin_given import GivenBins
from models_registry import bin_selectors
from models_registry.models import BinDraft
from projects.phrases import worded

WIDE = 1000  # people from which on the bad rate of a month is told to a tenth of a percent
ROUND = {"bad_rate": 6, "share": 6, "woe": 6, "iv": 6}


def variable(draft: BinDraft, bins: GivenBins | None = None) -> dict[str, Any]:
    """The draft with all figures of its bins, or of ``bins`` that are not stored."""
    told = {
        "name": draft.name,
        "title": draft.column.get("title", ""),
        "party": draft.column.get("party", ""),
        "version": draft.version,
        "state": draft.state,
        "state_text": draft.get_state_display(),
        "reason": worded(draft.reason),
        "note": draft.note,
        "changed_by": str(draft.changed_by) if draft.changed_by else None,
        "changed_at": draft.changed_at,
        "doubts": draft.figures.get("doubts", []),
        "can_undo": draft.at > 0,
        "can_redo": draft.at + 1 < len(draft.history),
        "stored": bins is None,
    }
    if draft.state == BinDraft.State.UNFIT or draft.bin_set.deleted_at:
        return told | {"bins": draft.history[draft.at] if draft.history else None}
    return told | _figures(draft, bins or bin_selectors.bins_of(draft))


def _figures(draft: BinDraft, bins: GivenBins) -> dict[str, Any]:
    from modeling.artifacts import from_json
    from modeling.bin_figures import figures

    plan = bin_selectors.plan_of(draft.bin_set)
    cells = bin_selectors.cells_of(draft)
    told = figures(bins, cells, plan.min_people)
    first = from_json(GivenBins, draft.history[0])
    before = figures(first, cells, plan.min_people).splits[0]
    return {
        "kind": bins.kind,
        "bins": to_json(bins),
        "parts": [_part(bins, i, cells.whole) for i in range(bins.n_bins)],
        "splits": [_split(one, near) for one, near in zip(told.splits, _too_near(draft, bins, cells), strict=True)],
        "p_next": [None if p is None else round(p, 4) for p in told.p_next],
        "enough": told.least_people >= plan.min_people,
        "turns": list(told.turns),
        "min_people": plan.min_people,
        "before": {"iv": round(before.iv, 6), "ks": round(before.ks, 6), "bins": first.n_ordinary},
        "months": _months(bins, cells),
        "ladder": _ladder(cells) if bins.kind == "numeric" else [],
        "levels": _levels(cells) if bins.kind == "category" else [],
    }


def _part(bins: GivenBins, i: int, whole: bool) -> dict[str, Any]:
    """One bin: what it is called, and what stands in it."""
    ordinary = i < bins.n_ordinary
    places = [place for place, home in zip(bins.places, bins.homes, strict=True) if home == i]
    levels = list(bins.groups[i]) if ordinary and bins.kind == "category" else []
    values = _range(bins, i, whole) if ordinary and bins.kind == "numeric" else ", ".join(levels)
    name = bins.names[i] if bins.names else ""
    held = [place_text(place) for place in places]
    label = name or ", ".join(filter(None, (values, *held)))
    return {
        "label": label,
        "name": name,
        "values": values,
        "own": not ordinary,
        "places": [{"place": place, "text": text} for place, text in zip(places, held, strict=True)],
        "levels": levels,
    }


def place_text(place: str) -> str:
    """What a reader calls missing values, the rare categories or a special code."""
    known = {"missing": _("Missing"), "rare": _("Rare and unseen")}
    return known.get(place) or place.replace("-", "\u2212")


def _range(bins: GivenBins, i: int, whole: bool) -> str:
    ends = (None, *bins.edges, None)
    low, high = ends[i], ends[i + 1]
    whole = whole and all(edge == int(edge) for edge in bins.edges)
    if low is None and high is None:
        return _("all values")
    if low is None and high is not None:
        return f"\u2264 {_number(high - 1)}" if whole else f"< {_number(high)}"
    if high is None and low is not None:
        return f"\u2265 {_number(low)}"
    assert low is not None
    assert high is not None
    if not whole:
        return f"{_number(low)} \u2013 {_number(high)}"
    return _number(low) if high - low == 1 else f"{_number(low)} \u2013 {_number(high - 1)}"


def _number(value: float) -> str:
    return f"{value:,.12g}".replace("-", "\u2212")


def _too_near(draft: BinDraft, bins: GivenBins, cells: Any) -> list[set[int]]:
    """By split: bins at a typed edge so near to another that their difference would tell of few people."""
    found: list[set[int]] = [set() for _split_ in cells.splits]
    typed = set(bin_selectors.Edges.of(draft).typed)
    for i, edge in enumerate(bins.edges):
        if edge in typed:
            for bins_, near in zip(found, cells.too_near(edge, settings.CELL_FLOOR_PEOPLE), strict=True):
                bins_ |= {i, i + 1} if near else set()
    return found


def _split(told: Any, near: set[int]) -> dict[str, Any]:
    """A split's table without the rows of few people, nor those that would give them away."""
    people = [row.n_people for row in told.rows]
    filled = [i for i, row in enumerate(told.rows) if row.n]
    asked = [people[i] for i in filled], settings.CELL_FLOOR_PEOPLE, [i in near for i in filled]
    hidden = dict(zip(filled, hidden_cells(*asked), strict=True))
    digits = 3 if near else 6
    rows = [_row(row, hidden.get(i, False)) for i, row in enumerate(told.rows)]
    parts = [None if rows[i]["hidden"] else round(part, 5) for i, part in enumerate(told.psi_parts)]
    known = {"n": sum(row.n for row in told.rows), "bad": sum(row.n_bad for row in told.rows)}
    rate = known["bad"] / max(sum(row.n_good + row.n_bad for row in told.rows), 1e-12)
    return {
        "split": told.split,
        "rows": rows,
        "iv": round(told.iv, digits),
        "ks": round(told.ks, digits),
        "psi": round(told.psi, digits),
        "psi_parts": parts,
        "trend": told.trend,
        "n": known["n"],
        "n_bad": round(known["bad"], 3),
        "bad_rate": round(rate, 6),
    }


def _row(row: Any, hidden: bool) -> dict[str, Any]:
    if hidden:
        return {"hidden": True, "neutral": row.neutral}
    figures = {name: round(getattr(row, name), digits) for name, digits in ROUND.items()}
    return figures | {"hidden": False, "neutral": row.neutral, "n": row.n, "n_bad": round(row.n_bad, 3)}


def _months(bins: GivenBins, cells: Any) -> dict[str, Any]:
    """Bad rates by month and bin, rounded, without those of few people; PSI by month and by bin; what crosses."""
    from modeling.bin_months import crossings, months

    floor = settings.CELL_FLOOR_PEOPLE
    rows = months(bins, cells)
    return {
        "names": [row.month for row in rows],
        "late": [row.late for row in rows],
        "rates": [
            [
                rounded_rate(rate, people, WIDE) if people >= floor else None
                for rate, people in zip(row.bad_rate, row.people, strict=True)
            ]
            for row in rows
        ],
        "psi": [round(row.psi, 4) if sum(row.people) >= floor else None for row in rows],
        "psi_parts": [
            [
                round(part, 4) if people >= floor else None
                for part, people in zip(row.psi_parts, row.people, strict=True)
            ]
            for row in rows
        ],
        "crossings": [
            {"left": one.left, "right": one.right, "months": list(one.months), "sure": list(one.sure)}
            for one in crossings(bins, cells, floor)
        ],
    }


def _ladder(cells: Any) -> list[list[float]]:
    """Where edges may go without a recount: each cut with the share of ordinary train rows below it."""
    counts = cells.n[0].sum(axis=0)[: cells.n_ordinary]
    below = counts.cumsum() / max(int(counts.sum()), 1)
    return [[cut, round(float(share), 4)] for cut, share in zip(cells.cuts, below, strict=False)]


def _levels(cells: Any) -> list[dict[str, Any]]:
    """Every named category with its share and bad rate in train; each has enough people to be named."""
    good, bad = (counts[0].sum(axis=0) for counts in (cells.good, cells.bad))
    total = float((good + bad).sum())
    return [
        {
            "level": level,
            "share": round(float((good[i] + bad[i]) / total), 4),
            "bad_rate": round(float(bad[i] / max(good[i] + bad[i], 1e-12)), 4),
        }
        for i, level in enumerate(cells.levels)
    ]
