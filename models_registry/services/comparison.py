"""Any runs of a project side by side, worked out once and kept by content."""

from itertools import combinations
from typing import Any

import msgspec
from django.utils.translation import gettext as _

from modeling.artifacts import fingerprint
from models_registry.models import TrainingRun
from models_registry.services import plans, training
from models_registry.services.frames import predictions_of
from projects import storage
from projects.errors import Conflict

MOST_RUNS = 12


def compare(runs: list[TrainingRun]) -> dict[str, Any]:
    """Figures with intervals, paired differences of each later run to each earlier one, on the rows that all share.

    Keys are the runs' numbers as text. The same runs give the same answer from the artifact folder.
    """
    for run in runs:
        if run.state != TrainingRun.State.READY:
            raise Conflict("run_not_ready", _("Run %(number)s is not ready.") % {"number": run.number})
    plan = plans.judging(plans.read_evaluation({}), runs[0].feature_table)
    key = fingerprint([(run.number, run.content_hash) for run in runs], plan)
    place = f"comparisons/{runs[0].project_id}/{key}.json"
    if not storage.folder(place).exists():
        _store(place, _work_out(runs, plan))
    found: dict[str, Any] = msgspec.json.decode(storage.folder(place).read_bytes())
    return found | {"runs": [_told(run) for run in runs]}


def _work_out(runs: list[TrainingRun], plan: Any) -> dict[str, Any]:
    from modeling.evaluate import compare_models  # pandas and numba: only for a comparison that is not kept yet

    for run in runs:
        training.require_ready(run.feature_table)
    names = {str(run.number): run for run in runs}
    pairs = tuple((later, earlier) for earlier, later in combinations(names, 2))
    return compare_models({name: predictions_of(run) for name, run in names.items()}, pairs, plan)


def _store(place: str, result: dict[str, Any]) -> None:
    with storage.staging() as staged:
        file = staged / "comparison.json"
        file.write_bytes(msgspec.json.encode(result, order="sorted"))
        storage.publish(file, place)


def _told(run: TrainingRun) -> dict[str, Any]:
    return {
        "number": run.number,
        "name": run.name,
        "algorithm": run.algorithm,
        "column_set": run.column_set,
        "rows": run.plan.get("rows", "all"),
    }
