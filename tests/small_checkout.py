"""A small checkout for tests: its files, and the command line in it. Fixtures are in conftest."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

EVENTS = """id,seen,amount
1,2013-01-01T10:00:00Z,10
2,2013-01-01T11:00:00Z,-5
3,2013-01-02T10:00:00Z,30
4,2013-01-03T10:00:00Z,40
"""

_CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: {step}
name: {step}
version: 1.0.0
status: active
domain: tests
tags: [events]
description: {{purpose: A dataset of the tests.}}
team: {{name: tests, members: [{{username: owner@example.org, role: owner}}]}}
slaProperties: [{{property: latency, value: 24, unit: h}}]
schema:
  - name: {name}
    logicalType: object
    physicalType: table
    description: One row per event.
    customProperties:
      - {{property: write, value: {write}}}
{time}{quality}    properties:
      - {{name: id, logicalType: integer, physicalType: int64, required: true, primaryKey: true}}
{columns}"""

_TIME = """\
      - {property: timeColumn, value: seen}
      - {property: timeZone, value: UTC}
      - {property: partitionUnit, value: day}
"""
LANDING = """\
      - {name: _source, logicalType: string, physicalType: string}
      - {name: _source_digest, logicalType: string, physicalType: string}
      - {name: _source_modified, logicalType: timestamp, physicalType: timestamp}
"""


def rule(name: str, expectation: str, action: str, **kwargs: Any) -> str:
    """A quality rule as a line of YAML."""
    body = {
        "name": name,
        "type": "custom",
        "engine": "greatExpectations",
        "implementation": {"type": expectation, "kwargs": kwargs},
        "description": f"because {name}",
        "customProperties": [{"property": "action", "value": action}],
    }
    return f"      - {json.dumps(body)}\n"


def about_table(line: str) -> str:
    """The same rule with the scope `table`."""
    scope = json.dumps({"property": "scope", "value": "table"})
    return line.replace('"customProperties": [', f'"customProperties": [{scope}, ')


POSITIVE = rule(
    "amount_positive",
    "expect_column_values_to_be_between",
    "quarantine",
    column="amount",
    min_value=0,
)


@dataclass(frozen=True)
class Checkout:
    """A checkout in a folder of its own."""

    root: Path

    def lakebook(self, *args: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "lakebook.cli.main", *args],
            cwd=self.root,
            env={**os.environ, "COLUMNS": "200", **env},
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    def run(self, *args: str, start: str = "2013-01-01", end: str = "2013-01-04") -> Any:
        """Run and return the steps of its JSON by name."""
        done = self.lakebook("run", *args, "--start", start, "--end", end, "--json")
        assert done.stdout, done.stderr
        return {step["step"]: step for step in json.loads(done.stdout)["steps"]}

    def query(self, sql: str, *args: str) -> list[dict[str, Any]]:
        done = self.lakebook("query", sql, "--format", "json", *args)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def environment(self, name: str) -> None:
        done = self.lakebook("env", "new", name)
        assert done.returncode == 0, done.stderr

    def source(self, text: str = EVENTS) -> None:
        (self.root / "events.csv").write_text(text)

    def notebook(
        self, step: str, cells: Iterable[str], *, time: bool = True, parameters: str = ""
    ) -> Path:
        """`parameters`: the cell of parameters, instead of the interval's."""
        layer, name = step.split(".")
        path = self.root / "notebooks" / layer / f"{name}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        interval = 'start = "2013-01-01"\nend = "2013-01-02"' if time else ""
        given = parameters or interval
        first = [(given, ["parameters"])] if given else []
        coded = [*first, *((source, []) for source in cells)]
        path.write_text(
            json.dumps(
                {
                    "cells": [
                        {
                            "cell_type": "code",
                            "id": f"c{i}",
                            "metadata": {"tags": tags} if tags else {},
                            "execution_count": None,
                            "outputs": [],
                            "source": source.splitlines(keepends=True),
                        }
                        for i, (source, tags) in enumerate(coded)
                    ],
                    "metadata": {
                        "kernelspec": {
                            "display_name": "Lakebook",
                            "language": "python",
                            "name": "lakebook",
                        }
                    },
                    "nbformat": 4,
                    "nbformat_minor": 5,
                }
            )
        )
        return path

    def contract(
        self, step: str, columns: str, *, time: bool = True, quality: str = "", write: str = ""
    ) -> Path:
        layer, name = step.split(".")
        path = self.root / "notebooks" / layer / f"{name}.contract.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        text = _CONTRACT.format(
            step=step,
            name=name,
            write=write or ("replace" if time else "snapshot"),
            time=_TIME if time else "",
            quality=f"    quality:\n{quality}" if quality else "",
            columns=columns,
        )
        path.write_text(text)
        return path


def in_prod(root: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    """An empty checkout, of whose prod the steps of this process are a session."""
    monkeypatch.setenv("LAKEBOOK_ROOT", str(root))
    monkeypatch.delenv("LAKEBOOK_RUN", raising=False)
    monkeypatch.setenv("LAKEBOOK_ENV", "prod")
    (root / "lakebook.toml").write_text("")
    return Checkout(root)


COLUMNS = """\
      - {name: seen, logicalType: timestamp, physicalType: timestamp, required: true}
      - {name: amount, logicalType: integer, physicalType: int64}
"""


def small_checkout(root: Path) -> Checkout:
    """bronze.events lands a CSV by day; silver.events keeps what is positive."""
    made = Checkout(root)
    (root / "lakebook.toml").write_text("[runtime]\nlinger_s = 20\n")
    made.source()
    made.contract("bronze.events", COLUMNS + LANDING)
    made.notebook(
        "bronze.events",
        [
            'from lakebook import Step\nstep = Step("bronze.events", start=start, end=end)',
            'step.write(step.ingest("file://events.csv"))',
        ],
    )
    made.contract("silver.events", COLUMNS, quality=POSITIVE)
    made.notebook(
        "silver.events",
        [
            'from lakebook import Step\nstep = Step("silver.events", start=start, end=end)',
            'events = step.read("bronze.events")',
            'step.write(events.select("id", "seen", "amount"))',
        ],
    )
    return made
