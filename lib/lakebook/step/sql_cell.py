"""A `%%sql` cell: its first line and its text, as a call of `step.sql`.

The graph reads it as a syntax tree, a check and a kernel run it. The names that its SQL has besides
datasets are variables of the notebook: frames, and values where they stand as `$name`.
"""

from __future__ import annotations

import ast
import shlex
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import UserError, did_you_mean
from .sql_text import Fail, SqlText, read_sql

if TYPE_CHECKING:
    import narwhals as nw

    from .api import Step

MAGIC = "%%sql"
STEP = "__step__"
"""How the syntax tree of a cell names the notebook's step, whose variable it cannot see."""

_USE = "%%sql NAME [--before DAYS] [--after DAYS] [--whole] [--refresh forward]"
_COUNTS, _WORDS = ("before", "after"), ("refresh",)
_OPTIONS = (*_COUNTS, "whole", *_WORDS)


@dataclass(frozen=True)
class SqlCell:
    """`name` is the variable that gets the frame; empty: it is only shown."""

    name: str
    options: Mapping[str, Any]
    sql: SqlText


def is_sql_cell(source: str) -> bool:
    first = source.lstrip().split(maxsplit=1)
    return bool(first) and first[0] == MAGIC


def parse_sql_cell(source: str, fail: Fail | None = None) -> SqlCell:
    """Read a cell. Raises what `fail` makes of a finding and a fix (default: UserError)."""
    fail = fail or _user_error
    line, _, text = source.lstrip().partition("\n")
    name, options = _first_line(line, fail)
    return SqlCell(name, options, read_sql(text, fail))


def _user_error(found: str, fix: str) -> UserError:
    return UserError(found, where=MAGIC, fix=fix)


def _first_line(line: str, fail: Fail) -> tuple[str, dict[str, Any]]:
    try:
        words = shlex.split(line)[1:]
    except ValueError as broken:
        raise fail(f"the first line does not parse: {broken}", f"write {_USE}") from None
    if words[-1:] == ["<<"]:  # as JupySQL writes it
        words.pop()
    name, options = "", {}
    while words:
        word = words.pop(0)
        if not word.startswith("--"):
            if name or not word.isidentifier():
                raise fail(f"{word!r} in the first line is no name of a frame", f"write {_USE}")
            name = word
            continue
        key, equals, value = word[2:].partition("=")
        if key not in _OPTIONS:
            raise fail(f"there is no option --{key}{did_you_mean(key, _OPTIONS)}", f"write {_USE}")
        if key == "whole" and not equals:
            options[key] = True
            continue
        value = value if equals else (words.pop(0) if words else "")
        options[key] = _value(key, value, fail)
    return name, options


def _value(key: str, text: str, fail: Fail) -> Any:
    if key in _COUNTS and text.isdigit():
        return int(text)
    if key in _WORDS and text in ("always", "forward"):
        return text
    raise fail(f"--{key} {text!r} makes no sense", f"write {_USE}")


def as_module(cell: SqlCell) -> ast.Module:
    """The cell as Python: `NAME = __step__.sql("…", before=1, clean=clean)`."""
    sql = cell.sql
    words = [ast.keyword(key, ast.Constant(value)) for key, value in cell.options.items()]
    words += [ast.keyword(name, ast.Name(name, ast.Load())) for name in sql.frames]
    if sql.params:
        keys: Sequence[ast.expr | None] = [ast.Constant(name) for name in sql.params]
        values: Sequence[ast.expr] = [ast.Name(name, ast.Load()) for name in sql.params]
        words.append(ast.keyword("params", ast.Dict(list(keys), list(values))))
    function = ast.Attribute(ast.Name(STEP, ast.Load()), "sql", ast.Load())
    call = ast.Call(function, [ast.Constant(sql.text)], words)
    body: ast.stmt = ast.Expr(call)
    if cell.name:
        body = ast.Assign([ast.Name(cell.name, ast.Store())], call)
    return ast.fix_missing_locations(ast.Module([body], []))


def run_sql_cell(cell: SqlCell, names: MutableMapping[str, Any]) -> tuple[Step, nw.LazyFrame[Any]]:
    """Run a cell among the variables of its notebook; the step it used, and its frame.

    Raises UserError where there is no Step yet, or no variable of a name that the SQL has.
    """
    step = _step_in(names)
    frames = {name: _variable(name, names, cell) for name in cell.sql.frames}
    params = {name: _variable(name, names, cell, is_value=True) for name in cell.sql.params}
    frame = step.sql(cell.sql.text, **{**cell.options, "params": params, **frames})
    if cell.name:
        names[cell.name] = frame
    return step, frame


def _step_in(names: Mapping[str, Any]) -> Step:
    from .api import Step

    steps = [value for value in names.values() if isinstance(value, Step)]
    if not steps:
        raise _user_error(
            "the notebook has no Step yet", 'run a cell with step = Step("layer.name") before'
        )
    return steps[-1]


def _variable(name: str, names: Mapping[str, Any], cell: SqlCell, *, is_value: bool = False) -> Any:
    if name in names:
        return names[name]
    own = [key for key in names if not key.startswith("_")]
    if is_value:
        guess = did_you_mean(name, own)
        raise _user_error(f"the SQL has ${name}, and there is no variable {name!r}{guess}", "")
    guess = did_you_mean(name, [*own, *map(str, cell.sql.datasets)])
    fix = "" if guess else "write layer.name for a dataset, or make the frame in a cell before"
    raise _user_error(f"the SQL reads {name!r}, which is no dataset and no frame{guess}", fix)
