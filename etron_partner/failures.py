"""How the command ends, and the errors that people may read."""

from __future__ import annotations

from typing import Any

FINE, SAYS_NO, CANNOT = 0, 1, 2


class Failure(Exception):
    """The command cannot go on. ``status``: 1 when the file or the platform says no, 2 when it could not be tried."""

    def __init__(self, code: str, message: str, status: int = CANNOT, detail: Any = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.detail = detail

    def body(self) -> dict[str, Any]:
        return {"code": self.code, "message": self.message, "detail": self.detail}
