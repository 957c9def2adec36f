"""The bulk rows behind the nouns, as they lie in the artifact folder."""

import pandas as pd

from models_registry.models import TrainingRun
from projects import storage

PREDICTIONS = "predictions.parquet"


def predictions_of(run: TrainingRun) -> pd.DataFrame:
    """Scores of every row the run has seen: row_id, person, split, y, weight, matched, pd, score."""
    return pd.read_parquet(storage.folder(run.ticket["path"]) / PREDICTIONS)
