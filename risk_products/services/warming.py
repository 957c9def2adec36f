"""A server process that is ready before its first call."""

import logging

from django.db import Error
from django.urls import get_resolver

from models_registry.models import Release
from risk_products.models import Product
from risk_products.selectors.loaded import loaded

log = logging.getLogger(__name__)


def warm_up() -> int:
    """Load the address table and every product's live version; returns how many versions are ready.

    Without it the first call of each process pays for imports, model files and compiled code: seconds. A database that
    is not there yet, or a version whose files are missing, is no reason not to start.
    """
    _ = get_resolver().url_patterns
    try:
        models = Product.objects.values("model_id")
        live = list(Release.objects.filter(live_to=None, model__in=models).values_list("version_id", flat=True))
    except Error as error:
        log.warning("Nothing was made ready: %s", error)
        live = []
    return sum(_ready(version_id) for version_id in live)


def _ready(version_id: int) -> bool:
    """Load the version and score once, so that what is compiled on first use is compiled."""
    try:
        loaded(version_id).scorer.score_row({})
    except Exception:
        log.exception("Version %s could not be made ready", version_id)
        return False
    return True
