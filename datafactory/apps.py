from django.apps import AppConfig


class DatafactoryConfig(AppConfig):
    name = "datafactory"
    default_auto_field = "django.db.models.BigAutoField"
