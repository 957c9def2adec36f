"""The API of this floor, below /api/v1/."""

from django.urls import path

from projects import api

IN_PROJECT = "projects/<slug:slug>"

urlpatterns = [
    path("me", api.Me.as_view(), name="api-me"),
    path("institutions", api.Institutions.as_view(), name="api-institution-list"),
    path("projects", api.Projects.as_view(), name="api-project-list"),
    path(IN_PROJECT, api.OneProject.as_view(), name="api-project-detail"),
    path(f"{IN_PROJECT}/approve", api.Approve.as_view(), name="api-project-approve"),
    path(f"{IN_PROJECT}/refuse", api.Refuse.as_view(), name="api-project-refuse"),
    path(f"{IN_PROJECT}/authorisations", api.Authorisations.as_view(), name="api-authorisation-list"),
    path(
        f"{IN_PROJECT}/authorisations/<int:pk>/withdraw",
        api.AuthorisationWithdrawal.as_view(),
        name="api-authorisation-withdraw",
    ),
    path(f"{IN_PROJECT}/members", api.Members.as_view(), name="api-member-list"),
    path(f"{IN_PROJECT}/members/<int:pk>", api.OneMember.as_view(), name="api-member-remove"),
    path("jobs", api.Jobs.as_view(), name="api-job-list"),
    path("jobs/<uuid:pk>", api.OneJob.as_view(), name="api-job-detail"),
    path("jobs/<uuid:pk>/cancel", api.JobCancellation.as_view(), name="api-job-cancel"),
    path("jobs/<uuid:pk>/retry", api.JobRetry.as_view(), name="api-job-retry"),
    path("audit", api.Audit.as_view(), name="api-audit-list"),
]
