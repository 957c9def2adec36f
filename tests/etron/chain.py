"""A project with a row at every stage, written straight into the tables: pages are shown, nothing is computed."""

from datetime import timedelta
from types import SimpleNamespace

from django.utils import timezone

from datafactory.models import FeatureTable, Match, Sample, Source, SourceVersion
from models_registry.models import Evaluation, Model, Release, TrainingRun, ValueOfData, Version
from projects.models import Job
from projects.services import artifacts
from risk_products.models import Product


def ready(model, *, project, user, ticket=None, summary=None, **fields):
    row = artifacts.new(model, project=project, created_by=user, plan=fields.pop("plan", {}), **fields)
    number = row.number
    row.ticket = {"path": f"{model.__name__}/{number}", "marks": [], **(ticket or {})}
    row.summary = summary or {}
    row.state = "ready"
    row.fingerprint = f"{number:02x}" * 32
    row.content_hash = f"{model.__name__[:4]}{project.pk}-{number}"
    row.finished_at = timezone.now()
    row.save()
    return row


def source(institution, user, slug, name, n_rows, numbers=(1,)):
    row, _ = Source.objects.get_or_create(
        slug=slug, defaults={"name": name, "kind": "events", "institution": institution, "created_by": user}
    )
    versions = [
        SourceVersion.objects.create(
            source=row,
            number=number,
            state="ready",
            created_by=user,
            content_hash=f"{slug}-{number}",
            ticket={"n_rows": n_rows, "n_ids": n_rows // 3, "columns": [], "has_event_time": True},
        )
        for number in numbers
    ]
    return versions


def columns(n_partner, n_platform):
    return [
        {"name": f"c{i}", "party": "partner" if i < n_partner else "platform"} for i in range(n_partner + n_platform)
    ]


def figures(auc, ks, n):
    interval = {"value": ks, "low": ks - 0.033, "high": ks + 0.033}
    return {"n": n, "auc": {"value": auc, "low": auc - 0.02, "high": auc + 0.02}, "ks": interval}


def evaluation(project, user, run, auc, ks):
    splits = {"train": figures(auc + 0.01, ks + 0.02, 21104), "oot": figures(auc, ks, 11287)}
    return ready(
        Evaluation,
        project=project,
        user=user,
        run=run,
        ticket={"auc": {"oot": auc}, "ks": {"oot": ks}},
        summary={"auc": {"train": auc + 0.01, "oot": auc}, "ks": {"train": ks + 0.02, "oot": ks}, "judged_on": "oot"},
        result={"splits": splits},
    )


def data(project, user, bank, platform, authorisation):
    sample = ready(
        Sample,
        project=project,
        user=user,
        name="Auto loans",
        institution=bank,
        authorisation=authorisation,
        summary={"n_rows": 58214, "bad_rate": 0.063},
        ticket={
            "n_rows": 58214,
            "n_ids": 57001,
            "n_bad": 3667,
            "id_types": ["mobile__sha256"],
            "columns": columns(18, 0),
        },
    )
    versions = [
        *source(platform, user, "lending-events", "Lending events", 1_210_000_000),
        *source(platform, user, "device-graph", "Device graph", 212_000_000),
        *source(platform, user, "app-behaviour", "App behaviour on phones", 640_000_000),
    ]
    match = ready(
        Match,
        project=project,
        user=user,
        sample=sample,
        summary={"n_rows": 58214, "n_ids": 57001, "n_matched_rows": 43544, "match_rate": 43544 / 58214},
        ticket={"n_rows": 58214, "n_matched_rows": 43544, "n_matched_ids": 42900, "sources": ["a", "b", "c"]},
    )
    match.source_versions.set(versions)
    table = ready(
        FeatureTable,
        project=project,
        user=user,
        match=match,
        ticket={"n_rows": 58214, "n_matched_rows": 43544, "columns": columns(18, 294)},
        summary={"n_columns": 312},
    )
    return sample, versions, match, table


def run(project, user, table, algorithm, column_set="joint", **fields):
    return ready(
        TrainingRun,
        project=project,
        user=user,
        feature_table=table,
        algorithm=algorithm,
        column_set=column_set,
        plan={"algorithm": algorithm, "column_set": column_set},
        ticket={"n_train": 21104, "n_candidates": 312, "columns": columns(12, 29)},
        summary={"n_columns": 41, "n_train": 21104, "n_candidates": 312},
        **fields,
    )


def full_chain(*, project, modeler, approver, bank, platform, authorisation):
    """Sample to product, one run still training, one value of data, one failed run."""
    sample, versions, match, table = data(project, modeler, bank, platform, authorisation)
    card = run(project, modeler, table, "scorecard")
    alone = run(project, modeler, table, "xgboost", "partner")
    card_figures = evaluation(project, modeler, card, 0.753, 0.371)
    evaluation(project, modeler, alone, 0.684, 0.284)
    value = ready(ValueOfData, project=project, user=modeler, feature_table=table, name="")
    value.runs.add(run(project, modeler, table, "xgboost", "platform"))
    model = Model.objects.create(project=project, slug="credit", name="Credit score", created_by=modeler)
    version = Version.objects.create(
        model=model,
        number=3,
        run=card,
        evaluation=card_figures,
        status="live",
        author=modeler,
        decided_by=approver,
        decided_at=timezone.now(),
    )
    Release.objects.create(version=version, model=model, live_from=timezone.now(), published_by=approver)
    product = Product.objects.create(
        slug=f"credit-{project.pk}",
        name="Credit score",
        family="credit",
        project=project,
        model=model,
        created_by=modeler,
    )
    training = under_way(project, modeler, table)
    broken(project, modeler, table)
    return SimpleNamespace(
        sample=sample,
        versions=versions,
        match=match,
        table=table,
        card=card,
        version=version,
        product=product,
        training=training,
        value=value,
        model=model,
        evaluation=card_figures,
    )


def under_way(project, user, table):
    now = timezone.now()
    job = Job.objects.create(
        name="models_registry.train_model",
        title="Train run 4, XGBoost",
        project=project,
        created_by=user,
        state="running",
        rows_done=34,
        rows_total=60,
        step="boosting",
        started_at=now - timedelta(seconds=372),
        heartbeat_at=now,
    )
    row = artifacts.new(
        TrainingRun,
        project=project,
        created_by=user,
        plan={"a": 2},
        feature_table=table,
        algorithm="xgboost",
        name="XGBoost tuned",
    )
    TrainingRun.objects.filter(pk=row.pk).update(state="running", job=job)
    return row


def broken(project, user, table):
    job = Job.objects.create(
        name="models_registry.train_model",
        title="Train run 5, XGBoost",
        project=project,
        created_by=user,
        state="failed",
        error_code="one_class",
        error="The label has one class only.",
        started_at=timezone.now() - timedelta(seconds=9),
        finished_at=timezone.now(),
    )
    row = artifacts.new(
        TrainingRun, project=project, created_by=user, plan={"a": 3}, feature_table=table, algorithm="xgboost"
    )
    TrainingRun.objects.filter(pk=row.pk).update(state="failed", job=job)
    return row
