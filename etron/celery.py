import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "etron.settings")
app = Celery("etron")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
