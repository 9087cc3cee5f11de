"""What a new step starts from: a notebook that runs, a contract that loads, a golden case."""

from __future__ import annotations

import json
import keyword
import secrets
from collections.abc import Sequence
from pathlib import Path

from ..errors import UserError
from ..names import Dataset, contract_path, notebook_path

_CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: {step}
name: {step}
version: 0.1.0
status: draft
domain: unassigned
description:
  purpose: What {step} is for, in one sentence.
team:
  name: unassigned
  members:
    - {{username: owner@example.org, role: owner}}
slaProperties:
  - {{property: latency, value: 24, unit: h}}
schema:
  - name: {name}
    logicalType: object
    physicalType: table
    description: What one row of {step} is.
    customProperties:
      - {{property: write, value: snapshot}}
    quality:
      - name: has_rows
        type: custom
        engine: greatExpectations
        implementation:
          type: expect_table_row_count_to_be_between
          kwargs: {{min_value: 1}}
        description: An empty table would look like a loss to whoever reads it.
        customProperties:
          - {{property: action, value: fail}}
    properties:
      - name: id
        logicalType: integer
        physicalType: int64
        required: true
        primaryKey: true
        primaryKeyPosition: 1
        description: What identifies a row.
"""


def scaffold(
    root: Path, step: Dataset, reads: Sequence[Dataset], source: str | None
) -> tuple[Path, ...]:
    """Write the files of a new step; refuses to overwrite any."""
    notebook, contract = notebook_path(root, step), contract_path(root, step)
    case = root / "tests" / "golden" / str(step) / "first"
    for path in (notebook, contract, case):
        if path.exists():
            raise UserError(f"{path.relative_to(root)} is there already", fix="choose another name")
    if step.is_quarantine:
        raise UserError(
            f"{step} is the name of a quarantine, which no step writes", fix="choose another name"
        )
    if step.layer == "bronze" and source is None:
        raise UserError(
            f"{step} lands a source, and none is named", fix="add --source file://path/to.csv"
        )
    files = {
        notebook: json.dumps(_notebook(step, reads, source), indent=1) + "\n",
        contract: _CONTRACT.format(step=step, name=step.name),
        case / "case.toml": 'says = "what this case shows, as a statement"\n',
        case / "expected.csv": "id\n1\n",
        **{case / f"{read}.csv": "id\n1\n" for read in reads},
    }
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tuple(files)


def _notebook(step: Dataset, reads: Sequence[Dataset], source: str | None) -> dict[str, object]:
    names = [_variable(read, reads) for read in reads]
    lines = [f'{name} = step.read("{read}")' for name, read in zip(names, reads, strict=True)]
    if source is not None:
        names, lines = ["raw"], [f"raw = step.ingest({json.dumps(source)})"]
    first = names[0] if names else "frame"
    cells = [
        _cell("markdown", f"# {step}\n\nWhat this step does, and why it does it so."),
        _cell("code", f'from lakebook import Step\n\nstep = Step("{step}")\n' + "\n".join(lines)),
        _cell("code", f"step.write({first})"),
    ]
    return {
        "cells": cells,
        "metadata": {
            "kernelspec": {"display_name": "Lakebook", "language": "python", "name": "lakebook"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def _variable(read: Dataset, reads: Sequence[Dataset]) -> str:
    """The dataset's own name, unless another has it too or Python or the notebook needs it."""
    shared = sum(other.name == read.name for other in reads) > 1
    taken = shared or read.name in ("step", "nw") or keyword.iskeyword(read.name)
    return f"{read.layer}_{read.name}" if taken else read.name


def _cell(kind: str, source: str) -> dict[str, object]:
    cell: dict[str, object] = {
        "cell_type": kind,
        "id": secrets.token_hex(4),
        "metadata": {},
        "source": source.splitlines(keepends=True),
    }
    return {**cell, "execution_count": None, "outputs": []} if kind == "code" else cell
