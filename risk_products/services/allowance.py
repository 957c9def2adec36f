"""Daily limits that hold exactly over many processes and cost next to nothing while there is plenty left."""

from __future__ import annotations

import threading
from datetime import date, datetime

from django.db.models import F

from risk_products.models import KeyDay
from risk_products.selectors.days import today
from risk_products.selectors.standing import Standing

SHARE, MOST = 100, 500


class Allowance:
    """A process takes calls from the day's limit in blocks of a hundredth of what is left, in the end one by one.

    The limit is never passed. A process that dies loses the rest of its block, at most one per cent of the limit.
    """

    def __init__(self) -> None:
        self._left: dict[tuple[int, date], int] = {}
        self._lock = threading.Lock()

    def take(self, standing: Standing, now: datetime, n: int = 1) -> int:
        """How many of ``n`` calls may be answered today."""
        if standing.daily_limit is None or standing.key_id is None:
            return n
        name = (standing.key_id, today(now))
        with self._lock:
            if name not in self._left:
                self._left = {key: left for key, left in self._left.items() if key[1] >= name[1]} | {name: 0}
            if self._left[name] < n:
                self._left[name] += _block(*name, standing.daily_limit, n - self._left[name])
            granted = min(n, self._left[name])
            self._left[name] -= granted
            return granted

    def give_back(self, standing: Standing, now: datetime, n: int = 1) -> None:
        """Calls that were taken but did not make a record: duplicates are charged once."""
        if standing.daily_limit is not None and standing.key_id is not None and n:
            with self._lock:
                name = (standing.key_id, today(now))
                self._left[name] = self._left.get(name, 0) + n

    def clear(self) -> None:
        with self._lock:
            self._left.clear()


allowance = Allowance()


def _block(key_id: int, day: date, limit: int, wanted: int) -> int:
    rows = KeyDay.objects.filter(key_id=key_id, day=day)
    while True:
        taken = rows.values_list("taken", flat=True).first()
        if taken is None:
            KeyDay.objects.bulk_create([KeyDay(key_id=key_id, day=day)], ignore_conflicts=True)
            taken = 0
        left = limit - taken
        if left <= 0:
            return 0
        block = min(left, max(wanted, min(left // SHARE, MOST)))
        if rows.filter(taken__lte=limit - block).update(taken=F("taken") + block):
            return block
