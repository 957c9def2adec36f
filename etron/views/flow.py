"""A project's flow: the page, its live part, and the inspector of one step."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from etron import overview, rebuild
from etron.addresses import address
from etron.flow import Flow, Node, behind
from etron.lineage.base import Rights
from etron.lineage.inspect import facts_of
from etron.lineage.read import flow_of
from projects import access
from projects.errors import NotFound
from projects.models import Project, User


@login_required
def flow(request: HttpRequest, slug: str) -> HttpResponse:
    """The page; htmx gets the part that changes while work is going on."""
    user = access.person(request.user)
    project = access.project_for(user, slug)
    earlier = "all" in request.GET
    drawn = flow_of(project, user, earlier=earlier)
    context = live_part(project, user, drawn) | {"earlier": earlier}
    if request.htmx:  # type: ignore[attr-defined]
        return render(request, "etron/_flow_main.html", context)
    return render(request, "etron/flow.html", context | overview.project_facts(project))


def live_part(project: Project, user: User, drawn: Flow) -> dict[str, Any]:
    rights = Rights.of(user, project)
    jobs = overview.jobs_under_way(project)
    return {
        "project": project,
        "flow": drawn,
        "edges": [{"from": edge.parent, "to": edge.child, "look": edge.look} for edge in drawn.edges],
        "ranks": [(rank, overview.RANK_TITLES[rank], nodes) for rank, nodes in drawn.ranks],
        "rights": rights,
        "jobs": jobs[:3],
        "more_jobs": max(0, len(jobs) - 3),
        "todo": overview.todo(project, rights) if not drawn.nodes else (),
        "next_link": overview.next_link(drawn),
        "until": overview.usable_until(project),
        "rebuild_url": address("flow-rebuild", project.slug) if rights.build and rebuild.to_do(drawn) else "",
    }


@login_required
@require_POST
def flow_rebuild(request: HttpRequest, slug: str) -> HttpResponse:
    """Make every stale step again; the page then shows the work."""
    user = access.person(request.user)
    project = access.project_for(user, slug, "projects.build_project")
    rebuild.rebuild_stale(user=user, project=project)
    if not request.htmx:  # type: ignore[attr-defined]
        return redirect("flow", project.slug)
    return render(request, "etron/_flow_main.html", live_part(project, user, flow_of(project, user)))


@login_required
def flow_step(request: HttpRequest, slug: str, key: str) -> HttpResponse:
    """What is known about one step, for the panel at the right."""
    user = access.person(request.user)
    project = access.project_for(user, slug)
    drawn = flow_of(project, user, earlier=True)
    node = drawn.node(key)
    if node is None:
        raise NotFound("step_not_found")
    return render(request, "etron/_flow_step.html", step_context(project, user, drawn, node))


def step_context(project: Project, user: User, drawn: Flow, node: Node) -> dict[str, Any]:
    parents = {edge.parent for edge in drawn.edges if edge.child == node.step.key}
    children = {edge.child for edge in drawn.edges if edge.parent == node.step.key}
    facts = facts_of(project, node.step)
    job = facts.job
    return {
        "project": project,
        "node": node,
        "facts": facts,
        "job": job,
        "quiet": job is not None and not access.may_read_log(user, job),
        "made_from": [other for other in drawn.nodes if other.step.key in parents],
        "used_by": [other for other in drawn.nodes if other.step.key in children],
        "n_behind": len(behind(drawn, node.step.key)),
        "siblings": [other for other in drawn.nodes if other.step.line == node.step.line],
        "rights": Rights.of(user, project),
    }


@login_required
def flow_overview(request: HttpRequest, slug: str) -> HttpResponse:
    """The panel while no step is chosen: who takes part, on which ground, until when."""
    project = access.project_for(access.person(request.user), slug)
    return render(request, "etron/_flow_project.html", {"project": project} | overview.project_facts(project))
