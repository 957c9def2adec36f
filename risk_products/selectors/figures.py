"""The figures of a product's day: how many calls, how fast, how many answered and matched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.db.models import Count, Q, QuerySet, Sum
from django.utils import timezone

from projects.models import Institution
from risk_products.models import Product, Refusal, ScoreCall
from risk_products.selectors.days import start_of_day

HOURS = 24
LATEST = 50_000  # calls from which latencies are taken


@dataclass(frozen=True)
class Day:
    """Shares are fractions, None without calls. Latency is the time to a ready answer, its recording not counted."""

    start: datetime
    calls: int
    refused: int
    matched: int
    p50_ms: float | None
    p99_ms: float | None
    calls_by_hour: tuple[int, ...]
    p99_by_hour: tuple[float | None, ...]
    refusals: tuple[tuple[str, int], ...]  # code, calls

    @property
    def answered_share(self) -> float | None:
        asked = self.calls + self.refused
        return self.calls / asked if asked else None

    @property
    def matched_share(self) -> float | None:
        return self.matched / self.calls if self.calls else None


def day_of(product: Product, institutions: Sequence[Institution] | None, now: datetime | None = None) -> Day:
    """Today's figures in the site's zone, in three queries."""
    start = start_of_day(now or timezone.now())
    calls = ScoreCall.objects.filter(product=product, at__gte=start)
    refusals = Refusal.objects.filter(product=product, hour__gte=start)
    if institutions is not None:
        calls, refusals = calls.filter(institution__in=institutions), refusals.filter(institution__in=institutions)
    counts = _counts(calls, start)
    hours, took_ms = _latencies(calls, start)
    codes = tuple(refusals.order_by().values_list("code").annotate(n=Sum("calls")).order_by("-n"))
    return Day(
        start=start,
        calls=counts["calls"],
        refused=sum(n for _code, n in codes),
        matched=counts["matched"],
        p50_ms=_quantile(took_ms, 0.5),
        p99_ms=_quantile(took_ms, 0.99),
        calls_by_hour=tuple(counts[f"h{hour}"] for hour in range(HOURS)),
        p99_by_hour=tuple(_quantile(took_ms[hours == hour], 0.99) for hour in range(HOURS)),
        refusals=codes,
    )


def _counts(calls: QuerySet[ScoreCall], start: datetime) -> dict[str, int]:
    """Calls of the day and of each hour in one pass."""
    by_hour = {
        f"h{hour}": Count("pk", filter=Q(at__gte=_hour(start, hour), at__lt=_hour(start, hour + 1)))
        for hour in range(HOURS)
    }
    counts: dict[str, int] = calls.aggregate(calls=Count("pk"), matched=Count("pk", filter=Q(matched=True)), **by_hour)
    return counts


def _hour(start: datetime, hour: int) -> datetime:
    return start + timedelta(hours=hour)


def _latencies(calls: QuerySet[ScoreCall], start: datetime) -> tuple[Any, Any]:
    """Hour and milliseconds of the day's latest calls."""
    rows = list(calls.order_by("-at").values_list("at", "took_ms")[:LATEST])
    hours = np.array([int((at - start).total_seconds() // 3600) for at, _took in rows], dtype=np.int64)
    return hours, np.array([took for _at, took in rows], dtype=np.float64)


def _quantile(values: Any, share: float) -> float | None:
    return float(np.quantile(values, share)) if len(values) else None


def hours_begun(day: Day, now: datetime) -> int:
    """Hours of the day that have begun."""
    return min(HOURS, int((now - day.start).total_seconds() // 3600) + 1)
