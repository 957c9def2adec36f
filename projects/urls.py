"""Pages of this floor. The project's own page is the flow, which the site owns."""

from django.urls import path

from projects.views import accounts, audit, jobs, legal, people, projects

app_name = "projects"
IN_PROJECT = "projects/<slug:slug>/"

urlpatterns = [
    path("sign-in/", accounts.sign_in, name="sign-in"),
    path("sign-out/", accounts.sign_out, name="sign-out"),
    path("invitations/<str:token>/", accounts.invitation_accept, name="invitation-accept"),
    path("account/", accounts.profile, name="profile"),
    path("account/password/", accounts.password_change, name="password-change"),
    path("account/tokens/", accounts.token_list, name="token-list"),
    path("account/tokens/<int:pk>/revoke/", accounts.token_revoke, name="token-revoke"),
    path("projects/", projects.project_list, name="project-list"),
    path("projects/new/", projects.project_create, name="project-create"),
    path(f"{IN_PROJECT}settings/", projects.project_settings, name="project-settings"),
    path(f"{IN_PROJECT}settings/decide/", projects.participation_decide, name="participation-decide"),
    path(f"{IN_PROJECT}settings/archive/", projects.project_archive, name="project-archive"),
    path(f"{IN_PROJECT}authorisations/", legal.authorisation_list, name="authorisation-list"),
    path(f"{IN_PROJECT}authorisations/<int:pk>/withdraw/", legal.authorisation_withdraw, name="authorisation-withdraw"),
    path(f"{IN_PROJECT}authorisations/<int:pk>/erase/", legal.authorisation_erase, name="authorisation-erase"),
    path(f"{IN_PROJECT}members/", people.member_list, name="member-list"),
    path(f"{IN_PROJECT}members/<int:pk>/remove/", people.member_remove, name="member-remove"),
    path("institutions/", people.institution_list, name="institution-list"),
    path("institutions/<slug:code>/", people.institution_detail, name="institution-detail"),
    path(
        "institutions/<slug:code>/invitations/<int:pk>/withdraw/",
        people.invitation_withdraw,
        name="invitation-withdraw",
    ),
    path("institutions/<slug:code>/people/<int:pk>/remove/", people.membership_remove, name="membership-remove"),
    path("jobs/", jobs.job_list, name="job-list"),
    path("jobs/<uuid:pk>/", jobs.job_detail, name="job-detail"),
    path("jobs/<uuid:pk>/cancel/", jobs.job_cancel, name="job-cancel"),
    path("jobs/<uuid:pk>/retry/", jobs.job_retry, name="job-retry"),
    path("audit/", audit.audit_list, name="audit-list"),
    path("audit/export.csv", audit.audit_export, name="audit-export"),
]
