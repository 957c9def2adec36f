"""One row of every noun in one project, so that every address of the site leads somewhere for its members."""

import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils import timezone

from datafactory.models import (
    Deletion,
    FeatureTable,
    ImportProfile,
    IncomingUpload,
    Match,
    PrivateMatch,
    Sample,
    Source,
    SourceVersion,
    Upload,
)
from models_registry.models import (
    BinDraft,
    BinRevision,
    BinSet,
    Evaluation,
    Model,
    Release,
    TrainingRun,
    ValueOfData,
    Version,
)
from projects import sharing
from projects.models import Artifact, Invitation, Job
from projects.services import artifacts, tokens
from risk_products.models import Product, ProductKey, ScoreCall, WatchList

NAME = "Zephyr"  # in every name: a stranger's page that holds this word leaks


@dataclass
class World:
    people: Any
    rows: dict[str, Any]


def build_world(people: Any, project: Any, platform: Any, partner_bank: Any) -> World:
    rows: dict[str, Any] = {"project": project, "platform": platform, "partner_bank": partner_bank}
    project.name = f"{NAME} auto loan"
    project.save()
    _project_rows(rows, people)
    _data_rows(rows, people)
    _model_rows(rows, people)
    _product_rows(rows, people)
    return World(people, rows)


def _project_rows(rows: dict[str, Any], people: Any) -> None:
    project, now = rows["project"], timezone.now()
    tokens.create_token(people.modeler, f"{NAME} token")
    rows["token"] = people.modeler.api_tokens.get()
    rows["job"] = Job.objects.create(
        name="tests.count", title=f"{NAME} job", project=project, created_by=people.modeler, state="failed"
    )
    rows["invitation"] = Invitation.objects.create(
        email="zephyr@example.com",
        institution=rows["platform"],
        role="modeler",
        token_hash="0" * 64,
        invited_by=people.administrator,
        expires_at=now + timedelta(days=1),
    )
    rows["authorisation"] = project.authorisations.get()
    rows["member"] = project.members.get(user=people.colleague)
    rows["membership"] = rows["platform"].memberships.get(user=people.colleague)


def _data_rows(rows: dict[str, Any], people: Any) -> None:
    project = rows["project"]
    upload = {"filename": f"{NAME}.csv", "path": "uploads/x", "size_bytes": 1, "sha256": "0" * 64}
    rows["sample_upload"] = Upload.objects.create(
        project=project, institution=rows["partner_bank"], created_by=people.partner, **upload
    )
    rows["import_profile"] = ImportProfile.objects.create(
        institution=rows["partner_bank"], name=f"{NAME} profile", created_by=people.partner
    )
    rows["source_upload"] = Upload.objects.create(institution=rows["platform"], created_by=people.modeler, **upload)
    rows["source"] = Source.objects.create(
        slug="zephyr-source", name=f"{NAME} source", institution=rows["platform"], created_by=people.modeler
    )
    incoming = {
        "filename": f"{NAME}.csv",
        "path": "uploads/y",
        "size_bytes": 1,
        "refusal": {"code": "x", "template": "", "params": {}},
    }
    rows["sample_incoming"] = IncomingUpload.objects.create(
        project=project, institution=rows["partner_bank"], created_by=people.partner, **incoming
    )
    rows["source_incoming"] = IncomingUpload.objects.create(
        source=rows["source"], institution=rows["platform"], created_by=people.modeler, **incoming
    )
    rows["source_version"] = SourceVersion.objects.create(source=rows["source"], number=1, created_by=people.modeler)

    def new(kind: type[Artifact], user: Any, **fields: Any) -> Any:
        return artifacts.new(kind, project=project, created_by=user, plan={}, name=f"{NAME} {kind.__name__}", **fields)

    rows["new"] = new
    rows["sample"] = new(Sample, people.partner, institution=rows["partner_bank"], authorisation=rows["authorisation"])
    rows["match"] = new(Match, people.modeler, sample=rows["sample"])
    profile = {"features": [{"name": "partner__zephyr"}], "months": [], "first_months": []}
    rows["feature_table"] = new(FeatureTable, people.modeler, match=rows["match"], profile=profile)
    rows["deletion"] = Deletion.objects.create(
        number=1,
        project=project,
        institution=rows["partner_bank"],
        target=f"{NAME} sample",
        reason=NAME,
        body={"artifacts": []},
        at=timezone.now(),
    )
    rows["private_match"] = PrivateMatch.objects.create(
        project=project,
        institution=rows["partner_bank"],
        source_version=rows["source_version"],
        id_type="mobile__sha256",
        max_ids=1000,
        created_by=people.partner,
        expires_at=timezone.now() + timedelta(days=1),
    )


def _model_rows(rows: dict[str, Any], people: Any) -> None:
    new, project = rows["new"], rows["project"]
    rows["run"] = new(TrainingRun, people.modeler, feature_table=rows["feature_table"], algorithm="scorecard")
    rows["evaluation"] = new(Evaluation, people.modeler, run=rows["run"])
    rows["value"] = new(ValueOfData, people.modeler, feature_table=rows["feature_table"])
    rows["bin_set"] = new(BinSet, people.modeler, feature_table=rows["feature_table"])
    BinDraft.objects.create(bin_set=rows["bin_set"], name="partner__zephyr", position=0, state="unfit")
    BinRevision.objects.create(
        bin_set=rows["bin_set"], number=1, fingerprint="0" * 64, reason=NAME, author=people.modeler
    )
    rows["model"] = Model.objects.create(
        project=project, slug="zephyr-model", name=f"{NAME} model", created_by=people.modeler
    )
    rows["version"] = Version.objects.create(
        model=rows["model"], number=1, run=rows["run"], evaluation=rows["evaluation"], author=people.modeler
    )
    Release.objects.create(
        version=rows["version"], model=rows["model"], live_from=timezone.now(), published_by=people.approver
    )
    for row in (rows["model"], rows["version"]):
        sharing.share(row)


def _product_rows(rows: dict[str, Any], people: Any) -> None:
    now, bank = timezone.now(), rows["partner_bank"]
    product = Product.objects.create(
        slug="zephyr-product",
        name=f"{NAME} product",
        family="monitoring",
        project=rows["project"],
        model=rows["model"],
        created_by=people.modeler,
    )
    sharing.share(product)
    rows["product"] = product
    rows["key"] = ProductKey.objects.create(
        product=product,
        institution=bank,
        name=f"{NAME} key",
        prefix="pk_0",
        key_hash="0" * 64,
        created_by=people.integrator,
        expires_at=now + timedelta(days=1),
    )
    rows["call"] = ScoreCall.objects.create(
        product=product,
        institution=bank,
        request_id=f"{NAME}-{uuid.uuid4().hex[:8]}",
        key=rows["key"],
        user=people.integrator,
        version=rows["version"],
        authorisation=rows["authorisation"],
        at=now,
        observed_at=now,
        input_hash="0" * 64,
        features=b"",
        answer="{}",
        pd=0.1,
        score=600,
        matched=True,
        took_ms=1.0,
    )
    rows["watch_list"] = WatchList.objects.create(
        product=product, institution=bank, name=f"{NAME} watch", created_by=people.integrator
    )
    rows["account"] = rows["watch_list"].accounts.create(
        account=f"{NAME}-1", ids={}, authorisation=rows["authorisation"]
    )
