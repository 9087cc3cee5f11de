"""A notebook file as cells of code, without the execution: what `syntax` and `lineage` read."""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ..errors import GraphError


@dataclass(frozen=True)
class Cell:
    """A code cell. `number` counts all cells of the notebook from 1, as people see them."""

    number: int
    source: str
    tags: frozenset[str]

    @property
    def is_view(self) -> bool:
        """Only shows something: it is no part of what is made."""
        return "view" in self.tags

    @property
    def is_parameters(self) -> bool:
        return "parameters" in self.tags


def read_cells(path: Path, *, where: str) -> tuple[Cell, ...]:
    """The code cells of a notebook. Raises GraphError for a file that is none."""
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        cells = raw["cells"]
    except (json.JSONDecodeError, KeyError, TypeError, UnicodeDecodeError) as broken:
        raise GraphError(
            f"not a notebook ({broken})", where=where, fix="restore the file from git"
        ) from None
    return tuple(
        Cell(
            number,
            "".join(cell["source"]),
            frozenset(cell.get("metadata", {}).get("tags", ())),
        )
        for number, cell in enumerate(cells, start=1)
        if cell.get("cell_type") == "code"
    )


def parse(cell: Cell, *, where: str) -> ast.Module:
    """The cell's syntax tree; lines of magics and shell commands count as blank."""
    try:
        return ast.parse(cell.source)  # a text over several lines may hold lines that begin with %
    except SyntaxError:
        _refuse_run(cell, where)
    lines = [
        "" if line.lstrip().startswith(("%", "!")) else line for line in cell.source.splitlines()
    ]
    try:
        return ast.parse("\n".join(lines))
    except SyntaxError as broken:
        raise GraphError(
            f"Python does not parse: {broken.msg}",
            where=f"{where}, cell {cell.number}, line {broken.lineno}",
        ) from None


def _refuse_run(cell: Cell, where: str) -> None:
    for line in cell.source.splitlines():
        if line.lstrip().startswith(("%run", "%load", "%%script", "%%bash", "%%sh")):
            raise GraphError(
                f"{line.split()[0]} runs code that the graph cannot see",
                where=f"{where}, cell {cell.number}",
                fix="move the code to a module under lib/ and import it",
            )


def code_digest(trees: Iterable[ast.Module]) -> str:
    """Digest of code without comments, formatting, docstrings and other bare texts."""
    parts: list[str] = []
    for tree in trees:
        kept = _Words().visit(ast.Module(list(tree.body), []))
        parts.extend(ast.dump(node, include_attributes=False) for node in kept.body)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


class _Words(ast.NodeTransformer):
    """Takes texts out that stand alone."""

    def visit_Expr(self, node: ast.Expr) -> ast.Expr | None:
        return None if _is_bare_text(node) else node


def _is_bare_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and (
        isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    )
