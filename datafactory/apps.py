from django.apps import AppConfig


class DatafactoryConfig(AppConfig):
    name = "datafactory"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from datafactory import checks  # noqa: F401 - registers the system checks
        from datafactory.models import FeatureTable, Match, Sample
        from projects import sharing

        sharing.register(Sample, {"view_sample": sharing.EVERYONE})
        sharing.register(Match, {"view_match": sharing.EVERYONE})
        sharing.register(FeatureTable, {"view_featuretable": sharing.EVERYONE})
