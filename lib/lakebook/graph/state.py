"""What each step's code was when it last ran well: the other side of `state:modified`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..contract.fingerprint import DEFINITION, fingerprint_of
from ..files import replace_file
from ..names import Dataset
from ..settings import Settings
from .model import Graph
from .step_node import StepNode


def digests_of(node: StepNode, definition: int = DEFINITION) -> dict[str, str]:
    """Code, models, tests and what of the contract decides the result (not its words or owner)."""
    tables = node.contract.tables if node.contract else ()
    text = "\n".join(fingerprint_of(table, definition) for table in tables)
    tests = {"tests": node.tests_hash} if definition >= 3 and node.tests_hash else {}
    return {
        **tests,
        "code": node.code_hash,
        "models": node.models_hash,
        "contract": hashlib.sha256(text.encode()).hexdigest(),
    }


def modified(settings: Settings, graph: Graph) -> frozenset[Dataset]:
    """Steps whose code, models or contract differ from their last good run; also new ones."""
    before = _read(settings)
    return frozenset(
        name
        for name, node in graph.nodes.items()
        if all(before.get(str(name)) != digests_of(node, one) for one in range(DEFINITION, 0, -1))
    )


def save_state(settings: Settings, graph: Graph, steps: Iterable[Dataset]) -> None:
    """Remember the digests of steps that are now as their code says."""
    state = _read(settings)
    now = {str(name): digests_of(graph.steps[name]) for name in steps}
    if all(state.get(name) == digests for name, digests in now.items()):
        return
    replace_file(_path(settings), json.dumps({**state, **now}, indent=1))


def _path(settings: Settings) -> Path:
    return settings.lake / settings.env / "state" / "graph.json"


def _read(settings: Settings) -> dict[str, Any]:
    path = _path(settings)
    loaded: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    return loaded
