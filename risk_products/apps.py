from django.apps import AppConfig


class RiskProductsConfig(AppConfig):
    name = "risk_products"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from projects import sharing
        from risk_products.access import RULES
        from risk_products.models import Product

        sharing.register(Product, RULES)
