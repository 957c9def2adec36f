"""Set-up messages of private matching: made once a project, source version, kind of id and mode, gone with the key."""

import json
from dataclasses import asdict
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _

from datafactory.engine import private_match as engine
from datafactory.engine.keying import distinct_ids
from datafactory.engine.private_match import Setup
from datafactory.models import PrivateMatch
from datafactory.services import keyed_ids
from modeling.artifacts import Progress, SourceFile, from_json, no_progress
from projects import keys, storage
from projects.errors import Conflict

KEY, MESSAGE, FIGURES = "key", "setup", "figures.json"


def folder_of(session: PrivateMatch) -> str:
    """Where the set-up lies. Modes do not share a secret: what is learned in one would undo the doubt of the other."""
    version = session.source_version
    base = f"{keyed_ids.project_folder(session.project)}/{version.pk}-{version.content_hash[:12]}"
    return f"{base}/private-{session.id_type}-{session.reveal}"


def ready(session: PrivateMatch, progress: Progress = no_progress) -> Setup:
    """The figures of the set-up, which is made if it is not there. The first of two that make it at once wins."""
    where = folder_of(session)
    if not storage.folder(where).is_dir():
        _make(session, where, progress)
    return figures_of(session)


def figures_of(session: PrivateMatch) -> Setup:
    return Setup(**json.loads((_present(session) / FIGURES).read_text()))


def _make(session: PrivateMatch, where: str, progress: Progress) -> None:
    source = from_json(SourceFile, session.source_version.ticket)
    ids = distinct_ids(storage.folder(source.path) / "rows.parquet", session.id_type)
    key = engine.new_key()
    with storage.staging() as staged:
        made = engine.prepare(
            ids, session.id_type, key, mode_of(session), staged / MESSAGE, settings.ENGINE_THREADS, progress
        )
        (staged / KEY).write_bytes(keys.wrap(key))
        (staged / FIGURES).write_text(json.dumps(asdict(made)))
        try:
            storage.publish(staged, where)
        except Conflict:
            if not storage.folder(where).is_dir():
                raise


def mode_of(session: PrivateMatch) -> engine.Mode:
    return "ids" if session.reveal == PrivateMatch.Reveal.IDS else "size"


def message_of(session: PrivateMatch) -> Path:
    """The file of the set-up message."""
    return _present(session) / MESSAGE


def key_of(session: PrivateMatch) -> bytes:
    """The secret exponent that fits the set-up message."""
    return keys.unwrap((_present(session) / KEY).read_bytes())


def _present(session: PrivateMatch) -> Path:
    path = storage.folder(folder_of(session))
    if not path.is_dir():
        raise Conflict("private_setup_gone", _("The set-up of this session was deleted. Begin a new session."))
    return path
