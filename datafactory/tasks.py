"""Doors for the queue: load by id, call one service."""

from datafactory.models import Sample, SourceVersion
from datafactory.services import samples, sources
from projects.jobs import JobRun, job


@job("datafactory.import_sample")
def import_sample(run: JobRun, *, sample_id: int) -> None:
    """Read an uploaded sample. Twice is safe: a ready sample stays as it is."""
    row = Sample.objects.select_related("project", "institution", "upload", "created_by").get(pk=sample_id)
    samples.run_import_sample(sample=row, progress=run.progress)


@job("datafactory.import_source_version")
def import_source_version(run: JobRun, *, version_id: int) -> None:
    """Read an uploaded version of a source. Twice is safe."""
    row = SourceVersion.objects.select_related("source__institution", "upload", "created_by").get(pk=version_id)
    sources.run_import_source_version(version=row, progress=run.progress)
