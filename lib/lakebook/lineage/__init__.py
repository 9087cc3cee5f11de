"""Check steps without data, and know which column came from which.

`check` runs the cells of steps on empty tables and remembers what it found; `walk` follows the
edges. Nothing heavy is imported until a step has to be compiled.
"""

from __future__ import annotations

from .agreed import table_findings
from .check import check
from .jobs import check_jobs
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
    "check_jobs",
    "lineage",
    "render_tree",
    "table_findings",
    "to_json",
]
