"""What may be asked about bin sets: their rows, the counts behind a draft, and its figures."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.db.models import Count, Max, Q, QuerySet

from datafactory.models import FeatureTable
from modeling import artifacts as tickets
from modeling.artifacts import Column
from modeling.bin_count import BinSetPlan, recount
from modeling.bin_given import GivenBins
from models_registry.models import BinDraft, BinRevision, BinSet
from models_registry.selectors import BUSY, UNDER_WAY
from projects import storage
from projects.models import Project

if TYPE_CHECKING:
    from modeling.bin_cells import VariableCells

MUCH_PSI = 0.25


def bin_sets_of(project: Project) -> QuerySet[BinSet]:
    """All bin sets, newest first, each with counts of its drafts and its latest accepted revision."""
    accepted = Q(revisions__status=BinRevision.Status.ACCEPTED)
    return (
        BinSet.objects.filter(project=project)
        .select_related("project", "feature_table", "created_by", "job")
        .defer("feature_table__profile")
        .annotate(
            n_drafts=Count("drafts", distinct=True),
            n_accepted=Count("drafts", filter=Q(drafts__state=BinDraft.State.ACCEPTED), distinct=True),
            revision=Max("revisions__number", filter=accepted),
        )
        .order_by("-number")
    )


def usable_twin(feature_table: FeatureTable, recipe: str) -> BinSet | None:
    """A set of this recipe that is ready, or that somebody is still counting."""
    rows = BinSet.objects.filter(feature_table=feature_table, fingerprint=recipe, deleted_at=None)
    return rows.filter(Q(state__in=UNDER_WAY, job__state__in=BUSY)).first()


def accepted_revision(project: Project, number: int, revision: int = 0) -> BinRevision | None:
    """An accepted revision of a bin set: the one asked for, or the newest."""
    rows = BinRevision.objects.filter(
        bin_set__project=project, bin_set__number=number, status=BinRevision.Status.ACCEPTED
    )
    return (rows.filter(number=revision) if revision else rows).order_by("-number").first()


def accepted_sets(project: Project) -> list[tuple[str, str]]:
    """Accepted revisions to choose from, the newest first: value and text."""
    rows = BinRevision.objects.filter(bin_set__project=project, status=BinRevision.Status.ACCEPTED)
    found = rows.select_related("bin_set").order_by("-bin_set__number", "-number")[:50]
    return [(f"{row.bin_set.number}.{row.number}", f"{row.bin_set}, r{row.number}") for row in found]


def states_of(bin_set: BinSet) -> dict[str, int]:
    """Number of drafts by state, and of those with a note or something to look at."""
    rows = bin_set.drafts.values_list("state", "note", "figures")
    counts = Counter(state for state, _note, _figures in rows)
    return {
        **{state: counts[state] for state in BinDraft.State.values},
        "noted": sum(bool(note) for _state, note, _figures in rows),
        "doubtful": sum(bool(figures.get("doubts")) for _state, _note, figures in rows),
        "todo": counts[BinDraft.State.PROPOSED] + counts[BinDraft.State.EDITED],
    }


def bins_of(draft: BinDraft) -> GivenBins:
    """The bins that hold now."""
    return tickets.from_json(GivenBins, draft.history[draft.at])


def plan_of(bin_set: BinSet) -> BinSetPlan:
    return tickets.from_json(BinSetPlan, bin_set.plan)


@dataclass(frozen=True)
class Edges:
    """What has happened to the cuts of a draft: typed and counted exactly, given way to those, shown to somebody."""

    typed: tuple[float, ...] = ()
    dropped: tuple[float, ...] = ()
    shown: tuple[float, ...] = ()

    @classmethod
    def of(cls, draft: BinDraft) -> Edges:
        return tickets.from_json(cls, draft.cuts)


def cells_of(draft: BinDraft) -> VariableCells:
    """The counts of a draft; its column is read again only where edges were typed."""
    edges, place = Edges.of(draft), place_of(draft)
    return _cells(place, edges.typed, edges.dropped)


@dataclass(frozen=True)
class Place:
    """Where the counts and the rows of one variable lie."""

    counts: str
    file: str
    table: str
    name: str
    bin_set: int

    def parts(self) -> tuple[Path, Path, Column, BinSetPlan]:
        """Folder of the rows, folder of the counts, the column, the plan."""
        row = BinSet.objects.select_related("feature_table").get(pk=self.bin_set)
        ticket = tickets.from_json(tickets.FeatureTable, row.feature_table.ticket)
        column = next(column for column in ticket.columns if column.name == self.name)
        return storage.folder(self.table), storage.folder(self.counts), column, plan_of(row)


def place_of(draft: BinDraft) -> Place:
    bin_set = draft.bin_set
    table = bin_set.feature_table.ticket["path"]
    return Place(bin_set.ticket["path"], draft.column["file"], table, draft.name, bin_set.pk)


@lru_cache(maxsize=64)
def _cells(place: Place, typed: tuple[float, ...], dropped: tuple[float, ...]) -> VariableCells:
    """Artifacts never change once published, so what was read of them may be kept."""
    from modeling.bin_cells import VariableCells

    if not typed:
        return VariableCells.load(storage.folder(place.counts) / place.file)
    cells = _cells(place, (), ())
    return recount(cells, {*cells.cuts, *typed} - set(dropped), *place.parts())


def short_figures(draft: BinDraft) -> dict[str, Any]:
    """The figures of a draft that lists show; ``doubts`` name what somebody should look at."""
    from modeling.bin_figures import figures
    from modeling.bin_months import crossings

    plan, bins, cells = plan_of(draft.bin_set), bins_of(draft), cells_of(draft)
    told = figures(bins, cells, plan.min_people)
    train, last = told.splits[0], told.splits[-1]
    crossing = [one for one in crossings(bins, cells, plan.cell_floor) if one.sure]
    doubts = [
        *(["trend"] if bins.kind == "numeric" and bins.n_ordinary > 2 and train.trend == "none" else []),
        *(["turned"] if last is not train and last.trend != train.trend else []),
        *(["crossing"] if len(crossing) > 0 else []),
        *(["psi"] if last is not train and last.psi > MUCH_PSI else []),
    ]
    return {
        "iv": train.iv,
        "ks": train.ks,
        "n_bins": bins.n_ordinary,
        "trend": train.trend,
        "psi": last.psi if last is not train else None,
        "doubts": doubts,
    }
