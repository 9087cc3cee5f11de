"""Check steps without data, and know which column came from which.

`check` runs the cells of steps on empty tables and remembers what it found; `walk` follows the
edges. Nothing heavy is imported until a step has to be compiled.
"""

from __future__ import annotations

from .check import check
from .model import CheckReport, ColumnEdge, Finding, StepCheck, StepLineage
from .walk import LineageNode, lineage, render_tree, to_json

__all__ = [
    "CheckReport",
    "ColumnEdge",
    "Finding",
    "LineageNode",
    "StepCheck",
    "StepLineage",
    "check",
    "lineage",
    "render_tree",
    "to_json",
]
