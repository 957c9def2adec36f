"""Imports from databases and stores that the operator has named: a table is brought over as if it had been uploaded."""

import hashlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from datafactory import access
from datafactory.engine import connectors
from datafactory.engine.connectors import Connector, Wanted
from datafactory.models import Source, Upload
from datafactory.services import plans, uploads
from modeling.artifacts import Progress, no_progress, to_json
from projects import audit, jobs, storage
from projects.errors import NotFound
from projects.models import Job, User

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Offer:
    """A connection as people see it: never its address."""

    name: str
    kind: str


def offered() -> list[Offer]:
    """The connections of this site; those of an unknown kind are left out."""
    found = [Offer(name, connectors.kind_of(url)) for name, url in settings.CONNECTIONS.items()]
    return [offer for offer in found if offer.kind]


@contextmanager
def opened(name: str) -> Iterator[Connector]:
    """The connection, open; ``connection_not_found`` or a DataError that shows no address."""
    if name not in {offer.name for offer in offered()}:
        raise NotFound("connection_not_found", _("There is no such connection."))
    connector = connectors.open_connector(settings.CONNECTIONS[name])
    try:
        yield connector
    finally:
        connector.close()


def tables_of(name: str) -> list[str]:
    with opened(name) as connector:
        return connector.tables()


def columns_of(name: str, table: str) -> list[str]:
    with opened(name) as connector:
        connectors.check_wanted(connector, Wanted(table), plans.limits())
        return connector.columns(table)


def fetch_table(*, user: User, source: Source, connection: str, wanted: Wanted) -> tuple[Job, UUID]:
    """Order a table for a source's next version; returns the job and the upload that it makes.

    When the job has ended, the upload is mapped and imported like any other file.
    """
    access.require_keeper(user, source)
    with opened(connection) as connector:
        connectors.check_wanted(connector, wanted, plans.limits())
    upload = uuid4()
    with transaction.atomic():
        job = jobs.start(
            "datafactory.fetch_table",
            title=_("Bring over %(table)s") % {"table": wanted.table},
            institution=source.institution,
            user=user,
            result_url=reverse("datafactory:source-map", args=[source.slug, upload]),
            source_id=source.pk,
            user_id=user.pk,
            upload_id=str(upload),
            connection=connection,
            wanted=to_json(wanted),
        )
        _record("source.fetch_ordered", user, source, connection, wanted)
    return job, upload


def run_fetch_table(
    *, user: User, source: Source, upload: UUID, connection: str, wanted: Wanted, progress: Progress = no_progress
) -> Upload:
    """Do the work of :func:`fetch_table`. Twice is safe: an upload that is there stays as it is."""
    there = Upload.objects.filter(pk=upload).first()
    if there is not None:
        return there
    access.require_keeper(user, source)
    with storage.staging() as staged, opened(connection) as connector:
        path = staged / "upload"
        n_rows = connectors.copy_table(connector, wanted, path, plans.limits(), progress)
        sniff = uploads.look(path, None, None)
        with path.open("rb") as stream:
            sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
        size = path.stat().st_size
        where = storage.publish(path, f"uploads/{source.institution.slug}/{upload}")
    logger.info("%d rows came over the connection %s", n_rows, connection)
    with transaction.atomic():
        return uploads.add_row(
            user=user,
            project=None,
            source=source,
            filename=f"{wanted.table.strip('/').replace('/', '-').removesuffix('.parquet')}.parquet",
            id=upload,
            institution=source.institution,
            path=where,
            size_bytes=size,
            sha256=sha256,
            sniff=to_json(sniff),
        )


def _record(action: str, user: User, source: Source, connection: str, wanted: Wanted) -> None:
    detail: dict[str, Any] = {"connection": connection, "table": wanted.table, "columns": len(wanted.columns) or "all"}
    audit.record(action, actor=user, institution=source.institution, target=f"source {source.slug}", **detail)
