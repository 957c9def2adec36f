"""What waits for a person, what runs, what can be found: reads that cross the floors."""

from django.db.models import Q, QuerySet

from models_registry.models import Version
from projects.models import Job, Participation, Project, Role, User
from risk_products.models import Product

DECIDERS = (Role.ANALYST, Role.APPROVER, Role.ADMINISTRATOR)


def my_projects(user: User) -> QuerySet[Project]:
    """Projects in which the user is a member: also a superuser sees no others."""
    return Project.objects.filter(members__user=user).distinct()


def my_jobs(user: User) -> QuerySet[Job]:
    """Jobs of my projects, and those that I started for my institution."""
    return Job.objects.filter(Q(project__in=my_projects(user)) | Q(project=None, created_by=user)).select_related(
        "project"
    )


def running_jobs(user: User) -> QuerySet[Job]:
    return my_jobs(user).filter(state__in=[Job.State.QUEUED, Job.State.RUNNING])


def decisions_waiting(user: User) -> QuerySet[Participation]:
    """Projects that an institution of mine has not decided on, where my role may decide."""
    return (
        Participation.objects.filter(
            decision=Participation.Decision.WAITING,
            project__status=Project.Status.REVIEWING,
            institution__memberships__user=user,
            institution__memberships__role__in=DECIDERS,
        )
        .select_related("project", "institution", "project__created_by")
        .distinct()
    )


def versions_waiting(user: User) -> QuerySet[Version]:
    """Versions submitted in projects that I approve in, by somebody else."""
    return (
        Version.objects.filter(
            status=Version.Status.SUBMITTED,
            model__project__members__user=user,
            model__project__members__role=Role.APPROVER,
        )
        .exclude(author=user)
        .select_related("model", "model__project", "author", "evaluation")
        .distinct()
    )


def count_waiting(user: User) -> int:
    return decisions_waiting(user).count() + versions_waiting(user).count()


def navigation_counts(user: User) -> dict[str, int]:
    return {
        "projects:project-list": my_projects(user).count(),
        "risk_products:product-list": Product.objects.filter(project__in=my_projects(user)).count(),
    }
