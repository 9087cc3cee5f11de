"""A notebook file as cells of code, without the execution: what `syntax` and `lineage` read."""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from ..errors import GraphError
from ..step.sql_cell import SqlCell, as_module, is_sql_cell, parse_sql_cell
from ..step.sql_text import normal_form

INTERVAL = ("start", "end")
"""The parameters that the runner injects."""


_SHOWS = ("%matplotlib", "%config InlineBackend", "%%capture", "%%time")
"""Magics that decide how something is shown, and nothing of what is made."""


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
        return tuple(
            Cell(
                number,
                "".join(cell["source"]),
                frozenset(cell.get("metadata", {}).get("tags", ())),
            )
            for number, cell in enumerate(raw["cells"], start=1)
            if cell.get("cell_type") == "code"
        )
    except OSError as unreadable:
        raise unreadable_file(unreadable, where) from None
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as broken:
        raise GraphError(
            f"not a notebook ({broken})", where=where, fix="restore the file from git"
        ) from None


def unreadable_file(problem: OSError, where: str) -> GraphError:
    return GraphError(
        f"the file cannot be read ({problem.strerror})",
        where=where,
        fix="take it out of the folder, or make it readable",
    )


def parse(cell: Cell, *, where: str) -> ast.Module:
    """The cell's syntax tree; lines of magics and shell commands count as blank.

    A `%%sql` cell is the call of `step.sql` that it stands for.
    """
    if is_sql_cell(cell.source):
        return as_module(sql_cell(cell, where=where))
    try:
        return ast.parse(cell.source)  # a text over several lines may hold lines that begin with %
    except SyntaxError:
        _refuse_run(cell, where)
    lines = ["" if _is_magic(line) else line for line in cell.source.splitlines()]
    try:
        return ast.parse("\n".join(lines))
    except SyntaxError as broken:
        raise GraphError(
            f"Python does not parse: {broken.msg}",
            where=f"{where}, cell {cell.number}, line {broken.lineno}",
        ) from None


def sql_cell(cell: Cell, *, where: str) -> SqlCell:
    """A cell that begins with `%%sql`. Raises GraphError."""

    def fail(found: str, fix: str) -> GraphError:
        return GraphError(found, where=f"{where}, cell {cell.number}", fix=fix)

    return parse_sql_cell(cell.source, fail)


def magics(cell: Cell) -> tuple[str, ...]:
    """Lines of magics and shell commands, which `parse` leaves out but a kernel runs."""
    if is_sql_cell(cell.source):
        return ()
    try:
        ast.parse(cell.source)
    except SyntaxError:
        lines = [line.strip() for line in cell.source.splitlines() if _is_magic(line)]
        return tuple(line for line in lines if not line.startswith(_SHOWS))
    return ()


def _is_magic(line: str) -> bool:
    return line.lstrip().startswith(("%", "!"))


def _refuse_run(cell: Cell, where: str) -> None:
    for line in cell.source.splitlines():
        if line.lstrip().startswith(("%run", "%load", "%%script", "%%bash", "%%sh")):
            raise GraphError(
                f"{line.split()[0]} runs code that the graph cannot see",
                where=f"{where}, cell {cell.number}",
                fix="move the code to a module under lib/ and import it",
            )


LOOKS = ("preview", "profile", "diff")
"""Methods of a step that show something, and neither read for the result nor change it."""


def code_digest(
    cells: Iterable[tuple[Cell, ast.Module]], steps: Collection[str] = frozenset()
) -> str:
    """Digest of code without comments, formatting, docstrings and other bare texts.

    Of the cell of parameters, the interval is left out: it is no part of what is made; and so are
    plain looks such as `step.preview(frame)`, where `steps` are the variables that hold a step.
    """
    parts: list[str] = []
    for cell, tree in cells:
        body = [node for node in tree.body if not (cell.is_parameters and _is_interval(node))]
        body = [node for node in body if not _is_look(node, steps)]
        kept = _Words().visit(ast.Module(body, []))
        parts.extend(ast.dump(node, include_attributes=False) for node in kept.body)
        parts.extend(magics(cell))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def assigned(node: ast.stmt) -> tuple[str, ...]:
    """Variables that a statement sets."""
    if isinstance(node, ast.Assign):
        targets = node.targets
    elif isinstance(node, ast.AnnAssign):
        targets = [node.target]
    else:
        return ()
    return tuple(target.id for target in targets if isinstance(target, ast.Name))


def _is_interval(node: ast.stmt) -> bool:
    names = assigned(node)
    return bool(names) and set(names) <= set(INTERVAL)


def _is_look(node: ast.stmt, steps: Collection[str]) -> bool:
    """A look that stands alone and is given names and constants: nothing else can happen in it."""
    if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)):
        return False
    call, called = node.value, node.value.func
    if not (
        isinstance(called, ast.Attribute)
        and called.attr in LOOKS
        and isinstance(called.value, ast.Name)
        and called.value.id in steps
    ):
        return False
    given = (*call.args, *(keyword.value for keyword in call.keywords))
    return all(isinstance(value, ast.Name | ast.Constant) for value in given)


class _Words(ast.NodeTransformer):
    """Takes texts out that stand alone, and comments and formatting out of SQL."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        first = node.args[0] if node.args else None
        is_sql = isinstance(node.func, ast.Attribute) and node.func.attr == "sql"
        if is_sql and isinstance(first, ast.Constant) and isinstance(first.value, str):
            text = ast.Constant(normal_form(first.value))
            return ast.Call(node.func, [text, *node.args[1:]], node.keywords)
        return node

    def visit_Expr(self, node: ast.Expr) -> ast.Expr | None:
        return None if _is_bare_text(node) else node


def _is_bare_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and (
        isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    )
