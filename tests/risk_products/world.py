"""A product whose model was really trained, made without the queue: for tests, processes of tests and benchmarks."""

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd
from django.utils import timezone

from datafactory.models import FeatureTable, Match, Sample
from modeling import artifacts as tickets
from modeling.artifacts import Column
from modeling.train import TrainPlan, train_model
from models_registry.models import Evaluation, Model, Release, TrainingRun, Version
from models_registry.services import signatures
from projects import sharing, storage
from projects.models import Artifact, Authorisation, Project, User
from projects.services import artifacts
from risk_products.models import Product
from risk_products.services.products import create_product

ID_TYPE = "mobile__sha256"
A = TypeVar("A", bound=Artifact)
COLUMNS = (
    Column("partner__income", "float", "partner", "sample", "income", "Monthly income", (-1.0,)),
    Column("partner__age", "int", "partner", "sample", "age"),
    Column("partner__city", "category", "partner", "sample", "city"),
)


def applications(n: int = 3000, seed: int = 3) -> pd.DataFrame:
    """People whose income, age and city each tell something about their risk; some incomes are the code -1."""
    rng = np.random.default_rng(seed)
    wealth, age = rng.normal(size=n), rng.integers(20, 65, n)
    city = rng.choice(["north", "south", "west"], n)
    margin = -1.2 - wealth + 0.03 * (42 - age) + np.where(city == "south", 0.9, 0.0)
    return pd.DataFrame(
        {
            "row_id": [f"r{i:06d}" for i in range(n)],
            "person": [f"p{i:06d}" for i in range(n)],
            "y": (rng.random(n) < 1 / (1 + np.exp(-margin))).astype("int8"),
            "weight": 1.0,
            "matched": False,
            "partner__income": np.where(rng.random(n) < 0.05, -1.0, np.round(8000 + 2500 * wealth, 2)),
            "partner__age": age,
            "partner__city": city,
        }
    )


def write_table(folder: Path) -> tickets.FeatureTable:
    rows = applications()
    rows.to_parquet(folder / "rows.parquet", index=False)
    content = tickets.hash_folder(folder)
    return tickets.FeatureTable(tickets.fingerprint("table", content), (), "", content, COLUMNS, len(rows), 0)


def feature_table(project: Project, user: User, authorisation: Authorisation) -> FeatureTable:
    def new(kind: type[A], plan=None, **fields) -> A:
        return artifacts.new(kind, project=project, created_by=user, plan=plan or {}, **fields)

    sample = new(Sample, institution=authorisation.grantor, authorisation=authorisation, state="ready")
    match = new(Match, {"id_types": [ID_TYPE], "sources": []}, sample=sample, state="ready")
    row = new(FeatureTable, match=match)
    with storage.staging() as out:
        (out / "table").mkdir()
        ticket = write_table(out / "table")
        path = storage.publish(out / "table", f"projects/{project.slug}/features/{row.number}")
    return artifacts.finish(row, replace(ticket, path=path), {})


_trained: dict[str, tuple[tickets.TrainedModel, Path]] = {}


def train_once(table: FeatureTable, recipe: TrainPlan) -> tuple[tickets.TrainedModel, Path]:
    """Training is the slow part of these tests, and the same table and recipe give the same bytes."""
    name = tickets.fingerprint(table.content_hash, tickets.to_json(recipe))
    if name not in _trained:
        folder = Path(tempfile.mkdtemp(prefix="trained-"))
        ticket = tickets.from_json(tickets.FeatureTable, table.ticket)
        _trained[name] = train_model(ticket, storage.folder(table.ticket["path"]), recipe, folder), folder
    return _trained[name]


def run_of(table: FeatureTable, **plan) -> TrainingRun:
    """A run that is trained here and now."""
    recipe = tickets.from_json(TrainPlan, plan)
    row = artifacts.new(
        TrainingRun,
        project=table.project,
        created_by=table.created_by,
        plan=recipe,
        feature_table=table,
        algorithm=recipe.algorithm,
        column_set=recipe.column_set,
    )
    with storage.staging() as out:
        ticket, folder = train_once(table, recipe)
        shutil.copytree(folder, out / "run")
        path = storage.publish(out / "run", f"projects/{table.project.slug}/runs/{row.number}")
    return artifacts.finish(row, replace(ticket, path=path), {})


def version_of(run: TrainingRun, model: Model, approver: User) -> Version:
    evaluation = artifacts.new(
        Evaluation, project=run.project, created_by=run.created_by, plan={}, run=run, state="ready"
    )
    version = Version.objects.create(
        model=model,
        number=model.versions.count() + 1,
        run=run,
        evaluation=evaluation,
        status=Version.Status.APPROVED,
        signature=signatures.signature_of(run),
        bands=signatures.default_bands(run),
        author=run.created_by,
        decided_by=approver,
    )
    sharing.share(version)
    return version


def put_live(version: Version, approver: User) -> Release:
    """What publishing does to the rows, without its gate."""
    now = timezone.now()
    Release.objects.filter(model=version.model, live_to=None).update(live_to=now, retired_by=approver)
    Version.objects.filter(model=version.model, status="live").update(status="retired")
    version.status = Version.Status.LIVE
    version.save()
    return Release.objects.create(version=version, model=version.model, live_from=now, published_by=approver)


def product_of(run: TrainingRun, approver: User, family: str = "credit", slug: str = "credit-score") -> Product:
    user = run.created_by
    model = Model.objects.create(project=run.project, slug=slug, name=slug, created_by=user)
    sharing.share(model)
    put_live(version_of(run, model, approver), approver)
    return create_product(user=user, model=model, name="Credit score", family=family, slug=slug)


def predictions(run: TrainingRun):
    """Row id -> what training wrote down, and the raw rows themselves."""
    folder = storage.folder(run.ticket["path"])
    written = pd.read_parquet(folder / "predictions.parquet").set_index("row_id")
    raw = pd.read_parquet(Path(storage.folder(run.feature_table.ticket["path"])) / "rows.parquet").set_index("row_id")
    return written, raw


def features_of(raw_row) -> dict:
    """A partner's values of a raw row, as a caller writes them."""
    found = {name.removeprefix("partner__"): raw_row[name] for name in raw_row.index if name.startswith("partner__")}
    return {name: None if pd.isna(v) else v.item() if hasattr(v, "item") else v for name, v in found.items()}
