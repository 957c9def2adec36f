"""The demo, built through the same services as everything else: two projects, their models and four products.

Each step looks for what it made before, so a build that was interrupted goes on where it stopped.
"""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from django.conf import settings
from django.utils import timezone

from datafactory.models import FeatureTable, Match, Sample, Source, SourceVersion
from datafactory.services import features as feature_services
from datafactory.services import matches as match_services
from datafactory.services import samples as sample_services
from datafactory.services import sources as source_services
from datafactory.services import uploads as upload_services
from modeling.errors import DataError
from models_registry import selectors as registry_selectors
from models_registry.models import Evaluation, TrainingRun, ValueOfData, Version
from models_registry.services import evaluation as evaluation_services
from models_registry.services import lookups as lookup_services
from models_registry.services import plans as plan_services
from models_registry.services import releases as release_services
from models_registry.services import training as training_services
from models_registry.services import value as value_services
from models_registry.services import versions as version_services
from projects.jobs import JobRun
from projects.models import Artifact, Institution, Job, Project, User
from projects.services import authorisations as authorisation_services
from projects.services import members as member_services
from projects.services import projects as project_services
from risk_products.engine.accounts import AccountRow
from risk_products.models import Product, ProductKey, WatchList
from risk_products.selectors import standing as standings
from risk_products.services import keys as key_services
from risk_products.services import products as product_services
from risk_products.services import scoring as scoring_services
from risk_products.services import watching as watch_services
from sandbox.cast import make_cast
from sandbox.people import Plan
from sandbox.tables import make_world

MOBILE = {"column": "mobile_sha256", "namespace": "mobile", "algorithm": "sha256"}
IDNO = {"column": "idno_sha256", "namespace": "idno", "algorithm": "sha256"}
SOURCES: dict[str, dict[str, Any]] = {
    "profile": {
        "name": "Consumer profile",
        "kind": "snapshot",
        "description": "Phone age, consumption and contacts, a snapshot a year.",
        "plan": {"ids": [MOBILE, IDNO], "event_time": "snapshot_at", "known_at": "known_at"}
        | {"specials": {"phone_age_months": [-1], "contacts": [-999]}},
    },
    "lending": {
        "name": "Applications at other lenders",
        "kind": "events",
        "description": "Who asked which lender for how much, from some sixty lenders.",
        "plan": {"ids": [MOBILE, IDNO], "event_time": "event_time", "known_at": "known_at"},
    },
    "repayment": {
        "name": "Repayments at other lenders",
        "kind": "events",
        "description": "Instalments due and paid, days past due.",
        "plan": {"ids": [MOBILE], "event_time": "event_time", "known_at": "known_at"},
    },
}
APPLICATIONS = {
    "ids": [MOBILE, IDNO],
    "row_id": "application_no",
    "observed_at": "applied_at",
    "label": "bad_30dpd_6mob",
    "specials": {"income": [-1]},
    "performance_window_months": 6,
}
OVERDUE = {
    "ids": [MOBILE],
    "row_id": "case_no",
    "observed_at": "as_of",
    "label": "unpaid_next_month",
    "performance_window_months": 1,
}
OOT = {"kind": "time", "seed": 7, "oot_months": 3}

STEPS = 17  # calls of Builder.step

Row = TypeVar("Row")


class Builder:
    def __init__(self, run: JobRun, people: int) -> None:
        self.run = run
        self.cast = make_cast()
        self.plan = Plan(people=people)
        self.folder: Path = settings.HOME / "sandbox" / f"{self.plan.people}-{self.plan.seed}"
        self.steps = 0

    @property
    def modeler(self) -> User:
        return self.cast["modeler"]

    def step(self, what: str) -> None:
        self.steps += 1
        self.run.progress(self.steps, STEPS, what)

    def wait(self, row: Any) -> Any:
        """Until the worker has built ``row``; this job only watches, the steps are jobs of their own."""
        while True:
            row.refresh_from_db()
            if row.state == Artifact.State.READY:
                return row
            if row.state == Artifact.State.FAILED:
                error = row.job.error if row.job else ""
                raise DataError("demo_step_failed", "%(step)s failed: %(error)s", step=str(row), error=error)
            self.run.progress(self.steps, STEPS, str(row.job or row))
            time.sleep(0.3)

    def finished(self, job: Job | None) -> None:
        """Until a job that makes no row of its own has ended."""
        while job is not None and job.state != Job.State.FINISHED:
            if job.state in {Job.State.FAILED, Job.State.CANCELLED}:
                raise DataError("demo_step_failed", "%(step)s failed: %(error)s", step=str(job), error=job.error)
            self.run.progress(self.steps, STEPS, str(job))
            time.sleep(0.3)
            job.refresh_from_db()

    def made(self, found: Row | None, make: Callable[[], Row]) -> Row:
        return self.wait(found or make())  # type: ignore[no-any-return]

    def world(self) -> None:
        if not (self.folder / "done").exists():
            make_world(self.folder, self.plan)
            (self.folder / "done").touch()

    def upload(self, user: User, name: str, **where: Any) -> Any:
        with (self.folder / name).open("rb") as stream:
            return upload_services.receive_upload(user=user, stream=stream, filename=Path(name).name, **where)

    def source(self, slug: str) -> SourceVersion:
        about = SOURCES[slug]
        source = Source.objects.filter(slug=slug).first() or source_services.create_source(
            user=self.modeler, slug=slug, name=about["name"], kind=about["kind"], description=about["description"]
        )
        found = SourceVersion.objects.filter(source=source).exclude(state=Artifact.State.FAILED).first()
        return self.made(
            found,
            lambda: source_services.import_source_version(
                user=self.modeler,
                source=source,
                upload=self.upload(self.modeler, f"platform/{slug}.parquet", source=source),
                plan=about["plan"],
            ),
        )

    def project(self, name: str, purpose: str, description: str) -> Project:
        found = Project.objects.filter(name=name, is_sandbox=True).first()
        if found:
            return found
        partner = Institution.objects.get(slug="huaxin")
        project = project_services.create_project(
            user=self.modeler,
            name=name,
            purpose=purpose,
            description=description,
            institutions=[partner],
            is_sandbox=True,
        )
        project_services.decide_participation(
            user=self.cast["partner"], project=project, approve=True, note="Purpose and data agreed."
        )
        home = Institution.objects.get(slug="panshi")
        for role in ("colleague",):
            member_services.add_member(
                user=self.modeler, project=project, member=self.cast[role], institution=home, role="modeler"
            )
        authorisation_services.grant(
            user=self.cast["partner"],
            project=project,
            basis="Separate consent of the applicant (PIPL art. 23)",
            purpose=purpose,
            data_categories=["application", "outcome"],
            expires_at=timezone.now() + timedelta(days=365),
        )
        project.refresh_from_db()
        return project

    def table(self, project: Project, file: str, plan: dict[str, Any], name: str, slugs: list[str]) -> FeatureTable:
        versions = [self.source(slug) for slug in slugs]
        self.step(name)
        sample: Sample = self.made(
            Sample.objects.filter(project=project).exclude(state=Artifact.State.FAILED).first(),
            lambda: sample_services.import_sample(
                user=self.cast["partner"],
                project=project,
                upload=self.upload(self.cast["partner"], file, project=project),
                plan=plan | {"outcomes_as_of": self.plan.until},
                name=name,
            ),
        )
        self.step("Match")
        match: Match = self.made(
            Match.objects.filter(project=project).exclude(state=Artifact.State.FAILED).first(),
            lambda: match_services.match_sample(user=self.modeler, sample=sample, source_versions=versions),
        )
        self.step("Features")
        return self.made(
            FeatureTable.objects.filter(project=project).exclude(state=Artifact.State.FAILED).first(),
            lambda: feature_services.build_features(user=self.modeler, match=match, plan={}),
        )

    def trained(self, table: FeatureTable, name: str, plan: dict[str, Any]) -> TrainingRun:
        self.step(name)
        found = TrainingRun.objects.filter(project=table.project, name=name).exclude(state=Artifact.State.FAILED)
        run = self.made(
            found.first(),
            lambda: training_services.train_model(
                user=self.modeler, feature_table=table, plan=plan_services.read_training(plan), name=name
            ),
        )
        self.made(
            Evaluation.objects.filter(run=run).exclude(state=Artifact.State.FAILED).first(),
            lambda: evaluation_services.evaluate_model(
                user=self.modeler, run=run, plan=plan_services.read_evaluation({})
            ),
        )
        return run

    def live(self, run: TrainingRun, model: str) -> Version:
        """Offered by the modeler, approved and published by the approver."""
        self.step(f"Publish {model}")
        version = Version.objects.filter(model__project=run.project, model__name=model).first()
        if version is None:
            version = version_services.create_version(user=self.modeler, run=run, model=model)
        if version.status == Version.Status.DRAFT:
            version = version_services.submit(user=self.modeler, version=version, note="First version of the demo.")
        if version.status == Version.Status.SUBMITTED:
            version = version_services.approve(user=self.cast["approver"], version=version, note="Figures read.")
        if version.status == Version.Status.APPROVED:
            self.finished(lookup_services.prepare(user=self.modeler, version=version))
            marks = tuple(registry_selectors.marks_of(version))
            release_services.publish(user=self.cast["approver"], version=version, acknowledge=marks)
            version.refresh_from_db()
        return version

    def product(self, version: Version, slug: str, family: str, name: str, description: str) -> Product:
        found = Product.objects.filter(slug=slug).first()
        return found or product_services.create_product(
            user=self.modeler, model=version.model, name=name, family=family, slug=slug, description=description
        )


def build_demo(run: JobRun, people: int) -> None:
    """Synthetic people, sources, two projects, their models, four products and a watch list."""
    build = Builder(run, people)
    build.step("Make the synthetic population")
    build.world()
    credit_score, multi_lending, monitoring = _auto_loans(build)
    repayment = _collection(build)
    build.step("Calls and a watch list")
    _calls(build, credit_score, "partner/applications.csv", 240)
    _calls(build, multi_lending, "partner/applications.csv", 120)
    _calls(build, repayment, "partner/overdue.csv", 80)
    _watch_list(build, monitoring)


def _auto_loans(build: Builder) -> tuple[Product, Product, Product]:
    """The joint model of new applications, and what it feeds: credit score, multi-lending score, account watch."""
    project = build.project(
        "Auto loan, Huaxin Bank", "Credit decision", "Joint model for auto loans: 30+ days past due within six months."
    )
    sources = ["profile", "lending", "repayment"]
    table = build.table(project, "partner/applications.csv", APPLICATIONS, "Applications 2025-07 to 2026-04", sources)
    joint = {"column_set": "joint", "split": OOT}
    scorecard = build.trained(table, "Scorecard", joint | {"algorithm": "scorecard"})
    trees = build.trained(table, "XGBoost", joint | {"algorithm": "xgboost"})
    lending = [column["name"] for column in table.ticket["columns"] if column["origin"] == "lending"]
    platform = {"algorithm": "scorecard", "column_set": "platform", "columns": lending, "split": OOT}
    multi = build.trained(table, "Multi-lending", platform)
    _value(build, table, joint | {"algorithm": "xgboost"})
    score = build.live(scorecard, "Joint credit score")
    watch = build.live(trees, "Account risk")
    fraud = build.live(multi, "Multi-lending score")
    family = Product.Family
    return (
        build.product(score, "credit-score", family.CREDIT, "Credit score", "Default within six months, joint data."),
        build.product(
            fraud, "multi-lending", family.ANTI_FRAUD, "Multi-lending score", "Applications at other lenders."
        ),
        build.product(
            watch, "account-watch", family.MONITORING, "Account watch", "Accounts re-scored, changes reported."
        ),
    )


def _value(build: Builder, table: FeatureTable, plan: dict[str, Any]) -> None:
    build.step("Value of the joint data")
    build.made(
        ValueOfData.objects.filter(project=table.project).exclude(state=Artifact.State.FAILED).first(),
        lambda: value_services.value_of_data(
            user=build.modeler, feature_table=table, plan=plan_services.read_training(plan)
        ),
    )


def _collection(build: Builder) -> Product:
    """A second project: which overdue accounts pay by themselves."""
    project = build.project(
        "Collection, Huaxin Bank", "Collection of own claims", "Who will not pay the next instalment without contact."
    )
    cases = build.table(project, "partner/overdue.csv", OVERDUE, "Overdue instalments", ["profile", "lending"])
    unpaid = build.trained(cases, "Scorecard", {"algorithm": "scorecard", "column_set": "joint", "split": OOT})
    repay = build.live(unpaid, "Repayment likelihood")
    title, about = "Repayment likelihood", "Overdue accounts: who pays by themselves."
    return build.product(repay, "repayment", Product.Family.COLLECTION, title, about)


def _calls(build: Builder, product: Product, file: str, count: int) -> None:
    """A key of the partner and the first applicants of a file scored with it, so that the product's page has life."""
    if ProductKey.objects.filter(product=product).exists():
        return
    user, bank = build.cast["integrator"], Institution.objects.get(slug="huaxin")
    made = key_services.issue_key(user=user, product=product, institution=bank, name="Loan origination")
    version = registry_selectors.live_version(product.model)
    assert version is not None
    rows = [
        msgspec.Raw(msgspec.json.encode({"request_id": f"demo-{number:04d}", "ids": ids, "features": features}))
        for number, (_, ids, features) in enumerate(_accounts(build, file, version, count), 1)
    ]
    scoring_services.score_batch(_standing(made.secret), rows, channel="batch")


def _standing(secret: str) -> standings.Standing:
    standing = standings.of_key(secret)
    assert standing is not None
    return standing


def _accounts(
    build: Builder, file: str, version: Version, count: int
) -> Iterator[tuple[str, dict[str, str], dict[str, Any]]]:
    """The first rows of a partner's file as the scoring door takes them: own reference, ids, features."""
    wanted = {column["field"]: column["kind"] for column in version.signature["request"]}
    with (build.folder / file).open(encoding="utf-8") as stream:
        for row in islice(csv.DictReader(stream), count):
            features = {
                field: row[field] if kind == "category" else float(row[field]) for field, kind in wanted.items()
            }
            yield next(iter(row.values())), {"mobile__sha256": row["mobile_sha256"]}, features


def _watch_list(build: Builder, product: Product) -> None:
    """Some of the partner's accounts on a list of its own, scored once."""
    if WatchList.objects.filter(product=product).exists():
        return
    user = build.cast["integrator"]
    version = registry_selectors.live_version(product.model)
    assert version is not None
    watch_list = watch_services.create_watch_list(
        user=user, product=product, institution=Institution.objects.get(slug="huaxin"), name="Branch Chaoyang"
    )
    accounts = [AccountRow(*row) for row in _accounts(build, "partner/applications.csv", version, 300)]
    watch_services.put_accounts(user=user, watch_list=watch_list, accounts=accounts)
    watch_services.rescore(user=user, watch_list=watch_list)
