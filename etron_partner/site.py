"""The platform over HTTPS: errors in its own words, short breaks bridged, long work waited for."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from etron_partner.failures import CANNOT, SAYS_NO, Failure
from etron_partner.settings import Connection

TIMEOUT_S = (15, 300)
POLL_S = (0.1, 2.0)  # the first and the longest pause while long work is waited for
BUSY = (429, 502, 503, 504)
PAUSES_S = (0.5, 1, 2, 4, 8, 16, 30, 30)


def retries() -> Retry:
    """Up to eight more tries, half a second to half a minute apart."""
    return Retry(
        total=8,
        backoff_factor=0.5,
        backoff_max=30,
        status_forcelist=BUSY,
        allowed_methods=frozenset({"GET", "HEAD", "DELETE"}),
        respect_retry_after_header=True,
        raise_on_status=False,
    )


class Site:
    """One person's view of the platform. ``sent`` and ``received`` count bytes of bodies."""

    def __init__(self, connection: Connection) -> None:
        self.base = connection.url
        self.session = requests.Session()
        self.session.headers.update({"Authorization": f"Token {connection.token}", "Accept": "application/json"})
        for scheme in ("https://", "http://"):
            self.session.mount(scheme, HTTPAdapter(max_retries=retries()))
        self.sent = 0
        self.received = 0

    def url(self, path: str) -> str:
        """Below the API; a path that begins with a slash or a scheme stays on the platform's own address."""
        if path.startswith(f"{self.base}/"):
            return path
        return self.base + path if path.startswith("/") else f"{self.base}/api/v1/{path}"

    def send(self, method: str, path: str, **options: Any) -> requests.Response:
        """The answer, whatever its status; :class:`Failure` when there is none."""
        try:
            answer = self.session.request(method, self.url(path), timeout=TIMEOUT_S, allow_redirects=False, **options)
        except requests.RequestException as error:
            raise Failure("no_connection", f"{self.base} does not answer: {type(error).__name__}", CANNOT) from None
        self.sent += len(answer.request.body or b"")
        self.received += len(answer.content)
        return answer

    def call(self, method: str, path: str, **options: Any) -> Any:
        """The JSON of a good answer, else :class:`Failure` with the platform's sentence."""
        answer = self.send(method, path, **options)
        refuse(answer)
        return answer.json() if answer.content else None

    def bytes(self, path: str) -> bytes:
        answer = self.send("GET", path, headers={"Accept": "*/*"})
        refuse(answer)
        return answer.content

    def patiently(self, attempt: Callable[[], requests.Response]) -> requests.Response:
        """Ask again while the platform is busy or does not answer: only for what may be sent twice."""
        for pause_s in PAUSES_S:
            try:
                answer = attempt()
            except Failure:
                time.sleep(pause_s)
                continue
            if answer.status_code not in BUSY:
                return answer
            time.sleep(pause_s)
        return attempt()

    def wait(self, path: str, done: Callable[[Any], bool], timeout_s: float) -> Any:
        """Read a noun until ``done`` says so."""
        limit, pause_s = time.monotonic() + timeout_s, POLL_S[0]
        while True:
            body = self.call("GET", path)
            if done(body):
                return body
            if time.monotonic() > limit:
                raise Failure("too_slow", f"{path} is still {body.get('state')!r}. Look again later.", CANNOT, body)
            time.sleep(pause_s)
            pause_s = min(1.5 * pause_s, POLL_S[1])


def refuse(answer: requests.Response) -> None:
    """Raise the platform's refusal as a :class:`Failure`."""
    if answer.ok and not answer.is_redirect:
        return
    try:
        body = answer.json()
        code, message, detail = body["code"], body["message"], body.get("detail")
    except (ValueError, KeyError, TypeError):
        code, message, detail = f"http_{answer.status_code}", f"The platform answered {answer.status_code}.", None
    if answer.is_redirect:
        code, message = "redirected", f"The platform is at another address: {answer.headers.get('Location')}"
    status = CANNOT if answer.status_code in {401, *BUSY} or answer.status_code >= 500 else SAYS_NO
    raise Failure(str(code), str(message) + _fields(detail), status, detail)


def _fields(detail: Any) -> str:
    if not isinstance(detail, dict) or not all(isinstance(value, list) for value in detail.values()):
        return ""
    return "".join(f" {name}: {' '.join(map(str, value))}" for name, value in detail.items())
