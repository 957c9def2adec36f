"""Addresses below /api/v1/. The scoring door comes first: it is the busiest."""

from django.urls import path

from risk_products.api import door, products, watch_lists

PRODUCT = "products/<slug:slug>"
WATCH_LIST = f"{PRODUCT}/watch-lists/<int:pk>"

urlpatterns = [
    path(f"{PRODUCT}/score", door.score, name="api-score"),
    path(f"{PRODUCT}/score/batch", door.score_batch, name="api-score-batch"),
    path("products", products.Products.as_view(), name="api-product-list"),
    path(PRODUCT, products.ProductDetail.as_view(), name="api-product-detail"),
    path(f"{PRODUCT}/keys", products.Keys.as_view(), name="api-key-list"),
    path(f"{PRODUCT}/keys/<int:pk>", products.KeyDetail.as_view(), name="api-key-detail"),
    path(f"{PRODUCT}/live", products.Live.as_view(), name="api-product-live"),
    path(f"{PRODUCT}/calls", products.Calls.as_view(), name="api-call-list"),
    path(f"{PRODUCT}/calls/<str:request_id>", products.CallDetail.as_view(), name="api-call-detail"),
    path(f"{PRODUCT}/calls/<str:request_id>/replay", products.CallReplay.as_view(), name="api-call-replay"),
    path(f"{PRODUCT}/watch-lists", watch_lists.WatchLists.as_view(), name="api-watch-list-list"),
    path(WATCH_LIST, watch_lists.WatchListDetail.as_view(), name="api-watch-list-detail"),
    path(f"{WATCH_LIST}/accounts", watch_lists.Accounts.as_view(), name="api-watch-account-list"),
    path(f"{WATCH_LIST}/accounts/<str:account>", watch_lists.AccountDetail.as_view(), name="api-watch-account-detail"),
    path(f"{WATCH_LIST}/rescore", watch_lists.Rescore.as_view(), name="api-watch-list-rescore"),
    path(f"{WATCH_LIST}/changes", watch_lists.Changes.as_view(), name="api-watch-change-list"),
    path(f"{WATCH_LIST}/changes.csv", watch_lists.ChangesFile.as_view(), name="api-watch-change-file"),
]
