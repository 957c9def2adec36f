"""The lean door in the OpenAPI document: views that are never called, only described.

drf-spectacular describes every URL whose view function carries a DRF class in ``cls``. The door's functions carry
these; requests never reach them.
"""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.views import APIView

from risk_products.engine.requests import MAX_BATCH_ROWS

BODY = {
    "request_id": "hx-20261122-0004182",
    "ids": {"mobile__sha256": "6b1e40d7f2a95c38e16b1e40d7f2a95c38e16b1e40d7f2a95c38e16b1e40d7f2"},
    "observed_at": "2026-11-22T16:41:07+08:00",
    "features": {"loan_amount": 86000, "loan_term_m": 36},
}
ANSWER = {
    "request_id": "hx-20261122-0004182",
    "version": "credit-score/v3",
    "score": 587,
    "pd": 0.0589,
    "band": "C",
    "action": "review",
    "reasons": [{"code": "lending__count_d90", "text": "Many lenders asked in 90 days", "contribution": 41.2}],
    "matched": True,
    "flags": [],
    "took_ms": 1.3,
}


class ProductKeyAuthentication(BaseAuthentication):
    """Only a name for the document; the door reads the header itself."""


class ProductKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = ProductKeyAuthentication
    name = "productKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "A product key: `Authorization: Bearer pk_…`"}


class RequestShape(serializers.Serializer[Any]):
    request_id = serializers.CharField(max_length=64, help_text="Yours. The same id and body get the same answer.")
    ids = serializers.DictField(
        child=serializers.CharField(), required=False, help_text="Lower-case hashes by id type, mobile__sha256."
    )
    id_type = serializers.CharField(required=False, help_text="With id_hash: another way to write one id.")
    id_hash = serializers.CharField(required=False)
    observed_at = serializers.DateTimeField(
        required=False, help_text="As of when people are looked up, with an offset. Default: now."
    )
    features = serializers.DictField(
        child=serializers.JSONField(allow_null=True), required=False, help_text="Your own values by field name."
    )


class ReasonShape(serializers.Serializer[Any]):
    code = serializers.CharField()
    text = serializers.CharField()
    contribution = serializers.FloatField(help_text="Points lost (scorecards) or log-odds towards bad (trees).")


class AnswerShape(serializers.Serializer[Any]):
    request_id = serializers.CharField()
    version = serializers.CharField()
    score = serializers.IntegerField(help_text="Higher is safer.")
    pd = serializers.FloatField(help_text="Probability of default, rounded to 9 digits.")
    band = serializers.CharField()
    action = serializers.CharField()
    reasons = ReasonShape(many=True, help_text="At most five, the heaviest first.")
    matched = serializers.BooleanField(help_text="Whether a source knew the person at observed_at.")
    flags = serializers.ListField(child=serializers.CharField(), help_text="missing:FIELD, unknown_category:FIELD")
    took_ms = serializers.FloatField()


class ErrorShape(serializers.Serializer[Any]):
    code = serializers.CharField()
    message = serializers.CharField()
    detail = serializers.JSONField(allow_null=True)


class BatchRequestShape(serializers.Serializer[Any]):
    rows = serializers.ListField(child=RequestShape(), max_length=MAX_BATCH_ROWS)


class BatchAnswerShape(serializers.Serializer[Any]):
    results = serializers.ListField(
        child=serializers.JSONField(),
        help_text="Row by row an answer, or {request_id, error: {code, message, detail}}.",
    )


ERRORS = {
    400: ErrorShape, 401: ErrorShape, 403: ErrorShape, 404: ErrorShape, 409: ErrorShape, 413: ErrorShape,
    422: ErrorShape, 429: ErrorShape, 503: ErrorShape,
}  # fmt: skip


class _Described(APIView):
    authentication_classes = [ProductKeyAuthentication, SessionAuthentication]


class ScoreDescribed(_Described):
    @extend_schema(
        operation_id="score",
        request=RequestShape,
        responses={200: AnswerShape, **ERRORS},
        examples=[
            OpenApiExample("One applicant", BODY, request_only=True),
            OpenApiExample("Scored", ANSWER, response_only=True, status_codes=["200"]),
        ],
    )
    def post(self, request: Any, slug: str) -> None:
        """Score one applicant. The call is on record before the answer leaves."""


class ScoreBatchDescribed(_Described):
    @extend_schema(
        operation_id="score_batch",
        request=BatchRequestShape,
        responses={200: BatchAnswerShape, **ERRORS},
        examples=[
            OpenApiExample("Two applicants", {"rows": [BODY, BODY | {"request_id": "hx-2"}]}, request_only=True),
            OpenApiExample("Scored", {"results": [ANSWER]}, response_only=True, status_codes=["200"]),
        ],
    )
    def post(self, request: Any, slug: str) -> None:
        """Score up to 1,000 applicants, each a call of its own with its own request id."""
