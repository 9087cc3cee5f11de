"""What a step's code asks without a call that names it: a reader that is handed on (`map(read_csv,
paths)`), the environment as a whole, "today" as a value, rows that are drawn, folders of modules.

`untracked` has the calls themselves; names are dotted, as they were imported.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Collection, Iterator, Sequence

from ..contract.volatile import CLOCK, DICE

Dotted = Callable[[ast.expr], str]
"""The dotted name of an expression; with a `?` for what is no name."""

CLOCK_KIND, CHANCE, ENVIRONMENT = "the clock", "chance", "the environment of the process"
PROGRAM, MODULES = "another program", "modules of another folder"
_ENVIRONMENT = ("os.environ", "sys.argv")
_TIMES = re.compile(r"pandas\.(Timestamp|to_datetime)|numpy\.datetime64")
_NOW = ("now", "today")
_WITHOUT_A_TIME = {"time.ctime": 0, "time.asctime": 0, "time.strftime": 1}
"""Functions that take the clock where they are given no time, and how many arguments that is."""

_DRAWS = ("sample", "shuffle", "rvs")
_SEEDS = ("seed", "random_state", "rng")
_SHELL = re.compile(r"(system|getoutput|run_(line|cell)_magic|run_cell)")
_FOLDERS = {"sys.path.append": 0, "sys.path.extend": 0, "sys.path.insert": 1, "site.addsitedir": 0}


def _in_sql(names: Sequence[str]) -> re.Pattern[str]:
    bare = [name for name in names if name.startswith("current_")]
    ends = f"|{'|'.join(bare)}" if bare else ""
    return re.compile(rf"\b(?:(?:{'|'.join(names)})\s*\({ends})(?!\w)", re.IGNORECASE)


_SQL_CLOCK, _SQL_DICE = _in_sql(sorted(CLOCK)), _in_sql(sorted(DICE))


def kind_of(node: ast.Call, called: str, dotted: Dotted, imported: Collection[str]) -> str:
    """What a call asks by what it is given, or is not given; empty for nothing."""
    first = node.args[0] if node.args else None
    if _TIMES.fullmatch(called) and isinstance(first, ast.Constant) and first.value in _NOW:
        return CLOCK_KIND
    if len(node.args) == _WITHOUT_A_TIME.get(called, -1):
        return CLOCK_KIND
    if called == "hash":  # another one for the same text, in another process
        return CHANCE
    if not isinstance(node.func, ast.Attribute):
        return ""
    of, name = node.func.value, node.func.attr
    is_module = isinstance(of, ast.Name) and of.id in imported
    if name in _DRAWS and not is_module and not any(word.arg in _SEEDS for word in node.keywords):
        return CHANCE
    if isinstance(of, ast.Call) and dotted(of.func) == "get_ipython" and _SHELL.fullmatch(name):
        return PROGRAM
    return ""


def kinds_in_sql(text: str) -> Iterator[str]:
    """What SQL outside of `step.sql` asks beside its tables."""
    if _SQL_CLOCK.search(text):
        yield CLOCK_KIND
    if _SQL_DICE.search(text):
        yield CHANCE


def folder_of_modules(node: ast.Call, called: str) -> ast.expr | None:
    """What a call adds to the places in which Python looks for modules."""
    place = _FOLDERS.get(called)
    return node.args[place] if place is not None and place < len(node.args) else None


def environment(tree: ast.AST, dotted: Dotted) -> Iterator[ast.expr]:
    """Where code takes a variable of the environment, or all of them."""
    inner = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and dotted(node.value) in _ENVIRONMENT:
            inner.add(id(node.value))
            yield node
        elif (
            isinstance(node, ast.Attribute | ast.Name)
            and id(node) not in inner
            and dotted(node) in _ENVIRONMENT
        ):
            yield node


def handed_on(tree: ast.AST) -> Iterator[ast.expr]:
    """Names that are given to a call or set to another name, so that they may be called there."""
    for node in ast.walk(tree):
        given: list[ast.expr] = []
        if isinstance(node, ast.Call) and not _asks_type(node):
            given = [*node.args, *(word.value for word in node.keywords)]
        elif isinstance(node, ast.Assign):
            given = [node.value]
        for value in given:
            if isinstance(value, ast.Attribute | ast.Name):
                yield value


def _asks_type(node: ast.Call) -> bool:
    return isinstance(node.func, ast.Name) and node.func.id in ("isinstance", "issubclass")
