"""One score everywhere: the same kernel scores a single row, a batch and the training predictions.

``model.json`` (with ``model.onnx`` and ``trees.json`` for trees) is all that a :class:`Scorer` needs. Single and batch
add the same doubles in the same order, so their PDs are the same bits. A scorer holds no state: threads may share it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from modeling.artifacts import Reason, Score
from modeling.encoding import Columns, Input, TreeEncoding, read_category, read_column, read_number
from modeling.scorecard import LEAST_PD, Scaling, Scorecard
from modeling.woe import Floats

MODEL_FILE = "model.json"
MAX_REASONS = 5
Band = tuple[str, int]  # name, lowest score


@dataclass(frozen=True)
class ModelFile:
    """The content of ``model.json``."""

    algorithm: Literal["scorecard", "xgboost"]
    inputs: tuple[Input, ...]
    scaling: Scaling
    scorecard: Scorecard | None = None
    encoding: TreeEncoding | None = None
    format: int = 1


class Forest(Protocol):
    """What scoring asks of :class:`modeling.trees.TreeModel`."""

    def pd(self, x: npt.NDArray[np.float32]) -> Floats: ...
    def pd_row(self, values: Sequence[float]) -> float: ...
    def contributions(self, x: npt.NDArray[np.float32]) -> Floats: ...


class ScoredRows(NamedTuple):
    """Probability of bad and integer score of many rows."""

    pd: Floats
    score: npt.NDArray[np.int64]


class Kernel(Protocol):
    """PD and additive losses by input, for one row and for many."""

    def pd_row(self, values: Mapping[str, Any]) -> float: ...
    def pd_rows(self, columns: Columns) -> Floats: ...
    def losses_row(self, values: Mapping[str, Any]) -> list[tuple[int, float, str]]:
        """(input, contribution, text) with every contribution, also those that help."""
        ...


class _Term:
    """One variable of a scorecard, laid out for the row path."""

    def __init__(self, card: Scorecard, i: int, title: str) -> None:
        self.bins = bins = card.bins[i]
        self.name, self.is_category = bins.name, bins.kind == "category"
        self.edges, self.missing, self.other = list(bins.edges), bins.missing, bins.other
        self.places: dict[Any, int] = {level: g for g, group in enumerate(bins.groups) for level in group}
        self.places.update({code: bins.n_ordinary + j for j, code in enumerate(bins.specials)})
        self.table = card.coefficients[i] * bins.woe
        self.logits: list[float] = self.table.tolist()
        self.lost: list[float] = (card.mean_points[i] - card.points(i)).tolist()
        self.texts = [f"{title}: {row.label}" for row in bins.rows]

    def place(self, values: Mapping[str, Any]) -> int:
        """Row of the bin table."""
        value = values.get(self.name)
        if value is None:
            return self.missing
        if self.is_category:
            text = read_category(value, self.name)
            return self.missing if text is None else self.places.get(text, self.other)
        number = read_number(value, self.name)
        if number != number:
            return self.missing
        special = self.places.get(number)
        return bisect_right(self.edges, number) if special is None else special


class ScorecardKernel:
    """``pd = 1 / (1 + exp(-(b0 + sum_i b_i WOE_i)))``; losses are points below the training population's mean."""

    def __init__(self, model: ModelFile) -> None:
        assert model.scorecard is not None
        self.inputs = model.inputs
        self.intercept = model.scorecard.intercept
        self.terms = [_Term(model.scorecard, i, entry.label) for i, entry in enumerate(model.inputs)]

    def pd_row(self, values: Mapping[str, Any]) -> float:
        margin = self.intercept
        for term in self.terms:
            margin += term.logits[term.place(values)]
        return 1.0 / (1.0 + float(np.exp(-margin)))

    def pd_rows(self, columns: Columns) -> Floats:
        margin = np.full(_length(columns), self.intercept)
        for term, entry in zip(self.terms, self.inputs, strict=True):
            margin += term.table[term.bins.index(read_column(_column(columns, entry), entry))]
        return np.asarray(1.0 / (1.0 + np.exp(-margin)))

    def losses_row(self, values: Mapping[str, Any]) -> list[tuple[int, float, str]]:
        places = [term.place(values) for term in self.terms]
        return [(i, t.lost[p], t.texts[p]) for i, (t, p) in enumerate(zip(self.terms, places, strict=True))]


class TreeKernel:
    """PD from the stored trees; losses are Shapley contributions in log-odds towards bad, summed by input."""

    def __init__(self, model: ModelFile, forest: Forest) -> None:
        assert model.encoding is not None
        self.encoding, self.forest = model.encoding, forest
        self.sources = np.array([feature.source for feature in model.encoding.features])
        self.texts = [entry.label for entry in model.inputs]

    def pd_row(self, values: Mapping[str, Any]) -> float:
        return self.forest.pd_row(self.encoding.row(values))

    def pd_rows(self, columns: Columns) -> Floats:
        return self.forest.pd(self._matrix(columns))

    def losses_row(self, values: Mapping[str, Any]) -> list[tuple[int, float, str]]:
        row = np.array([self.encoding.row(values)], dtype=np.float32)
        parts = self.forest.contributions(row)[0, :-1]
        sums = np.bincount(self.sources, parts, len(self.texts)).tolist()
        return [(i, part, text) for i, (part, text) in enumerate(zip(sums, self.texts, strict=True))]

    def _matrix(self, columns: Columns) -> npt.NDArray[np.float32]:
        return self.encoding.matrix({entry.name: _column(columns, entry) for entry in self.encoding.inputs})


class Scorer:
    """A model that answers. ``kernel`` computes, ``model.scaling`` turns the PD into a score."""

    def __init__(self, model: ModelFile, forest: Forest | None = None) -> None:
        self.model = model
        self.kernel: Kernel
        if model.algorithm == "scorecard":
            self.kernel = ScorecardKernel(model)
        else:
            assert forest is not None
            self.kernel = TreeKernel(model, forest)
        self._offset, self._factor = model.scaling.offset, model.scaling.factor

    @property
    def signature(self) -> tuple[Input, ...]:
        """What the model asks for, in order."""
        return self.model.inputs

    def score_row(self, values: Mapping[str, Any], *, reasons: int = MAX_REASONS, bands: Sequence[Band] = ()) -> Score:
        """Score one raw row: numbers, strings or None by input name; a name that is absent is missing.

        Reasons are the largest contributions towards bad, at most ``reasons``; 0 leaves them out and saves their time.
        """
        pd = self.kernel.pd_row(values)
        score = self.score_of(pd)
        found = self._reasons(values, reasons) if reasons else ()
        return Score(pd, score, band(score, bands) if bands else "", found)

    def score_rows(self, columns: Mapping[str, npt.NDArray[Any]]) -> ScoredRows:
        """Score many rows given as columns of equal length; a column that is absent is missing throughout."""
        pd = self.kernel.pd_rows(columns)
        return ScoredRows(pd, self.model.scaling.score(pd))

    def score_of(self, pd: float) -> int:
        """:meth:`modeling.scorecard.Scaling.score` of one PD, bit for bit."""
        chance = min(max(float(np.floor(pd * 1e9 + 0.5)) / 1e9, LEAST_PD), 1 - LEAST_PD)
        exact = self._offset + self._factor * float(np.log((1 - chance) / chance))
        return int(exact + 0.5) if exact >= 0 else -int(0.5 - exact)

    def contributions(self, values: Mapping[str, Any]) -> dict[str, float]:
        """Every input's additive contribution towards bad, in the unit of the reasons."""
        return {self.signature[i].name: part for i, part, _ in self.kernel.losses_row(values)}

    def _reasons(self, values: Mapping[str, Any], limit: int) -> tuple[Reason, ...]:
        losses = [loss for loss in self.kernel.losses_row(values) if loss[1] > 0]
        losses.sort(key=lambda loss: (-loss[1], loss[0]))
        return tuple(Reason(self.signature[i].name, text, part) for i, part, text in losses[:limit])


def band(score: int, bands: Sequence[Band]) -> str:
    """Name of the band with the highest lowest score that ``score`` reaches; below all, the lowest band.

    >>> band(610, [("A", 650), ("B", 600), ("C", 0)]), band(-3, [("A", 650), ("C", 0)])
    ('B', 'C')
    """
    reached = [entry for entry in bands if score >= entry[1]]
    chosen = max(reached, key=lambda entry: entry[1]) if reached else min(bands, key=lambda entry: entry[1])
    return chosen[0]


def write_model(model: ModelFile, folder: Path) -> None:
    """Write ``model.json``: keys sorted, so the same model gives the same bytes."""
    (folder / MODEL_FILE).write_bytes(msgspec.json.format(msgspec.json.encode(model, order="sorted"), indent=1))


def load_scorer(folder: Path) -> Scorer:
    """The scorer stored in ``folder``; no pickle, nothing but the files of the model."""
    model = msgspec.json.decode((folder / MODEL_FILE).read_bytes(), type=ModelFile)
    if model.algorithm == "scorecard":
        return Scorer(model)
    from modeling.trees import TreeModel  # a scorecard answers without the trees' compiled code

    return Scorer(model, TreeModel.load(folder))


def _length(columns: Columns) -> int:
    return len(next(iter(columns.values()))) if columns else 0


def _column(columns: Columns, entry: Input) -> npt.NDArray[Any]:
    found = columns.get(entry.name)
    return np.full(_length(columns), None, dtype=object) if found is None else found
