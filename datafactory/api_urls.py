"""The API of this floor, below /api/v1/."""

from django.urls import path

from datafactory.api import (
    connections,
    deletions,
    features,
    leaks,
    mapping,
    matches,
    private_matches,
    samples,
    sources,
    uploads,
)

IN_PROJECT = "projects/<slug:slug>"
PRIVATE_MATCH = f"{IN_PROJECT}/private-matches/<uuid:pk>"
IN_SOURCE = "sources/<slug:code>"

urlpatterns = [
    path(f"{IN_PROJECT}/uploads", samples.ProjectUploads.as_view(), name="api-upload-create"),
    path(f"{IN_PROJECT}/incoming", uploads.ProjectIncoming.as_view(), name="api-incoming-create"),
    path(f"{IN_PROJECT}/incoming/<uuid:pk>", uploads.ProjectIncomingDetail.as_view(), name="api-incoming-detail"),
    path(f"{IN_PROJECT}/uploads/<uuid:pk>/sniff", mapping.ProjectUploadSniff.as_view(), name="api-upload-sniff"),
    path(f"{IN_PROJECT}/import-profiles", mapping.ImportProfiles.as_view(), name="api-import-profile-list"),
    path(
        f"{IN_PROJECT}/import-profiles/<int:pk>",
        mapping.ImportProfileDetail.as_view(),
        name="api-import-profile-detail",
    ),
    path(f"{IN_PROJECT}/samples", samples.Samples.as_view(), name="api-sample-list"),
    path(f"{IN_PROJECT}/samples/<int:number>", samples.SampleDetail.as_view(), name="api-sample-detail"),
    path("deletions/<int:number>", deletions.DeletionDetail.as_view(), name="api-deletion-detail"),
    path(f"{IN_PROJECT}/matches", matches.Matches.as_view(), name="api-match-list"),
    path(f"{IN_PROJECT}/matches/<int:number>", matches.MatchDetail.as_view(), name="api-match-detail"),
    path(f"{IN_PROJECT}/feature-tables", features.FeatureTables.as_view(), name="api-feature-table-list"),
    path(
        f"{IN_PROJECT}/feature-tables/<int:number>",
        features.FeatureTableDetail.as_view(),
        name="api-feature-table-detail",
    ),
    path(f"{IN_PROJECT}/feature-tables/<int:number>/leaks", leaks.LeakScans.as_view(), name="api-leak-scan"),
    path(
        f"{IN_PROJECT}/feature-tables/<int:number>/leaks/decisions",
        leaks.LeakDecisions.as_view(),
        name="api-leak-decision",
    ),
    path(f"{IN_PROJECT}/private-matches", private_matches.PrivateMatches.as_view(), name="api-private-match-list"),
    path(PRIVATE_MATCH, private_matches.PrivateMatchDetail.as_view(), name="api-private-match-detail"),
    path(
        f"{PRIVATE_MATCH}/decision",
        private_matches.PrivateMatchDecision.as_view(),
        name="api-private-match-decision",
    ),
    path(f"{PRIVATE_MATCH}/setup", private_matches.PrivateMatchSetup.as_view(), name="api-private-match-setup"),
    path(f"{PRIVATE_MATCH}/request", private_matches.PrivateMatchRequest.as_view(), name="api-private-match-request"),
    path(
        f"{PRIVATE_MATCH}/response",
        private_matches.PrivateMatchResponse.as_view(),
        name="api-private-match-response",
    ),
    path(f"{PRIVATE_MATCH}/size", private_matches.PrivateMatchSize.as_view(), name="api-private-match-size"),
    path("sources", sources.Sources.as_view(), name="api-source-list"),
    path(IN_SOURCE, sources.SourceDetail.as_view(), name="api-source-detail"),
    path(f"{IN_SOURCE}/uploads", sources.SourceUploads.as_view(), name="api-source-upload-create"),
    path(f"{IN_SOURCE}/incoming", uploads.SourceIncoming.as_view(), name="api-source-incoming-create"),
    path(
        f"{IN_SOURCE}/incoming/<uuid:pk>",
        uploads.SourceIncomingDetail.as_view(),
        name="api-source-incoming-detail",
    ),
    path(f"{IN_SOURCE}/uploads/<uuid:pk>/sniff", mapping.SourceUploadSniff.as_view(), name="api-source-upload-sniff"),
    path(f"{IN_SOURCE}/fetches", connections.SourceFetches.as_view(), name="api-source-fetch-create"),
    path(f"{IN_SOURCE}/versions", sources.SourceVersions.as_view(), name="api-source-version-list"),
    path(
        f"{IN_SOURCE}/versions/<int:number>",
        sources.SourceVersionDetail.as_view(),
        name="api-source-version-detail",
    ),
]
