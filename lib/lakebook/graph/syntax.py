"""What a step reads and writes, found in the syntax trees of its cells.

What the tree cannot say for sure (a name that is computed, a read in a loop or in a function) is an
error with the way to write it, so that the graph never misses an edge.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from ..engines import check_run_engine
from ..errors import GraphError, did_you_mean
from ..names import Dataset
from ..step.sql_cell import STEP
from ..step.sql_text import read_sql
from .files import texts_in
from .modules import imported_text
from .nodes import first_text, is_none, is_step, keys_of, literal, step_names
from .notebook import INTERVAL, Cell, assigned, code_digest, parse
from .parameters import defaults_of

_READ_OPTIONS = {"before": int, "after": int, "whole": bool, "refresh": str}
_DBT_OPTIONS = {"before": int, "after": int, "whole": bool}
_REFRESH = ("always", "forward")
_METHODS = ("read", "sql", "ingest", "dbt", "write", "result")
_EDGES = ("read", "sql", "ingest", "dbt")  # what names an input
_CLOCK = ("now", "seed")  # what depends on the interval that is run


@dataclass
class Found:
    """What the cells of one notebook say. Plain values, so that it can be cached as JSON."""

    step: str = ""
    reads: list[dict[str, Any]] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    selections: list[dict[str, Any]] = field(default_factory=list)
    writes: list[str] = field(default_factory=list)
    imports: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    parameters: list[str] = field(default_factory=list)
    defaults: dict[str, Any] = field(default_factory=dict)
    untracked: list[dict[str, Any]] = field(default_factory=list)
    uses_clock: bool = False
    uses_sql: bool = False
    engine: str = ""
    code_hash: str = ""


def find(cells: Sequence[Cell], *, where: str) -> Found:
    """Read all cells of a step's notebook.

    A read in a cell tagged `view` is an edge like any other, since the cell runs; its imports and
    its code are no part of what is made.
    """
    from .untracked import commands, untracked_calls  # not needed where notebooks are remembered

    found = Found()
    trees = [(cell, parse(cell, where=where)) for cell in cells]
    names = {STEP, *(name for _, tree in trees for name in step_names(tree))}
    for cell, tree in trees:
        _Visitor(found, names, f"{where}, cell {cell.number}", cell).visit(tree)
    found.imports = sorted(set(found.imports))
    made = [(cell, tree) for cell, tree in trees if not cell.is_view]
    found.texts = sorted({text for _, tree in made for text in texts_in(tree)})
    found.code_hash = code_digest(made, names)
    found.parameters = [
        name
        for cell, tree in trees
        if cell.is_parameters
        for node in tree.body
        for name in assigned(node)
        if name not in INTERVAL
    ]
    found.defaults = defaults_of([tree for cell, tree in trees if cell.is_parameters])
    found.untracked = [
        {"cell": cell.number, **asdict(call)}
        for (cell, _), calls in zip(made, untracked_calls([tree for _, tree in made]), strict=True)
        for call in (*calls, *commands(cell))
    ]
    if not found.step:
        raise GraphError(
            "no Step(…) in any cell", where=where, fix='begin with step = Step("layer.name")'
        )
    return found


class _Visitor(ast.NodeVisitor):
    def __init__(self, found: Found, steps: set[str], where: str, cell: Cell) -> None:
        self.found, self.steps, self.where, self.cell = found, steps, where, cell
        self.inside: list[str] = []

    def visit_Import(self, node: ast.Import) -> None:
        if not self.cell.is_view:
            self.found.imports.extend(alias.name for alias in node.names)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        if node.module and not self.cell.is_view:
            self.found.imports.append(node.module)
            self.found.imports.extend(f"{node.module}.{alias.name}" for alias in node.names)

    def _nested(self, node: ast.AST, what: str) -> None:
        self.inside.append(what)
        self.generic_visit(node)
        self.inside.pop()

    def visit_For(self, node: ast.For) -> None:
        self._nested(node, "a loop")

    def visit_While(self, node: ast.While) -> None:
        self._nested(node, "a loop")

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._nested(node, f"the function {node.name}")

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self._nested(node, f"the function {node.name}")

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._nested(node, f"the class {node.name}")

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self._nested(node, "a lambda")

    def visit_ListComp(self, node: ast.ListComp) -> None:
        self._nested(node, "a comprehension")

    def visit_DictComp(self, node: ast.DictComp) -> None:
        self._nested(node, "a comprehension")

    def visit_SetComp(self, node: ast.SetComp) -> None:
        self._nested(node, "a comprehension")

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> None:
        self._nested(node, "a comprehension")

    def visit_Call(self, node: ast.Call) -> None:
        if is_step(node):
            self._step(node)
        elif isinstance(node.func, ast.Attribute) and self._on_step(node.func.value):
            self._method(node, node.func.attr)
            if is_step(node.func.value):
                self.visit(node.func.value)
            for value in (*node.args, *node.keywords):
                self.visit(value)
            return  # not through visit_Attribute, which is for methods that are not called
        else:
            if (name := imported_text(node)) is not None and not self.cell.is_view:
                self.found.imports.append(name)
            for value in (*node.args, *(keyword.value for keyword in node.keywords)):
                if isinstance(value, ast.Name) and value.id in self.steps:
                    raise self._unseen(f"the step is passed to {ast.unparse(node.func)}")
        self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if not self._on_step(node.value):
            self.generic_visit(node)
        elif node.attr in _CLOCK:
            self.found.uses_clock |= not self.cell.is_view
        elif node.attr in _EDGES:
            raise self._unseen(f"step.{node.attr} is handed on and not called")

    def visit_Expr(self, node: ast.Expr) -> None:
        if not (isinstance(node.value, ast.Name) and node.value.id in self.steps):  # shows the step
            self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> None:
        if node.id in self.steps and isinstance(node.ctx, ast.Load):
            raise self._unseen("the step goes by another name or into another value")

    def _unseen(self, found: str) -> GraphError:
        return GraphError(
            f"{found}, where its reads cannot be seen",
            where=self.where,
            fix="read in the cell, as step.read(…), and pass the frame on",
        )

    def _on_step(self, node: ast.AST) -> bool:
        return is_step(node) or (isinstance(node, ast.Name) and node.id in self.steps)

    def _step(self, node: ast.Call) -> None:
        name = self._text(node, "Step", 'Step("silver.flights", start=start, end=end)')
        if self.found.step and self.found.step != name:
            raise GraphError(
                f"a second Step({name!r}) beside Step({self.found.step!r})",
                where=self.where,
                fix="make it a notebook of its own",
            )
        self.found.step = name
        for keyword in node.keywords:
            if keyword.arg == "engine" and not is_none(keyword.value):
                engine = self._literal(keyword.value, str, "engine")
                self.found.engine = check_run_engine(engine, where=self.where)

    def _method(self, node: ast.Call, method: str) -> None:
        if method not in _METHODS:
            return
        if self.inside and method in _EDGES:
            raise GraphError(
                f"step.{method} stands in {self.inside[-1]}, where the graph cannot see what it "
                "names",
                where=self.where,
                fix="write one call per dataset, at the top of a cell",
            )
        if method == "read":
            name = self._text(node, "step.read", 'step.read("bronze.flights")')
            dataset = str(Dataset.parse(name, where=self.where))
            options = self._options(node.keywords, "step.read")
            self.found.reads.append({"dataset": dataset, "cell": self.cell.number, **options})
        elif method == "sql":
            self._sql(node)
        elif method == "ingest":
            uri = self._text(node, "step.ingest", 'step.ingest("file://data/flights.csv")')
            self.found.sources.append(uri)
        elif method == "dbt":
            selection = self._text(node, "step.dbt", 'step.dbt("marts.punctuality")')
            options = self._options(node.keywords, "step.dbt", _DBT_OPTIONS)
            entry = {"selection": selection, "cell": self.cell.number, **options}
            self.found.selections.append(entry)
        elif method == "write":
            for keyword in node.keywords:
                if keyword.arg == "table":
                    self.found.writes.append(self._literal(keyword.value, str, "table"))

    def _sql(self, node: ast.Call) -> None:
        """Each dataset that the SQL names is a read, with the options of the call."""

        def fail(found: str, fix: str) -> GraphError:
            return GraphError(found, where=self.where, fix=fix)

        first = node.args[0] if node.args else None
        if not isinstance(first, ast.Constant) or not isinstance(first.value, str):
            raise fail(
                f"step.sql({ast.unparse(first) if first else ''}) does not hold its SQL as text",
                'write the SQL itself, and pass values by params: "… where day = $day", '
                'params={"day": day}',
            )
        sql = read_sql(first.value, fail)
        options = [word for word in node.keywords if word.arg in (None, *_READ_OPTIONS)]
        found = self._options(options, "step.sql")
        params = next((word.value for word in node.keywords if word.arg == "params"), None)
        frames = [word for word in node.keywords if word.arg not in (*_READ_OPTIONS, "params")]
        sql.check([str(word.arg) for word in frames], keys_of(params), fail)
        self.found.uses_sql |= not self.cell.is_view
        for dataset in sql.datasets:
            entry = {"dataset": str(dataset), "cell": self.cell.number, **found}
            self.found.reads.append(entry)

    def _options(
        self,
        keywords: Sequence[ast.keyword],
        call: str,
        known: Mapping[str, type] = _READ_OPTIONS,
    ) -> dict[str, Any]:
        options = {}
        for keyword in keywords:
            if keyword.arg is None:
                raise GraphError(
                    f"{call}(…, **{ast.unparse(keyword.value)}) hides its options",
                    where=self.where,
                    fix="write each option by its name",
                )
            if keyword.arg not in known:
                raise GraphError(
                    f"{call} has no option {keyword.arg!r}{did_you_mean(keyword.arg, known)}",
                    where=self.where,
                    fix=f"its options are {', '.join(known)}",
                )
            kind = known[keyword.arg]
            options[keyword.arg] = self._literal(keyword.value, kind, keyword.arg)
        if options.get("refresh", "always") not in _REFRESH:
            raise GraphError(
                f"refresh={options['refresh']!r}{did_you_mean(options['refresh'], _REFRESH)}",
                where=self.where,
                fix='use "always" or "forward"',
            )
        return options

    def _text(self, node: ast.Call, call: str, example: str) -> str:
        return first_text(node, call, example, where=self.where)

    def _literal(self, node: ast.expr, kind: type, name: str) -> Any:
        return literal(node, kind, name, where=self.where)
