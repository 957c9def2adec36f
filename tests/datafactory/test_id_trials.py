"""The cap on ids tried per institution and source, over a rolling window and both modes."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from datafactory.models import IdTrial, Sample, Source
from datafactory.selectors.id_trials import ids_left
from datafactory.services.id_trials import spend
from projects.errors import Conflict
from projects.models import Institution, Project

pytestmark = pytest.mark.django_db


@dataclass
class Ledger:
    """``ledger(n_ids, …)`` spends of a cap of 100."""

    source: Source
    bank: Institution
    project: Project

    def __call__(self, n_ids, **changes):
        values: dict[str, Any] = {
            "institution": self.bank,
            "source": self.source,
            "project": self.project,
            "mode": "private",
        }
        return spend(**(values | {"n_ids": n_ids} | changes))


@pytest.fixture
def ledger(settings, project, people, platform, partner_bank):
    settings.IDS_PER_SOURCE = 100
    source = Source.objects.create(slug="lending", name="Lending", institution=platform, created_by=people.modeler)
    return Ledger(source, partner_bank, project)


def test_both_modes_count_towards_one_cap(ledger):
    ledger(60, mode="keyed")
    ledger(40, mode="private")
    assert ids_left(ledger.bank, ledger.source) == 0
    with pytest.raises(Conflict) as caught:
        ledger(1)
    assert (caught.value.code, caught.value.detail) == ("id_cap_reached", {"left": 0, "n_ids": 1})
    assert IdTrial.objects.count() == 2, "what was refused was not counted"


def test_too_large_a_step_is_refused_whole(ledger):
    ledger(60)
    with pytest.raises(Conflict):
        ledger(41)
    ledger(40)
    assert ids_left(ledger.bank, ledger.source) == 0


def test_the_window_rolls_on(ledger):
    ledger(100)
    IdTrial.objects.update(at=timezone.now() - timedelta(days=31))
    assert ids_left(ledger.bank, ledger.source) == 100


def test_each_institution_and_source_has_its_own_cap(ledger, other_bank, platform, people):
    ledger(100)
    ledger(100, institution=other_bank)
    another = Source.objects.create(slug="devices", name="Devices", institution=platform, created_by=people.modeler)
    ledger(100, source=another)


def test_a_sample_counts_once(ledger, project, people, partner_bank, authorisation):
    from projects.services import artifacts

    sample = artifacts.new(
        Sample,
        project=project,
        created_by=people.partner,
        plan={},
        institution=partner_bank,
        authorisation=authorisation,
    )
    first = ledger(80, mode="keyed", sample=sample)
    assert ledger(80, mode="keyed", sample=sample) == first
    assert ids_left(ledger.bank, ledger.source) == 20
