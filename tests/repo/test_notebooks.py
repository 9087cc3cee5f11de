"""Notebooks as they stand in git: clean, short, and each beside its contract."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted(
    path for path in (ROOT / "notebooks").rglob("*.ipynb") if ".ipynb_checkpoints" not in path.parts
)
CODE_LINES_MAX = 120

each_notebook = pytest.mark.parametrize(
    "path", [pytest.param(path, id=str(path.relative_to(ROOT))) for path in NOTEBOOKS]
)


def read(path: Path) -> Any:
    return nbformat.read(path, as_version=4)


def code_cells(path: Path) -> list[Any]:
    return [cell for cell in read(path).cells if cell.cell_type == "code"]


def python_of(source: str) -> str:
    """A cell without its magics; nothing of a cell in SQL."""
    if source.startswith("%%sql"):
        return ""
    return "\n".join("" if line.lstrip()[:1] in "%!" else line for line in source.splitlines())


@each_notebook
def test_it_is_a_valid_notebook_with_named_cells(path: Path) -> None:
    notebook = read(path)
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor >= 5) == (
        4,
        True,
    )  # cells have ids since 4.5


@each_notebook
def test_its_outputs_are_stripped(path: Path) -> None:
    dirty = [
        index
        for index, cell in enumerate(read(path).cells)
        if cell.get("outputs") or cell.get("execution_count") is not None
    ]
    assert dirty == [], f"run .venv/bin/nbstripout --keep-id {path.relative_to(ROOT)}"


@each_notebook
def test_it_carries_no_trace_of_an_execution(path: Path) -> None:
    notebook = read(path)
    assert "papermill" not in notebook.metadata
    assert [c.id for c in notebook.cells if {"papermill", "execution"} & set(c.metadata)] == []


@each_notebook
def test_it_asks_for_the_lakebook_kernel(path: Path) -> None:
    assert read(path).metadata.kernelspec.name == "lakebook"


@each_notebook
def test_it_has_one_parameters_cell_at_most_and_first_among_the_code(path: Path) -> None:
    tagged = [
        index
        for index, cell in enumerate(code_cells(path))
        if "parameters" in cell.metadata.get("tags", [])
    ]
    assert tagged in ([], [0])


@each_notebook
def test_it_is_short(path: Path) -> None:
    lines = [line for cell in code_cells(path) for line in cell.source.splitlines() if line.strip()]
    assert len(lines) <= CODE_LINES_MAX, "move what is not this dataset's business to lib/"


@each_notebook
def test_it_defines_no_class(path: Path) -> None:
    trees = [ast.parse(python_of(cell.source)) for cell in code_cells(path)]
    assert [n.name for tree in trees for n in ast.walk(tree) if isinstance(n, ast.ClassDef)] == []


@each_notebook
def test_it_opens_by_saying_what_it_is(path: Path) -> None:
    first = read(path).cells[0]
    assert first.cell_type == "markdown"
    assert first.source.startswith("# ")


@each_notebook
def test_a_step_has_its_contract_beside_it(path: Path) -> None:
    if path.parent.name == "ops":
        pytest.skip("a maintenance job produces no dataset")
    assert path.with_name(f"{path.stem}.contract.yaml").is_file()


def test_the_hook_would_change_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "nbstripout", "--verify", "--keep-id", *NOTEBOOKS],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
