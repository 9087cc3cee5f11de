"""A checkout that grows by the line: notebooks of a few cells and contracts of a few columns."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from lakebook.graph import Graph, load_graph
from lakebook.settings import Settings, load_settings

_CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: {name}
version: 1.0.0
tags: [{tag}]
description: {{purpose: {purpose}}}
team: {{name: tests, members: [{{username: owner@example.org, role: owner}}]}}
schema:
"""
_TABLE = """\
  - name: {table}
    logicalType: object
    physicalType: table
    properties:
      - name: id
        logicalType: integer
        physicalType: {type}
        required: true
{extra}"""


@dataclass(frozen=True)
class Checkout:
    """A folder with lakebook.toml. A cell is a source or (source, tag); `# …` is markdown."""

    root: Path

    @property
    def settings(self) -> Settings:
        return load_settings(self.root, environ={})

    def graph(self) -> Graph:
        return load_graph(self.settings).whole()

    def step(
        self, name: str, *cells: str | tuple[str, str], contract: bool = True, tag: str = "all"
    ) -> Checkout:
        """Write a step's notebook, its first cell made from its name, and its contract."""
        return self.notebook(
            name, f"from lakebook import Step\nstep = Step({name!r})", *cells
        ).contract(name, tag=tag, write=contract)

    def notebook(self, name: str, *cells: str | tuple[str, str]) -> Checkout:
        layer, stem = name.split(".")
        path = self.root / "notebooks" / layer / f"{stem}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        content = {
            "nbformat": 4,
            "nbformat_minor": 5,
            "metadata": {},
            "cells": [_cell(i, cell) for i, cell in enumerate(cells)],
        }
        path.write_text(json.dumps(content), encoding="utf-8")
        return self

    def contract(
        self,
        name: str,
        tables: Sequence[str] = (),
        *,
        tag: str = "all",
        purpose: str = "Tests.",
        type_: str = "int64",
        extra: str = "",
        write: bool = True,
    ) -> Checkout:
        layer, stem = name.split(".")
        text = _CONTRACT.format(name=name, tag=tag, purpose=purpose) + "".join(
            _TABLE.format(table=table, type=type_, extra=extra) for table in tables or [stem]
        )
        path = self.root / "notebooks" / layer / f"{stem}.contract.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        if write:
            path.write_text(text, encoding="utf-8")
        return self


def _cell(number: int, cell: str | tuple[str, str]) -> dict[str, object]:
    source, tag = (cell, "") if isinstance(cell, str) else cell
    kind = "markdown" if source.startswith("# ") else "code"
    return {
        "cell_type": kind,
        "id": str(number),
        "metadata": {"tags": [tag]} if tag else {},
        "source": source.splitlines(keepends=True),
        **({"outputs": [], "execution_count": None} if kind == "code" else {}),
    }


def reference(to: str) -> str:
    """A relationship of the column `id`, as lines of its contract."""
    return f"        relationships:\n          - to: {to}\n"


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    (tmp_path / "lakebook.toml").write_text('[lakebook]\nlake = ".lake"\n', encoding="utf-8")
    return Checkout(tmp_path)


@pytest.fixture
def chain(checkout: Checkout) -> Checkout:
    """bronze.a -> silver.b -> gold.c and silver.b -> gold.d."""
    checkout.step("bronze.a", 'step.write(step.ingest("file://a.csv"))', tag="raw")
    checkout.step("silver.b", 'step.write(step.read("bronze.a"))')
    checkout.step("gold.c", 'step.write(step.read("silver.b"))')
    return checkout.step("gold.d", 'step.write(step.read("silver.b"))')
