"""Doors for the queue: load by id, call one service."""

from typing import Any
from uuid import UUID

from datafactory.engine.connectors import Wanted
from datafactory.models import (
    Deletion,
    FeatureTable,
    IncomingUpload,
    LeakScan,
    Match,
    PrivateMatch,
    Sample,
    Source,
    SourceVersion,
)
from datafactory.services import (
    connections,
    deletions,
    features,
    incoming,
    leaks,
    matches,
    private_matches,
    samples,
    sources,
)
from modeling.artifacts import from_json
from projects.jobs import JobRun, job
from projects.models import User


@job("datafactory.fetch_table")
def fetch_table(
    run: JobRun, *, source_id: int, user_id: int, upload_id: str, connection: str, wanted: dict[str, Any]
) -> None:
    """Bring a table of a database or a store over as an upload. Twice is safe."""
    connections.run_fetch_table(
        user=User.objects.get(pk=user_id),
        source=Source.objects.select_related("institution").get(pk=source_id),
        upload=UUID(upload_id),
        connection=connection,
        wanted=from_json(Wanted, wanted),
        progress=run.progress,
    )


@job("datafactory.check_upload")
def check_upload(run: JobRun, *, incoming_id: str) -> None:
    """Hash a large file that came in pieces and look at its first rows. Twice is safe."""
    row = IncomingUpload.objects.select_related("project", "source", "institution", "created_by")
    incoming.run_check(row=row.get(pk=incoming_id), progress=run.progress)


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


@job("datafactory.match_sample")
def match_sample(run: JobRun, *, match_id: int) -> None:
    """Match a sample with sources. Twice is safe."""
    row = Match.objects.select_related("project", "sample__institution", "sample__project", "created_by")
    matches.run_match_sample(match=row.get(pk=match_id), progress=run.progress)


@job("datafactory.build_features")
def build_features(run: JobRun, *, feature_table_id: int) -> None:
    """Build a feature table and its profile. Twice is safe."""
    row = FeatureTable.objects.select_related("project", "match__sample__institution", "created_by")
    features.run_build_features(table=row.get(pk=feature_table_id), progress=run.progress)


@job("datafactory.scan_leaks")
def scan_leaks(run: JobRun, *, scan_id: int) -> None:
    """Look for columns that know the future. Twice is safe."""
    rows = LeakScan.objects.select_related("feature_table__project", "feature_table__match__sample__institution")
    leaks.run_scan_leaks(scan=rows.get(pk=scan_id), progress=run.progress)


@job("datafactory.delete_rows")
def delete_rows(run: JobRun, *, deletion_id: int) -> None:
    """Remove the files of a deletion. Twice is safe: what is gone is gone."""
    rows = Deletion.objects.select_related("project", "institution", "requested_by", "sample", "source_version__source")
    deletions.run_delete_rows(deletion=rows.get(pk=deletion_id), progress=run.progress)


@job("datafactory.prepare_private_match")
def prepare_private_match(run: JobRun, *, session_id: str) -> None:
    """Make the set-up message of a session that was approved. Twice is safe."""
    rows = PrivateMatch.objects.select_related("project", "institution", "source_version__source")
    private_matches.run_prepare(session=rows.get(pk=session_id), progress=run.progress)


@job("datafactory.answer_private_match")
def answer_private_match(run: JobRun, *, session_id: str) -> None:
    """Answer the one request of a session. Twice is safe."""
    rows = PrivateMatch.objects.select_related("project", "institution", "source_version__source")
    private_matches.run_answer(session=rows.get(pk=session_id), progress=run.progress)
