"""Addresses below /api/v1/."""

from django.urls import include, path
from django.urls.resolvers import URLPattern, URLResolver

from risk_products.api import door, products, watch_lists

watch_list_api = [
    path("", watch_lists.WatchListDetail.as_view(), name="api-watch-list-detail"),
    path("/accounts", watch_lists.Accounts.as_view(), name="api-watch-account-list"),
    path("/accounts/<str:account>", watch_lists.AccountDetail.as_view(), name="api-watch-account-detail"),
    path("/rescore", watch_lists.Rescore.as_view(), name="api-watch-list-rescore"),
    path("/changes", watch_lists.Changes.as_view(), name="api-watch-change-list"),
    path("/changes.csv", watch_lists.ChangesFile.as_view(), name="api-watch-change-file"),
]
product_api: list[URLPattern | URLResolver] = [
    path("/score", door.score, name="api-score"),
    path("/score/batch", door.score_batch, name="api-score-batch"),
    path("", products.ProductDetail.as_view(), name="api-product-detail"),
    path("/keys", products.Keys.as_view(), name="api-key-list"),
    path("/keys/<int:pk>", products.KeyDetail.as_view(), name="api-key-detail"),
    path("/live", products.Live.as_view(), name="api-product-live"),
    path("/calls", products.Calls.as_view(), name="api-call-list"),
    path("/calls/<str:request_id>", products.CallDetail.as_view(), name="api-call-detail"),
    path("/calls/<str:request_id>/replay", products.CallReplay.as_view(), name="api-call-replay"),
    path("/watch-lists", watch_lists.WatchLists.as_view(), name="api-watch-list-list"),
    path("/watch-lists/<int:pk>", include(watch_list_api)),
]
urlpatterns = [
    path("products/<slug:slug>", include(product_api)),
    path("products", products.Products.as_view(), name="api-product-list"),
]
