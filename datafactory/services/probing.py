"""No two answered matches of one institution with one source differ in fewer people than a cell may hold."""

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_noop

from datafactory.engine.matching import MatchPlan
from datafactory.engine.sketch import OVERALL, cells_of, near, sketch_sample
from datafactory.models import Match, MatchSketch
from modeling.artifacts import SampleFile, from_json
from modeling.errors import DataError
from projects import storage
from projects.keys import derived_key
from projects.models import Institution

TOO_SIMILAR = gettext_noop(
    "This sample asks %(sources)s about nearly the same people as an earlier match: fewer than %(floor)d differ, in "
    "who they are, by which ids or as of which day. The two reports together would tell about single people. Match it "
    "together with more applications, or use the earlier match."
)


def groups_told_before(match: Match) -> list[str]:
    """Months and outcomes of the match that come too near to what an earlier one told; the report hides them.

    Keeps the sketch of this match from then on, whether it is finished or not. Deleting a sample does not remove it.
    Twice is safe.

    Raises
    ------
    DataError
        ``too_similar`` if that is so of the sample as a whole.
    """
    plan, ticket = from_json(MatchPlan, match.plan), from_json(SampleFile, match.sample.ticket)
    floor = settings.CELL_FLOOR_PEOPLE
    rows = storage.folder(ticket.path) / "rows.parquet"
    sketch = sketch_sample(rows, plan.id_types, plan.zone, derived_key("match-sketch"), floor)
    with transaction.atomic():
        Institution.objects.select_for_update().get(pk=match.sample.institution_id)
        found = [group for stored in _earlier(match) for group in near(sketch, cells_of(stored), floor)]
        if OVERALL in found:
            sources = ", ".join(source.slug for source in plan.sources)
            raise DataError("too_similar", TOO_SIMILAR, sources=sources, floor=floor)
        MatchSketch.objects.update_or_create(match=match, defaults={"cells": sketch.to_bytes()})
    return list(dict.fromkeys(found))


def _earlier(match: Match) -> list[bytes]:
    """Sketches of the institution's other matches with any of the same sources, in whatever project and version."""
    sources = match.source_versions.values("source")
    rows = MatchSketch.objects.filter(
        match__sample__institution=match.sample.institution_id, match__source_versions__source__in=sources
    )
    others = rows.exclude(match=match).distinct().order_by("pk")
    return [bytes(row.cells) for row in others]
