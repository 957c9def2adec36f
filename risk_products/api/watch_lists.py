"""REST doors of watch lists."""

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.pagination import LimitOffsetPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from projects.access import person
from projects.errors import NotFound
from risk_products import access, exports, serializers
from risk_products.api.products import PAGE, read
from risk_products.engine.accounts import AccountRow
from risk_products.selectors import catalogue
from risk_products.services import watching

LIST = {"name": "Car loans", "min_change": 20}
ACCOUNTS = {
    "accounts": [
        {"account": "L-000417", "ids": {"mobile__md5": "0f343b0931126a20f133d67c2b018a3b"}, "features": {}},
    ]
}
LAST_RUN = OpenApiParameter("last_run", bool, description="Only the changes of the last run.")


class WatchLists(APIView):
    @extend_schema(operation_id="watch_lists_list", responses=serializers.WatchListOut(many=True))
    def get(self, request: Request, slug: str) -> Response:
        """Your institution's watch lists on a monitoring product."""
        product = access.product_for(request.user, slug)
        rows = catalogue.watch_lists_of(product, access.own_institutions(request.user, product))
        return Response(serializers.WatchListOut(rows, many=True).data)

    @extend_schema(
        operation_id="watch_lists_create",
        request=serializers.WatchListIn,
        responses={201: serializers.WatchListOut},
        examples=[OpenApiExample("Changes of 20 points and more", LIST, request_only=True)],
    )
    def post(self, request: Request, slug: str) -> Response:
        """Make an empty watch list."""
        product = access.product_for(request.user, slug, "score_product")
        institution = access.acting_for(request.user, product, "score_product")
        order = read(serializers.WatchListIn, request.data)
        row = watching.create_watch_list(user=person(request.user), product=product, institution=institution, **order)
        row.n_accounts = 0  # type: ignore[attr-defined] # as annotated by the selector
        return Response(serializers.WatchListOut(row).data, status=status.HTTP_201_CREATED)


class WatchListDetail(APIView):
    @extend_schema(operation_id="watch_lists_read", responses=serializers.WatchListOut)
    def get(self, request: Request, slug: str, pk: int) -> Response:
        """One watch list."""
        return Response(_body(request, slug, pk))

    @extend_schema(
        operation_id="watch_lists_change",
        request=serializers.WatchListIn,
        responses=serializers.WatchListOut,
        examples=[OpenApiExample("A finer limit", {"name": "Car loans", "min_change": 10}, request_only=True)],
    )
    def put(self, request: Request, slug: str, pk: int) -> Response:
        """Rename a watch list or change its limit."""
        row = access.watch_list_for(request.user, slug, pk, "score_product")
        watching.change_watch_list(
            user=person(request.user), watch_list=row, **read(serializers.WatchListIn, request.data)
        )
        return Response(_body(request, slug, pk))

    @extend_schema(operation_id="watch_lists_delete", responses={204: None})
    def delete(self, request: Request, slug: str, pk: int) -> Response:
        """Delete a watch list with its accounts and changes."""
        row = access.watch_list_for(request.user, slug, pk, "score_product")
        watching.delete_watch_list(user=person(request.user), watch_list=row)
        return Response(status=status.HTTP_204_NO_CONTENT)


class Accounts(APIView):
    @extend_schema(operation_id="watch_accounts_list", parameters=PAGE, responses=serializers.AccountOut(many=True))
    def get(self, request: Request, slug: str, pk: int) -> Response:
        """The accounts with their last and last reported scores."""
        pages = LimitOffsetPagination()
        row = access.watch_list_for(request.user, slug, pk)
        page = pages.paginate_queryset(row.accounts.defer("features"), request, view=self)
        return pages.get_paginated_response(serializers.AccountOut(page, many=True).data)

    @extend_schema(
        operation_id="watch_accounts_put",
        request=serializers.AccountsIn,
        responses={200: OpenApiTypes.OBJECT},
        examples=[OpenApiExample("One account", ACCOUNTS, request_only=True)],
    )
    def put(self, request: Request, slug: str, pk: int) -> Response:
        """Add accounts, or give known ones new ids and values; all or none."""
        row = access.watch_list_for(request.user, slug, pk, "score_product")
        order = read(serializers.AccountsIn, request.data)
        accounts = [AccountRow(item["account"], item["ids"], item["features"]) for item in order["accounts"]]
        n = watching.put_accounts(user=person(request.user), watch_list=row, accounts=accounts)
        return Response({"accounts": n})


class AccountDetail(APIView):
    @extend_schema(operation_id="watch_accounts_remove", responses={204: None})
    def delete(self, request: Request, slug: str, pk: int, account: str) -> Response:
        """Take an account off the list."""
        row = access.watch_list_for(request.user, slug, pk, "score_product")
        if not watching.remove_accounts(user=person(request.user), watch_list=row, accounts=[account]):
            raise NotFound("account_not_found")
        return Response(status=status.HTTP_204_NO_CONTENT)


class Rescore(APIView):
    @extend_schema(operation_id="watch_lists_rescore", request=None, responses={202: OpenApiTypes.OBJECT})
    def post(self, request: Request, slug: str, pk: int) -> Response:
        """Score every account again; while a run is going on, that one is the answer."""
        row = access.watch_list_for(request.user, slug, pk, "score_product")
        job = watching.rescore(user=person(request.user), watch_list=row)
        body = {"job": str(job.pk), "state": job.state, "url": job.result_url}
        return Response(body, status=status.HTTP_202_ACCEPTED)


class Changes(APIView):
    @extend_schema(
        operation_id="watch_changes_list", parameters=[*PAGE, LAST_RUN], responses=serializers.ChangeOut(many=True)
    )
    def get(self, request: Request, slug: str, pk: int) -> Response:
        """Changes worth telling, newest first."""
        row = access.watch_list_for(request.user, slug, pk)
        last_run = request.query_params.get("last_run") in {"1", "true"}
        pages = LimitOffsetPagination()
        page = pages.paginate_queryset(catalogue.changes_of(row, last_run_only=last_run), request, view=self)
        return pages.get_paginated_response(serializers.ChangeOut(page, many=True).data)


class ChangesFile(APIView):
    @extend_schema(operation_id="watch_changes_csv", responses={(200, "text/csv"): OpenApiTypes.STR})
    def get(self, request: Request, slug: str, pk: int) -> HttpResponse:
        """All changes as CSV."""
        return exports.changes_csv(access.watch_list_for(request.user, slug, pk))


def _body(request: Request, slug: str, pk: int) -> dict[str, object]:
    row = access.watch_list_for(request.user, slug, pk)
    found = catalogue.watch_lists_of(row.product, [row.institution]).get(pk=row.pk)
    return dict(serializers.WatchListOut(found).data)
