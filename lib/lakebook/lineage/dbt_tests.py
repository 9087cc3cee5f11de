"""dbt tests that no step would run, which only all steps together show."""

from __future__ import annotations

from collections.abc import Iterator

from ..graph import Graph
from .model import Finding


def unrun_tests(graph: Graph) -> Iterator[Finding]:
    """A finding for each; none in a checkout whose steps build no dbt model."""
    built = {model for node in graph.steps.values() for model in node.models}
    if not built:
        return
    for test in graph.dbt.unrun_tests(built):
        about = ", ".join(
            node.name for name in test.parents if (node := graph.dbt.by_id.get(name)) is not None
        )
        yield Finding(
            step="dbt",
            message=f"the test {test.name} is run by no step, since none builds or reads "
            f"{about or 'what it names'}",
            notebook=test.where,
            fix="let a step build it (step.dbt), or disable the test (enabled: false)",
        )
