from django.apps import AppConfig


class EtronConfig(AppConfig):
    name = "etron"

    def ready(self) -> None:
        import etron.celery  # noqa: F401 - shared_task binds to this app
