"""The site's addresses. The API of each app hangs under /api/v1/, its pages under its own name."""

from django.urls import path
from django.urls.resolvers import URLPattern, URLResolver

urlpatterns: list[URLPattern | URLResolver] = []
_ = path
