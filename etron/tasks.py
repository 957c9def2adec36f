"""Doors for the queue: load by id, call one service."""

from etron import rebuild
from projects.jobs import JobRun, job
from projects.models import Project, User


@job("etron.rebuild_stale")
def rebuild_stale(run: JobRun, *, project_id: int, user_id: int) -> None:
    """Make every stale step of a project again. Twice is safe: what is up to date by then is left alone."""
    project, user = Project.objects.get(pk=project_id), User.objects.get(pk=user_id)
    n_done = rebuild.run_rebuild(project=project, user=user, progress=run.progress)
    run.log(f"{n_done} steps made again")
