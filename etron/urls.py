"""The site's addresses. The API of each app hangs under /api/v1/, its pages under its own name."""

from django.urls import include, path
from django.urls.resolvers import URLPattern, URLResolver
from drf_spectacular.views import SpectacularAPIView

from etron.views.api_docs import api_docs
from etron.views.flow import flow, flow_overview, flow_rebuild, flow_step
from etron.views.health import livez, readyz
from etron.views.home import find, find_json, home
from etron.views.jobs import job_strip
from projects.views import accounts

APPS = ("projects", "datafactory", "models_registry")

urlpatterns: list[URLPattern | URLResolver] = [
    path("api/v1/", include("risk_products.api_urls")),  # first, because the scoring door is the busiest address
    path("", home, name="home"),
    path("livez", livez, name="livez"),
    path("readyz", readyz, name="readyz"),
    path("find/", find, name="find"),
    path("find.json", find_json, name="find-json"),
    path("jobs/<uuid:pk>/strip/", job_strip, name="job-strip"),
    path("language/", accounts.set_language, name="set_language"),
    *(path("", include(f"{app}.urls")) for app in (*APPS, "risk_products")),
    path("projects/<slug:slug>/", flow, name="flow"),
    path("projects/<slug:slug>/flow/", flow_overview, name="flow-overview"),
    path("projects/<slug:slug>/flow/rebuild/", flow_rebuild, name="flow-rebuild"),
    path("projects/<slug:slug>/flow/<slug:key>/", flow_step, name="flow-step"),
    *(path("api/v1/", include(f"{app}.api_urls")) for app in APPS),
    path("api/schema/", SpectacularAPIView.as_view(), name="api-schema"),
    path("api/docs/", api_docs, name="api-docs"),
]
