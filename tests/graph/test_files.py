"""The files that code names are found where they stand, and no others."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from lakebook.graph.files import named_files, texts_in
from lakebook.graph.notebook import Cell
from lakebook.graph.syntax import find


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """notebooks/bronze of a checkout that has some files beside it."""
    for name in (
        "notebooks/bronze/own.csv",
        "notebooks/bronze/events.ipynb",
        "notebooks/bronze/events.contract.yaml",
        "data/2013/a.csv",
        "data/2013/b.csv",
        "data/other.txt",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    return tmp_path / "notebooks/bronze"


def names(folder: Path, *texts: str) -> list[str]:
    root = folder.parents[1]
    return [file.relative_to(root).as_posix() for file in named_files(folder, texts)]


def test_a_file_counts_from_the_notebooks_folder_and_absolute(folder: Path) -> None:
    assert names(folder, "own.csv") == ["notebooks/bronze/own.csv"]
    assert names(folder, "../../data/other.txt") == ["data/other.txt"]
    assert names(folder, str(folder.parents[1] / "data/other.txt")) == ["data/other.txt"]
    assert names(folder, "data/other.txt", "absent.csv", "silver.flights") == []


def test_patterns_and_folders_count_with_the_files_below(folder: Path) -> None:
    both = ["data/2013/a.csv", "data/2013/b.csv"]
    assert names(folder, "../../data/*/*.csv") == both
    assert names(folder, "../../data/2013/") == both
    assert names(folder, "../../data") == [*both, "data/other.txt"]
    absolute = folder.parents[1] / "data/**/*.csv"
    assert names(folder, str(absolute)) == both


def test_notebooks_contracts_and_the_folders_above_do_not_count(folder: Path) -> None:
    assert (
        names(folder, "events.ipynb", "./", "../", "/", "*.ipynb", "e.*", "/.*", "^[a-z]*.$") == []
    )


@pytest.mark.parametrize("text", ["x" * 255 + "/.", "a\0b.csv", "**.csv", "[.", "~/x.csv"])
def test_a_text_that_is_no_path_names_nothing(folder: Path, text: str) -> None:
    assert names(folder, text) == []


def test_what_documents_is_no_path() -> None:
    code = 'def f():\n    """own.csv"""\n    return "own.csv", "one\\nline.csv", f"{x}.csv"\n'
    assert list(texts_in(ast.parse(code))) == ["own.csv", ".csv"]


def test_a_cell_that_only_shows_names_no_input() -> None:
    step = 'from lakebook import Step\nstep = Step("bronze.events")\nread("own.csv")'
    cells = [Cell(1, step, frozenset()), Cell(2, 'show("shown.csv")', frozenset({"view"}))]
    assert find(cells, where="n").texts == ["bronze.events", "own.csv"]
