"""REST doors of this floor: who I am, institutions, projects, their legal basis and members, jobs, the audit log."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.pagination import LimitOffsetPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from projects import access, jobs, selectors, sharing
from projects import serializers as shapes
from projects.errors import Invalid, NotFound
from projects.forms import AuditFilterForm
from projects.models import Job, Project, ProjectMember, User
from projects.services import authorisations, members
from projects.services import projects as services

PAGE = [OpenApiParameter("limit", int), OpenApiParameter("offset", int)]
NEW_PROJECT = {"name": "Auto loan", "purpose": "Admission score", "institutions": ["huaxin-bank"]}
NEW_AUTHORISATION = {
    "basis": "Separate consent, PIPL art. 23",
    "purpose": "Admission score for auto loans",
    "data_categories": ["applications", "outcomes", "hashed_ids"],
    "expires_at": "2027-12-31T23:59:59+08:00",
}


def _read(shape: type[BaseSerializer[Any]], request: Request) -> dict[str, Any]:
    serializer = shape(data=request.data)
    serializer.is_valid(raise_exception=True)
    values: dict[str, Any] = serializer.validated_data
    return values


Context = Callable[[list[Any]], dict[str, Any]]


def _paged(
    request: Request, rows: QuerySet[Any], shape: type[BaseSerializer[Any]], context: Context | None = None
) -> Response:
    """One page of ``rows``; ``context`` reads in one go what the shape needs for all of them."""
    pages = LimitOffsetPagination()
    page = list(pages.paginate_queryset(rows, request) or [])
    return pages.get_paginated_response(shape(page, many=True, context=context(page) if context else {}).data)


def _projects_context(request: Request) -> Context:
    user = access.person(request.user)
    return lambda rows: {"held": sharing.held_on(user, Project, [row.pk for row in rows])}


def _jobs_context(request: Request) -> Context:
    user = access.person(request.user)
    return lambda rows: {"readable": access.readable_logs(user, rows)}


def _job_body(request: Request, row: Job) -> Any:
    return shapes.JobSerializer(row, context=_jobs_context(request)([row])).data


class Me(APIView):
    @extend_schema(operation_id="me", responses=shapes.MeSerializer)
    def get(self, request: Request) -> Response:
        """The person behind the token, with roles by institution."""
        user = access.person(request.user)
        found = selectors.roles_by_institution(user).items()
        institutions = [{"slug": i.slug, "name": i.name, "kind": i.kind, "roles": roles} for i, roles in found]
        return Response(
            {"email": user.email, "name": str(user), "language": user.language, "institutions": institutions}
        )


class Institutions(APIView):
    @extend_schema(operation_id="institutions_list", parameters=PAGE, responses=shapes.InstitutionSerializer(many=True))
    def get(self, request: Request) -> Response:
        """One's own institutions and those that one may work with."""
        rows = selectors.institutions_seen_by(access.person(request.user))
        return _paged(request, rows, shapes.InstitutionSerializer)


class Projects(APIView):
    @extend_schema(operation_id="projects_list", parameters=PAGE, responses=shapes.ProjectSerializer(many=True))
    def get(self, request: Request) -> Response:
        """One's projects, the last changed first."""
        rows = (
            selectors.projects_of(access.person(request.user))
            .select_related("created_by")
            .prefetch_related("participations__decided_by")
        )
        return _paged(request, rows, shapes.ProjectSerializer, _projects_context(request))

    @extend_schema(
        operation_id="projects_create",
        request=shapes.NewProjectSerializer,
        responses={201: shapes.ProjectSerializer, 403: shapes.ErrorSerializer},
        examples=[OpenApiExample("Auto loan", NEW_PROJECT, request_only=True)],
    )
    def post(self, request: Request) -> Response:
        """Propose a project with partners; it opens when all of them have approved it."""
        user = access.person(request.user)
        services.home_of(user)
        project = services.create_project(user=user, **_read(shapes.NewProjectSerializer, request))
        return Response(_project_body(request, project), status=status.HTTP_201_CREATED)


def _project_body(request: Request, project: Project) -> Any:
    project.refresh_from_db()
    return shapes.ProjectSerializer(project, context=_projects_context(request)([project])).data


class OneProject(APIView):
    @extend_schema(operation_id="projects_read", responses=shapes.ProjectSerializer)
    def get(self, request: Request, slug: str) -> Response:
        """A project with its participants and what one may do in it."""
        return Response(_project_body(request, access.project_for(request.user, slug)))


class Decision(APIView):
    """Base of the two doors by which an institution decides."""

    approve: bool

    def decide(self, request: Request, slug: str) -> Response:
        user = access.person(request.user)
        project = access.project_for(user, slug, "projects.decide_project")
        values = _read(shapes.DecisionSerializer, request)
        services.decide_participation(user=user, project=project, approve=self.approve, **values)
        return Response(_project_body(request, project))


class Approve(Decision):
    approve = True

    @extend_schema(
        operation_id="projects_approve", request=shapes.DecisionSerializer, responses=shapes.ProjectSerializer
    )
    def post(self, request: Request, slug: str) -> Response:
        """Approve in the name of one's institution; the last approval opens the project."""
        return self.decide(request, slug)


class Refuse(Decision):
    approve = False

    @extend_schema(
        operation_id="projects_refuse", request=shapes.DecisionSerializer, responses=shapes.ProjectSerializer
    )
    def post(self, request: Request, slug: str) -> Response:
        """Refuse in the name of one's institution; may be turned into an approval while the project is under review."""
        return self.decide(request, slug)


class Authorisations(APIView):
    @extend_schema(
        operation_id="authorisations_list", parameters=PAGE, responses=shapes.AuthorisationSerializer(many=True)
    )
    def get(self, request: Request, slug: str) -> Response:
        """The project's authorisations, newest first."""
        project = access.project_for(request.user, slug)
        rows = project.authorisations.select_related("grantor", "recipient", "granted_by").order_by("-created_at")
        return _paged(request, rows, shapes.AuthorisationSerializer)

    @extend_schema(
        operation_id="authorisations_grant",
        request=shapes.NewAuthorisationSerializer,
        responses={201: shapes.AuthorisationSerializer, 403: shapes.ErrorSerializer},
        examples=[OpenApiExample("Consent", NEW_AUTHORISATION, request_only=True)],
    )
    def post(self, request: Request, slug: str) -> Response:
        """Grant one in the name of one's institution: its analysts and administrators only."""
        user = access.person(request.user)
        project = access.project_for(user, slug)
        authorisations.require_grantor(user, project)
        row = authorisations.grant(user=user, project=project, **_read(shapes.NewAuthorisationSerializer, request))
        return Response(shapes.AuthorisationSerializer(row).data, status=status.HTTP_201_CREATED)


class AuthorisationWithdrawal(APIView):
    @extend_schema(operation_id="authorisations_withdraw", request=None, responses=shapes.AuthorisationSerializer)
    def post(self, request: Request, slug: str, pk: int) -> Response:
        """End an authorisation now. Twice is safe."""
        user = access.person(request.user)
        row = access.authorisation_for(user, access.project_for(user, slug), pk)
        return Response(shapes.AuthorisationSerializer(authorisations.withdraw(user=user, authorisation=row)).data)


class Members(APIView):
    @extend_schema(operation_id="members_list", parameters=PAGE, responses=shapes.MemberSerializer(many=True))
    def get(self, request: Request, slug: str) -> Response:
        """Who works in the project, for which institution, in which role."""
        rows = selectors.members_of(access.project_for(request.user, slug))
        return _paged(request, rows, shapes.MemberSerializer)

    @extend_schema(
        operation_id="members_add",
        request=shapes.NewMemberSerializer,
        responses={201: shapes.MemberSerializer, 403: shapes.ErrorSerializer},
    )
    def post(self, request: Request, slug: str) -> Response:
        """Add a person of an institution that one speaks for, in a role that they hold there."""
        user = access.person(request.user)
        project = access.project_for(user, slug, "projects.manage_project")
        values = _read(shapes.NewMemberSerializer, request)
        member = User.objects.filter(email=values.pop("email").lower()).first()
        if member is None:
            raise Invalid("role_not_held", members.ROLE_NOT_HELD)
        row = members.add_member(user=user, project=project, member=member, **values)
        return Response(shapes.MemberSerializer(row).data, status=status.HTTP_201_CREATED)


class OneMember(APIView):
    @extend_schema(operation_id="members_remove", responses={204: None, 403: shapes.ErrorSerializer})
    def delete(self, request: Request, slug: str, pk: int) -> Response:
        """Take this role of this person away, and everything that it opened."""
        user = access.person(request.user)
        project = access.project_for(user, slug, "projects.manage_project")
        row = ProjectMember.objects.filter(project=project, pk=pk).first()
        if row is None:
            raise NotFound("member_not_found")
        members.remove_member(user=user, project=project, row=row)
        return Response(status=status.HTTP_204_NO_CONTENT)


class Jobs(APIView):
    @extend_schema(
        operation_id="jobs_list",
        parameters=[*PAGE, OpenApiParameter("state", str), OpenApiParameter("project", str)],
        responses=shapes.JobSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        """Jobs of one's projects and institutions, newest first."""
        jobs.reap_if_due()
        wanted = {name: request.query_params[name] for name in ("state", "project") if name in request.query_params}
        rows = selectors.jobs_of(access.person(request.user))
        if "state" in wanted:
            rows = rows.filter(state=wanted["state"])
        if "project" in wanted:
            rows = rows.filter(project__slug=wanted["project"])
        return _paged(request, rows, shapes.JobSerializer, _jobs_context(request))


class OneJob(APIView):
    @extend_schema(operation_id="jobs_read", responses=shapes.JobSerializer)
    def get(self, request: Request, pk: UUID) -> Response:
        """State, progress, log and first cause of failure of one job."""
        jobs.reap_if_due()
        return Response(_job_body(request, access.job_for(request.user, pk)))


class JobCancellation(APIView):
    @extend_schema(operation_id="jobs_cancel", request=None, responses={202: shapes.JobSerializer})
    def post(self, request: Request, pk: UUID) -> Response:
        """Stop a waiting job at once, a running one at its next step. Twice is safe."""
        row = jobs.cancel(access.job_for(request.user, pk, steer=True), user=access.person(request.user))
        return Response(_job_body(request, row), status=status.HTTP_202_ACCEPTED)


class JobRetry(APIView):
    @extend_schema(operation_id="jobs_retry", request=None, responses={202: shapes.JobSerializer})
    def post(self, request: Request, pk: UUID) -> Response:
        """Run a failed or cancelled job again from its beginning."""
        row = jobs.retry(access.job_for(request.user, pk, steer=True), user=access.person(request.user))
        return Response(_job_body(request, row), status=status.HTTP_202_ACCEPTED)


class Audit(APIView):
    @extend_schema(
        operation_id="audit_list",
        parameters=[*PAGE, *(OpenApiParameter(name, str) for name in ("text", "project", "since", "until"))],
        responses=shapes.AuditEventSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        """Lines of the audit log that one may see, newest first."""
        form = AuditFilterForm(request.query_params)
        if not form.is_valid():
            raise Invalid("bad_filter", "; ".join(f"{k}: {' '.join(map(str, v))}" for k, v in form.errors.items()))
        rows = selectors.audit_events(access.person(request.user), form.wanted())
        return _paged(request, rows, shapes.AuditEventSerializer)
