import pytest

from modeling.artifacts import to_json
from tests.models_registry import tables
from tests.models_registry.tables import job_of

SCORECARD = {"algorithm": "scorecard", "column_set": "joint", "split": {"kind": "random", "seed": 5}}
XGBOOST = {
    "algorithm": "xgboost",
    "column_set": "joint",
    "split": {"kind": "random", "seed": 5},
    "xgb": {"n_estimators": 25, "max_depth": 2, "learning_rate": 0.2},
}


@pytest.fixture
def make_table(project, people, authorisation, settings):
    """``make_table(n=..., marks=...)``: a ready feature table of the project."""
    from datafactory.models import FeatureTable, Match, Sample, Source, SourceVersion
    from projects.services import artifacts

    def lending():
        platform = people.modeler.memberships.get().institution
        who = {"created_by": people.modeler}
        source, _made = Source.objects.get_or_create(
            slug="lending", defaults={"name": "Lending", "institution": platform, **who}
        )
        version, _made = SourceVersion.objects.get_or_create(
            source=source, number=1, defaults={"state": "ready", **who}
        )
        return version

    def make(marks=(), **shape):
        who = {"project": project, "created_by": people.modeler}
        sample = artifacts.new(
            Sample, plan={}, institution=authorisation.grantor, authorisation=authorisation, state="ready", **who
        )
        match = artifacts.new(
            Match, plan={"id_types": ["mobile__sha256"], "sources": []}, sample=sample, state="ready", **who
        )
        match.source_versions.add(lending())
        row = artifacts.new(FeatureTable, plan={}, match=match, **who)
        ticket = tables.write(settings.ARTIFACT_ROOT, f"features/{row.pk}", tables.rows(**shape), marks)
        return artifacts.finish(row, ticket, {"n_rows": ticket.n_rows, "columns": to_json(ticket)["columns"]})

    return make


@pytest.fixture
def feature_table(make_table):
    return make_table()


@pytest.fixture
def trained(feature_table, people, run_jobs):
    """``trained(plan)``: a ready run."""
    from models_registry.services import plans
    from models_registry.services.training import train_model

    def train(plan=None, table=None, name=""):
        with run_jobs():
            run = train_model(
                user=people.modeler,
                feature_table=table or feature_table,
                plan=plans.read_training(plan or SCORECARD),
                name=name,
            )
        run.refresh_from_db()
        assert run.state == "ready", job_of(run).error
        return run

    return train


@pytest.fixture
def evaluated(trained, people, run_jobs):
    """``evaluated(plan)``: a ready run with its evaluation."""
    from models_registry.services import plans
    from models_registry.services.evaluation import evaluate_model

    def evaluate(plan=None, **options):
        run = trained(plan, **options)
        with run_jobs():
            evaluation = evaluate_model(user=people.modeler, run=run, plan=plans.read_evaluation({"bootstrap": 50}))
        evaluation.refresh_from_db()
        assert evaluation.state == "ready", job_of(evaluation).error
        return run

    return evaluate


@pytest.fixture
def approved(evaluated, people):
    """``approved(run)``: a version of "Auto loan" that the approver has accepted."""
    from models_registry.services import versions

    def approve(run=None):
        version = versions.create_version(user=people.modeler, run=run or evaluated(), model="Auto loan")
        version = versions.submit(user=people.modeler, version=version, note="Please read.")
        return versions.approve(user=people.approver, version=version, note="Read and agreed.")

    return approve
