"""The same call as a plain REST framework view: key looked up by the ORM, serializers in and out, model.save()."""

import hashlib
import os
from functools import lru_cache

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "etron.settings")
django.setup()

from django.core.handlers.wsgi import WSGIHandler  # noqa: E402
from django.urls import path, set_urlconf  # noqa: E402
from django.utils import timezone  # noqa: E402
from rest_framework import exceptions, serializers  # noqa: E402
from rest_framework.response import Response  # noqa: E402
from rest_framework.views import APIView  # noqa: E402

from modeling.scoring import load_scorer  # noqa: E402
from models_registry.models import Version  # noqa: E402
from projects import keys, storage  # noqa: E402
from projects.models import Authorisation  # noqa: E402
from risk_products.models import ProductKey, ScoreCall  # noqa: E402


class Features(serializers.Serializer):
    income = serializers.FloatField(allow_null=True, required=False)
    age = serializers.IntegerField(allow_null=True, required=False)
    city = serializers.CharField(allow_null=True, required=False)


class Body(serializers.Serializer):
    request_id = serializers.CharField(max_length=64)
    features = Features()


@lru_cache
def scorer(path):
    return load_scorer(storage.folder(path))


class Door(APIView):
    authentication_classes = ()
    permission_classes = ()

    def post(self, request, slug):
        started = timezone.now()
        secret = request.headers.get("Authorization", "").removeprefix("Bearer ")
        digest = hashlib.sha256(secret.encode()).hexdigest()
        key = ProductKey.objects.select_related("product__project", "institution").filter(key_hash=digest).first()
        if key is None or key.product.slug != slug:
            raise exceptions.NotAuthenticated
        version = Version.objects.select_related("run", "model").get(model=key.product.model_id, status="live")
        authorisation = Authorisation.objects.filter(project=key.product.project, grantor=key.institution).get()
        body = Body(data=request.data)
        body.is_valid(raise_exception=True)
        values = {f"partner__{name}": value for name, value in body.validated_data["features"].items()}
        result = scorer(version.run.ticket["path"]).score_row(values)
        answer = {
            "request_id": body.validated_data["request_id"],
            "version": str(version),
            "score": result.score,
            "pd": result.pd,
            "reasons": [{"code": r.code, "text": r.text, "contribution": r.contribution} for r in result.reasons],
        }
        ScoreCall.objects.create(
            product=key.product,
            institution=key.institution,
            request_id=answer["request_id"],
            key=key,
            version=version,
            authorisation=authorisation,
            at=started,
            observed_at=started,
            input_hash=hashlib.sha256(request.body if hasattr(request, "_body") else b"").hexdigest(),
            features=keys.encrypt(authorisation, str(values).encode()),
            answer=str(answer),
            pd=result.pd,
            score=result.score,
            matched=False,
            took_ms=0.0,
        )
        return Response(answer)


urlpatterns = [path("api/v1/products/<slug:slug>/score", Door.as_view())]


class Application(WSGIHandler):
    def get_response(self, request):
        request.urlconf = __name__
        set_urlconf(__name__)
        return super().get_response(request)


application = Application()
