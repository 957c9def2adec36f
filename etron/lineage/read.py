"""Reads the rows of one project as the steps of its flow: a fixed number of queries, however many rows."""

from etron.flow import Flow, Step, compose
from etron.lineage.base import Rights, lines
from etron.lineage.data import feature_steps, match_steps, sample_steps
from etron.lineage.models import evaluation_step, evaluations_of, run_steps, value_steps
from etron.lineage.releases import product_steps, version_steps
from projects.models import Project, User


def flow_of(project: Project, user: User, *, earlier: bool = False) -> Flow:
    return compose(steps_of(project, Rights.of(user, project)), earlier=earlier)


def steps_of(project: Project, rights: Rights) -> list[Step]:
    """Every row of the lineage, parents before children."""
    samples = list(sample_steps(project, rights))
    matches, sources = match_steps(project, rights, lines(samples))
    tables = list(feature_steps(project, rights, lines(matches)))
    judgements = list(evaluations_of(project))
    runs = run_steps(project, rights, lines(tables), judgements)
    evaluations = [evaluation_step(row, project, rights, lines(runs)) for row in judgements]
    values = list(value_steps(project, lines(tables)))
    versions = list(version_steps(project, rights))
    products = list(product_steps(project, versions))
    return [*samples, *sources, *matches, *tables, *runs, *evaluations, *values, *versions, *products]
