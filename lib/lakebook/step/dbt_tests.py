"""Results of dbt tests in the words of a run's checks, so that a report and a catalog show them."""

from __future__ import annotations

from typing import Any

from .dbt_nodes import Node
from .dbt_selection import Chosen, Nodes

PREFIX = "dbt_"


def checks_of(results: Any, nodes: Nodes, chosen: Chosen) -> list[dict[str, Any]]:
    """One check for each test of a dbt build, in the shape of `quality.CheckResult` with a dataset.

    A test that dbt skipped, because what it tests was not built, has no result.
    """
    found = []
    for result in getattr(results, "results", None) or ():
        node = result.node
        if node.resource_type != "test" or str(result.status) == "skipped":
            continue
        found.append(_check(node, result, _own(node.unique_id, nodes, chosen), chosen))
    return found


def _check(node: Any, result: Any, model: Node | None, chosen: Chosen) -> dict[str, Any]:
    kind = node.test_metadata.name if getattr(node, "test_metadata", None) else "singular"
    is_warning = str(node.config.severity).lower() == "warn"
    return {
        # A check of a run is of what the run makes.
        "dataset": str((model or chosen.models[0]).dataset),
        "name": node.name,
        "expectation": f"{PREFIX}{kind}",
        "column": getattr(node, "column_name", None) if model else None,
        "action": "warn" if is_warning else "fail",
        "scope": "partition",
        "success": str(result.status) == "pass",
        "observed": None,
        "unexpected": result.failures,
        "evaluated": None,
        "sample": [],
        "reason": (node.description or "").strip(),
        "dimension": "",
    }


def _own(test: str, nodes: Nodes, chosen: Chosen) -> Node | None:
    """The model of this build that a test is about; None for a test of what the build reads."""
    own = {model.id: model for model in chosen.models}
    node = nodes.by_id[test]
    return next((own[name] for name in (node.attached, *node.parents) if name in own), None)
