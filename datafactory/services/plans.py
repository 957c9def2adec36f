"""Plans of imports as they come from outside: JSON into frozen plans, checked against the file's columns."""

from collections.abc import Mapping
from typing import Any

import msgspec
from django.conf import settings
from django.utils.translation import gettext_noop

from datafactory.engine.identifiers import check_id_role
from datafactory.engine.plans import check_roles
from datafactory.engine.reading import Limits, SamplePlan, SourcePlan
from datafactory.models import Source, Upload
from modeling.artifacts import from_json
from modeling.errors import DataError

Given = Mapping[str, Any]


def limits() -> Limits:
    """The site's limits as the engine wants them."""
    return Limits(
        max_bytes=settings.UPLOAD_MAX_BYTES,
        max_unpacked_bytes=settings.UPLOAD_MAX_UNPACKED_BYTES,
        max_rows=settings.UPLOAD_MAX_ROWS,
        max_columns=settings.UPLOAD_MAX_COLUMNS,
        cell_floor=settings.CELL_FLOOR_PEOPLE,
        memory_mb=settings.ENGINE_MEMORY_MB,
        threads=settings.ENGINE_THREADS,
    )


def _unreadable(error: msgspec.ValidationError) -> DataError:
    return DataError("plan_invalid", gettext_noop("The plan cannot be read: %(problem)s."), problem=str(error))


def _refuse_unknown(given: Given, plan: type[SamplePlan] | type[SourcePlan]) -> None:
    """A misspelt role must not be read as a role that is not given."""
    unknown = sorted(set(given) - set(plan.__dataclass_fields__))
    if unknown:
        raise DataError(
            "plan_invalid", gettext_noop("The plan cannot be read: %(problem)s."), problem=f"unknown: {unknown}"
        )


def read_sample_plan(given: SamplePlan | Given) -> SamplePlan:
    """The plan in ``given``; DataError ``plan_invalid`` when it is not one."""
    if isinstance(given, SamplePlan):
        return given
    _refuse_unknown(given, SamplePlan)
    zone = {"zone": settings.DISPLAY_ZONE}
    try:
        return from_json(SamplePlan, zone | dict(given))
    except msgspec.ValidationError as error:
        raise _unreadable(error) from None


def read_source_plan(given: SourcePlan | Given, source: Source) -> SourcePlan:
    """The plan in ``given`` for this source, whose slug and kind it takes."""
    if isinstance(given, SourcePlan):
        return given
    _refuse_unknown(given, SourcePlan)
    own = {"slug": source.slug, "kind": source.kind}
    try:
        return from_json(SourcePlan, {"zone": settings.DISPLAY_ZONE} | dict(given) | own)
    except msgspec.ValidationError as error:
        raise _unreadable(error) from None


def check_plan(plan: SamplePlan | SourcePlan, upload: Upload) -> None:
    """Raise DataError for what is wrong with the plan before any row is read."""
    sniff = upload.sniff
    as_seen = plan.delimiter in {None, sniff.get("delimiter")} and plan.header == sniff.get("header", True)
    if as_seen and (plan.sheet or "") == sniff.get("sheet", ""):
        check_roles(plan, [column["name"] for column in upload.sniff["columns"]])
    for role in plan.ids:
        check_id_role(role)
