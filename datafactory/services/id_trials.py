"""The ledger behind the cap on ids tried: a sample must not become an oracle for who is known."""

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from datafactory.models import IdTrial, Sample, Source
from datafactory.selectors import id_trials
from projects.errors import Conflict
from projects.models import Institution, Project


@transaction.atomic
def spend(
    *,
    institution: Institution,
    source: Source,
    project: Project,
    mode: str,
    n_ids: int,
    sample: Sample | None = None,
) -> IdTrial:
    """Count ``n_ids`` distinct ids of ``institution`` against ``source``, or refuse with ``id_cap_reached``.

    Call it in the transaction that lets the ids be tried. A sample counts once in the window: matching it again, with
    whatever other sources or versions, tries no other people.
    """
    Source.objects.select_for_update().get(pk=source.pk)
    if sample is not None:
        known = id_trials.recent(institution, source).filter(sample=sample, mode=mode).first()
        if known is not None:
            return known
    left = id_trials.ids_left(institution, source)
    if n_ids > left:
        raise cap_reached(institution, source, n_ids, left)
    return IdTrial.objects.create(
        institution=institution, source=source, project=project, mode=mode, n_ids=n_ids, sample=sample
    )


def cap_reached(institution: Institution, source: Source, n_ids: int, left: int) -> Conflict:
    text = _(
        "%(institution)s may try %(left)s more ids against %(source)s, and this needs %(n_ids)s. "
        "At most %(cap)s are allowed in %(days)s days."
    )
    params = {"institution": institution, "source": source, "left": f"{left:,}", "n_ids": f"{n_ids:,}"}
    limits = {"cap": f"{settings.IDS_PER_SOURCE:,}", "days": settings.IDS_WINDOW_DAYS}
    return Conflict("id_cap_reached", text % (params | limits), detail={"left": left, "n_ids": n_ids})
