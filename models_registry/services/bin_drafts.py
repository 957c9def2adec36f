"""Drafts of bins: one change at a time, each kept, each refused where the counts or the floors forbid it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from modeling import bin_edit
from modeling.artifacts import to_json
from modeling.bin_count import count_edge
from modeling.bin_given import GivenBins, check
from models_registry import bin_selectors
from models_registry.bin_selectors import Edges
from models_registry.models import BinDraft
from models_registry.services import plans
from projects import audit
from projects.errors import Conflict, Invalid
from projects.models import User

MOST_STEPS = 200
EDITS: dict[str, type[Any]] = {
    "merge": bin_edit.Merge,
    "split": bin_edit.Split,
    "move": bin_edit.Move,
    "place": bin_edit.Place,
    "levels": bin_edit.Levels,
    "rename": bin_edit.Rename,
}
ACTS = ("undo", "redo", "reset", "accept", "reopen")


def preview(draft: BinDraft, edit: Any) -> GivenBins:
    """The bins after an edit, not stored. An edge that is not counted yet is counted, exactly."""
    _require_bins(draft)
    if not isinstance(edit, dict) or edit.get("op") not in {*EDITS, "bins"}:
        raise Invalid("bad_edit", _("This edit is not known."))
    if edit["op"] == "bins":
        made = plans.read(GivenBins, edit.get("bins"))
        _same_kind(made, bin_selectors.bins_of(draft))
    else:
        word = plans.read(EDITS[edit["op"]], {key: value for key, value in edit.items() if key != "op"})
        floor = bin_selectors.plan_of(draft.bin_set).min_people
        made = bin_edit.apply(bin_selectors.bins_of(draft), word, bin_selectors.cells_of(draft), floor)
    return lawful(draft, made)


def lawful(draft: BinDraft, made: GivenBins) -> GivenBins:
    """The bins, if every ordinary one holds enough people by exact counts."""
    check(made, draft.name)
    _count_edges(draft, made)
    cells = bin_selectors.cells_of(draft)
    known = set(cells.levels)
    if any(level not in known for group in made.groups for level in group):
        raise Invalid("level_unknown", _("A category is not known here, or too few people have it."))
    bin_edit.refuse_thin(made, cells, bin_selectors.plan_of(draft.bin_set).min_people)
    return made


def _count_edges(draft: BinDraft, made: GivenBins) -> None:
    """Count typed edges exactly, and note what is about to be shown: later edges keep their distance from it."""
    if set(made.edges) <= set(Edges.of(draft).shown):
        return
    with transaction.atomic():
        row = BinDraft.objects.select_for_update().get(pk=draft.pk)
        row.bin_set = draft.bin_set
        for edge in bin_selectors.cells_of(row).inside(made.edges):
            _type_edge(row, edge)
        edges = Edges.of(row)
        row.cuts = to_json(replace(edges, shown=tuple(sorted({*edges.shown, *made.edges}))))
        row.save(update_fields=["cuts"])
    draft.cuts = row.cuts


def _type_edge(row: BinDraft, edge: float) -> None:
    edges, cells = Edges.of(row), bin_selectors.cells_of(row)
    fine = count_edge(cells, edge, edges.shown, *bin_selectors.place_of(row).parts())
    gone = {*edges.dropped, *cells.cuts} - set(fine.cuts)
    row.cuts = to_json(replace(edges, typed=tuple(sorted({*edges.typed, edge})), dropped=tuple(sorted(gone))))


def _same_kind(made: GivenBins, now: GivenBins) -> None:
    if (made.kind, made.specials) != (now.kind, now.specials):
        raise Invalid("other_kind", _("These bins are of another kind or know other special codes."))


def _require_bins(draft: BinDraft) -> None:
    if draft.state == BinDraft.State.UNFIT:
        raise Conflict("unfit", _("This variable cannot be binned: %(reason)s.") % {"reason": draft.reason})
    if draft.bin_set.deleted_at:
        raise Conflict("rows_deleted", _("The rows behind this bin set are deleted; its bins can only be read."))


def change(
    *,
    user: User,
    draft: BinDraft,
    version: int,
    edit: Any = None,
    act: str = "",
    note: str | None = None,
    reason: str = "",
) -> BinDraft:
    """One change of a draft whose ``version`` the asker has seen; a stale one is refused with 409.

    Undo and redo walk the kept history. Accepting says that this variable is done; any edit takes that back.
    """
    made = None if edit is None else preview(draft, edit)
    if act and act not in ACTS:
        raise Invalid("bad_edit", _("This edit is not known."))
    _require_bins(draft)
    with transaction.atomic():
        row = BinDraft.objects.select_for_update().get(pk=draft.pk)
        if row.version != version:
            raise stale(row)
        row.bin_set = draft.bin_set
        if made is not None:
            _remember(row, made)
        if act:
            _acts(reason)[act](row)
        if note is not None:
            row.note = note.strip()[:4000]
        row.version, row.changed_by, row.changed_at = row.version + 1, user, timezone.now()
        row.save()
        _audit(user, row, act)
    return row


def stale(row: BinDraft) -> Conflict:
    who = str(row.changed_by) if row.changed_by else _("somebody")
    told = _("These bins were changed meanwhile by %(who)s, in another tab perhaps. Nothing of yours was stored.")
    return Conflict("draft_stale", told % {"who": who}, detail={"version": row.version})


def _remember(row: BinDraft, made: GivenBins) -> None:
    """The bins are the newest step; what was undone before is gone. The first step, the proposal, is always kept."""
    steps = [*row.history[: row.at + 1], to_json(made)]
    if len(steps) > MOST_STEPS:
        steps = [steps[0], *steps[-(MOST_STEPS - 1) :]]
    row.history, row.at, row.state, row.reason = steps, len(steps) - 1, BinDraft.State.EDITED, ""
    row.figures = bin_selectors.short_figures(row)


def _acts(reason: str) -> dict[str, Callable[[BinDraft], None]]:
    return {
        "undo": lambda row: _walk(row, -1),
        "redo": lambda row: _walk(row, 1),
        "reset": _reset,
        "accept": lambda row: _accept(row, reason),
        "reopen": _reopen,
    }


def _walk(row: BinDraft, step: int) -> None:
    if not 0 <= row.at + step < len(row.history):
        raise Conflict("no_step", _("There is nothing more to undo or redo."))
    row.at += step
    row.state = BinDraft.State.EDITED if row.at else BinDraft.State.PROPOSED
    row.figures = bin_selectors.short_figures(row)


def _reset(row: BinDraft) -> None:
    first = row.history[0]
    if row.history[row.at] != first:
        row.history = [*row.history[: row.at + 1], first]
        row.at = len(row.history) - 1
    row.state = BinDraft.State.PROPOSED
    row.figures = bin_selectors.short_figures(row)


def _accept(row: BinDraft, reason: str) -> None:
    lawful(row, bin_selectors.bins_of(row))
    row.state, row.reason = BinDraft.State.ACCEPTED, reason.strip()[:300]


def _reopen(row: BinDraft) -> None:
    row.state = BinDraft.State.EDITED if row.at else BinDraft.State.PROPOSED
    row.reason = ""


def _audit(user: User, row: BinDraft, act: str) -> None:
    if act in {"accept", "reopen", "reset"}:
        target = f"bin set {row.bin_set.number} {row.name}"
        audit.record(f"bins.variable_{act}", actor=user, project=row.bin_set.project, target=target)


def wish(draft: BinDraft, value: Any) -> GivenBins:
    """What the optimiser proposes under a wish (trend, number and size of bins, p-value); nothing is stored."""
    from modeling.bin_plan import BinPlan
    from modeling.bin_wish import propose

    _require_bins(draft)
    plan = bin_selectors.plan_of(draft.bin_set)
    asked = value if isinstance(value, dict) else {}
    if set(asked) - {"trend", "min_bins", "max_bins", "min_bin_share", "max_bin_share", "max_pvalue"}:
        raise Invalid("bad_wish", _("This wish is not known."))
    told = plans.read(BinPlan, to_json(plan.bins) | asked)
    if not (1 <= told.min_bins <= told.max_bins <= 50 and 0 <= told.min_bin_share <= told.max_bin_share <= 1):
        raise Invalid("bad_wish", _("At least and at most contradict each other."))
    if told.max_pvalue is not None and not 0 < told.max_pvalue < 1:
        raise Invalid("bad_wish", _("A p-value lies between 0 and 1."))
    return lawful(draft, propose(bin_selectors.cells_of(draft), told))
