"""The SQL of a step as its text alone says it: the tables, frames and parameters that it names.

One reading serves the graph, the check and the run. What no frame can come of (a second statement,
a change of a table, a file) is refused here, in one sentence.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ..contract.volatile import name_of, volatile_in
from ..errors import LakebookError, UserError, did_you_mean
from ..names import Dataset

_ROWS_OF_NOTHING = ("range", "generate_series", "unnest")
"""Table functions that read nothing outside the text."""
_OF_FILES = re.compile(r"read_|sniff_|parquet_|glob$|.*_scan$")
_AGREE = "so that no two runs agree"
_VOLATILE = {
    "clock": ("asks for the clock by {}", 'use $now with params={"now": step.now}'),
    "dice": ("throws dice by {}", "draw by the key, such as md5(id::varchar)"),
    "age": ("asks {}()", "choose rows by what they hold"),
    "sample": ("asks for a sample of rows", "choose rows by what they hold"),
}
_USE = 'pass frames by name: step.sql("… from clean …", clean=frame)'


@dataclass(frozen=True)
class SqlText:
    """One SELECT. `text` is without its last semicolon; `frames` are names that are no dataset."""

    text: str
    datasets: tuple[Dataset, ...]
    frames: tuple[str, ...]
    params: tuple[str, ...]

    def check(
        self, frames: Collection[str], params: Collection[str] | None, fail: Fail | None = None
    ) -> None:
        """Raise unless what is passed is what the text names. `params` None: nobody knows."""
        fail = fail or _user_error
        known = {name.lower() for name in frames}
        for name in self.frames:
            if name.lower() not in known:
                guess = did_you_mean(name, [*frames, *map(str, self.datasets)])
                fix = "" if guess else f"write layer.name for a dataset, or {_USE}"
                raise fail(f"the SQL reads {name!r}, which is no dataset and no frame{guess}", fix)
        used = {name.lower() for name in self.frames}
        for name in frames:
            if name.lower() not in used:
                guess = did_you_mean(name, [*OPTIONS, *self.frames])
                raise fail(f"{name!r} is passed, and the SQL does not read it{guess}", _USE)
        if params is None:
            return
        for name in self.params:
            if name not in params:
                raise fail(
                    f"the SQL has ${name}, which is not passed{did_you_mean(name, params)}",
                    f'pass it: params={{"{name}": …}}',
                )
        for name in params:
            if name not in self.params:
                raise fail(
                    f"params has {name!r}, and the SQL has no ${name}"
                    f"{did_you_mean(name, self.params)}",
                    "take it out",
                )


Fail = Callable[[str, str], LakebookError]
OPTIONS = ("before", "after", "whole", "refresh", "params")
"""The options of `step.sql`; every other keyword is a frame."""


def _user_error(found: str, fix: str) -> LakebookError:
    return UserError(found, where="step.sql(…)", fix=fix)


def read_sql(text: str, fail: Fail | None = None) -> SqlText:
    """Parse one SELECT. Raises what `fail` makes of a finding and a fix (default: UserError)."""
    fail = fail or _user_error
    try:
        return _read(text)
    except _Refused as refused:
        raise fail(refused.found, refused.fix) from None


class _Refused(Exception):
    def __init__(self, found: str, fix: str) -> None:
        super().__init__(found, fix)
        self.found, self.fix = found, fix


def asks_beside(text: str) -> str:
    """What a SELECT asks besides its tables, so that no two runs agree: clock, dice or a file.

    As a clause; empty for nothing, and for SQL that does not parse here.
    """
    from sqlglot import exp

    try:
        tree = _parse(text)
        _only_reads(tree)
    except _Refused as refused:
        return refused.found if _AGREE in refused.found else ""
    for table in tree.find_all(exp.Table):
        if not isinstance(table.this, exp.Identifier):
            if _OF_FILES.match(name := name_of(table.this)):
                return f"the SQL reads {name}(…), which the graph cannot see"
        elif not table.db and not table.name.isidentifier() and not is_cte(table):
            return f"the SQL reads {table.name!r}, which the graph cannot see"
    return ""


@lru_cache(maxsize=64)
def _read(text: str) -> SqlText:
    from sqlglot import exp

    tree = _parse(text)
    _only_reads(tree)
    datasets: dict[Dataset, None] = {}
    frames: dict[str, None] = {}
    for table in tree.find_all(exp.Table):
        if not isinstance(table.this, exp.Identifier):
            _check_function(table.this)
        elif table.db:
            datasets[_dataset(table)] = None
        elif not is_cte(table):
            frames[_frame(table.name)] = None
    return SqlText(_without_end(text), tuple(datasets), tuple(frames), tuple(_params(tree)))


def _parse(text: str) -> Any:
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    logger = logging.getLogger("sqlglot")
    level = logger.level
    logger.setLevel(logging.ERROR)  # a statement that it only passes through is refused below
    try:
        found = [tree for tree in sqlglot.parse(text, read="duckdb") if tree is not None]
    except SqlglotError as broken:
        raise _Refused(f"the SQL does not parse: {_problem(broken)}", "") from None
    finally:
        logger.setLevel(level)
    found = [tree for tree in found if not isinstance(tree, exp.Semicolon)]
    if len(found) != 1:
        what = f"{len(found)} statements" if found else "no statement"
        raise _Refused(f"the SQL holds {what}", "write one SELECT for each frame")
    tree = found[0]
    if not isinstance(tree, exp.Query | exp.Values):
        kind = _tokens(text)[0].text.upper()
        raise _Refused(
            f"the SQL is {_article(kind)} {kind}, and only a SELECT gives a frame",
            "write a SELECT; step.write publishes what it gives",
        )
    return tree


def _article(word: str) -> str:
    return "an" if word[:1] in "AEIOU" else "a"


def _problem(broken: Any) -> str:
    """The first problem with its place, in one line."""
    first = (getattr(broken, "errors", None) or [{}])[0]
    if not first:
        return str(broken).splitlines()[0]
    what = str(first["description"]).rstrip(".")
    return f"{what[:1].lower()}{what[1:]} at line {first['line']}, near {first['highlight']!r}"


def _only_reads(tree: Any) -> None:
    from sqlglot import exp

    changing = tree.find(exp.DML, exp.DDL, exp.Into, exp.Command)
    if changing is not None and not isinstance(changing, exp.Query):
        kind = "INTO" if isinstance(changing, exp.Into) else type(changing).__name__.upper()
        raise _Refused(
            f"the SQL holds {_article(kind)} {kind}, and a step's SQL changes nothing",
            "write a SELECT; step.write publishes what it gives",
        )
    asked = volatile_in(tree)
    if asked is not None:
        found, fix = _VOLATILE[asked.kind]
        raise _Refused(f"the SQL {found.format(asked.name)}, {_AGREE}", fix)


def _check_function(node: Any) -> None:
    name = name_of(node)
    if name not in _ROWS_OF_NOTHING:
        raise _Refused(
            f"the SQL reads {name}(…), which the graph cannot see",
            "land files with step.ingest(…) in a bronze step, and read that: bronze.flights",
        )


def _dataset(table: Any) -> Dataset:
    name = ".".join(filter(None, (table.catalog, table.db, table.name)))
    if table.catalog:
        raise _Refused(f"the SQL reads {name}", "name datasets as layer.name: bronze.flights")
    try:
        return Dataset.parse(name)
    except UserError as wrong:
        raise _Refused(f"in the SQL, {wrong.found}", wrong.fix) from None


def _frame(name: str) -> str:
    if name.lower() in OPTIONS:
        raise _Refused(
            f"the SQL reads {name!r}, which is the name of an option", "call the frame otherwise"
        )
    if not name.isidentifier():
        raise _Refused(
            f"the SQL reads {name!r}, which is no dataset and no frame",
            "land files with step.ingest(…) in a bronze step, and read that: bronze.flights",
        )
    return name


def is_cte(table: Any) -> bool:
    """Whether a name without a layer is one of the WITH clauses that it can see."""
    from sqlglot import exp

    name = table.name.lower()
    inside: Any = None  # the CTE that the table stands in, on the way up
    node = table.parent
    while node is not None:
        if isinstance(node, exp.CTE):
            inside = node
        clause = node if isinstance(node, exp.With) else _with_of(node)
        if clause is not None:
            ctes = list(clause.expressions)
            if inside in ctes and not clause.args.get("recursive"):
                ctes = ctes[: ctes.index(inside)]
            if name in {cte.alias.lower() for cte in ctes}:
                return True
            if isinstance(node, exp.With):
                node = node.parent  # its query has been looked at
        node = node.parent
    return False


def _with_of(node: Any) -> Any:
    return node.args.get("with_") or node.args.get("with")


def _params(tree: Any) -> Iterator[str]:
    from sqlglot import exp

    seen = set()
    for found in tree.find_all(exp.Placeholder, exp.Parameter):
        name = found.name
        if not name.isidentifier():
            raise _Refused("the SQL has a parameter without a name", "write $name for each")
        if name not in seen:
            seen.add(name)
            yield name


def _without_end(text: str) -> str:
    """The text up to its last semicolon: a comment after it would swallow what follows."""
    tokens = _tokens(text)
    while tokens and _is_end(tokens[-1]):
        tokens.pop()
    return text[tokens[0].start : tokens[-1].end + 1] if tokens else ""


def select_alone(text: str) -> str:
    """As `_without_end`; as it is, where it cannot be cut into words."""
    from sqlglot.errors import SqlglotError

    try:
        return _without_end(text)
    except SqlglotError:
        return text


def _tokens(text: str) -> list[Any]:
    from sqlglot.dialects.dialect import Dialect

    return list(Dialect.get_or_raise("duckdb").tokenize(text))


def normal_form(text: str) -> str:
    """The SQL without comments and formatting; as it is, where it cannot be cut into words."""
    from sqlglot.errors import SqlglotError

    try:
        tokens = _tokens(text)
    except SqlglotError:
        return text
    return " ".join(text[token.start : token.end + 1] for token in tokens if not _is_end(token))


def _is_end(token: Any) -> bool:
    return bool(token.token_type.name == "SEMICOLON")  # a text ";" has the same letters
