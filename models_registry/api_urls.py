"""Addresses below /api/v1/."""

from django.urls import include, path

from models_registry import api, bin_api

project_api = [
    path("runs", api.Runs.as_view(), name="api-run-list"),
    path("runs/<int:number>", api.RunDetail.as_view(), name="api-run-detail"),
    path("bin-sets", bin_api.BinSets.as_view(), name="api-bin-set-list"),
    path("bin-sets/<int:number>", bin_api.BinSetDetail.as_view(), name="api-bin-set-detail"),
    path("bin-sets/<int:number>/variables/<str:name>", bin_api.BinVariable.as_view(), name="api-bin-variable"),
    path("bin-sets/<int:number>/revisions", bin_api.BinRevisions.as_view(), name="api-bin-revision-list"),
    path(
        "bin-sets/<int:number>/revisions/<int:revision>",
        bin_api.BinRevisionDetail.as_view(),
        name="api-bin-revision-detail",
    ),
    path("bin-sets/<int:number>/file", bin_api.BinFile.as_view(), name="api-bin-file"),
    path("evaluations", api.Evaluations.as_view(), name="api-evaluation-list"),
    path("evaluations/<int:number>", api.EvaluationDetail.as_view(), name="api-evaluation-detail"),
    path("values", api.Values.as_view(), name="api-value-list"),
    path("values/<int:number>", api.ValueDetail.as_view(), name="api-value-detail"),
    path("compare", api.Comparison.as_view(), name="api-comparison"),
    path("models", api.Models.as_view(), name="api-model-list"),
    path("models/<slug:model>", api.ModelDetail.as_view(), name="api-model-detail"),
    path("versions", api.Versions.as_view(), name="api-version-list"),
    path("versions/<slug:model>/<int:number>", api.VersionDetail.as_view(), name="api-version-detail"),
    path("versions/<slug:model>/<int:number>/<str:act>", api.VersionAct.as_view(), name="api-version-act"),
]
urlpatterns = [path("projects/<slug:slug>/", include(project_api))]
