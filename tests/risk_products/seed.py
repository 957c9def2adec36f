"""Fill an empty database with one live product and print what a caller needs: ``-m tests.risk_products.seed``.

Arguments: the algorithm ("scorecard" or "xgboost").
"""

import json
import sys
from datetime import timedelta

import django


def main(algorithm: str) -> None:
    from django.utils import timezone

    from projects.models import Institution, Membership, User
    from projects.services.authorisations import grant
    from projects.services.projects import create_project, decide_participation
    from risk_products.services.keys import issue_key
    from tests.risk_products import world

    platform = Institution.objects.create(slug="panshi", name="Panshi", kind="platform")
    bank = Institution.objects.create(slug="huaxin", name="Huaxin Bank", kind="partner")
    people = {}
    for name, institution, role in (
        ("modeler", platform, "modeler"),
        ("approver", platform, "approver"),
        ("partner", bank, "analyst"),
        ("integrator", bank, "integrator"),
    ):
        people[name] = User.objects.create_user(name, f"{name}@example.com", "walk-the-long-way-home")
        Membership.objects.create(user=people[name], institution=institution, role=role)
    project = create_project(user=people["modeler"], name="Auto loan", purpose="Admission", institutions=[bank])
    decide_participation(user=people["partner"], project=project, approve=True, note="fine")
    project.refresh_from_db()
    authorisation = grant(
        user=people["partner"],
        project=project,
        basis="Separate consent",
        purpose="Admission",
        data_categories=["applications"],
        expires_at=timezone.now() + timedelta(days=30),
    )
    table = world.feature_table(project, people["modeler"], authorisation)
    run = world.run_of(table, algorithm=algorithm, column_set="partner")
    product = world.product_of(run, people["approver"])
    key = issue_key(user=people["integrator"], product=product, institution=bank, name="Bench")
    print(json.dumps({"slug": product.slug, "key": key.secret, "key_id": key.row.pk}))


if __name__ == "__main__":
    django.setup()
    main(sys.argv[1] if len(sys.argv) > 1 else "scorecard")
