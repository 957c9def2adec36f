"""The queue's doors to this app."""

from django.utils.translation import gettext_noop

from projects.jobs import JobRun, job
from risk_products.models import WatchList
from risk_products.services import watching


@job("risk_products.rescore_watch_list")
def rescore_watch_list(run: JobRun, *, watch_list_id: int) -> None:
    """Score the list's accounts again and note the changes; goes on where a killed run stopped."""
    watch_list = WatchList.objects.select_related("product__project", "institution").get(pk=watch_list_id)
    watching.rescore_watch_list(watch_list=watch_list, job=run.job, progress=run.progress)
    run.log(gettext_noop("All accounts were scored."))
