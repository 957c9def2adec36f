"""The flow page: who sees it, what it shows, what it costs."""

import re

import pytest
from django.urls import reverse

from datafactory.models import SourceVersion
from etron.lineage.base import Rights
from etron.lineage.read import flow_of, steps_of
from models_registry.models import TrainingRun

pytestmark = pytest.mark.django_db

QUERIES_OF_THE_FLOW = 20
QUERIES_OF_THE_PAGE = 52


def page(client, project, **data):
    return client.get(reverse("flow", args=[project.slug]), data)


def test_every_stage_is_a_node_with_its_key_figure(project, people, chain, client_of):
    html = page(client_of(people.modeler), project).content.decode()
    for key, shown in {
        f"sample-{chain.sample.pk}": "58,214",
        f"match-{chain.match.pk}": "74.8",
        f"features-{chain.table.pk}": "312",
        f"run-{chain.card.pk}": "KS 0.371",
        f"evaluation-{chain.evaluation.pk}": "AUC 0.753",
        f"version-{chain.version.pk}": "Live",
        f"product-{chain.product.pk}": "calls in 24 h",
        f"run-{chain.training.pk}": "57",
    }.items():
        node = re.search(rf'data-key="{key}".*?</a>', html, re.S)
        assert node, key
        assert shown in node.group(), key


def test_running_work_is_shown_with_progress_and_refreshed(project, people, chain, client_of):
    html = page(client_of(people.modeler), project).content.decode()
    assert 'data-busy="1"' in html
    assert "34 of 60" in html
    fragment = client_of(people.modeler).get(reverse("flow", args=[project.slug]), headers={"HX-Request": "true"})
    assert "<html" not in fragment.content.decode()
    assert "data-key" in fragment.content.decode()


def test_the_runs_inside_a_value_of_data_are_not_drawn(project, people, chain):
    keys = {node.step.key for node in flow_of(project, people.modeler).nodes}
    assert f"value-{chain.value.pk}" in keys
    inside = TrainingRun.objects.get(project=project, column_set="platform")
    assert f"run-{inside.pk}" not in keys


def test_a_newer_source_version_marks_the_chain_and_says_why(project, people, chain, client_of):
    first = chain.versions[0]
    SourceVersion.objects.create(
        source=first.source,
        number=2,
        state="ready",
        created_by=people.modeler,
        content_hash="new",
        ticket={"n_rows": 9},
    )
    flow = flow_of(project, people.modeler)
    assert {node.step.kind for node in flow.stale} >= {"match", "features", "run", "evaluation", "version", "product"}
    assert "Source v2 is newer" in page(client_of(people.modeler), project).content.decode()


def test_a_failed_job_makes_a_failed_node_even_if_the_row_was_left_behind(project, people, chain):
    run = chain.training
    run.refresh_from_db()
    type(run.job).objects.filter(pk=run.job.pk).update(state="failed")
    node = flow_of(project, people.modeler).node(f"run-{run.pk}")
    assert node is not None
    assert node.look == "is-bad"


@pytest.mark.parametrize(("name", "status"), [("colleague", 200), ("partner", 200), ("stranger", 404)])
def test_members_see_the_flow_and_strangers_do_not(project, people, chain, client_of, name, status):
    client = client_of(getattr(people, name))
    assert page(client, project).status_code == status
    step = reverse("flow-step", args=[project.slug, f"match-{chain.match.pk}"])
    assert client.get(step).status_code == status
    assert client.get(reverse("flow-overview", args=[project.slug])).status_code == status


def test_nobody_gets_in_without_signing_in(project, chain, client):
    assert page(client, project).status_code == 302


def test_next_steps_follow_the_readers_rights(project, people, chain):
    modeler = {step.key: [link.title for link in step.follow] for step in steps_of(project, Rights(build=True))}
    partner = {step.key: [link.title for link in step.follow] for step in steps_of(project, Rights())}
    assert "Evaluate" in modeler[f"run-{chain.card.pk}"]
    assert partner[f"run-{chain.card.pk}"] == ["Compare"]
    assert modeler[f"run-{chain.training.pk}"] == [], "nothing follows work that is not done"


def test_the_inspector_tells_of_every_step(project, people, chain, client_of):
    client = client_of(people.modeler)
    for node in flow_of(project, people.modeler).nodes:
        answer = client.get(reverse("flow-step", args=[project.slug, node.step.key]))
        assert answer.status_code == 200, node.step.key
    sample = client.get(reverse("flow-step", args=[project.slug, f"sample-{chain.sample.pk}"])).content.decode()
    assert "57,001" in sample
    broken = client.get(reverse("flow-step", args=[project.slug, f"run-{chain.training.pk + 1}"])).content.decode()
    assert "one class only" in broken


def test_the_inspector_shows_no_matched_rows_that_the_floor_hides(project, people, chain, client_of):
    def shown(key):
        return client_of(people.modeler).get(reverse("flow-step", args=[project.slug, key])).content.decode()

    keys = (f"match-{chain.match.pk}", f"features-{chain.table.pk}")
    assert all("43,544" in shown(key) for key in keys)
    chain.match.summary |= {"n_matched_rows": None, "match_rate": 0.75}
    chain.match.save()
    assert not any("43,544" in shown(key) for key in keys)


def test_steps_of_other_projects_are_not_found(project, people, chain, client_of):
    answer = client_of(people.modeler).get(reverse("flow-step", args=[project.slug, "match-999999"]))
    assert answer.status_code == 404


def test_a_new_project_says_what_to_do_next(reviewing_project, people, client_of):
    html = page(client_of(people.modeler), reviewing_project).content.decode()
    assert "What to do next" in html
    assert "Still to decide: Huaxin Bank" in html


def test_the_flow_takes_a_fixed_number_of_queries(project, people, chain, django_assert_max_num_queries):
    with django_assert_max_num_queries(QUERIES_OF_THE_FLOW):
        flow_of(project, people.modeler)


def test_the_page_takes_a_fixed_number_of_queries(project, people, chain, client_of, django_assert_max_num_queries):
    client = client_of(people.modeler)
    page(client, project)
    with django_assert_max_num_queries(QUERIES_OF_THE_PAGE):
        page(client, project)


def test_more_rows_take_no_more_queries(project, people, chain, django_assert_num_queries):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from tests.etron.chain import evaluation, run

    with CaptureQueriesContext(connection) as before:
        flow_of(project, people.modeler)
    for _ in range(5):
        evaluation(project, people.modeler, run(project, people.modeler, chain.table, "xgboost"), 0.7, 0.3)
    with django_assert_num_queries(len(before)):
        flow_of(project, people.modeler)
