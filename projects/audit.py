"""The append-only log of who did what. Lines are chained by keyed hashes, and the end of the chain is sealed.

The hashes are HMACs under a key derived from the master key, which is not in the database: whoever can write to the
database alone cannot make a changed log look whole. Details hold no ids of people and no values.
"""

import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils import timezone

from projects.keys import derived_key
from projects.models import AuditEvent, AuditHead, Institution, Membership, Project, ProjectMember, User

GENESIS = "0" * 64
HEAD_LOST = "audit.head_lost"


@dataclass(frozen=True)
class Problem:
    seq: int
    text: str


def _plain(value: Any) -> Any:
    """The same text for the same value whatever a database's JSON type made of it (1.0 or 1, key order, NUL)."""
    match value:
        case dict():
            return {str(key): _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case bool() | None:
            return value
        case int() | float() | Decimal():
            return f"{Decimal(str(value)).normalize():f}"
        case _:
            return str(value)


def _mac(*parts: Any) -> str:
    text = json.dumps(_plain(parts), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hmac.new(derived_key("audit"), text.encode(), hashlib.sha256).hexdigest()


def _hash(event: AuditEvent) -> str:
    at = event.at.astimezone(UTC).isoformat(timespec="microseconds")
    who = (event.actor, event.actor_roles, event.institution_id, event.project_id)
    return _mac(event.seq, at, who, event.action, event.target, event.detail, event.previous_hash)


def _seal(head: AuditHead) -> str:
    return _mac("head", head.seq, head.hash)


def _lock_head() -> AuditHead:
    """The end of the chain, locked until the transaction ends; made anew from the last line if somebody removed it."""
    head = AuditHead.objects.select_for_update().filter(pk=1).first()
    if head is not None:
        return head
    last = AuditEvent.objects.order_by("seq").last()
    start = {"seq": last.seq, "hash": last.hash} if last else {"seq": 0, "hash": GENESIS}
    AuditHead.objects.get_or_create(pk=1, defaults=start)
    head = AuditHead.objects.select_for_update().get(pk=1)
    if last is not None:
        _append(head, AuditEvent(at=timezone.now(), action=HEAD_LOST, detail={"last": last.seq}))
    return head


def _append(head: AuditHead, event: AuditEvent) -> None:
    event.seq, event.previous_hash = head.seq + 1, head.hash
    event.hash = _hash(event)
    event.save(force_insert=True)
    head.seq, head.hash = event.seq, event.hash
    head.seal = _seal(head)
    head.save()


def roles_text(actor: User, project: Project | None) -> str:
    """ "Huaxin Bank: analyst; Panshi: modeler": in the project if there is one, else in the institutions."""
    rows: Any = Membership.objects.filter(user=actor)
    if project is not None:
        rows = ProjectMember.objects.filter(user=actor, project=project)
    found: dict[str, set[str]] = {}
    for name, role in rows.values_list("institution__name", "role"):
        found.setdefault(name, set()).add(role)
    return "; ".join(f"{name}: {', '.join(sorted(roles))}" for name, roles in sorted(found.items()))[:300]


def _clean(detail: dict[str, Any]) -> dict[str, Any]:
    text = json.dumps(detail, default=str, allow_nan=False)
    cleaned: dict[str, Any] = json.loads(text.replace("\\u0000", ""))
    return cleaned


@transaction.atomic
def record(
    action: str,
    *,
    actor: User | None,
    project: Project | None = None,
    institution: Institution | None = None,
    target: str = "",
    **detail: Any,
) -> AuditEvent:
    """Append one line, in the caller's transaction: undone with it. Writers queue until commit, so record last."""
    head = _lock_head()
    event = AuditEvent(
        at=timezone.now(),
        actor=actor.email if actor else "",
        actor_roles=roles_text(actor, project) if actor else "",
        institution=institution,
        project=project,
        action=action,
        target=target[:200].replace("\0", ""),
        detail=_clean(detail),
    )
    _append(head, event)
    return event


def _broken_links(events: Iterator[AuditEvent]) -> Iterator[Problem]:
    seq, previous = 0, GENESIS
    for event in events:
        if event.seq != seq + 1:
            yield Problem(seq + 1, f"lines {seq + 1} to {event.seq - 1} are missing")
        elif event.previous_hash != previous:
            yield Problem(event.seq, "does not follow the line before it")
        if not hmac.compare_digest(_hash(event), event.hash):
            yield Problem(event.seq, "was changed after it was written")
        if event.action == HEAD_LOST:
            yield Problem(event.seq, "the sealed end of the log had been removed before this line")
        seq, previous = event.seq, event.hash
    yield from _broken_end(seq, previous)


def _broken_end(seq: int, last_hash: str) -> Iterator[Problem]:
    head = AuditHead.objects.filter(pk=1).first()
    if head is None:
        if seq:
            yield Problem(seq, "the sealed end of the log was removed")
    elif head.seq and not hmac.compare_digest(_seal(head), head.seal):
        yield Problem(head.seq, "the seal of the log's end is broken")
    elif head.seq > seq:
        yield Problem(seq + 1, f"lines {seq + 1} to {head.seq} are missing")
    elif (head.seq, head.hash) != (seq, last_hash):
        yield Problem(seq, "lines after the sealed end were not written by this site")


def verify() -> list[Problem]:
    """Walk the whole chain; an empty list means that no line was edited, removed, moved or added by hand."""
    return list(_broken_links(AuditEvent.objects.order_by("seq").iterator(chunk_size=2000)))
