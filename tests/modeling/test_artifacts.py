"""Tickets and plans as JSON: the same text however the object was built."""

import json
from dataclasses import dataclass, replace
from functools import cached_property

import pytest

from modeling.artifacts import Column, Evaluation, FeatureTable, fingerprint, from_json, to_json
from modeling.judging import EvaluationPlan
from modeling.train import TrainPlan


@pytest.mark.parametrize("kind", [TrainPlan, EvaluationPlan])
def test_a_plan_read_from_a_part_is_the_whole_plan(kind):
    read, built = from_json(kind, {"seed": 7, "bins": {"max_bins": 4}} if kind is TrainPlan else {"seed": 7}), kind()
    built = replace(built, seed=7, bins=replace(built.bins, max_bins=4)) if kind is TrainPlan else kind(seed=7)
    assert to_json(read) == to_json(built)
    assert fingerprint(read) == fingerprint(built) == fingerprint(to_json(read))


def test_nested_columns_are_whole():
    column = {"name": "a", "kind": "int", "party": "partner", "origin": "sample"}
    ticket = {"fingerprint": "f", "parents": [], "path": "", "content_hash": "c", "columns": [column]}
    read = from_json(FeatureTable, ticket | {"n_rows": 1, "n_matched_rows": 1})
    assert to_json(read)["columns"] == [to_json(Column("a", "int", "partner", "sample"))]
    assert to_json(read)["marks"] == []


def test_a_ticket_survives_a_json_column():
    ticket = Evaluation("f", ("p",), "path", "c", {"oot": 0.7}, {"oot": 0.3}, ("no_oot",))
    stored = json.loads(json.dumps(to_json(ticket)))
    assert stored == to_json(ticket)
    assert from_json(Evaluation, stored) == ticket


def test_cached_figures_are_not_part_of_a_recipe():
    @dataclass(frozen=True)
    class Plan:
        n: int = 2

        @cached_property
        def square(self) -> int:
            return self.n**2

    used = Plan()
    assert used.square == 4
    assert fingerprint(used) == fingerprint(Plan())
