"""Results of dbt tests in the words of a run's checks, so that a report and a catalog show them."""

from __future__ import annotations

from typing import Any

PREFIX = "dbt_"


def checks_of(results: Any) -> list[dict[str, Any]]:
    """One check for each test of a dbt build, in the shape of `quality.CheckResult` with a dataset.

    A test that dbt skipped, because what it tests was not built, has no result.
    """
    found = []
    for result in getattr(results, "results", None) or ():
        node = result.node
        if node.resource_type != "test" or str(result.status) == "skipped":
            continue
        found.append(_check(node, result))
    return found


def _check(node: Any, result: Any) -> dict[str, Any]:
    kind = node.test_metadata.name if getattr(node, "test_metadata", None) else "singular"
    is_warning = str(node.config.severity).lower() == "warn"
    return {
        "dataset": f"gold.{_model(node)}",
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


def _model(node: Any) -> str:
    """The model that a test is about; the first that it names where it is attached to none."""
    model = getattr(node, "attached_node", None)
    if model is None:
        models = [one for one in node.depends_on_nodes if one.startswith("model.")]
        model = models[0] if models else node.unique_id
    return str(model).split(".")[-1]
