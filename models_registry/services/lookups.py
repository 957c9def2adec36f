"""What a version looks up while it scores is indexed ahead of its publication, by a job."""

from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from datafactory.services import features
from modeling.artifacts import Progress, no_progress
from models_registry.models import Version
from projects import jobs
from projects.models import Job, User

JOB = "models_registry.prepare_lookup"


def wanted(version: Version) -> list[str]:
    """Names of the platform's columns that the model reads."""
    return [entry["name"] for entry in version.signature["lookup"]]


def is_prepared(version: Version) -> bool:
    return features.lookup_is_built(version.run.feature_table, wanted(version))


def last_job(version: Version) -> Job | None:
    """The newest preparation of this version, whatever came of it."""
    return Job.objects.filter(name=JOB, arguments={"version_id": version.pk}).order_by("-created_at").first()


def prepare(*, user: User, version: Version) -> Job | None:
    """Order the indexes of the sources that the version reads. One that is under way is the same job; None = nothing
    is missing."""
    if is_prepared(version):
        return None
    with transaction.atomic():
        Version.objects.select_for_update().get(pk=version.pk)
        last = last_job(version)
        if last and last.state in {Job.State.QUEUED, Job.State.RUNNING}:
            return last
        return jobs.start(
            "models_registry.prepare_lookup",
            title=_("Prepare the look-ups of %(version)s") % {"version": version},
            project=version.project,
            user=user,
            result_url=reverse(
                "models_registry:version-detail", args=[version.project.slug, version.model.slug, version.number]
            ),
            version_id=version.pk,
        )


def run_prepare(*, version: Version, progress: Progress = no_progress) -> None:
    """Do the work of :func:`prepare`. Twice is safe: an index that is there stays."""
    features.lookup_of(version.run.feature_table, wanted(version), progress=progress)
