"""The site's addresses. The API of each app hangs under /api/v1/, its pages under its own name."""

from importlib import import_module

from django.urls import include, path
from django.urls.resolvers import URLPattern, URLResolver
from django.views.i18n import set_language

from etron import views


def pages(app: str) -> list[URLPattern | URLResolver]:
    return [path("", include(f"{app}.urls"))] if there(f"{app}.urls") else []


def api(app: str) -> list[URLPattern | URLResolver]:
    return [path("api/v1/", include(f"{app}.api_urls"))] if there(f"{app}.api_urls") else []


def there(module: str) -> bool:
    try:
        import_module(module)
    except ImportError:
        return False
    return True


APPS = ("projects", "datafactory", "models_registry", "risk_products")

urlpatterns: list[URLPattern | URLResolver] = [
    path("", views.home, name="home"),
    path("projects/<slug:slug>/", views.flow, name="flow"),
    path("jobs/<uuid:pk>/strip/", views.job_strip, name="job-strip"),
    path("language/", set_language, name="set_language"),
    *(pattern for app in APPS for pattern in pages(app)),
    *(pattern for app in APPS for pattern in api(app)),
]
