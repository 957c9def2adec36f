"""Pages of a project's runs, evaluations, comparisons, models and versions."""

from django.urls import include, path

from models_registry.views import bins, reports, runs, values, versions

app_name = "models_registry"

project_pages = [
    path("runs/", runs.run_list, name="run-list"),
    path("runs/new/", runs.run_create, name="run-create"),
    path("runs/<int:number>/", runs.run_detail, name="run-detail"),
    path("runs/<int:number>/evaluate/", runs.run_evaluate, name="run-evaluate"),
    path("bins/", bins.bin_set_list, name="bin-set-list"),
    path("bins/new/", bins.bin_set_create, name="bin-set-create"),
    path("bins/<int:number>/", bins.bin_set_detail, name="bin-set-detail"),
    path("bins/<int:number>/variables/<str:name>/", bins.bin_editor, name="bin-editor"),
    path("bins/<int:number>/revisions/", bins.bin_revision_propose, name="bin-revision-propose"),
    path("bins/<int:number>/revisions/<int:revision>/", bins.bin_revision_decide, name="bin-revision-decide"),
    path("bins/<int:number>/import/", bins.bin_import, name="bin-import"),
    path("evaluations/", reports.evaluation_list, name="evaluation-list"),
    path("evaluations/<int:number>/", reports.evaluation_detail, name="evaluation-detail"),
    path("compare/", reports.comparison, name="comparison"),
    path("value/", values.value_list, name="value-list"),
    path("value/new/", values.value_create, name="value-create"),
    path("value/<int:number>/", values.value_detail, name="value-detail"),
    path("models/", versions.version_list, name="version-list"),
    path("models/<slug:model>/", versions.version_history, name="version-history"),
    path("runs/<int:number>/offer/", versions.version_create, name="version-create"),
    path("versions/<slug:model>/<int:number>/", versions.version_detail, name="version-detail"),
    path("versions/<slug:model>/<int:number>/bands/", versions.version_bands, name="version-bands"),
    path("versions/<slug:model>/<int:number>/<str:act>/", versions.version_act, name="version-act"),
]
urlpatterns = [path("projects/<slug:slug>/", include(project_pages))]
