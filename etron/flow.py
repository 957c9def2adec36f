"""The flow: a project's own lineage as a graph. Pure: rows in, nodes and edges out; nothing is stored beside the data.

Rows of one *line* replace each other (match 2 of the same sample and sources replaces match 1). Drawn are the newest
ready row of each line and what is newer but not ready yet. A row whose parent has been replaced is *stale*, and so is
everything behind it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Literal

Kind = Literal["source", "sample", "match", "features", "run", "value", "evaluation", "version", "product"]
Party = Literal["partner", "platform", "joint"]

RANKS: dict[Kind, int] = {
    "sample": 0,
    "source": 0,
    "match": 1,
    "features": 2,
    "run": 3,
    "evaluation": 4,
    "value": 4,
    "version": 5,
    "product": 6,
}
BUSY = frozenset({"queued", "running"})


@dataclass(frozen=True)
class Link:
    """A step that may follow, or a page to open."""

    title: str
    url: str
    icon: str


@dataclass(frozen=True)
class Step:
    """One row of the lineage, with what its node shows."""

    key: str  # "match-12": kind and primary key
    kind: Kind
    number: int
    line: str  # rows of one line replace each other
    parents: tuple[str, ...] = ()
    state: str = "ready"
    whose: Party = "joint"
    label: str = ""  # "Match 2"
    title: str = ""
    figure: str = ""
    sub: str = ""
    url: str = ""
    note: str = ""  # long name, for a tooltip
    content: str = ""  # hash of what was written: the same content again makes nothing stale
    progress: float | None = None  # 0 to 1 while its job runs
    collapsed: bool = False  # part of another node: the runs of a value of data
    follow: tuple[Link, ...] = ()

    @property
    def busy(self) -> bool:
        return self.state in BUSY

    @property
    def counts(self) -> bool:
        """Whether later steps can build on it: everything but unfinished and failed work."""
        return self.state not in {"queued", "running", "failed"}


@dataclass(frozen=True)
class Node:
    step: Step
    stale: bool = False
    earlier: bool = False  # replaced by a newer row of its line
    because: str = ""  # label of the newer parent that makes it stale

    @property
    def look(self) -> str:
        """The node's class: stale before busy before the row's own state."""
        if self.earlier:
            return "is-earlier"
        if self.stale:
            return "is-stale"
        if self.step.busy:
            return "is-running"
        return "is-bad" if self.step.state == "failed" else "is-good"

    @property
    def glyph(self) -> str:
        return {"is-stale": "stale", "is-running": "clock", "is-bad": "bad", "is-earlier": "clock"}.get(
            self.look, "okc"
        )


@dataclass(frozen=True)
class Edge:
    parent: str
    child: str
    look: Literal["", "run", "stale"] = ""


@dataclass(frozen=True)
class Flow:
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    n_earlier: int = 0  # rows not drawn because newer ones took their place

    @property
    def stale(self) -> tuple[Node, ...]:
        return tuple(node for node in self.nodes if node.stale)

    @property
    def busy(self) -> tuple[Node, ...]:
        return tuple(node for node in self.nodes if node.step.busy)

    @property
    def n_live(self) -> int:
        """Versions that answer now."""
        return sum(node.step.kind == "version" and node.step.state == "live" for node in self.nodes)

    @property
    def ranks(self) -> tuple[tuple[int, tuple[Node, ...]], ...]:
        """Nodes by column, left to right; within one in the order in which they were made."""
        columns: dict[int, list[Node]] = {}
        for node in self.nodes:
            columns.setdefault(RANKS[node.step.kind], []).append(node)
        return tuple((rank, tuple(columns[rank])) for rank in sorted(columns))

    def node(self, key: str) -> Node | None:
        return next((node for node in self.nodes if node.step.key == key), None)


@dataclass(frozen=True)
class Lineage:
    """Questions about rows and their parents."""

    steps: Mapping[str, Step]
    newest: Mapping[str, Step] = field(default_factory=dict)  # by line, of those that count

    @classmethod
    def of(cls, steps: Iterable[Step]) -> "Lineage":
        by_key = {step.key: step for step in steps}
        newest: dict[str, Step] = {}
        for step in by_key.values():
            best = newest.get(step.line)
            if step.counts and (best is None or step.number > best.number):
                newest[step.line] = step
        return cls(by_key, newest)

    def replaced(self, step: Step) -> bool:
        best = self.newest.get(step.line)
        return best is not None and best.number > step.number

    def outdated(self, step: Step) -> bool:
        """Replaced by something that is not the same."""
        return self.replaced(step) and not (step.content and step.content == self.newest[step.line].content)

    def stand_in(self, key: str) -> Step | None:
        """The row drawn in the place of ``key``: itself, or the newest of its line."""
        step = self.steps.get(key)
        if step is None:
            return None
        return self.newest[step.line] if self.replaced(step) else step

    def reasons(self) -> dict[str, str]:
        """For each stale row the label of the newer row that makes it so."""

        @cache
        def reason(key: str) -> str:
            step = self.steps[key]
            for parent in filter(None, map(self.steps.get, step.parents)):
                if self.outdated(parent):
                    return self.newest[parent.line].label
                if inherited := reason(parent.key):
                    return inherited
            return ""

        return {key: reason(key) for key, step in self.steps.items() if step.counts and reason(key)}


def compose(steps: Sequence[Step], *, earlier: bool = False) -> Flow:
    """The graph that is drawn; with ``earlier`` also the rows that newer ones have replaced."""
    lineage = Lineage.of(steps)
    reasons = lineage.reasons()
    drawn = [step for step in steps if not step.collapsed and (earlier or not hidden(step, lineage))]
    nodes = tuple(node_of(step, lineage, reasons) for step in drawn)
    return Flow(nodes, edges_between(nodes, lineage, earlier), sum(hidden(step, lineage) for step in steps))


def hidden(step: Step, lineage: Lineage) -> bool:
    return not step.collapsed and lineage.replaced(step)


def node_of(step: Step, lineage: Lineage, reasons: Mapping[str, str]) -> Node:
    replaced = lineage.replaced(step)
    stale = step.key in reasons and not replaced
    return Node(step, stale=stale, earlier=replaced, because=reasons.get(step.key, "") if stale else "")


def edges_between(nodes: Sequence[Node], lineage: Lineage, earlier: bool) -> tuple[Edge, ...]:
    drawn = {node.step.key for node in nodes}
    found: dict[tuple[str, str], Edge] = {}
    for node in nodes:
        for key in node.step.parents:
            parent = lineage.steps.get(key) if earlier else lineage.stand_in(key)
            if parent is None or parent.key not in drawn or parent.key == node.step.key:
                continue
            look: Literal["", "run", "stale"] = "run" if node.step.busy else "stale" if node.stale else ""
            found[parent.key, node.step.key] = Edge(parent.key, node.step.key, look)
    return tuple(found.values())


def behind(flow: Flow, key: str) -> tuple[Node, ...]:
    """All nodes that were made from ``key``, directly or not."""
    children: dict[str, list[str]] = {}
    for edge in flow.edges:
        children.setdefault(edge.parent, []).append(edge.child)
    reached: dict[str, None] = {}
    waiting = list(children.get(key, ()))
    while waiting:
        child = waiting.pop(0)
        if child not in reached:
            reached[child] = None
            waiting.extend(children.get(child, ()))
    return tuple(node for node in flow.nodes if node.step.key in reached)
