"""A valid notebook of any kind is run, archived and shown, and no command after it is the worse."""

from __future__ import annotations

import json
from typing import Any

import hypothesis
import pytest
import sampling
from any_notebook import notebooks
from small_checkout import Checkout

COMMANDS = (
    ("plan", "--start", "2013-01-01", "--end", "2013-01-04"),
    ("check",),
    ("report", "build", "--rebuild"),
)


@pytest.mark.slow
@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_any_valid_notebook_runs_and_stops_no_other_command(checkout: Checkout) -> None:
    path = checkout.root / "notebooks" / "silver" / "events.ipynb"
    own = json.loads(path.read_text())
    checkout.run("bronze.events")

    @hypothesis.seed(sampling.seed("any notebook, run"))
    @hypothesis.settings(
        max_examples=sampling.examples(4, 80),
        deadline=None,
        database=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(drawn=notebooks())
    def run(drawn: dict[str, Any]) -> None:
        path.write_text(json.dumps(_joined(own, drawn)))
        steps = checkout.run("silver.events", "--force")
        assert steps["silver.events"]["status"] == "ok", steps
        for command in COMMANDS:
            done = checkout.lakebook(*command)
            assert done.returncode == 0, (command, done.stdout, done.stderr)

    run()


def _joined(own: dict[str, Any], drawn: dict[str, Any]) -> dict[str, Any]:
    """The step's cells with the drawn ones between them, which show what those have shown."""
    cells = []
    for number, cell in enumerate(drawn["cells"]):
        shown = dict(cell)
        if cell["cell_type"] == "code":
            shown["source"] = "".join(_shows(output) for output in cell["outputs"]) or "None"
        if drawn["nbformat_minor"] == 5:
            shown["id"] = f"drawn-{number}"
        cells.append(shown)
    steps = [dict(cell) for cell in own["cells"]]
    if drawn["nbformat_minor"] < 5:
        for cell in steps:
            cell.pop("id", None)
    first, *rest = steps
    metadata = {**drawn["metadata"], **own["metadata"]}
    return {**drawn, "metadata": metadata, "cells": [first, *cells, *rest]}


def _shows(output: dict[str, Any]) -> str:
    """Code that shows such an output."""
    if output["output_type"] == "stream":
        to = "stdout" if output["name"] == "stdout" else "stderr"
        return f"import sys\nsys.{to}.write({''.join(output['text'])!r})\n"
    if "data" not in output:
        return ""
    joined = {
        kind: "".join(value) if isinstance(value, list) and "json" not in kind else value
        for kind, value in output["data"].items()
    }
    return (
        "from IPython.display import display\n"
        f"display({joined!r}, raw=True, metadata={output['metadata']!r})\n"
    )
