"""Connects steps. What cannot be connected is an error of its own step, and stops no other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter

from ..errors import GraphError, UserError
from ..names import Dataset
from .edges import above_of, doubles, producers_of
from .step_node import StepNode


@dataclass(frozen=True)
class Broken:
    """A step that cannot be read or connected. `outputs`: what it may write, and more perhaps."""

    name: Dataset
    problem: UserError
    outputs: frozenset[Dataset] = frozenset()


@dataclass(frozen=True)
class Held:
    """A step that is right and hangs on broken ones, `by`."""

    node: StepNode
    by: tuple[Dataset, ...]

    @property
    def problem(self) -> GraphError:
        names = [str(name) for name in self.by]
        return GraphError(
            f"{self.node.name} hangs on {', '.join(names)}, which cannot be read",
            fix=f"lakebook check {' '.join(names)} says why",
        )


@dataclass
class Connected:
    """Steps by name. `above`: the names directly above each that is right."""

    steps: dict[Dataset, StepNode]
    above: dict[Dataset, frozenset[Dataset]] = field(default_factory=dict)
    broken: dict[Dataset, Broken] = field(default_factory=dict)
    held: dict[Dataset, Held] = field(default_factory=dict)


def connect(nodes: Iterable[StepNode], broken: Iterable[Broken] = ()) -> Connected:
    """What hangs on what. `broken`: steps that could not even be read."""
    found = Connected({node.name: node for node in nodes}, broken={one.name: one for one in broken})
    # A step that is taken out as broken makes others hang on it, which were wrong otherwise.
    while problems := _problems(found):
        for name, problem in problems.items():
            outputs = frozenset(found.steps.pop(name).outputs)
            found.broken[name] = Broken(name, problem, outputs)
    for name in TopologicalSorter(found.above).static_order():
        above = found.above.get(name, frozenset())
        by = {up for up in above if up in found.broken}
        by |= {one for up in above if up in found.held for one in found.held[up].by}
        if by and name in found.steps:
            found.held[name] = Held(found.steps.pop(name), tuple(sorted(by)))
    return found


def _problems(found: Connected) -> Mapping[Dataset, GraphError]:
    """What is wrong with some of the steps; the `above` of all, if nothing is."""
    if twice := doubles(found.steps.values()):
        return twice
    producers = producers_of(found.steps.values())
    makers = {made: one.name for one in found.broken.values() for made in (*one.outputs, one.name)}
    makers |= {made: node.name for made, node in producers.items()}
    problems: dict[Dataset, GraphError] = {}
    for name, node in found.steps.items():
        try:
            found.above[name] = frozenset(above_of(node, makers, producers))
        except GraphError as problem:
            problems[name] = problem
    if problems:
        return problems
    found.above = {name: found.above[name] for name in found.steps}
    return _circle(found.above)


def _circle(above: Mapping[Dataset, frozenset[Dataset]]) -> Mapping[Dataset, GraphError]:
    try:
        TopologicalSorter(above).prepare()
    except CycleError as found:
        names = found.args[1]
        problem = GraphError(
            "steps read or refer to each other in a circle: "
            f"{' -> '.join(str(name) for name in names)}",
            fix="take one of these reads or relationships out, or split a step in two",
        )
        return dict.fromkeys(names, problem)
    return {}
