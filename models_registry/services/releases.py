"""What is live, from when to when: the intervals of a model follow each other and never overlap."""

from datetime import datetime

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from models_registry import selectors
from models_registry.models import Model, Release, Version
from models_registry.services import gate, lookups, training
from models_registry.services.versions import four_eyes, locked, require
from projects import audit
from projects.errors import Conflict
from projects.models import User


def publish(*, user: User, version: Version, note: str = "", acknowledge: tuple[str, ...] = ()) -> Release:
    """Put an approved version live after the gate has passed; the version that was live before ends at that moment.

    The gate runs before the lock is taken (it reads rows), the switch is one transaction. ``Conflict("gate_failed")``
    names the checks that failed and changes nothing but their record; ``Conflict("lookup_not_ready")`` says that the
    indexes of the model's sources, ordered when the version was submitted, are not finished. Publishing the live
    version again is the same release.
    """
    four_eyes(user, version)
    if version.status == Version.Status.LIVE:
        return Release.objects.get(version=version, live_to=None)
    require(version, Version.Status.APPROVED)
    training.require_ready(version.run.feature_table)
    _prepared(user, version)
    gate.pass_or_refuse(version=version, acknowledge=acknowledge)
    with transaction.atomic():
        version = locked(version)
        require(version, Version.Status.APPROVED)
        release = _switch(version, user, note)
        audit.record(
            "version.published", actor=user, project=version.project, target=str(version), release=release.pk, note=note
        )
    return release


def retire(*, user: User, version: Version, note: str = "") -> Version:
    """Take a live version out of service; products on its model stop answering. An approved one is just withdrawn."""
    four_eyes(user, version, author_may=True)
    with transaction.atomic():
        version = locked(version)
        if version.status == Version.Status.RETIRED:
            return version
        require(version, Version.Status.LIVE, Version.Status.APPROVED)
        _close(version.model, _not_before_the_last(version.model), user, note, only=version)
        _become(version, Version.Status.RETIRED)
        audit.record("version.retired", actor=user, project=version.project, target=str(version), note=note)
    return version


def _prepared(user: User, version: Version) -> None:
    """Indexes that are missing (not built yet, or the last try failed) are ordered again and named."""
    job = lookups.prepare(user=user, version=version)
    if not lookups.is_prepared(version):
        raise Conflict(
            "lookup_not_ready",
            _("The model's look-ups are still being prepared. Publish when the job has finished."),
            detail={"job": str(job.pk) if job else None},
        )


def _switch(version: Version, user: User, note: str) -> Release:
    now = _not_before_the_last(version.model)
    _close(version.model, now, user, _("Replaced by %(version)s.") % {"version": version})
    release = Release.objects.create(
        version=version, model=version.model, live_from=now, published_by=user, reason=note[:200]
    )
    _become(version, Version.Status.LIVE)
    return release


def _close(model: Model, at: datetime, user: User, reason: str, *, only: Version | None = None) -> None:
    open_ones = Release.objects.filter(model=model, live_to=None)
    for release in open_ones.filter(version=only) if only else open_ones:
        release.live_to, release.retired_by, release.reason = at, user, (release.reason or reason)[:200]
        release.save(update_fields=["live_to", "retired_by", "reason"])
        _become(release.version, Version.Status.RETIRED)


def _not_before_the_last(model: Model) -> datetime:
    """Now, or the end of the last interval if the clock was set back meanwhile."""
    now = timezone.now()
    last = selectors.releases_of(model).first()
    return max(now, last.live_to or last.live_from) if last else now


def _become(version: Version, status: Version.Status) -> None:
    version.status = status
    version.save(update_fields=["status"])
