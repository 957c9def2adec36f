"""Who reaches a sample, an upload, a source or one of its versions; strangers get 404."""

from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from datafactory.models import (
    Deletion,
    FeatureTable,
    ImportProfile,
    IncomingUpload,
    Match,
    PrivateMatch,
    Sample,
    Source,
    SourceVersion,
    Upload,
)
from datafactory.selectors import deletions, features, incoming, matches, private_matches, profiles, samples, sources
from projects import access, sharing
from projects.access import AnyUser, person, project_for
from projects.errors import Conflict, Forbidden, NotFound
from projects.models import Institution, Project

BRING = "projects.bring_sample"
BUILD = "projects.build_project"
VIEW = "projects.view_project"


def sample_for(user: AnyUser, slug: str, number: int, perm: str = VIEW) -> Sample:
    rows = samples.samples_of(project_for(user, slug, perm), person(user)).defer(None)
    sample = rows.select_related("upload", "authorisation").filter(number=number).first()
    if sample is None:
        raise NotFound("sample_not_found", _("There is no such sample."))
    return sample


def bringing_institutions(user: AnyUser, project: Project) -> list[Institution]:
    """For whom ``user`` brings samples here, at least one; 403 for all but the analysts of a participant."""
    found = access.institutions_of(user, project, sharing.PROJECT_RULES["bring_sample"])
    if not found:
        raise Forbidden()
    return found


def require_keeper(user: AnyUser, source: Source) -> None:
    """403 for all but the people who look after the platform's sources."""
    if not access.roles_in(user, source.institution) & set(sources.KEEPERS):
        raise Forbidden()


def match_for(user: AnyUser, slug: str, number: int, perm: str = VIEW) -> Match:
    rows = matches.matches_of(project_for(user, slug, perm), person(user)).defer(None)
    match = rows.select_related("sample__institution").filter(number=number).first()
    if match is None:
        raise NotFound("match_not_found", _("There is no such match."))
    return match


def deletion_for(user: AnyUser, number: int) -> Deletion:
    """A certificate of one's project or institution."""
    found = deletions.deletions_seen_by(person(user)).filter(number=number).first()
    if found is None:
        raise NotFound("deletion_not_found", _("There is no such certificate."))
    return found


def feature_table_for(user: AnyUser, slug: str, number: int, perm: str = VIEW) -> FeatureTable:
    rows = features.tables_of(project_for(user, slug, perm), person(user)).defer(None)
    table = rows.filter(number=number).first()
    if table is None:
        raise NotFound("feature_table_not_found", _("There is no such feature table."))
    return table


def upload_for(user: AnyUser, slug: str, pk: UUID | str) -> tuple[Project, Upload]:
    """An upload of one's own institution in a project to which one brings samples."""
    project = project_for(user, slug, BRING)
    mine = bringing_institutions(user, project)
    upload = samples.uploads_of(project).filter(pk=pk, institution__in=mine).first()
    if upload is None:
        raise NotFound("upload_not_found", _("There is no such upload."))
    return project, upload


def incoming_for(user: AnyUser, slug: str, pk: UUID | str) -> IncomingUpload:
    """An upload in pieces that ``user`` began for a project, while the right to bring samples there lasts."""
    project = project_for(user, slug, BRING)
    rows = incoming.incoming_of(person(user), bringing_institutions(user, project))
    return _incoming(rows.filter(pk=pk, project=project).first())


def source_incoming_for(user: AnyUser, code: str, pk: UUID | str) -> IncomingUpload:
    source = source_for(user, code, keep=True)
    rows = incoming.incoming_of(person(user), [source.institution])
    return _incoming(rows.filter(pk=pk, source=source).first())


def _incoming(row: IncomingUpload | None) -> IncomingUpload:
    if row is None:
        raise NotFound("upload_not_found", _("There is no such upload."))
    return row


def import_profile_for(user: AnyUser, slug: str, pk: int) -> tuple[Project, ImportProfile]:
    """A profile of one's own institution, in a project to which one brings samples."""
    project = project_for(user, slug, BRING)
    profile = profiles.profiles_of(bringing_institutions(user, project)).filter(pk=pk).first()
    if profile is None:
        raise NotFound("import_profile_not_found", _("There is no such import profile."))
    return project, profile


def source_for(user: AnyUser, code: str, *, keep: bool = False) -> Source:
    """The source if ``user`` may see it (404 else), and may bring versions of it if ``keep`` (403 else)."""
    source = sources.sources_seen_by(person(user)).filter(slug=code).first()
    if source is None:
        raise NotFound("source_not_found", _("There is no such source."))
    if keep:
        require_keeper(person(user), source)
    return source


def source_upload_for(user: AnyUser, code: str, pk: UUID | str) -> tuple[Source, Upload]:
    source = source_for(user, code, keep=True)
    rows: Any = Upload.objects.filter(pk=pk, project=None, institution=source.institution)
    upload = rows.first()
    if upload is None:
        raise NotFound("upload_not_found", _("There is no such upload."))
    return source, upload


def source_version_for(user: AnyUser, code: str, number: int) -> SourceVersion:
    """A version with its dictionary and report: the platform's own people only."""
    source = source_for(user, code)
    if not sources.is_own(person(user), source):
        raise Forbidden()
    version = source.versions.select_related("source__institution", "upload", "created_by", "job")
    found = version.filter(number=number).first()
    if found is None:
        raise NotFound("source_version_not_found", _("There is no such version."))
    return found


def private_match_for(user: AnyUser, slug: str, pk: UUID | str) -> PrivateMatch:
    """A session of one of ``user``'s own institutions, on either side."""
    found = private_matches.sessions_of(project_for(user, slug), person(user)).filter(pk=pk).first()
    if found is None:
        raise NotFound("private_match_not_found", _("There is no such session of private matching."))
    return found


def asked_private_match_for(user: AnyUser, slug: str, pk: UUID | str) -> PrivateMatch:
    """A session that ``user`` may carry out: an analyst of the institution that asked for it (403 else)."""
    session = private_match_for(user, slug, pk)
    project = project_for(user, slug, BRING)
    if session.institution not in bringing_institutions(user, project):
        raise Forbidden()
    return session


def kept_private_match_for(user: AnyUser, slug: str, pk: UUID | str) -> PrivateMatch:
    """A session that ``user`` may allow or refuse: who looks after the source, in an open project (403 else)."""
    session = private_match_for(user, slug, pk)
    if not private_matches.is_keeper(session, person(user)):
        raise Forbidden()
    if session.project.status != Project.Status.OPEN:
        raise Conflict("project_not_open", _("The project is not open."))
    return session


def closed_private_match_for(user: AnyUser, slug: str, pk: UUID | str) -> PrivateMatch:
    """A session that ``user`` may end: an analyst of the one side or a keeper of the other (403 else)."""
    session = private_match_for(user, slug, pk)
    allowed = private_matches.is_keeper(session, person(user)) or private_matches.is_asker(session, person(user))
    if not allowed:
        raise Forbidden()
    return session
