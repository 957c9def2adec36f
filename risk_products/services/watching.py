"""Watch lists: accounts that are scored again and again, and the changes worth telling."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from modeling.artifacts import Progress
from modeling.errors import DataError
from projects import audit, jobs, keys
from projects.errors import Conflict, DomainError, Invalid
from projects.models import Institution, Job, User
from risk_products.engine import answers, requests
from risk_products.engine.accounts import AccountRow
from risk_products.engine.answers import ErrorOut, RowError
from risk_products.engine.requests import ScoreRequest
from risk_products.models import Product, ScoreCall, WatchChange, WatchedAccount, WatchList
from risk_products.selectors import standing as standings
from risk_products.selectors.loaded import loaded
from risk_products.selectors.standing import Standing, require_answering
from risk_products.services import scoring

CHUNK = 500
MAX_ACCOUNTS = 100_000


def create_watch_list(
    *, user: User, product: Product, institution: Institution, name: str, min_change: int = 20
) -> WatchList:
    """An empty list; ``Conflict("name_taken")`` if the institution has one of that name here."""
    if product.family != Product.Family.MONITORING:
        raise Invalid("not_monitoring", _("Only monitoring products keep watch lists."))
    try:
        with transaction.atomic():
            row = WatchList.objects.create(
                product=product, institution=institution, name=name, min_change=min_change, created_by=user
            )
            _audit("watch_list.created", user, row, min_change=min_change)
    except IntegrityError:
        raise Conflict("name_taken", _("There is already a watch list of this name.")) from None
    return row


def change_watch_list(*, user: User, watch_list: WatchList, name: str, min_change: int) -> WatchList:
    """Twice is safe."""
    watch_list.name, watch_list.min_change = name, min_change
    try:
        with transaction.atomic():
            watch_list.save(update_fields=["name", "min_change"])
            _audit("watch_list.changed", user, watch_list, min_change=min_change)
    except IntegrityError:
        raise Conflict("name_taken", _("There is already a watch list of this name.")) from None
    return watch_list


def delete_watch_list(*, user: User, watch_list: WatchList) -> None:
    """The list, its accounts and its changes go; the recorded calls stay."""
    with transaction.atomic():
        _audit("watch_list.deleted", user, watch_list, accounts=watch_list.accounts.count())
        watch_list.delete()


def put_accounts(*, user: User, watch_list: WatchList, accounts: Sequence[AccountRow]) -> int:
    """Add accounts or give known ones new ids and values; all or none. Twice is safe.

    Each is checked against the live version's signature, so that a mistake shows now and not at night.
    """
    now = timezone.now()
    standing = standing_of(watch_list, user.pk)
    version_id, authorisation = require_answering(standing, now)
    checker = loaded(version_id).checker
    for number, row in enumerate(accounts, 1):
        try:
            checker.check(ScoreRequest(row.account, row.ids, None, row.features, ""), now)
        except DataError as error:
            text = "Account %(account)s: " + error.template
            raise DataError(error.code, text, **error.params | {"row": number, "account": row.account}) from None
    rows = [
        WatchedAccount(
            watch_list=watch_list,
            account=row.account,
            ids=dict(row.ids),
            features=keys.encrypt(authorisation, msgspec.json.encode(row.features)),
            authorisation_id=authorisation.pk,
        )
        for row in accounts
    ]
    with transaction.atomic():
        WatchedAccount.objects.bulk_create(
            rows,
            batch_size=CHUNK,
            update_conflicts=True,
            unique_fields=["watch_list", "account"],
            update_fields=["ids", "features", "authorisation"],
        )
        if watch_list.accounts.count() > MAX_ACCOUNTS:
            raise Invalid("too_many_accounts", _("A watch list holds at most 100,000 accounts."))
        _audit("watch_list.accounts_put", user, watch_list, accounts=len(rows))
    return len(rows)


def remove_accounts(*, user: User, watch_list: WatchList, accounts: Iterable[str]) -> int:
    """Take accounts off the list; those that are not on it are ignored."""
    with transaction.atomic():
        found = watch_list.accounts.filter(account__in=list(accounts))
        n = found.count()
        found.delete()
        _audit("watch_list.accounts_removed", user, watch_list, accounts=n)
    return n


def rescore(*, user: User, watch_list: WatchList) -> Job:
    """Start the job that scores every account of the list; while one runs, that one is returned."""
    with transaction.atomic():
        watch_list = WatchList.objects.select_for_update().get(pk=watch_list.pk)
        running = watch_list.job
        if running is not None and running.state in (Job.State.QUEUED, Job.State.RUNNING):
            return running
        watch_list.job = jobs.start(
            "risk_products.rescore_watch_list",
            title=f"{watch_list.product.name}: {watch_list.name}",
            institution=watch_list.institution,  # nobody else's business, in the same project or not
            user=user,
            result_url=reverse("risk_products:watch-list-detail", args=[watch_list.product.slug, watch_list.pk]),
            watch_list_id=watch_list.pk,
        )
        watch_list.save(update_fields=["job"])
    return watch_list.job


def rescore_watch_list(*, watch_list: WatchList, job: Job, progress: Progress) -> int:
    """Score every account that this job has not scored yet; returns the number of changes of the job.

    Safe to run again after a kill: request ids come from the job, and each chunk is one transaction.
    """
    now = job.created_at
    total = watch_list.accounts.count()
    done = watch_list.accounts.filter(last_job=job.pk).count()
    standing = standing_of(watch_list, job.created_by_id)
    for chunk in _chunks(watch_list, job.pk):
        progress(done, total, str(_("accounts")))
        _score_chunk(watch_list, standing, chunk, job.pk, now)
        done += len(chunk)
    progress(done, total, str(_("accounts")))
    WatchList.objects.filter(pk=watch_list.pk).update(last_run_at=now)
    return watch_list.changes.filter(job=job.pk).count()


def standing_of(watch_list: WatchList, user_id: int | None) -> Standing:
    return standings.of_user(watch_list.product, watch_list.institution_id, user_id)


def _chunks(watch_list: WatchList, job_id: UUID) -> Iterator[list[WatchedAccount]]:
    last = 0
    rows = watch_list.accounts.exclude(last_job=job_id).select_related("authorisation").order_by("pk")
    while chunk := list(rows.filter(pk__gt=last)[:CHUNK]):
        yield chunk
        last = chunk[-1].pk


def _score_chunk(
    watch_list: WatchList, standing: Standing, chunk: list[WatchedAccount], job_id: UUID, now: datetime
) -> None:
    asked = [_request(account, job_id, now) for account in chunk]
    results = scoring.score_many(standing, asked, channel=ScoreCall.Channel.WATCH)
    changes = [
        change
        for account, result in zip(chunk, results, strict=True)
        if (change := _apply(watch_list, account, result, job_id, now))
    ]
    fields = ["score", "band", "reported_score", "reported_band", "scored_at", "last_job", "error"]
    with transaction.atomic():
        WatchedAccount.objects.bulk_update(chunk, fields, batch_size=100)
        WatchChange.objects.bulk_create(changes, ignore_conflicts=True)


def _request(account: WatchedAccount, job_id: UUID, now: datetime) -> ScoreRequest | RowError:
    request_id = f"w{job_id.hex[:20]}-{account.pk}"
    try:
        features = msgspec.json.decode(keys.decrypt(account.authorisation, bytes(account.features)))
    except DomainError as error:  # the authorisation under which the values came was withdrawn and its key destroyed
        return RowError(request_id, ErrorOut(error.code, str(error)))
    return requests.from_body(requests.Body(request_id, ids=account.ids, observed_at=now, features=features))


def _apply(
    watch_list: WatchList, account: WatchedAccount, result: msgspec.Raw | RowError, job_id: UUID, now: datetime
) -> WatchChange | None:
    """Write the result into the account; a change if there is one to tell."""
    account.last_job = job_id
    if isinstance(result, RowError):
        account.error = result.error.code
        return None
    answer = answers.decode(bytes(result))
    account.score, account.band, account.scored_at, account.error = answer.score, answer.band, now, ""
    before, band_before = account.reported_score, account.reported_band
    if before is None:
        account.reported_score, account.reported_band = answer.score, answer.band
        return None
    if abs(answer.score - before) < watch_list.min_change and answer.band == band_before:
        return None
    account.reported_score, account.reported_band = answer.score, answer.band
    return WatchChange(
        watch_list=watch_list,
        account=account,
        job=job_id,
        at=now,
        score_before=before,
        score=answer.score,
        band_before=band_before,
        band=answer.band,
    )


def _audit(action: str, user: User, watch_list: WatchList, **detail: Any) -> None:
    audit.record(
        action,
        actor=user,
        project=watch_list.product.project,
        institution=watch_list.institution,
        target=f"{watch_list.product.slug} {watch_list.name}",
        **detail,
    )
