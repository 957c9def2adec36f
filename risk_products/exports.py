"""Files to take away, safe to open in a spreadsheet."""

import csv

from django.http import HttpResponse

from risk_products.models import WatchList
from risk_products.selectors.catalogue import changes_of

FORMULA = ("=", "+", "-", "@", "\t", "\r")


def plain(text: str) -> str:
    """Text that a spreadsheet would run as a formula, made text again."""
    return f"'{text}" if text.startswith(FORMULA) else text


def changes_csv(watch_list: WatchList) -> HttpResponse:
    """All changes of a watch list, newest first."""
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="changes-{watch_list.pk}.csv"'
    writer = csv.writer(response)
    writer.writerow(["account", "at", "score_before", "score", "points", "band_before", "band"])
    for row in changes_of(watch_list).iterator(chunk_size=2000):
        at = row.at.isoformat(timespec="seconds")
        account = plain(row.account.account)
        writer.writerow([account, at, row.score_before, row.score, row.points, row.band_before, row.band])
    return response
