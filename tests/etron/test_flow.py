"""The flow as a pure function: what is drawn, what is stale, what stands in for what."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etron.flow import Link, Step, behind, compose

MORE = (Link("Train", "/train", "cpu"),)


def step(key, kind="match", number=1, line=None, parents=(), **fields):
    return Step(key=key, kind=kind, number=number, line=line or key, parents=parents, label=key, **fields)


@pytest.fixture
def chain():
    return [
        step("sample-1", "sample", line="sample"),
        step("source-1", "source", line="source"),
        step("match-1", "match", parents=("sample-1", "source-1"), line="match"),
        step("features-1", "features", parents=("match-1",), line="features"),
        step("run-1", "run", parents=("features-1",), line="run"),
        step("evaluation-1", "evaluation", parents=("run-1",), line="evaluation"),
        step("version-1", "version", parents=("evaluation-1",), state="live"),
        step("product-1", "product", parents=("version-1",), state="live"),
    ]


def at(flow, key):
    node = flow.node(key)
    assert node is not None, key
    return node


def keys(nodes):
    return {node.step.key for node in nodes}


def test_a_whole_chain_is_drawn_and_nothing_is_stale(chain):
    flow = compose(chain)
    assert keys(flow.nodes) == {one.key for one in chain}
    assert {(edge.parent, edge.child) for edge in flow.edges} == {
        ("sample-1", "match-1"),
        ("source-1", "match-1"),
        ("match-1", "features-1"),
        ("features-1", "run-1"),
        ("run-1", "evaluation-1"),
        ("evaluation-1", "version-1"),
        ("version-1", "product-1"),
    }
    assert not flow.stale
    assert [rank for rank, _ in flow.ranks] == [0, 1, 2, 3, 4, 5, 6]


def test_a_newer_source_makes_everything_behind_it_stale(chain):
    flow = compose([*chain, step("source-2", "source", 2, line="source")])
    assert keys(flow.stale) == {"match-1", "features-1", "run-1", "evaluation-1", "version-1", "product-1"}
    assert "source-1" not in keys(flow.nodes), "the newer version stands in its place"
    edge = next(edge for edge in flow.edges if edge.child == "match-1" and edge.parent == "source-2")
    assert edge.look == "stale"
    assert at(flow, "run-1").because == "source-2"


def test_a_rebuilt_match_leaves_only_what_was_not_rebuilt_stale(chain):
    newer = [
        step("source-2", "source", 2, line="source"),
        step("match-2", "match", 2, line="match", parents=("sample-1", "source-2")),
    ]
    flow = compose([*chain, *newer])
    assert "match-1" not in keys(flow.nodes)
    assert not at(flow, "match-2").stale
    assert at(flow, "features-1").because == "match-2"
    assert flow.n_earlier == 2
    everything = compose([*chain, *newer], earlier=True)
    assert at(everything, "match-1").earlier
    assert not at(everything, "match-1").stale


def test_the_same_content_again_makes_nothing_stale(chain):
    chain[2] = step("match-1", "match", parents=("sample-1", "source-1"), line="match", content="same")
    again = step("match-2", "match", 2, line="match", parents=("sample-1", "source-1"), content="same")
    flow = compose([*chain, again])
    assert not flow.stale
    assert ("match-2", "features-1") in {(edge.parent, edge.child) for edge in flow.edges}


def test_unfinished_and_failed_rows_replace_nothing(chain):
    tries = [
        step("match-2", "match", 2, line="match", parents=("sample-1", "source-1"), state="failed"),
        step("match-3", "match", 3, line="match", parents=("sample-1", "source-1"), state="running"),
    ]
    flow = compose([*chain, *tries])
    assert not flow.stale
    assert {"match-1", "match-2", "match-3"} <= keys(flow.nodes)
    assert [node.look for node in flow.nodes if node.step.kind == "match"] == ["is-good", "is-bad", "is-running"]
    assert {edge.look for edge in flow.edges if edge.child == "match-3"} == {"run"}
    done = compose([*chain, *tries, step("match-4", "match", 4, line="match", parents=("sample-1", "source-1"))])
    assert {"match-2", "match-3"}.isdisjoint(keys(done.nodes)), "older tries are of no interest any more"


def test_collapsed_rows_pass_staleness_on_without_being_drawn():
    steps = [
        step("features-1", "features", line="features"),
        step("features-2", "features", 2, line="features"),
        step("run-1", "run", parents=("features-1",), collapsed=True),
        step("evaluation-1", "evaluation", parents=("run-1",)),
    ]
    flow = compose(steps)
    assert keys(flow.nodes) == {"features-2", "evaluation-1"}
    assert keys(flow.stale) == {"evaluation-1"}


def test_behind_names_all_that_was_made_from_a_step(chain):
    flow = compose([*chain, step("run-2", "run", parents=("features-1",))])
    assert keys(behind(flow, "features-1")) == {"run-1", "run-2", "evaluation-1", "version-1", "product-1"}
    assert keys(behind(flow, "product-1")) == set()


ROW = st.tuples(st.integers(0, 6), st.integers(0, 2), st.lists(st.integers(0, 30), max_size=3), st.booleans())


@given(st.lists(ROW, max_size=24))
def test_any_lineage_gives_a_graph_whose_edges_join_drawn_nodes(rows):
    """Edges run from older to newer rows only, stale nodes have a reason, every line keeps its newest row."""
    kinds = ("sample", "match", "features", "run", "evaluation", "version", "product")
    steps: list[Step] = []
    for at, (kind, line, parents, is_ready) in enumerate(rows):
        above = tuple(steps[p % at].key for p in parents) if at else ()
        state = "ready" if is_ready else "failed"
        steps.append(step(f"k-{at}", kinds[kind], at, line=f"{kind}-{line}", parents=above, state=state, follow=MORE))
    flow = compose(steps)
    drawn = keys(flow.nodes)
    assert all({edge.parent, edge.child} <= drawn for edge in flow.edges)
    assert all(node.because for node in flow.stale)
    newest = {one.line: one.key for one in steps if one.counts}
    assert set(newest.values()) <= drawn
    assert len(drawn) + flow.n_earlier == len(steps)
