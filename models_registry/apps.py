from django.apps import AppConfig


class ModelsRegistryConfig(AppConfig):
    name = "models_registry"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from models_registry.models import Model, Version
        from projects import sharing
        from projects.models import Role

        sharing.register(Model, {"view_model": sharing.EVERYONE})
        sharing.register(
            Version,
            {"view_version": sharing.EVERYONE, "release_version": {Role.APPROVER}},
            through="model__project",
        )
