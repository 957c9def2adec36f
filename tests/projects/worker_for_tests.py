"""A worker's app with nothing but the jobs of the tests: it starts fast."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "etron.settings")
app = Celery("tests", include=["tests.projects.tasks_for_tests"])
app.config_from_object("django.conf:settings", namespace="CELERY")
