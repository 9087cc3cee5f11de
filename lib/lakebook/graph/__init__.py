"""The graph of steps, read from the notebooks' syntax trees, the contracts and the dbt manifest."""

from __future__ import annotations

from .load import load_graph
from .model import Graph, Read, StepNode
from .select import select
from .state import save_state

__all__ = ["Graph", "Read", "StepNode", "load_graph", "save_state", "select"]
