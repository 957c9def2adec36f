import os
from importlib import import_module

from celery import Celery
from celery.signals import worker_init

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "etron.settings")
app = Celery("etron")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

STAGES = ("datafactory.engine.profile", "modeling.evaluate", "ibis", "duckdb", "numba")


@worker_init.connect
def load_stages(**_kwargs: object) -> None:
    """What jobs run is loaded once, before the pool forks: its processes share the memory, and no job waits for it."""
    for name in STAGES:
        import_module(name)
