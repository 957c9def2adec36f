"""A version: an evaluated run offered for use, and decided on by somebody other than its author."""

from collections.abc import Mapping, Sequence
from itertools import chain, count
from typing import Any

from django.db import transaction
from django.db.models import Max, Q
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext as _

from models_registry import selectors
from models_registry.models import Evaluation, Model, TrainingRun, Version
from models_registry.services import gate, lookups, signatures, training
from projects import audit, sharing
from projects.errors import Conflict, Forbidden, Invalid
from projects.models import Project, User

CHANGEABLE = (Version.Status.DRAFT, Version.Status.RETURNED)


def create_version(*, user: User, run: TrainingRun, model: Model | str, note: str = "") -> Version:
    """Offer an evaluated run as the next version of a model (made if the name is new), with signature and bands.

    Twice with the same run and model is the same version as long as nobody has decided on it.
    """
    evaluation = evaluation_of(run)
    training.require_ready(run.feature_table)
    with transaction.atomic():
        model = _model_named(model, run, user) if isinstance(model, str) else model
        model = Model.objects.select_for_update().get(pk=model.pk)
        existing = Version.objects.filter(model=model, run=run, status=Version.Status.DRAFT).first()
        if existing:
            return existing
        version = Version.objects.create(
            model=model,
            number=(model.versions.aggregate(last=Max("number"))["last"] or 0) + 1,
            run=run,
            evaluation=evaluation,
            signature=signatures.signature_of(run),
            bands=signatures.default_bands(run),
            note=note,
            author=user,
        )
        sharing.share(version)
        audit.record("version.created", actor=user, project=run.project, target=str(version), run=run.number)
    return version


def submit(*, user: User, version: Version, note: str = "") -> Version:
    """Ask for approval. Only the author offers; a returned version may be offered again."""
    if user != version.author:
        raise Forbidden("not_the_author", _("Only the author of a version can submit it."))
    require(version, *CHANGEABLE)
    training.require_ready(version.run.feature_table)
    gate.look(version)
    now = timezone.now()
    with transaction.atomic():
        version = locked(version)
        require(version, *CHANGEABLE)
        undecided = {"decided_by": None, "decided_at": None, "decision_note": ""}
        status, note = Version.Status.SUBMITTED, note or version.note
        _move(version, status, user, "version.submitted", note=note, submitted_at=now, **undecided)
        lookups.prepare(user=user, version=version)
    return version


def approve(*, user: User, version: Version, note: str = "") -> Version:
    """Accept a submitted version. ``Conflict("own_version")`` for its author, whatever their roles."""
    four_eyes(user, version)
    return _decide(version, user, Version.Status.APPROVED, "version.approved", note)


def send_back(*, user: User, version: Version, note: str) -> Version:
    """Return a submitted version to its author, with reasons."""
    four_eyes(user, version)
    if not note.strip():
        raise Invalid("reasons_missing", _("Say what has to change before you send the version back."))
    return _decide(version, user, Version.Status.RETURNED, "version.returned", note)


def change_bands(*, user: User, version: Version, bands: Sequence[Mapping[str, Any]]) -> Version:
    """Set the decision bands of a draft: names, lower bounds from high to low, actions."""
    checked = signatures.read_bands(bands)
    with transaction.atomic():
        version = locked(version)
        require(version, *CHANGEABLE)
        version.bands = checked
        version.save(update_fields=["bands"])
        audit.record("version.bands_changed", actor=user, project=version.project, target=str(version))
    return version


def four_eyes(user: User, version: Version, *, author_may: bool = False) -> None:
    """Refuse whoever may not release here, and the author even if they might."""
    if "release_version" not in sharing.held(user, version):
        raise Forbidden("no_release_permission", _("You may not approve or publish versions in this project."))
    if user == version.author and not author_may:
        raise Conflict("own_version", _("A version is approved and published by another person than its author."))


def locked(version: Version) -> Version:
    """The row as it is now, held until the transaction ends. The model's row is held first: one order for all."""
    Model.objects.select_for_update().get(pk=version.model_id)
    return Version.objects.select_for_update(of=("self",)).select_related("model__project", "author").get(pk=version.pk)


def evaluation_of(run: TrainingRun) -> Evaluation:
    if run.state != TrainingRun.State.READY:
        raise Conflict("run_not_ready", _("Run %(number)s is not ready.") % {"number": run.number})
    evaluation = selectors.latest_evaluation(run)
    if evaluation is None:
        raise Conflict("run_not_evaluated", _("Run %(number)s has no finished evaluation.") % {"number": run.number})
    return evaluation


def _model_named(name: str, run: TrainingRun, user: User) -> Model:
    name = name.strip()
    if not name:
        raise Invalid("model_name_missing", _("Give the model a name."))
    Project.objects.select_for_update().get(pk=run.project_id)
    found = Model.objects.filter(project=run.project).filter(Q(name=name) | Q(slug=name)).first()
    if found:
        return found
    model = Model.objects.create(project=run.project, slug=_free_slug(name, run), name=name[:120], created_by=user)
    sharing.share(model)
    audit.record("model.created", actor=user, project=run.project, target=str(model))
    return model


def _free_slug(name: str, run: TrainingRun) -> str:
    """From the name where it has Latin letters (a Chinese one has none), made unique in the project."""
    stem = slugify(name)[:50] or "model"
    taken = set(Model.objects.filter(project=run.project, slug__startswith=stem).values_list("slug", flat=True))
    return next(slug for slug in chain([stem], (f"{stem}-{n}" for n in count(2))) if slug not in taken)


def _decide(version: Version, user: User, status: Version.Status, action: str, note: str) -> Version:
    with transaction.atomic():
        version = locked(version)
        require(version, Version.Status.SUBMITTED)
        return _move(
            version, status, user, action, decided_by=user, decided_at=timezone.now(), decision_note=note.strip()
        )


def _move(version: Version, status: Version.Status, user: User, action: str, **fields: Any) -> Version:
    version.status = status
    for name, value in fields.items():
        setattr(version, name, value)
    version.save()
    reasons = str(fields.get("decision_note") or fields.get("note") or "")
    audit.record(action, actor=user, project=version.project, target=str(version), note=reasons[:500])
    return version


def require(version: Version, *statuses: Version.Status) -> None:
    """``Conflict("wrong_status")`` unless the version is in one of these."""
    if version.status not in statuses:
        raise Conflict(
            "wrong_status",
            _("%(version)s is %(status)s; this step is not possible now.")
            % {"version": version, "status": version.get_status_display().lower()},
        )
