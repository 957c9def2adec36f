"""The day of daily limits and daily figures: the one of the site's zone."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings


def today(now: datetime) -> date:
    """The day in the site's zone."""
    return now.astimezone(ZoneInfo(settings.DISPLAY_ZONE)).date()


def start_of_day(now: datetime) -> datetime:
    local = now.astimezone(ZoneInfo(settings.DISPLAY_ZONE))
    return local.replace(hour=0, minute=0, second=0, microsecond=0)


def seconds_left(now: datetime) -> int:
    """Until the limit starts anew."""
    return int((start_of_day(now) + timedelta(days=1) - now).total_seconds()) + 1
