"""The API of this floor, below /api/v1/."""

from django.urls import path

from datafactory.api import features, matches, samples, sources

IN_PROJECT = "projects/<slug:slug>"
IN_SOURCE = "sources/<slug:code>"

urlpatterns = [
    path(f"{IN_PROJECT}/uploads", samples.ProjectUploads.as_view(), name="api-upload-create"),
    path(f"{IN_PROJECT}/samples", samples.Samples.as_view(), name="api-sample-list"),
    path(f"{IN_PROJECT}/samples/<int:number>", samples.SampleDetail.as_view(), name="api-sample-detail"),
    path(f"{IN_PROJECT}/matches", matches.Matches.as_view(), name="api-match-list"),
    path(f"{IN_PROJECT}/matches/<int:number>", matches.MatchDetail.as_view(), name="api-match-detail"),
    path(f"{IN_PROJECT}/feature-tables", features.FeatureTables.as_view(), name="api-feature-table-list"),
    path(
        f"{IN_PROJECT}/feature-tables/<int:number>",
        features.FeatureTableDetail.as_view(),
        name="api-feature-table-detail",
    ),
    path("sources", sources.Sources.as_view(), name="api-source-list"),
    path(IN_SOURCE, sources.SourceDetail.as_view(), name="api-source-detail"),
    path(f"{IN_SOURCE}/uploads", sources.SourceUploads.as_view(), name="api-source-upload-create"),
    path(f"{IN_SOURCE}/versions", sources.SourceVersions.as_view(), name="api-source-version-list"),
    path(
        f"{IN_SOURCE}/versions/<int:number>",
        sources.SourceVersionDetail.as_view(),
        name="api-source-version-detail",
    ),
]
