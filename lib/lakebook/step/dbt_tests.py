"""Results of dbt tests in the words of a run's checks, so that a report and a catalog show them."""

from __future__ import annotations

from typing import Any

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
        found.append(_check(node, result, _dataset(node.unique_id, nodes, chosen)))
    return found


def _check(node: Any, result: Any, dataset: str) -> dict[str, Any]:
    kind = node.test_metadata.name if getattr(node, "test_metadata", None) else "singular"
    is_warning = str(node.config.severity).lower() == "warn"
    return {
        "dataset": dataset,
        "name": node.name,
        "expectation": f"{PREFIX}{kind}",
        "column": getattr(node, "column_name", None),
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


def _dataset(test: str, nodes: Nodes, chosen: Chosen) -> str:
    """What a test is about: the model where it is attached, else the first table that it reads."""
    node = nodes.by_id[test]
    attached = nodes.by_id.get(node.attached)
    if attached is not None and not attached.is_ephemeral:
        return str(attached.dataset)
    read = [other for other in nodes.inputs(node) if other.kind != "seed"]
    first = min(read, key=lambda other: other.kind, default=chosen.models[0])  # a model, a source
    return str(first.dataset)
