"""Keyed ids of source versions and what is built from them: one folder a project and version, gone with the key."""

from pathlib import Path

from datafactory.engine.keying import key_ids
from datafactory.engine.matching import SourceInput
from datafactory.engine.online import build_online_store
from datafactory.models import SourceVersion
from modeling.artifacts import Progress, SourceFile, from_json, no_progress
from projects import keys, storage
from projects.models import Project


def source_input(version: SourceVersion) -> SourceInput:
    """A ready version as the engine sees it."""
    ticket = from_json(SourceFile, version.ticket)
    return SourceInput(
        slug=version.source.slug,
        kind="events" if version.source.kind == version.source.Kind.EVENTS else "snapshot",
        path=ticket.path,
        id_types=ticket.id_types,
        has_event_time=ticket.has_event_time,
        has_known_at=ticket.has_known_at,
        content_hash=ticket.content_hash,
        columns=ticket.columns,
        first_event=ticket.first_event,
        marks=ticket.marks,
        valid_days=version.plan.get("valid_days"),
    )


def project_folder(project: Project) -> str:
    """Where all keyed ids of a project lie; whoever destroys its key removes this folder."""
    return f"keyed/{project.pk}"


def _place(project: Project, version: SourceVersion, what: str) -> str:
    return f"{project_folder(project)}/{version.pk}-{version.content_hash[:12]}/{what}"


def keyed_dir(project: Project, version: SourceVersion, progress: Progress = no_progress) -> Path:
    """The version's ids under the project's key, made on first use."""
    where = _place(project, version, "ids")
    if not storage.folder(where).is_dir():
        source = source_input(version)
        with storage.staging() as staged:
            rows = storage.folder(source.path) / "rows.parquet"
            key_ids(rows, source.id_types, keys.project_key(project), staged, progress=progress)
            storage.publish(staged, where)
    return storage.folder(where)


def has_online(project: Project, version: SourceVersion) -> bool:
    return storage.folder(_place(project, version, "online")).is_dir()


def online_dir(project: Project, version: SourceVersion, progress: Progress = no_progress) -> Path:
    """The version's indexed copy for single look-ups, made on first use."""
    where = _place(project, version, "online")
    if not has_online(project, version):
        source = source_input(version)
        keyed = keyed_dir(project, version, progress)
        with storage.staging() as staged:
            build_online_store(source, storage.folder(source.path), keyed, staged, progress=progress)
            storage.publish(staged, where)
    return storage.folder(where)


def forget(project: Project) -> None:
    """Remove everything made with the project's key; twice is safe."""
    storage.remove(project_folder(project))
