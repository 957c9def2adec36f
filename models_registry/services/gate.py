"""The publish gate: named checks that a version passes before it may answer. A failed line refuses and is named."""

from collections.abc import Mapping
from dataclasses import asdict

from django.conf import settings
from django.utils.translation import gettext as _

from datafactory.services import features
from modeling.artifacts import FeatureTable, from_json
from modeling.judging import NEW_DATA
from modeling.scoring import Scorer, TreeKernel, load_scorer
from modeling.trees import TreeModel
from models_registry import selectors, words
from models_registry.engine import gate as checks
from models_registry.engine.gate import Check
from models_registry.models import Evaluation, Version
from models_registry.services import lookups
from models_registry.services.frames import PREDICTIONS
from projects import storage
from projects.errors import Conflict

ROWS = "rows.parquet"
LOOKUPS = 200


def look(version: Version) -> list[Check]:
    """Run the checks that need no publisher and note them on the version, for the approver to read."""
    found = [check_evaluation(version), *_score_checks(version)]
    _note(version, found)
    return found


def pass_or_refuse(version: Version, acknowledge: tuple[str, ...]) -> list[Check]:
    """Run every check and note the outcome; ``Conflict("gate_failed")`` names what failed."""
    found = [
        check_evaluation(version),
        *_score_checks(version),
        check_online(version),
        check_marks(version, acknowledge),
    ]
    version.acknowledged = sorted(set(acknowledge) & set(selectors.marks_of(version)))
    _note(version, found)
    failed = [check for check in found if not check.passed]
    if failed:
        names = ", ".join(words.check_title(check.check) for check in failed)
        raise Conflict(
            "gate_failed",
            _("The version was not published. Failed: %(names)s.") % {"names": names},
            detail=[asdict(check) for check in failed],
        )
    return found


def _note(version: Version, found: list[Check]) -> None:
    version.gate = [asdict(check) for check in found]
    version.save(update_fields=["gate", "acknowledged"])


def check_evaluation(version: Version) -> Check:
    """The version's own run was evaluated, on rows that did not teach it."""
    evaluation = version.evaluation
    judged = evaluation.summary.get("judged_on")
    own = evaluation.run_id == version.run_id and evaluation.state == Evaluation.State.READY
    return Check("evaluation_present", own and judged in NEW_DATA)


def _score_checks(version: Version) -> list[Check]:
    folder = storage.folder(version.run.ticket["path"])
    table = from_json(FeatureTable, version.run.feature_table.ticket)
    scorer = load_scorer(folder)
    rows = checks.stored_rows(storage.folder(table.path) / ROWS, folder / PREDICTIONS, scorer.signature)
    odd = checks.odd_rows(scorer.signature)
    return [
        checks.check_stored_scores(scorer, rows),
        checks.check_reasons_add_up(scorer, rows.columns),
        checks.check_single_is_batch(scorer, rows.columns),
        checks.check_single_is_batch(scorer, odd, "odd_values"),
        checks.check_people(people_of(scorer), settings.LEAF_FLOOR_PEOPLE),
    ]


def people_of(scorer: Scorer) -> Mapping[str, int]:
    """Distinct training people in each bin that has a say, or in each leaf."""
    if isinstance(scorer.kernel, TreeKernel):
        assert isinstance(scorer.kernel.forest, TreeModel)
        trees = scorer.kernel.forest.trees
        leaves = [node for node, feature in enumerate(trees.feature) if feature < 0]
        return {f"leaf {node}": trees.leaf_people[node] for node in leaves}
    assert scorer.model.scorecard is not None
    bins = scorer.model.scorecard.bins
    return {f"{one.name} {row.label}": row.n_people for one in bins for row in one.rows if not row.neutral}


def check_online(version: Version) -> Check:
    """Hold some look-ups of the model against the feature table."""
    wanted = lookups.wanted(version)
    if not wanted:
        return Check("online_is_offline", True, 0.0, 0.0)
    table = version.run.feature_table
    lookup = features.lookup_of(table, wanted)
    people = checks.known_people(
        storage.folder(table.match.sample.ticket["path"]) / ROWS,
        storage.folder(table.ticket["path"]) / ROWS,
        version.signature["ids"],
        wanted,
        LOOKUPS,
    )
    return checks.check_lookup(lookup, people)


def check_marks(version: Version, accepted: tuple[str, ...] | list[str]) -> Check:
    """Whatever limits the figures is shown, and the publisher has accepted it by name."""
    open_ones = tuple(mark for mark in selectors.marks_of(version) if mark not in accepted)
    return Check("marks_acknowledged", not open_ones, float(len(open_ones)), 0.0, open_ones)
