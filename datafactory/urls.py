"""Pages of this floor."""

from django.urls import path

from datafactory.views import (
    connections,
    deletions,
    features,
    leaks,
    mapping,
    matches,
    private_matches,
    samples,
    sources,
)

app_name = "datafactory"
IN_PROJECT = "projects/<slug:slug>/"
IN_SOURCE = "sources/<slug:code>/"

urlpatterns = [
    path(f"{IN_PROJECT}samples/", samples.sample_list, name="sample-list"),
    path(f"{IN_PROJECT}samples/new/", samples.sample_create, name="sample-create"),
    path(f"{IN_PROJECT}samples/new/<uuid:pk>/", samples.sample_map, name="sample-map"),
    path(f"{IN_PROJECT}samples/new/<uuid:pk>/sniff/", mapping.sample_sniff, name="sample-sniff"),
    path(f"{IN_PROJECT}samples/<int:number>/", samples.sample_detail, name="sample-detail"),
    path(f"{IN_PROJECT}samples/<int:number>/profile/", mapping.profile_save, name="import-profile-save"),
    path(f"{IN_PROJECT}import-profiles/<int:pk>/delete/", mapping.profile_delete, name="import-profile-delete"),
    path(f"{IN_PROJECT}samples/<int:number>/keep/", deletions.sample_keep, name="sample-keep"),
    path(f"{IN_PROJECT}samples/<int:number>/delete/", deletions.sample_delete, name="sample-delete"),
    path("deletions/<int:number>/", deletions.deletion_detail, name="deletion-detail"),
    path(f"{IN_PROJECT}matches/", matches.match_list, name="match-list"),
    path(f"{IN_PROJECT}matches/new/", matches.match_create, name="match-create"),
    path(f"{IN_PROJECT}matches/<int:number>/", matches.match_detail, name="match-detail"),
    path(f"{IN_PROJECT}private-matches/", private_matches.private_match_list, name="private-match-list"),
    path(f"{IN_PROJECT}private-matches/new/", private_matches.private_match_create, name="private-match-create"),
    path(f"{IN_PROJECT}private-matches/<uuid:pk>/", private_matches.private_match_detail, name="private-match-detail"),
    path(f"{IN_PROJECT}features/", features.feature_list, name="feature-list"),
    path(f"{IN_PROJECT}features/new/", features.feature_create, name="feature-create"),
    path(f"{IN_PROJECT}features/<int:number>/", features.feature_detail, name="feature-detail"),
    path(f"{IN_PROJECT}features/<int:number>/leaks/scan/", leaks.leak_scan, name="leak-scan"),
    path(f"{IN_PROJECT}features/<int:number>/leaks/decide/", leaks.leak_decide, name="leak-decide"),
    path(f"{IN_PROJECT}features/<int:number>/<str:name>/", features.feature_column, name="feature-column"),
    path("sources/", sources.source_list, name="source-list"),
    path("sources/new/", sources.source_create, name="source-create"),
    path(IN_SOURCE, sources.source_detail, name="source-detail"),
    path(f"{IN_SOURCE}versions/new/", sources.source_upload, name="source-upload"),
    path(f"{IN_SOURCE}versions/new/fetch/", connections.source_fetch, name="source-fetch"),
    path(f"{IN_SOURCE}versions/new/<uuid:pk>/", sources.source_map, name="source-map"),
    path(f"{IN_SOURCE}versions/new/<uuid:pk>/sniff/", mapping.source_sniff, name="source-sniff"),
    path(f"{IN_SOURCE}versions/<int:number>/", sources.source_version_detail, name="source-version-detail"),
]
