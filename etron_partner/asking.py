"""The partner's half of private matching: a request under a secret of one session, and what the response says.

Needs ``openmined-psi`` (``pip install etron-partner[private]``). The secret is made here, lives as long as the object,
and is never written or sent; so are the ids.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from etron_partner.elements import Size, element, estimated_size

Progress = Callable[[int, int], None]
_PIECE = 10_000


class Unfitting(Exception):
    """The response does not belong to the request."""


def no_progress(done: int, total: int) -> None:
    """For callers that do not look."""


def _new_key() -> bytes:
    from private_set_intersection.python import client

    return bytes(client.CreateWithNewKey(True).GetPrivateKeyBytes())


class Asker:
    """Asks once about distinct ids of one kind.

    Parameters
    ----------
    ids : hashes as text; repeats are asked for once, in an order of chance
    id_type : for example ``mobile__sha256``
    reveal : ``"ids"`` or ``"size"``, as the session allows
    threads : the curve's arithmetic runs outside the interpreter's lock
    """

    def __init__(self, ids: Iterable[str], id_type: str, reveal: str, threads: int | None = None) -> None:
        self.ids = sorted(set(ids))
        random.SystemRandom().shuffle(self.ids)
        self.id_type = id_type
        self.reveal = reveal
        self.threads = threads or os.cpu_count() or 1
        self._key = _new_key()

    def _client(self) -> Any:
        """The secret, ready to be used: one object must not work for two threads at once."""
        from private_set_intersection.python import client

        return client.CreateFromKey(self._key, self.reveal == "ids")

    def request(self, progress: Progress = no_progress) -> bytes:
        """The bytes to send: a point of the curve for each id."""
        from private_set_intersection.python import Request

        def hidden(piece: Sequence[str]) -> list[bytes]:
            elements = [element(self.id_type, id_hash) for id_hash in piece]
            return list(self._client().CreateRequest(elements).encrypted_elements)

        points: list[bytes] = []
        for part in self._pieces(hidden, self.ids):
            points += part
            progress(len(points), len(self.ids))
        if self.reveal == "size":
            points.sort()
        message = Request(reveal_intersection=self.reveal == "ids", encrypted_elements=points)
        return bytes(message.SerializeToString())

    def known(self, setup: bytes, response: bytes, progress: Progress = no_progress) -> set[str]:
        """Which of the ids the platform holds."""
        found: set[str] = set()
        for start, part in self._matched("GetIntersection", setup, response, progress):
            found.update(self.ids[start + position] for position in part)
        return found

    def size(self, setup: bytes, response: bytes, progress: Progress = no_progress) -> Size:
        """About how many of the ids the platform holds."""
        parts = self._matched("GetIntersectionSize", setup, response, progress)
        return estimated_size(sum(part for _start, part in parts), len(self.ids))

    def _matched(self, compare: str, setup: bytes, response: bytes, progress: Progress) -> Iterator[tuple[int, Any]]:
        """``(first position, result)`` of each piece of the response."""
        from private_set_intersection.python import Response, ServerSetup

        held, answered = ServerSetup(), Response()
        held.ParseFromString(setup)
        answered.ParseFromString(response)
        points = answered.encrypted_elements
        if len(points) != len(self.ids):
            raise Unfitting

        def compared(piece: Sequence[bytes]) -> Any:
            return getattr(self._client(), compare)(held, Response(encrypted_elements=piece))

        for number, part in enumerate(self._pieces(compared, points)):
            yield number * _PIECE, part
            progress(min((number + 1) * _PIECE, len(points)), len(points))

    def _pieces(self, work: Callable[[Any], Any], values: Sequence[Any]) -> Iterator[Any]:
        pieces = (values[start : start + _PIECE] for start in range(0, len(values), _PIECE))
        with ThreadPoolExecutor(self.threads) as pool:
            yield from pool.map(work, pieces)
