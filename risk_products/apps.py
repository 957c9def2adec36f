from django.apps import AppConfig


class RiskProductsConfig(AppConfig):
    name = "risk_products"
    default_auto_field = "django.db.models.BigAutoField"
