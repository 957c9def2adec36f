"""Pages of products, calls and watch lists."""

from django.urls import include, path
from django.urls.resolvers import URLPattern, URLResolver

from risk_products.views import calls, products, watch_lists

app_name = "risk_products"

watch_list_pages = [
    path("", watch_lists.watch_list_detail, name="watch-list-detail"),
    path("change/", watch_lists.watch_list_change, name="watch-list-change"),
    path("delete/", watch_lists.watch_list_delete, name="watch-list-delete"),
    path("accounts/", watch_lists.watch_list_accounts, name="watch-list-accounts"),
    path("rescore/", watch_lists.watch_list_rescore, name="watch-list-rescore"),
    path("changes.csv", watch_lists.watch_list_changes, name="watch-list-changes"),
]
product_pages: list[URLPattern | URLResolver] = [
    path("", products.product_detail, name="product-detail"),
    path("try/", products.product_try, name="product-try"),
    path("keys/", products.key_create, name="key-create"),
    path("keys/<int:pk>/revoke/", products.key_revoke, name="key-revoke"),
    path("calls/", calls.call_list, name="call-list"),
    path("calls/<str:request_id>/", calls.call_detail, name="call-detail"),
    path("calls/<str:request_id>/replay/", calls.call_replay, name="call-replay"),
    path("watch-lists/", watch_lists.watch_list_list, name="watch-list-list"),
    path("watch-lists/new/", watch_lists.watch_list_create, name="watch-list-create"),
    path("watch-lists/<int:pk>/", include(watch_list_pages)),
]
urlpatterns = [
    path("products/", products.product_list, name="product-list"),
    path("products/new/", products.product_create, name="product-create"),
    path("products/<slug:slug>/", include(product_pages)),
]
