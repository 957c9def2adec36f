"""Import profiles: how an institution's monthly file is read, saved under a name for the next month."""

from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from datafactory import access
from datafactory.engine.plans import Saved
from datafactory.models import ImportProfile, Sample, Upload
from projects import audit
from projects.errors import Conflict, Forbidden
from projects.models import Project, User

OF_ONE_MONTH = ("outcomes_as_of",)


def save_profile(*, user: User, sample: Sample, name: str) -> ImportProfile:
    """Keep how ``sample`` was read for the next file of its institution; a profile of that name is replaced.

    Only for analysts of the institution that brought the sample, and only once it is ready.
    """
    if sample.institution not in access.bringing_institutions(user, sample.project):
        raise Forbidden()
    if sample.state != Sample.State.READY or sample.upload is None:
        raise Conflict("sample_not_ready", _("Only how a finished sample was read can be kept."))
    columns = [column["name"] for column in sample.upload.sniff.get("columns", [])]
    plan = {key: value for key, value in sample.plan.items() if key not in OF_ONE_MONTH}
    with transaction.atomic():
        profile, _created = ImportProfile.objects.update_or_create(
            institution=sample.institution,
            name=name.strip(),
            defaults={"plan": plan, "columns": columns or _columns_of(plan), "created_by": user},
        )
        _record("import_profile.saved", user, profile, sample.project)
    return profile


def _columns_of(plan: dict[str, Any]) -> list[str]:
    """Columns that a plan names, where the first look at the file is no longer kept."""
    named = [role["column"] for role in plan.get("ids", [])]
    named += [
        plan[role] for role in ("row_id", "observed_at", "label", "weight", "split", "approved") if plan.get(role)
    ]
    return list(dict.fromkeys([*named, *plan.get("kinds", {}), *(plan.get("features") or [])]))


def delete_profile(*, user: User, profile: ImportProfile, project: Project) -> None:
    """Forget a profile; samples that were read with it stay."""
    if profile.institution not in access.bringing_institutions(user, project):
        raise Forbidden()
    with transaction.atomic():
        _record("import_profile.deleted", user, profile, project)
        profile.delete()


def saved_of(profile: ImportProfile) -> Saved:
    """How the profile's file was saved."""
    plan = profile.plan
    return Saved(
        encoding=plan.get("encoding"),
        delimiter=plan.get("delimiter"),
        header=plan.get("header", True),
        sheet=plan.get("sheet"),
        decimal=plan.get("decimal"),
        nulls=tuple(plan["nulls"]) if "nulls" in plan else None,
    )


def fits(profile: ImportProfile, upload: Upload) -> bool:
    """Whether the file has the columns that the profile was made from."""
    return set(profile.columns) <= {column["name"] for column in upload.sniff.get("columns", [])}


def _record(action: str, user: User, profile: ImportProfile, project: Project) -> None:
    audit.record(action, actor=user, project=project, institution=profile.institution, target=profile.name)
