"""The bulk rows behind the nouns, as they lie in the artifact folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models_registry.models import TrainingRun
from projects import storage

if TYPE_CHECKING:
    import pandas as pd

PREDICTIONS = "predictions.parquet"


def predictions_of(run: TrainingRun) -> pd.DataFrame:
    """Scores of every row the run has seen: row_id, person, split, y, weight, matched, pd, score."""
    import pandas as pd  # heavy: who compares runs or cuts bands loads it, not every process

    return pd.read_parquet(storage.folder(run.ticket["path"]) / PREDICTIONS)
