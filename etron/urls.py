"""The site's addresses. The API of each app hangs under /api/v1/, its pages under its own name."""

from importlib import import_module

from django.urls import include, path
from django.urls.resolvers import URLPattern, URLResolver
from drf_spectacular.views import SpectacularAPIView

from etron.views.api_docs import api_docs
from etron.views.flow import flow, flow_overview, flow_rebuild, flow_step
from etron.views.health import livez, readyz
from etron.views.home import find, find_json, home
from etron.views.jobs import job_strip
from projects.views import accounts


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
    path("", home, name="home"),
    path("livez", livez, name="livez"),
    path("readyz", readyz, name="readyz"),
    path("find/", find, name="find"),
    path("find.json", find_json, name="find-json"),
    path("jobs/<uuid:pk>/strip/", job_strip, name="job-strip"),
    path("language/", accounts.set_language, name="set_language"),
    *(pattern for app in APPS for pattern in pages(app)),
    path("projects/<slug:slug>/", flow, name="flow"),
    path("projects/<slug:slug>/flow/", flow_overview, name="flow-overview"),
    path("projects/<slug:slug>/flow/rebuild/", flow_rebuild, name="flow-rebuild"),
    path("projects/<slug:slug>/flow/<slug:key>/", flow_step, name="flow-step"),
    *(pattern for app in APPS for pattern in api(app)),
    path("api/schema/", SpectacularAPIView.as_view(), name="api-schema"),
    path("api/docs/", api_docs, name="api-docs"),
]
