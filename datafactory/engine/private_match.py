"""Private set intersection, the platform's half: the set-up message from its ids, and the answer to a request.

Both sides hash an id to a point of the curve P-256 and raise it to a secret of their own; whoever holds only one of the
secrets cannot tell a known id from an unknown one. ``openmined-psi`` does the curve's arithmetic; the coded set is put
together here, so that the work goes in pieces: on several threads, with progress, in bounded memory.

Source
------
Meadows (1986), A more efficient cryptographic matchmaking protocol; OpenMined PSI 2.0.4.
"""

from __future__ import annotations

import hashlib
import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
import pyarrow as pa

from datafactory.engine import golomb
from etron_partner.elements import TURNED, element
from modeling.artifacts import Progress, no_progress
from modeling.errors import DataError

Mode = Literal["ids", "size"]
FALSE_MATCH = 1e-9  # how often an id that the platform does not hold looks as if it did
POINT_BYTES = 33
REQUEST_BYTES_PER_ID = 40  # a point, its tag and its length, and some room
_PIECE = 20_000
_KEPT = (1 - 2 * TURNED) / (1 - TURNED)  # size only: known ids that stay in the set, so that 1 - TURNED look known

P = TypeVar("P")
R = TypeVar("R")


@dataclass(frozen=True)
class Setup:
    """What a set-up message is made of."""

    n_ids: int
    size_bytes: int
    sha256: str


def new_key() -> bytes:
    """A fresh secret exponent."""
    from private_set_intersection.python import server

    key: bytes = server.CreateWithNewKey(True).GetPrivateKeyBytes()
    return key


def prepare(
    ids: pa.Array, id_type: str, key: bytes, mode: Mode, out: Path, threads: int = 1, progress: Progress = no_progress
) -> Setup:
    """Write the set-up message for distinct ``ids`` to the file ``out``.

    ``ids``: an id that is not in it looks known with a chance of 1e-9, whatever the number of ids that are asked for,
    so one message serves every session. ``size``: each id's answer is the wrong one with a chance of a quarter, always
    the same for the same key: known ids are left out by a keyed hash, and unknown ones fall into the filled quarter of
    the coded set's range. A number of shared ids can then be estimated and no single id's answer can be believed, nor
    does asking again help.

    Parameters
    ----------
    ids : distinct hashes, as text
    key : 32 bytes of :func:`new_key`
    threads : the curve's arithmetic runs outside the interpreter's lock

    Source
    ------
    Warner (1965), Randomized response, for the size-only mode: a ratio of 3 between the likelihoods of any answer.
    """
    kept = ids if mode == "ids" else ids.filter(pa.array(_is_kept(ids, id_type, key)))
    hash_range = _hash_range(len(kept), mode)

    def positions(piece: pa.Array) -> list[int]:
        return [_position(point, hash_range) for point in _points(piece, id_type, key)]

    found: list[np.ndarray[Any, Any]] = []
    pieces = (kept.slice(start, _PIECE) for start in range(0, len(kept), _PIECE))
    for number, part in enumerate(_in_order(positions, pieces, threads)):
        found.append(np.array(part, np.int64))
        progress(min((number + 1) * _PIECE, len(kept)), len(kept), "ids")
    message = _message(np.concatenate(found), hash_range)
    out.write_bytes(message)
    return Setup(len(ids), len(message), hashlib.sha256(message).hexdigest())


def _is_kept(ids: pa.Array, id_type: str, key: bytes) -> list[bool]:
    """Which ids stay in a size-only set, by a hash under the key."""
    limit = int(_KEPT * 2**64)
    started = hashlib.blake2b(key=key, digest_size=8, person=b"kept")

    def kept(value: str) -> bool:
        state = started.copy()
        state.update(element(id_type, value).encode())
        return int.from_bytes(state.digest(), "big") < limit

    return [kept(value) for start in range(0, len(ids), _PIECE) for value in ids.slice(start, _PIECE).to_pylist()]


def _hash_range(n_ids: int, mode: Mode) -> int:
    """How many places the coded set has: ``1 - exp(-n / range)`` of them are filled."""
    share = FALSE_MATCH if mode == "ids" else -math.log1p(-TURNED)
    return max(1, int(n_ids / share))


def _points(piece: pa.Array, id_type: str, key: bytes) -> Sequence[bytes]:
    from private_set_intersection.python import DataStructure, server

    elements = [element(id_type, value) for value in piece.to_pylist()]
    message = server.CreateFromKey(key, True).CreateSetupMessage(FALSE_MATCH, 1, elements, DataStructure.RAW)
    points: Sequence[bytes] = message.raw.encrypted_elements
    return points


def _position(point: bytes, hash_range: int) -> int:
    return int.from_bytes(hashlib.sha256(point).digest(), "big") % hash_range


def _message(positions: golomb.Numbers, hash_range: int) -> bytes:
    from private_set_intersection.python import ServerSetup

    low, bits = golomb.encode(positions)
    message = ServerSetup()
    message.gcs.div, message.gcs.hash_range, message.gcs.bits = low, hash_range, bits
    data: bytes = message.SerializeToString()
    return data


def _in_order(work: Callable[[P], R], pieces: Iterable[P], threads: int) -> Iterator[R]:
    """The results in the order of the pieces, with few pieces in memory at a time."""
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Future[R]] = deque()
        try:
            for piece in pieces:
                waiting.append(pool.submit(work, piece))
                if len(waiting) > threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


@dataclass(frozen=True)
class Asked:
    """A request as it came, before anything is done with it."""

    n_elements: int
    n_distinct: int
    mode: Mode


def read_request(data: bytes) -> Asked:
    """Count what a request asks for.

    Raises
    ------
    DataError
        ``private_request_unreadable`` when it is not a request or holds something that cannot be a point.
    """
    elements, reveal = _elements(data)
    if any(len(point) != POINT_BYTES or point[0] not in (2, 3) for point in elements):
        raise _unreadable()
    return Asked(len(elements), len(set(elements)), "ids" if reveal else "size")


def _unreadable() -> DataError:
    return DataError("private_request_unreadable", "This is not a request for private matching.")


def _elements(data: bytes) -> tuple[Sequence[bytes], bool]:
    from google.protobuf.message import DecodeError
    from private_set_intersection.python import Request

    request = Request()
    try:
        request.ParseFromString(data)
    except DecodeError:
        raise _unreadable() from None
    return request.encrypted_elements, request.reveal_intersection


def answer(data: bytes, key: bytes, mode: Mode, out: Path, threads: int = 1, progress: Progress = no_progress) -> int:
    """Raise every point of a request to the secret and write the response to ``out``; the number of points.

    In the size-only mode the points are sorted, so that their order says nothing.
    """
    from private_set_intersection.python import Request, Response, server

    elements, _ = _elements(data)

    def raised(piece: Sequence[bytes]) -> list[bytes]:
        part = Request(reveal_intersection=mode == "ids", encrypted_elements=piece)
        secret = server.CreateFromKey(key, mode == "ids")  # one object must not work for two threads at once
        try:
            return list(secret.ProcessRequest(part).encrypted_elements)
        except RuntimeError:
            raise _unreadable() from None

    pieces = (elements[start : start + _PIECE] for start in range(0, len(elements), _PIECE))
    points: list[bytes] = []
    for part in _in_order(raised, pieces, threads):
        points += part
        progress(len(points), len(elements), "ids")
    response = Response(encrypted_elements=points if mode == "ids" else sorted(points))
    out.write_bytes(response.SerializeToString())
    return len(points)
