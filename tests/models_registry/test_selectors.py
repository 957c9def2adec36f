"""Reads with a rule of their own: small cells stay hidden."""

from hypothesis import given
from hypothesis import strategies as st

from models_registry.selectors import with_small_cells_hidden

FLOOR = 10


def row(label, people):
    return {"label": label, "n": people, "n_people": people, "share": 0.1, "n_good": people, "n_bad": 0} | {
        "bad_rate": 0.0,
        "woe": 0.0,
        "iv": 0.0,
    }


@given(people=st.lists(st.integers(0, 60), min_size=2, max_size=8))
def test_a_hidden_count_cannot_be_worked_out_from_the_total(people):
    table = with_small_cells_hidden({"rows": [row(str(i), n) for i, n in enumerate(people)]}, FLOOR)
    shown = [r["n"] for r in table["rows"]]
    hidden = [n for n, seen in zip(people, shown, strict=True) if seen is None]
    assert all(n == 0 or n >= FLOOR for n in shown if n is not None)
    left = sum(people) - sum(n for n in shown if n is not None)
    assert not hidden or len(hidden) > 1 or len([n for n in people if n]) == 1
    assert left == 0 or left >= FLOOR or not any(shown)
