"""The shape of what this floor's API takes and gives."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from projects.models import (
    AuditEvent,
    Authorisation,
    Institution,
    Job,
    Participation,
    Project,
    ProjectMember,
    Role,
    User,
)


class ErrorSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    message = serializers.CharField()
    detail = serializers.JSONField(allow_null=True)


class InstitutionSerializer(serializers.ModelSerializer[Institution]):
    class Meta:
        model = Institution
        fields = ["slug", "name", "kind"]


class MyInstitutionSerializer(serializers.Serializer[Any]):
    slug = serializers.CharField()
    name = serializers.CharField()
    kind = serializers.ChoiceField(choices=Institution.Kind.choices)
    roles = serializers.ListField(child=serializers.ChoiceField(choices=Role.choices))


class MeSerializer(serializers.Serializer[Any]):
    email = serializers.EmailField()
    name = serializers.CharField()
    language = serializers.CharField()
    institutions = MyInstitutionSerializer(many=True)


class ParticipationSerializer(serializers.ModelSerializer[Participation]):
    institution = serializers.SlugRelatedField[Institution](slug_field="slug", read_only=True)
    decided_by = serializers.SlugRelatedField[User](slug_field="email", read_only=True)

    class Meta:
        model = Participation
        fields = ["institution", "decision", "decided_by", "decided_at", "note"]


class ProjectSerializer(serializers.ModelSerializer[Project]):
    """Give ``held``, the permissions by project id, in the context."""

    created_by = serializers.SlugRelatedField[User](slug_field="email", read_only=True)
    participants = ParticipationSerializer(source="participations", many=True, read_only=True)
    my_permissions = serializers.SerializerMethodField()

    class Meta:
        model = Project
        fields = [
            "slug",
            "name",
            "purpose",
            "description",
            "status",
            "is_sandbox",
            "created_by",
            "created_at",
            "participants",
            "my_permissions",
        ]

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_my_permissions(self, project: Project) -> list[str]:
        return sorted(self.context["held"][project.pk])


class NewProjectSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=120)
    purpose = serializers.CharField(max_length=200)
    description = serializers.CharField(required=False, allow_blank=True, default="", max_length=4000)
    institutions = serializers.SlugRelatedField[Institution](
        slug_field="slug", many=True, queryset=Institution.objects.all()
    )


class DecisionSerializer(serializers.Serializer[Any]):
    note = serializers.CharField(required=False, allow_blank=True, default="", max_length=2000)
    institution = serializers.SlugRelatedField[Institution](
        slug_field="slug", queryset=Institution.objects.all(), required=False, allow_null=True, default=None
    )


class AuthorisationSerializer(serializers.ModelSerializer[Authorisation]):
    grantor = serializers.SlugRelatedField[Institution](slug_field="slug", read_only=True)
    recipient = serializers.SlugRelatedField[Institution](slug_field="slug", read_only=True)
    granted_by = serializers.SlugRelatedField[User](slug_field="email", read_only=True)
    data_categories = serializers.ListField(child=serializers.CharField())

    class Meta:
        model = Authorisation
        fields = [
            "id",
            "grantor",
            "recipient",
            "basis",
            "purpose",
            "data_categories",
            "starts_at",
            "expires_at",
            "withdrawn_at",
            "granted_by",
        ]


class NewAuthorisationSerializer(serializers.Serializer[Any]):
    basis = serializers.CharField(max_length=200)
    purpose = serializers.CharField(max_length=200)
    data_categories = serializers.ListField(
        child=serializers.CharField(max_length=80), allow_empty=False, max_length=50
    )
    expires_at = serializers.DateTimeField()
    starts_at = serializers.DateTimeField(required=False)
    recipient = serializers.SlugRelatedField[Institution](
        slug_field="slug", queryset=Institution.objects.all(), required=False
    )
    grantor = serializers.SlugRelatedField[Institution](
        slug_field="slug", queryset=Institution.objects.all(), required=False
    )


class MemberSerializer(serializers.ModelSerializer[ProjectMember]):
    email = serializers.EmailField(source="user.email")
    name = serializers.CharField(source="user.get_full_name")
    institution = serializers.SlugRelatedField[Institution](slug_field="slug", read_only=True)

    class Meta:
        model = ProjectMember
        fields = ["id", "email", "name", "institution", "role", "added_at"]


class NewMemberSerializer(serializers.Serializer[Any]):
    email = serializers.EmailField()
    institution = serializers.SlugRelatedField[Institution](slug_field="slug", queryset=Institution.objects.all())
    role = serializers.ChoiceField(choices=Role.choices)


class JobSerializer(serializers.ModelSerializer[Job]):
    """Give ``readable``, the ids of :func:`access.readable_logs`, in the context.

    Log and error only for the people of the institution whose file the job works on.
    """

    project = serializers.SlugRelatedField[Project](slug_field="slug", read_only=True)
    institution = serializers.SlugRelatedField[Institution](slug_field="slug", read_only=True)
    created_by = serializers.SlugRelatedField[User](slug_field="email", read_only=True)
    url = serializers.SerializerMethodField()

    class Meta:
        model = Job
        fields = [
            "id",
            "name",
            "title",
            "project",
            "institution",
            "created_by",
            "state",
            "rows_done",
            "rows_total",
            "step",
            "error_code",
            "error",
            "error_detail",
            "log",
            "attempt",
            "cancel_requested",
            "created_at",
            "started_at",
            "finished_at",
            "result_url",
            "url",
        ]

    def get_url(self, job: Job) -> str:
        return f"/api/v1/jobs/{job.pk}"

    def to_representation(self, instance: Job) -> dict[str, Any]:
        values = super().to_representation(instance)
        if instance.pk not in self.context["readable"]:
            values |= {"error": "", "error_detail": {}, "log": []}
        return values


class AuditEventSerializer(serializers.ModelSerializer[AuditEvent]):
    project = serializers.SlugRelatedField[Project](slug_field="slug", read_only=True)
    institution = serializers.SlugRelatedField[Institution](slug_field="slug", read_only=True)

    class Meta:
        model = AuditEvent
        fields = ["seq", "at", "actor", "actor_roles", "institution", "project", "action", "target", "detail", "hash"]
