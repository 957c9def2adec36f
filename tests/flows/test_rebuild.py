"""Same files, plans and seed give the same content, in another project and in the same one, on two engine threads."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow.parquet as pq
import pytest
from django.utils import timezone

from datafactory.services import features, matches, samples, sources, uploads
from models_registry.services import evaluation, plans, training
from projects import storage
from projects.models import Institution
from projects.services.authorisations import grant
from projects.services.projects import create_project, decide_participation
from sandbox.demo import APPLICATIONS, OOT, SOURCES
from sandbox.people import Plan
from sandbox.tables import make_world

pytestmark = [pytest.mark.slow, pytest.mark.django_db]
WORLD = Plan(people=4500, until="2025-07-01")  # repayments fill two row groups: both threads have work
TRAINING = {
    "scorecard": {"algorithm": "scorecard", "column_set": "joint", "split": OOT},
    "xgboost": {"algorithm": "xgboost", "column_set": "joint", "split": OOT, "xgb": {"n_estimators": 60}},
}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world")
    make_world(folder, WORLD)
    return folder


@dataclass
class Workshop:
    """Builds the whole chain of the demo's credit project by its services, jobs at once."""

    people: SimpleNamespace
    bank: Institution
    world: Path
    run_jobs: Callable[[], Any]

    def do(self, service, **given):
        with self.run_jobs():
            row = service(**given)
        row.refresh_from_db()
        assert row.state == "ready", row.job and row.job.error
        return row

    def upload(self, user, name, **where):
        with (self.world / name).open("rb") as stream:
            return uploads.receive_upload(user=user, stream=stream, filename=Path(name).name, **where)

    def versions(self):
        """Each source imported once; projects share them."""
        modeler, made = self.people.modeler, []
        for slug, about in SOURCES.items():
            source = sources.create_source(
                user=modeler, slug=slug, name=about["name"], kind=about["kind"], description=about["description"]
            )
            upload = self.upload(modeler, f"platform/{slug}.parquet", source=source)
            order = {"user": modeler, "source": source, "upload": upload, "plan": about["plan"]}
            made.append(self.do(sources.import_source_version, **order))
        return made

    def project(self, name):
        project = create_project(
            user=self.people.modeler, name=name, purpose="Admission", institutions=[self.bank], is_sandbox=True
        )
        decide_participation(user=self.people.partner, project=project, approve=True, note="Agreed.")
        project.refresh_from_db()
        grant(
            user=self.people.partner,
            project=project,
            basis="Separate consent",
            purpose="Admission",
            data_categories=["application", "outcome"],
            expires_at=timezone.now() + timedelta(days=365),
        )
        return project

    def chain(self, project, versions):
        """New rows from the sample file to two evaluations, by name."""
        modeler, partner = self.people.modeler, self.people.partner
        upload = self.upload(partner, "partner/applications.csv", project=project)
        plan = APPLICATIONS | {"outcomes_as_of": WORLD.until}
        made = {"sample": self.do(samples.import_sample, user=partner, project=project, upload=upload, plan=plan)}
        made["match"] = self.do(matches.match_sample, user=modeler, sample=made["sample"], source_versions=versions)
        made["features"] = self.do(features.build_features, user=modeler, match=made["match"], plan={})
        for name, recipe in TRAINING.items():
            run = self.do(
                training.train_model,
                user=modeler,
                feature_table=made["features"],
                plan=plans.read_training(recipe),
                name=name,
            )
            judged = plans.read_evaluation({"bootstrap": 50})
            made |= {
                name: run,
                f"{name} judged": self.do(evaluation.evaluate_model, user=modeler, run=run, plan=judged),
            }
        return made


@pytest.fixture
def workshop(people, partner_bank, world, run_jobs, settings):
    settings.ENGINE_THREADS = 2
    return Workshop(people, partner_bank, world, run_jobs)


def contents(chain):
    return {name: row.content_hash for name, row in chain.items()}


def matched(chain, columns=None):
    return pq.read_table(storage.folder(chain["match"].ticket["path"]) / "matched.parquet", columns=columns)


def only_the_key_differs(first, second):
    """Another project has another random key, and ``matched.parquet`` holds the ids under it; all else is equal."""
    assert {name for name, value in contents(first).items() if value != contents(second)[name]} == {"match"}
    names = matched(first).column_names
    keyed = [name for name in names if name.startswith("key__")]
    assert len(keyed) == len(SOURCES)
    assert all(not matched(first, [name]).equals(matched(second, [name])) for name in keyed)
    plain = [name for name in names if name not in keyed]
    assert matched(first, plain).equals(matched(second, plain))
    assert first["match"].report == second["match"].report
    # The recipe of a feature table names its match by content, so this one fingerprint follows the key.
    recipes = {name for name in first if first[name].fingerprint == second[name].fingerprint}
    assert recipes == set(first) - {"features"}


def nothing_differs(first, second):
    assert contents(first) == contents(second)
    assert all(first[name].fingerprint == second[name].fingerprint for name in first)
    assert all(first[name].summary == second[name].summary for name in first)
    assert first["features"].profile == second["features"].profile
    assert first["xgboost judged"].result == second["xgboost judged"].result


def test_a_chain_built_again_has_the_same_contents(workshop):
    """Built in one project, once more in it as new rows, and in another project."""
    versions, project = workshop.versions(), workshop.project("First")
    first, again = (workshop.chain(project, versions) for _ in range(2))
    other = workshop.chain(workshop.project("Second"), versions)
    assert all(first[name].pk != again[name].pk for name in first)
    nothing_differs(first, again)
    only_the_key_differs(first, other)
    assert 0.5 < first["xgboost judged"].result["splits"]["oot"]["auc"]["value"] < 1
