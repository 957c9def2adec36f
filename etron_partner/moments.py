"""Dates and times as files write them; enough to tell that one cannot be read or lies in the future."""

from __future__ import annotations

import datetime as dt

DAYS = ("%Y-%m-%d", "%Y/%m/%d", "%Y%m%d", "%Y.%m.%d", "%Y年%m月%d日")
CLOCKS = ("%H:%M:%S.%f", "%H:%M:%S", "%H:%M")
FORMATS = (*DAYS, *(f"{day}{gap}{clock}" for day in DAYS for gap in (" ", "T") for clock in CLOCKS))


class Moments:
    """Reads one column; tries the form that fitted last first."""

    def __init__(self, form: str | None = None) -> None:
        self._forms = [form] if form and not form.startswith("unix") else list(FORMATS)
        self._unix = {"unix": 1.0, "unix_ms": 1000.0}.get(form or "")

    def read(self, text: str) -> dt.datetime | None:
        """The moment, without a zone; None when it cannot be read.

        >>> Moments().read("2024-05-06 07:08"), Moments().read("soon")
        (datetime.datetime(2024, 5, 6, 7, 8), None)
        """
        text = text.strip()
        if self._unix:
            return self._from_unix(text, self._unix)
        text = text[:-1] if text.endswith("Z") else text
        for position, form in enumerate(self._forms):
            try:
                found = dt.datetime.strptime(text, form)  # noqa: DTZ007 - a day's difference decides nothing here
            except ValueError:
                continue
            if position:
                self._forms.insert(0, self._forms.pop(position))
            return found
        return self._iso(text)

    def _iso(self, text: str) -> dt.datetime | None:
        try:
            return dt.datetime.fromisoformat(text).replace(tzinfo=None)
        except ValueError:
            return None

    def _from_unix(self, text: str, per_second: float) -> dt.datetime | None:
        try:
            return dt.datetime.fromtimestamp(float(text) / per_second, dt.timezone.utc).replace(tzinfo=None)
        except (ValueError, OverflowError, OSError):
            return None
