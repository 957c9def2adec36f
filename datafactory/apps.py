from django.apps import AppConfig


class DatafactoryConfig(AppConfig):
    name = "datafactory"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from datafactory.models import Sample
        from projects import sharing

        sharing.register(Sample, {"view_sample": sharing.EVERYONE})
