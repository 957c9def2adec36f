"""What stands around the flow of a project: who takes part, until when, what is under way, what to do next."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from datafactory.models import Sample
from etron.flow import Flow, Link
from etron.lineage.base import Rights, link
from projects.models import Authorisation, Institution, Job, Participation, Project, in_force

RANK_TITLES = (
    gettext_lazy("Data"),
    gettext_lazy("Match"),
    gettext_lazy("Features"),
    gettext_lazy("Training"),
    gettext_lazy("Evaluation"),
    gettext_lazy("Version"),
    gettext_lazy("Product"),
)


@dataclass(frozen=True)
class Todo:
    """One step of a project that has no data yet."""

    title: str
    text: str
    done: bool
    links: tuple[Link, ...] = ()


def jobs_under_way(project: Project) -> list[Job]:
    rows = Job.objects.filter(project=project, state__in=[Job.State.QUEUED, Job.State.RUNNING])
    return sorted(rows, key=lambda job: (job.state != Job.State.RUNNING, job.created_at))


def usable_until(project: Project) -> datetime | None:
    """The day on which the first of the authorisations in force ends."""
    rows = Authorisation.objects.filter(in_force(timezone.now()), project=project)
    return rows.order_by("expires_at").values_list("expires_at", flat=True).first()


def project_facts(project: Project) -> dict[str, Any]:
    """Participants with their decisions, authorisations, and how many people work here."""
    rights = Authorisation.objects.filter(project=project).select_related("grantor", "recipient")
    return {
        "participations": list(project.participations.select_related("institution").order_by("institution__kind")),
        "authorisations": list(rights.order_by("withdrawn_at", "expires_at")[:5]),
        "n_members": project.members.values("user").distinct().count(),
        "now": timezone.now(),
    }


def todo(project: Project, rights: Rights) -> tuple[Todo, ...]:
    """The way from a new project to its first match, with what is done already."""
    undecided = [
        str(row.institution)
        for row in project.participations.select_related("institution")
        if row.decision == Participation.Decision.WAITING
    ]
    partners = Institution.Kind.PARTNER
    granted = Authorisation.objects.filter(in_force(timezone.now()), project=project, grantor__kind=partners).exists()
    has_sample = Sample.objects.filter(project=project, state=Sample.State.READY).exists()
    return (
        Todo(
            _("Every institution approves the project"),
            _("Still to decide: %(names)s") % {"names": ", ".join(undecided)} if undecided else _("All have decided."),
            project.status == Project.Status.OPEN,
            link(rights.decide, _("Decide"), "okc", "projects:project-settings", project.slug),
        ),
        Todo(
            _("The partner authorises the use of its data"),
            _("Basis, purpose, kinds of data and an end date; it can be withdrawn at any time."),
            granted,
            link(rights.bring, _("Authorise"), "shield", "projects:authorisation-list", project.slug),
        ),
        Todo(
            _("The partner brings a sample"),
            _("Applications with hashed ids and outcomes. Files with raw phone or id-card numbers are refused."),
            has_sample,
            link(rights.bring, _("Bring a sample"), "upload", "datafactory:sample-create", project.slug),
        ),
        Todo(
            _("A modeler matches it with the platform's sources"),
            _("From then on every step appears here, and each node offers what can follow."),
            False,
        ),
    )


def next_link(flow: Flow) -> Link | None:
    """The act most likely to come next: what may follow the last finished step that nothing was built on."""
    used = {edge.parent for edge in flow.edges}
    ends: Sequence[Any] = [
        node for node in flow.nodes if node.step.key not in used and node.step.follow and not node.stale
    ]
    return ends[-1].step.follow[0] if ends and not flow.busy else None
