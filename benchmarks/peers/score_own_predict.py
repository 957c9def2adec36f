"""One row scored by the libraries' own predict: the arrays are made beforehand, so only the call is timed."""

from __future__ import annotations

from typing import Any

import numpy as np
import xgboost as xgb
from sklearn.linear_model import LogisticRegression


def train_booster(x: np.ndarray, y: np.ndarray, params: dict[str, Any], rounds: int) -> xgb.Booster:
    """The same booster that ours is made from."""
    return xgb.train(params, xgb.QuantileDMatrix(x, label=y, max_bin=params["max_bin"]), rounds)


def regression(coefficients: list[float], intercept: float) -> LogisticRegression:
    """scikit-learn's estimator holding a fitted scorecard's coefficients; it is given WOE, without the binning."""
    model = LogisticRegression()
    model.classes_ = np.array([0, 1])
    model.coef_, model.intercept_ = np.array([coefficients]), np.array([intercept])
    return model


def score_booster(booster: xgb.Booster, row: np.ndarray) -> float:
    return float(booster.inplace_predict(row)[0])


def explain_booster(booster: xgb.Booster, row: np.ndarray) -> np.ndarray:
    contributions: np.ndarray = booster.predict(xgb.DMatrix(row), pred_contribs=True)[0]
    return contributions


def score_regression(model: LogisticRegression, row: np.ndarray) -> float:
    return float(model.predict_proba(row)[0, 1])
