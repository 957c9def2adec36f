"""REST doors. Long work is ordered with 202 and watched at its own address."""

from collections.abc import Callable
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.pagination import LimitOffsetPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from datafactory.serializers import OrderSerializer
from models_registry import access, selectors
from models_registry import serializers as shapes
from models_registry.models import Version
from models_registry.services import comparison, plans, releases, training, value, versions
from models_registry.services import evaluation as evaluations
from projects.access import person, project_for
from projects.errors import NotFound
from projects.models import Artifact

PAGE = [OpenApiParameter("limit", int), OpenApiParameter("offset", int)]
SCORECARD = {"feature_table": 1, "name": "Baseline", "plan": {"algorithm": "scorecard", "column_set": "joint"}}
XGBOOST = {
    "feature_table": 1,
    "plan": {
        "algorithm": "xgboost",
        "column_set": "joint",
        "split": {"kind": "folds", "folds": 5, "seed": 7},
        "xgb": {"n_estimators": 30, "max_depth": 3, "learning_rate": 0.3, "max_bin": 32},
    },
}


def _read(shape: type[BaseSerializer[Any]], data: Any) -> dict[str, Any]:
    serializer = shape(data=data)
    serializer.is_valid(raise_exception=True)
    valid: dict[str, Any] = serializer.validated_data
    return valid


def _paged(request: Request, rows: QuerySet[Any], shape: type[BaseSerializer[Any]]) -> Response:
    pages = LimitOffsetPagination()
    return pages.get_paginated_response(shape(pages.paginate_queryset(rows, request), many=True).data)


def _ordered(row: Artifact, shape: type[shapes.ArtifactSerializer]) -> Response:
    """202 with where to look; a job that ran at once (eager) already shows its end."""
    row.refresh_from_db(fields=["state"])
    body = {"number": row.number, "state": row.state, "job": row.job_id, "url": shape().get_url(row)}
    return Response(body, status=status.HTTP_202_ACCEPTED)


class Runs(APIView):
    @extend_schema(operation_id="runs_list", parameters=PAGE, responses=shapes.TrainingRunSerializer(many=True))
    def get(self, request: Request, slug: str) -> Response:
        """Training runs of a project, newest first."""
        project = project_for(person(request.user), slug)
        return _paged(request, selectors.runs_of(project), shapes.TrainingRunSerializer)

    @extend_schema(
        operation_id="runs_create",
        request=shapes.NewRun,
        responses={202: OrderSerializer},
        examples=[
            OpenApiExample("Scorecard", SCORECARD, request_only=True),
            OpenApiExample("XGBoost in five folds", XGBOOST, request_only=True),
        ],
    )
    def post(self, request: Request, slug: str) -> Response:
        """Train a model. The same order while one is queued or running is the same run."""
        project_for(request.user, slug, access.BUILD)
        order = _read(shapes.NewRun, request.data)
        table = access.feature_table_for(request.user, slug, order["feature_table"])
        plan = plans.read_training(order["plan"])
        run = training.train_model(user=person(request.user), feature_table=table, plan=plan, name=order["name"])
        return _ordered(run, shapes.TrainingRunSerializer)


class RunDetail(APIView):
    @extend_schema(operation_id="runs_read", responses=shapes.TrainingRunDetailSerializer)
    def get(self, request: Request, slug: str, number: int) -> Response:
        """A run with its recipe, state and, once ready, its training report."""
        return Response(shapes.TrainingRunDetailSerializer(access.run_for(request.user, slug, number)).data)


class Evaluations(APIView):
    @extend_schema(operation_id="evaluations_list", parameters=PAGE, responses=shapes.EvaluationSerializer(many=True))
    def get(self, request: Request, slug: str) -> Response:
        """Evaluations of a project, newest first."""
        project = project_for(person(request.user), slug)
        return _paged(request, selectors.evaluations_of(project), shapes.EvaluationSerializer)

    @extend_schema(
        operation_id="evaluations_create",
        request=shapes.NewEvaluation,
        responses={202: OrderSerializer},
        examples=[OpenApiExample("With 1,000 bootstraps", {"run": 1, "plan": {"bootstrap": 1000}}, request_only=True)],
    )
    def post(self, request: Request, slug: str) -> Response:
        """Evaluate a ready run. Twice with the same plan is the same evaluation."""
        project_for(request.user, slug, access.BUILD)
        order = _read(shapes.NewEvaluation, request.data)
        run = access.run_for(request.user, slug, order["run"], access.BUILD)
        plan = plans.read_evaluation(order["plan"])
        evaluation = evaluations.evaluate_model(user=person(request.user), run=run, plan=plan)
        return _ordered(evaluation, shapes.EvaluationSerializer)


class EvaluationDetail(APIView):
    @extend_schema(operation_id="evaluations_read", responses=shapes.EvaluationDetailSerializer)
    def get(self, request: Request, slug: str, number: int) -> Response:
        """The figures by split with intervals, curves and tables."""
        return Response(shapes.EvaluationDetailSerializer(access.evaluation_for(request.user, slug, number)).data)


class Values(APIView):
    @extend_schema(operation_id="values_list", parameters=PAGE, responses=shapes.ValueSerializer(many=True))
    def get(self, request: Request, slug: str) -> Response:
        """Value-of-data statements of a project, newest first."""
        project = project_for(person(request.user), slug)
        return _paged(request, selectors.values_of(project).defer("result"), shapes.ValueSerializer)

    @extend_schema(
        operation_id="values_create",
        request=shapes.NewRun,
        responses={202: OrderSerializer},
        examples=[OpenApiExample("XGBoost in five folds", XGBOOST, request_only=True)],
    )
    def post(self, request: Request, slug: str) -> Response:
        """Train the recipe on partner's, platform's and joint columns and compare; ``column_set`` is ignored."""
        project_for(request.user, slug, access.BUILD)
        order = _read(shapes.NewRun, request.data)
        table = access.feature_table_for(request.user, slug, order["feature_table"])
        plan = plans.read_training(order["plan"])
        made = value.value_of_data(user=person(request.user), feature_table=table, plan=plan, name=order["name"])
        return _ordered(made, shapes.ValueSerializer)


class ValueDetail(APIView):
    @extend_schema(operation_id="values_read", responses=shapes.ValueDetailSerializer)
    def get(self, request: Request, slug: str, number: int) -> Response:
        """Figures per column set with intervals and paired differences, on matched rows and on all rows."""
        return Response(shapes.ValueDetailSerializer(access.value_for(request.user, slug, number)).data)


class Comparison(APIView):
    @extend_schema(
        operation_id="compare",
        parameters=[OpenApiParameter("runs", str, required=True, description="Numbers of runs: 1,2,3")],
        responses=OpenApiTypes.OBJECT,
    )
    def get(self, request: Request, slug: str) -> Response:
        """Any runs of a project side by side: figures with intervals, paired differences on their common rows."""
        project_for(request.user, slug)
        asked = _read(shapes.RunNumbers, request.query_params)
        _project, runs = access.runs_for(request.user, slug, asked["runs"])
        return Response(comparison.compare(runs))


class Models(APIView):
    @extend_schema(operation_id="models_list", parameters=PAGE, responses=shapes.ModelSerializer(many=True))
    def get(self, request: Request, slug: str) -> Response:
        """Models of a project with their versions and what is live."""
        user = person(request.user)
        return _paged(request, selectors.models_of(project_for(user, slug), user), shapes.ModelSerializer)


class ModelDetail(APIView):
    @extend_schema(
        operation_id="models_read",
        parameters=[OpenApiParameter("at", OpenApiTypes.DATETIME, description="What was live at this moment?")],
        responses=shapes.ModelDetailSerializer,
    )
    def get(self, request: Request, slug: str, model: str) -> Response:
        """A model with its history of live intervals, and what was live at a moment."""
        asked = _read(shapes.Moment, request.query_params)
        found = access.model_for(request.user, slug, model)
        return Response(shapes.ModelDetailSerializer(found, context=asked).data)


class Versions(APIView):
    @extend_schema(operation_id="versions_list", parameters=PAGE, responses=shapes.VersionSerializer(many=True))
    def get(self, request: Request, slug: str) -> Response:
        """Versions of all models of a project, newest first."""
        user = person(request.user)
        return _paged(request, selectors.versions_of(project_for(user, slug), user), shapes.VersionSerializer)

    @extend_schema(
        operation_id="versions_create",
        request=shapes.NewVersion,
        responses={201: shapes.VersionSerializer},
        examples=[OpenApiExample("A new model", {"run": 2, "model": "Auto loan"}, request_only=True)],
    )
    def post(self, request: Request, slug: str) -> Response:
        """Offer an evaluated run as the next version of a model."""
        project_for(request.user, slug, access.BUILD)
        order = _read(shapes.NewVersion, request.data)
        run = access.run_for(request.user, slug, order["run"], access.BUILD)
        user = person(request.user)
        version = versions.create_version(user=user, run=run, model=order["model"], note=order["note"])
        if "bands" in order:
            version = versions.change_bands(user=user, version=version, bands=order["bands"])
        return Response(shapes.VersionSerializer(version).data, status=status.HTTP_201_CREATED)


class VersionDetail(APIView):
    @extend_schema(operation_id="versions_read", responses=shapes.VersionSerializer)
    def get(self, request: Request, slug: str, model: str, number: int) -> Response:
        """A version: signature, bands, publish checks, who decided."""
        return Response(shapes.VersionSerializer(access.version_for(request.user, slug, model, number)).data)


ACTS: dict[str, tuple[str, Callable[..., Any]]] = {
    "submit": (access.BUILD, versions.submit),
    "approve": (access.RELEASE, versions.approve),
    "return": (access.RELEASE, versions.send_back),
    "publish": (access.RELEASE, releases.publish),
    "retire": (access.RELEASE, releases.retire),
}


class VersionAct(APIView):
    @extend_schema(
        operation_id="versions_act",
        parameters=[OpenApiParameter("act", enum=sorted(ACTS), location=OpenApiParameter.PATH)],
        request=shapes.Act,
        responses=shapes.VersionSerializer,
        examples=[
            OpenApiExample("Approve", {"note": "Read and agreed."}, request_only=True),
            OpenApiExample("Publish", {"acknowledge": ["leakage_unknown"]}, request_only=True),
        ],
    )
    def post(self, request: Request, slug: str, model: str, number: int, act: str) -> Response:
        """Submit, approve, return, publish or retire a version. A failed publish check answers 409 and names it."""
        if act not in ACTS:
            raise NotFound("act_not_found")
        perm, service = ACTS[act]
        version: Version = access.version_for(request.user, slug, model, number, perm)
        order = _read(shapes.Act, request.data)
        extra = {"acknowledge": tuple(order["acknowledge"])} if act == "publish" else {}
        service(user=person(request.user), version=version, note=order["note"], **extra)
        return Response(shapes.VersionSerializer(access.version_for(request.user, slug, model, number)).data)
