"""Sessions of private matching: asked for by the partner, allowed by the platform, answered once."""

import hashlib
import time
from datetime import timedelta
from pathlib import Path
from typing import Any, BinaryIO

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from datafactory import access
from datafactory.engine import private_match as engine
from datafactory.models import IdTrial, PrivateMatch, SourceVersion
from datafactory.selectors import id_trials as ledger
from datafactory.selectors import private_matches as selectors
from datafactory.services import id_trials, keyed_ids, private_setups, uploads
from datafactory.services.matches import floor_of
from etron_partner.elements import SIZE_STEP
from modeling.artifacts import Progress, no_progress
from projects import audit, jobs, storage
from projects.errors import Conflict, Forbidden, Invalid
from projects.models import Institution, Project, User

State, Reveal = PrivateMatch.State, PrivateMatch.Reveal
DAYS, MAX_DAYS = 7, 30
_CHUNK = 1024**2
_ENVELOPE_BYTES = 1024


def request_session(
    *,
    user: User,
    project: Project,
    version: SourceVersion,
    id_type: str,
    reveal: str = Reveal.IDS,
    max_ids: int,
    days: int = DAYS,
) -> PrivateMatch:
    """Ask the owner of a source for a session: analysts with an authorisation in force, within the cap on ids."""
    institution = access.bringing_institutions(user, project)[0]
    uploads.authorisation_in_force(project, institution)
    _require_source(project, version, id_type)
    _require_size(project, institution, version, max_ids)
    if not 1 <= days <= MAX_DAYS:
        raise Invalid("private_match_days", _("A session lasts from 1 to %(days)s days.") % {"days": MAX_DAYS})
    with transaction.atomic():
        session = PrivateMatch.objects.create(
            project=project,
            institution=institution,
            source_version=version,
            id_type=id_type,
            reveal=reveal,
            max_ids=max_ids,
            created_by=user,
            expires_at=timezone.now() + timedelta(days=days),
        )
        _record("private_match.requested", user, session, max_ids=max_ids, reveal=reveal, id_type=id_type)
    return session


def _require_source(project: Project, version: SourceVersion, id_type: str) -> None:
    if version.state != "ready" or version.deleted_at is not None:
        raise Conflict("source_not_ready", _("%(source)s is not ready.") % {"source": version})
    if id_type not in version.ticket.get("id_types", []):
        text = _("%(source)s has no ids of type %(id_type)s.") % {"source": version, "id_type": id_type}
        raise Invalid("source_lacks_id_type", text)


def _require_size(project: Project, institution: Institution, version: SourceVersion, max_ids: int) -> None:
    floor, most = floor_of(project), selectors.largest(project)
    if not floor <= max_ids <= most:
        text = _("A session asks for %(floor)s to %(most)s ids.") % {"floor": f"{floor:,}", "most": f"{most:,}"}
        raise Invalid("private_match_size", text, detail={"floor": floor, "most": most})
    left = ledger.ids_left(institution, version.source)
    if max_ids > left:
        raise id_trials.cap_reached(institution, version.source, max_ids, left)


def decide(*, user: User, session: PrivateMatch, approve: bool) -> PrivateMatch:
    """Allow or refuse a session: who looks after the source, and never who asked for it. Decided once."""
    if not selectors.is_keeper(session, user) or session.created_by_id == user.pk:
        raise Forbidden()
    with transaction.atomic():
        row = _locked(session)
        if row.state != State.REQUESTED or selectors.is_expired(row):
            raise Conflict("private_match_decided", _("This session was already decided, or its time is over."))
        row.decided_by = user
        row.state = State.PREPARING if approve else State.REFUSED
        if approve:
            title = _("Prepare private matching with %(name)s") % {"name": row.source_version}
            row.job = jobs.start("datafactory.prepare_private_match", title=title, **_work(row, user))
        else:
            row.finished_at = timezone.now()
        row.save(update_fields=["decided_by", "state", "job", "finished_at"])
        _record("private_match.approved" if approve else "private_match.refused", user, row)
    return row


def _work(session: PrivateMatch, user: User) -> dict[str, Any]:
    return {
        "project": session.project,
        "institution": session.source_version.source.institution,
        "user": user,
        "result_url": reverse("datafactory:private-match-detail", args=[session.project.slug, session.pk]),
        "session_id": str(session.pk),
    }


def run_prepare(*, session: PrivateMatch, progress: Progress = no_progress) -> PrivateMatch:
    """Do the work of an approval. Twice is safe: the set-up is made once."""
    if session.state != State.PREPARING:
        return session
    made = private_setups.ready(session, progress)
    with transaction.atomic():
        row = _locked(session)
        if row.state == State.PREPARING:
            row.state, row.n_platform = State.READY, made.n_ids
            row.save(update_fields=["state", "n_platform"])
            _record("private_match.prepared", None, row, n_platform=made.n_ids, setup_bytes=made.size_bytes)
    return row


def setup_file(session: PrivateMatch) -> Path:
    """The set-up message of a session that is under way."""
    _require_live(session)
    return private_setups.message_of(session)


def ask(*, user: User, session: PrivateMatch, body: BinaryIO) -> PrivateMatch:
    """Take the one request of a session and order its answer. The same bytes again change nothing.

    Sizes are checked before anything is computed, and the ids are counted against the cap before anything is answered.
    """
    _require_live(session)
    uploads.authorisation_in_force(session.project, session.institution)
    with storage.staging() as staged:
        path = staged / "request"
        sha256 = _receive(body, path, session.max_ids)
        if not session.request_sha256:
            asked = engine.read_request(path.read_bytes())
            _require_fitting(session, asked)
        with transaction.atomic():
            row = _locked(session)
            if row.request_sha256:
                return _repeated(row, sha256)
            _count(row, asked.n_distinct)
            storage.publish(path, _place(row, f"request-{sha256[:12]}"))
            row.request_sha256, row.n_partner = sha256, asked.n_distinct
            title = _("Answer private matching with %(name)s") % {"name": row.source_version}
            row.job = jobs.start("datafactory.answer_private_match", title=title, **_work(row, user))
            row.save(update_fields=["request_sha256", "n_partner", "job"])
            _record("private_match.asked", user, row, n_ids=asked.n_distinct)
    return row


def _repeated(session: PrivateMatch, sha256: str) -> PrivateMatch:
    if session.request_sha256 == sha256:
        return session
    raise Conflict("private_match_asked", _("This session has already had its one request. Begin a new session."))


def _receive(body: BinaryIO, path: Path, max_ids: int) -> str:
    """The bytes of a request on disk, no more of them than ``max_ids`` can take, and their sha256."""
    digest, size = hashlib.sha256(), 0
    limit = max_ids * engine.REQUEST_BYTES_PER_ID + _ENVELOPE_BYTES
    with path.open("wb") as out:
        while chunk := body.read(_CHUNK):
            size += len(chunk)
            if size > limit:
                raise _too_many(max_ids)
            digest.update(chunk)
            out.write(chunk)
    return digest.hexdigest()


def _too_many(max_ids: int) -> Invalid:
    text = _("The request holds more than the %(max_ids)s ids that were approved.") % {"max_ids": f"{max_ids:,}"}
    return Invalid("private_match_too_many", text, detail={"max_ids": max_ids})


def _require_fitting(session: PrivateMatch, asked: engine.Asked) -> None:
    if asked.n_elements > session.max_ids:
        raise _too_many(session.max_ids)
    if asked.mode != session.reveal:
        raise Invalid("private_match_mode", _("The request asks for what this session does not reveal."))
    floor = floor_of(session.project)
    if asked.n_distinct < floor:
        text = _("%(n_ids)s distinct ids are fewer than the %(floor)s that a session needs.")
        raise Invalid("below_floor", text % {"n_ids": f"{asked.n_distinct:,}", "floor": f"{floor:,}"})


def _count(session: PrivateMatch, n_ids: int) -> None:
    id_trials.spend(
        institution=session.institution,
        source=session.source_version.source,
        project=session.project,
        mode=IdTrial.Mode.PRIVATE,
        n_ids=n_ids,
    )


def run_answer(*, session: PrivateMatch, progress: Progress = no_progress) -> PrivateMatch:
    """Do the work of :func:`ask`. Twice is safe: a response is written once."""
    if session.state != State.READY:
        return session
    started = time.monotonic()
    request = storage.folder(_place(session, f"request-{session.request_sha256[:12]}")).read_bytes()
    key, threads = private_setups.key_of(session), settings.ENGINE_THREADS
    with storage.staging() as staged:
        path = staged / "response"
        engine.answer(request, key, private_setups.mode_of(session), path, threads, progress)
        storage.publish(path, _place(session, "response"))
    with transaction.atomic():
        row = _locked(session)
        if row.state == State.READY:
            row.state, row.seconds = State.ANSWERED, round(time.monotonic() - started, 2)
            row.finished_at = timezone.now()
            row.save(update_fields=["state", "seconds", "finished_at"])
            _record("private_match.answered", None, row, n_ids=row.n_partner, seconds=row.seconds)
    if row.state in selectors.ENDED:
        storage.remove(_folder(row))
    return row


def setup_sha256(session: PrivateMatch) -> str:
    """Which set-up a response fits: one that was deleted and made anew has another secret."""
    return private_setups.figures_of(session).sha256


def response_file(session: PrivateMatch) -> Path | None:
    """The response, or None while it is being worked on."""
    _require_live(session)
    if not session.request_sha256:
        raise Conflict("private_match_not_asked", _("This session has not had its request yet."))
    return storage.folder(_place(session, "response")) if session.state == State.ANSWERED else None


def note_size(*, user: User, session: PrivateMatch, n_matched: int) -> PrivateMatch:
    """Note the number of shared ids that the partner found in a size-only session, in steps of ten people."""
    _require_live(session)
    if session.reveal != Reveal.SIZE or session.state != State.ANSWERED:
        raise Conflict("private_match_no_size", _("Only an answered session that reveals sizes has a size to note."))
    if n_matched > (session.n_partner or 0):
        raise Invalid("private_match_size", _("More ids cannot be shared than were asked for."))
    with transaction.atomic():
        row = _locked(session)
        row.n_matched = SIZE_STEP * round(n_matched / SIZE_STEP)
        row.save(update_fields=["n_matched"])
        _record("private_match.sized", user, row, n_matched=row.n_matched)
    return row


def close(*, user: User | None, session: PrivateMatch) -> PrivateMatch:
    """End a session and remove its request and response. Sizes and the audit lines stay. Twice is safe."""
    with transaction.atomic():
        row = _locked(session)
        if row.state not in selectors.ENDED:
            row.state, row.finished_at = State.CLOSED, row.finished_at or timezone.now()
            row.save(update_fields=["state", "finished_at"])
            _record("private_match.closed", user, row)
    storage.remove(_folder(row))
    return row


def sweep() -> int:
    """Close the sessions whose time is over; how many there were."""
    late = PrivateMatch.objects.exclude(state__in=selectors.ENDED).filter(expires_at__lte=timezone.now())
    return len([close(user=None, session=session) for session in late.select_related("project", "institution")])


def _require_live(session: PrivateMatch) -> None:
    if selectors.is_expired(session):
        raise Conflict("private_match_expired", _("The time of this session is over. Begin a new one."))
    if session.state not in {State.READY, State.ANSWERED}:
        text = _("This session is not under way: %(state)s.") % {"state": selectors.shown_label(session)}
        raise Conflict("private_match_not_ready", text, detail={"state": selectors.shown_state(session)})


def _locked(session: PrivateMatch) -> PrivateMatch:
    rows = PrivateMatch.objects.select_for_update(of=("self",))
    return rows.select_related("project", "institution", "source_version__source__institution").get(pk=session.pk)


def _folder(session: PrivateMatch) -> str:
    return f"{keyed_ids.project_folder(session.project)}/private-sessions/{session.pk}"


def _place(session: PrivateMatch, what: str) -> str:
    return f"{_folder(session)}/{what}"


def _record(action: str, user: User | None, session: PrivateMatch, **detail: Any) -> None:
    audit.record(
        action,
        actor=user,
        project=session.project,
        institution=session.institution,
        target=f"private matching {str(session.pk)[:8]} with {session.source_version}",
        **detail,
    )
