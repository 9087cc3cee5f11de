"""Selectors, as dbt writes them: `silver.flights`, `+gold.punctuality`, `2+x`, `layer:silver`,
`tag:x`, `state:modified+`. A space in one selector, or several of them, make a union."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..errors import UserError, did_you_mean
from ..names import LAYERS, OPS, Dataset
from ..settings import Settings
from .connect import Broken, Held
from .model import Graph
from .reach import reach
from .state import modified
from .step_node import StepNode

_SHAPE = re.compile(r"(?P<up>\d*\+)?(?P<core>[^+]+)(?P<down>\+\d*)?")
_METHODS = ("layer", "tag", "state")


@dataclass(frozen=True)
class Selection:
    """The chosen `steps` that can be run; those that are `broken`, and those that hang on them.

    Each in the graph's order.
    """

    steps: tuple[StepNode, ...]
    broken: tuple[Broken, ...] = ()
    held: tuple[Held, ...] = ()


def select(
    graph: Graph, selectors: Sequence[str], *, settings: Settings | None = None
) -> Selection:
    """The chosen steps; all of them if there is no selector."""
    order = graph.names
    chosen = _chosen(graph, selectors, settings) if selectors else set(order)
    return Selection(
        tuple(node for node in graph.order() if node.name in chosen),
        tuple(graph.broken[name] for name in order if name in chosen & set(graph.broken)),
        tuple(graph.held[name] for name in order if name in chosen & set(graph.held)),
    )


def _chosen(graph: Graph, selectors: Sequence[str], settings: Settings | None) -> set[Dataset]:
    chosen: set[Dataset] = set()
    for text in (part for selector in selectors for part in selector.split()):
        match = _SHAPE.fullmatch(text)
        if match is None:
            raise UserError(
                f"selector {text!r} is not understood",
                fix="write such as silver.flights, +gold.punctuality, layer:silver, tag:core",
            )
        core = _core(graph, match["core"], settings)
        chosen |= core
        chosen |= _walk(core, match["up"], graph.upstream)
        chosen |= _walk(core, match["down"], graph.downstream)
    return chosen


def _core(graph: Graph, text: str, settings: Settings | None) -> set[Dataset]:
    method, colon, value = text.partition(":")
    if not colon:
        return {graph.maker(Dataset.parse(text))}
    if method == "layer":
        if value == OPS:
            raise UserError(
                "maintenance jobs are no layer of the graph",
                fix=f"name each that is to run: lakebook run {OPS}.tiering",
            )
        if value not in LAYERS:
            raise UserError(
                f"there is no layer {value!r}{did_you_mean(value, LAYERS)}",
                fix=f"the layers are {', '.join(LAYERS)}",
            )
        return {name for name in graph.names if name.layer == value}
    if method == "tag":
        known = {tag for node in graph.nodes.values() for tag in node.tags}
        if value not in known:
            raise UserError(f"no contract has the tag {value!r}{did_you_mean(value, known)}")
        return {name for name, node in graph.nodes.items() if value in node.tags}
    if method == "state":
        if value != "modified" or settings is None:
            raise UserError(f"there is no state {value!r}", fix="use state:modified")
        return set(modified(settings, graph) | graph.broken.keys())
    raise UserError(
        f"there is no selector method {method!r}{did_you_mean(method, _METHODS)}",
        fix=f"the methods are {', '.join(_METHODS)}",
    )


def _walk(
    start: set[Dataset], mark: str | None, near: Callable[[Dataset], frozenset[Dataset]]
) -> set[Dataset]:
    """Everything within reach; a number at the plus bounds the distance."""
    if mark is None:
        return set()
    digits = mark.strip("+")
    return reach(start, near, int(digits) if digits else -1)
