"""Bin sets: ordered once, counted by a job, then edited draft by draft and offered as revisions."""

from dataclasses import replace
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Max
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from datafactory.models import FeatureTable
from datafactory.selectors import leaks
from modeling import artifacts as tickets
from modeling.artifacts import Progress, fingerprint, no_progress, to_json
from modeling.bin_count import BinSetPlan, Counted, count_table, read_counted
from models_registry import bin_selectors
from models_registry.models import BinDraft, BinRevision, BinSet
from models_registry.services import plans
from models_registry.services.training import require_ready
from projects import audit, jobs, storage
from projects.errors import Conflict, Invalid
from projects.models import User
from projects.services import artifacts


def create_bin_set(*, user: User, feature_table: FeatureTable, plan: BinSetPlan, name: str = "") -> BinSet:
    """Order the counting of a feature table. The same order while one is under way, or ready, is that one."""
    require_ready(feature_table)
    plan = _without_excluded(feature_table, plan)
    recipe = plans.recipe(feature_table.content_hash, plan)
    with transaction.atomic():
        twin = bin_selectors.usable_twin(feature_table, recipe)
        if twin is not None:
            return twin
        row = artifacts.new(
            BinSet,
            project=feature_table.project,
            created_by=user,
            plan=plan,
            name=name,
            fingerprint=recipe,
            feature_table=feature_table,
        )
        audit.record("bins.counted", actor=user, project=row.project, target=f"bin set {row.number}")
        row.job = jobs.start(
            "models_registry.count_bins",
            title=_("Count %(set)s") % {"set": row},
            project=row.project,
            user=user,
            result_url=reverse("models_registry:bin-set-detail", args=[row.project.slug, row.number]),
            bin_set_id=row.pk,
        )
        row.save(update_fields=["job"])
    return row


def read_plan(value: Any) -> BinSetPlan:
    """The plan that the JSON spells, with the site's floors."""
    plan = plans.read(BinSetPlan, value)
    floor = max(plan.min_people, settings.LEAF_FLOOR_PEOPLE)
    bins = replace(plan.bins, min_people=max(plan.bins.min_people, floor))
    cells = min(max(plan.cells, 20), 1000)
    return replace(
        plan, min_people=floor, cell_floor=max(plan.cell_floor, settings.CELL_FLOOR_PEOPLE), bins=bins, cells=cells
    )


def _without_excluded(feature_table: FeatureTable, plan: BinSetPlan) -> BinSetPlan:
    out = set(leaks.excluded(feature_table)) if plan.columns is None else set()
    names = tuple(column["name"] for column in feature_table.ticket["columns"] if column["name"] not in out)
    return replace(plan, columns=names) if out else plan


def run_counting(*, bin_set: BinSet, progress: Progress = no_progress) -> BinSet:
    """Do the work of :func:`create_bin_set`. Twice is safe: a ready set stays; folders appear whole or not."""
    if bin_set.state == BinSet.State.READY:
        return bin_set
    require_ready(bin_set.feature_table)
    table = tickets.from_json(tickets.FeatureTable, bin_set.feature_table.ticket)
    plan = read_plan(bin_set.plan)
    with storage.staging() as staged:
        ticket = count_table(table, storage.folder(table.path), plan, staged, progress=progress)
        counted = read_counted(staged)
        path = storage.publish(staged, f"bins/{bin_set.project_id}/{bin_set.number}-{ticket.content_hash[:12]}")
    ticket = replace(ticket, path=path)
    with transaction.atomic():
        bin_set.ticket = to_json(ticket)
        bin_set.drafts.all().delete()
        BinDraft.objects.bulk_create(_draft(bin_set, i, one) for i, one in enumerate(counted))
        artifacts.finish(bin_set, ticket, {"n_variables": ticket.n_variables, "n_train": ticket.n_train})
    return bin_set


def _draft(bin_set: BinSet, position: int, counted: Counted) -> BinDraft:
    row = BinDraft(
        bin_set=bin_set,
        name=counted.name,
        position=position,
        column={"kind": counted.kind, "party": counted.party, "title": counted.title, "file": counted.file},
        reason=counted.reason[:300],
    )
    if counted.bins is None:
        row.state = BinDraft.State.UNFIT
    else:
        row.history = [to_json(counted.bins)]
        row.cuts = to_json(bin_selectors.Edges(shown=counted.bins.edges))
        row.figures = bin_selectors.short_figures(row)
    return row


def propose_revision(*, user: User, bin_set: BinSet, reason: str) -> BinRevision:
    """Offer all accepted drafts of a set for review."""
    if not reason.strip():
        raise Invalid("reason_missing", _("Say why these bins should be used."))
    with transaction.atomic():
        BinSet.objects.select_for_update().get(pk=bin_set.pk)
        drafts = list(bin_set.drafts.filter(state=BinDraft.State.ACCEPTED))
        if not drafts:
            raise Conflict("nothing_accepted", _("No variable is accepted yet."))
        bins = {draft.name: draft.history[draft.at] for draft in drafts}
        last = bin_set.revisions.aggregate(last=Max("number"))["last"] or 0
        revision = BinRevision.objects.create(
            bin_set=bin_set,
            number=last + 1,
            bins=bins,
            figures={draft.name: draft.figures for draft in drafts},
            fingerprint=fingerprint(bins),
            reason=reason.strip(),
            author=user,
        )
        target = f"bin set {bin_set.number} revision {revision.number}"
        audit.record("bins.proposed", actor=user, project=bin_set.project, target=target, variables=len(bins))
    return revision


def decide_revision(*, user: User, revision: BinRevision, accept: bool, review: str = "") -> BinRevision:
    """Accept or return a proposed revision, once; whoever reads it is named, the author too if it is the author."""
    status = BinRevision.Status.ACCEPTED if accept else BinRevision.Status.RETURNED
    if not accept and not review.strip():
        raise Invalid("reason_missing", _("Say what should be changed."))
    with transaction.atomic():
        waiting = BinRevision.objects.filter(pk=revision.pk, status=BinRevision.Status.PROPOSED)
        if not waiting.update(status=status, reviewer=user, review=review.strip(), decided_at=timezone.now()):
            raise Conflict("revision_decided", _("This revision has been decided already."))
        project = revision.bin_set.project
        target = f"bin set {revision.bin_set.number} revision {revision.number}"
        audit.record(f"bins.{status}", actor=user, project=project, target=target)
    revision.refresh_from_db()
    return revision
