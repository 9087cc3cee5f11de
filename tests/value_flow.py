"""What enters what, seen from outside: change one column of a query's input, and look.

`value_flow.sql` is a corpus of SELECTs over three small tables of random rows. A column of these
is drawn anew; an output whose values differ then has that column in its value. Columns that decide
which rows there are, or what they are grouped or joined by (`keys`), cannot be told apart that way:
they are mapped all at once by a function that keeps order, equality and sign, so that the same rows
stay. A column that is compared with a constant (`fixed`) is drawn anew only to see whether an edge
that is claimed is ever there.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from lakebook.lineage.sql import Tables

Column = tuple[str, str]
"""A table and its column."""

TABLES: dict[str, dict[str, str]] = {
    "t": {
        "k": "INTEGER",
        "a": "INTEGER",
        "b": "INTEGER",
        "c": "VARCHAR",
        "g": "VARCHAR",
        "s": "STRUCT(p INTEGER, q INTEGER)",
        "l": "INTEGER[]",
        "r": "STRUCT(m INTEGER, n INTEGER)[]",
        "j": "JSON",
    },
    "u": {"k": "INTEGER", "d": "INTEGER", "e": "INTEGER", "h": "VARCHAR"},
    "v": {"k": "INTEGER", "a": "INTEGER", "w": "INTEGER"},
}
ROWS = 12
SCHEMA = "bronze"


@dataclass(frozen=True)
class Case:
    """A SELECT of the corpus.

    `keys`: groups of columns that are mapped at once. `is_set`: an output is a set of values, since
    equal rows fall into one. `never`: edges that are claimed and cannot be seen, with the reason;
    `*` for any.
    """

    sql: str
    keys: tuple[frozenset[Column], ...] = ()
    fixed: frozenset[Column] = frozenset()
    is_set: bool = False
    never: Mapping[str, str] = field(default_factory=dict)

    def reads(self, table: str) -> bool:
        """Whether a table may enter it: by its name, or by that of a macro or a view."""
        made = ("spread", "seen")
        by_name = f"{SCHEMA}." in self.sql and not any(name in self.sql for name in made)
        return not by_name or f"{SCHEMA}.{table}" in self.sql


def read_cases() -> dict[str, Case]:
    """The corpus: each SELECT stands below its name and what is to be known of it."""
    text = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    return dict(map(_case, text.strip().split("\n\n")))


def _case(text: str) -> tuple[str, Case]:
    lines = text.split("\n")
    name, *notes = (line.removeprefix("-- ") for line in lines if line.startswith("-- "))
    sql = "\n".join(line for line in lines if not line.startswith("-- ")).rstrip(";")
    found: dict[str, list[str]] = {"keys": [], "fixed": [], "set": [], "never": []}
    for note in notes:
        word, _, rest = note.partition(":")
        found[word].append(rest.strip())
    keys = tuple(columns_of(group) for line in found["keys"] for group in line.split(";"))
    never = dict(line.split(": ", 1) for line in found["never"])
    return name, Case(sql, keys, columns_of(" ".join(found["fixed"])), bool(found["set"]), never)


def columns_of(text: str) -> frozenset[Column]:
    return frozenset((name[0], name[2:]) for name in text.split())


def connect() -> duckdb.DuckDBPyConnection:
    """A database with the tables, empty."""
    made = duckdb.connect()
    make_tables(made)
    return made


@contextmanager
def known_tables() -> Iterator[Tables]:
    """The tables, empty, where a check has them; and what the lineage knows of them."""
    make_tables(duckdb.default_connection())
    made = Tables()
    for name, columns in TABLES.items():
        made.add((SCHEMA, name), name, columns)
    yield made
    duckdb.execute(f"drop schema {SCHEMA} cascade")


def make_tables(database: duckdb.DuckDBPyConnection) -> None:
    """The tables, empty, and the macros and the view of the corpus."""
    database.execute(f"create schema if not exists {SCHEMA}")
    for name, columns in TABLES.items():
        kinds = ", ".join(f"{column} {kind}" for column, kind in columns.items())
        database.execute(f"create or replace table {SCHEMA}.{name} ({kinds})")
    database.execute("create or replace macro twice(x) as x * 2")
    database.execute("create or replace macro spread(x) as x - (select max(d) from bronze.u)")
    database.execute(
        "create or replace macro doubled(n) as table select a * n + b as x from bronze.t"
    )
    database.execute("create or replace view bronze.seen as select a + 1 as y, b from bronze.t")


Data = dict[str, dict[str, list[Any]]]


def draw_data(dice: random.Random) -> Data:
    return {
        table: {column: draw(dice, kind) for column, kind in columns.items()}
        for table, columns in TABLES.items()
    }


def draw(dice: random.Random, kind: str) -> list[Any]:
    return [None if dice.random() < 0.12 else _value(dice, kind) for _ in range(ROWS)]


def _value(dice: random.Random, kind: str) -> Any:
    def number() -> int:
        return dice.randint(-9, 9)

    if kind.endswith("[]"):
        return [_value(dice, kind[:-2]) for _ in range(dice.randint(0, 3))]
    if kind.startswith("STRUCT"):
        first, second = (name.split()[0] for name in kind[len("STRUCT(") :].split(", "))
        return {first: number(), second: number()}
    if kind == "JSON":
        return json.dumps({"y": number(), "z": [number()]})
    if kind == "VARCHAR":
        return dice.choice(["x", "y", "z", "xy", "7", "12"])
    return number()


def mapped(value: Any) -> Any:
    """Another value, with the same order, equality, sign and length."""
    if isinstance(value, list):
        return [mapped(one) for one in value]
    if isinstance(value, dict):
        return {name: mapped(one) for name, one in value.items()}
    if value is None:
        return None
    return f"{value}!" if isinstance(value, str) else value * 3


def fill(database: duckdb.DuckDBPyConnection, table: str, columns: Mapping[str, Any]) -> None:
    kinds = TABLES[table]
    spelled = ", ".join(
        f"unnest(${name}::VARCHAR[])::JSON"
        if kinds[name] == "JSON"
        else f"unnest(${name}::{kinds[name]}[])"
        for name in columns
    )
    database.execute(f"delete from {SCHEMA}.{table}")
    database.execute(f"insert into {SCHEMA}.{table} select {spelled}", dict(columns))


@dataclass(frozen=True)
class Result:
    """The values of each output, without their order: which row has which is no value."""

    names: list[str]
    values: list[Counter[str]]

    def changed(self, other: Result, *, is_set: bool) -> set[str]:
        pairs = zip(self.names, self.values, other.values, strict=True)
        return {
            name for name, one, two in pairs if (set(one) != set(two) if is_set else one != two)
        }


def result_of(names: list[str], rows: list[tuple[Any, ...]]) -> Result:
    columns = zip(*rows, strict=True) if rows else [()] * len(names)
    return Result(names, [Counter(map(repr, column)) for column in columns])


def compute(database: duckdb.DuckDBPyConnection, sql: str) -> Result:
    done = database.execute(sql)
    return result_of([entry[0] for entry in done.description or ()], done.fetchall())


@dataclass
class Seen:
    """What was observed of a case.

    `values`: edges that are sure. `of_groups`: one of a group's columns enters the output. `maybe`:
    all that changed with a column, for whatever reason. `made`: outputs with a value that the
    column has not.
    """

    values: set[tuple[Column, str]] = field(default_factory=set)
    of_groups: set[tuple[frozenset[Column], str]] = field(default_factory=set)
    maybe: set[tuple[Column, str]] = field(default_factory=set)
    made: set[tuple[Column, str]] = field(default_factory=set)


class World:
    """Where cases are computed: here by DuckDB."""

    def __init__(self) -> None:
        self.database = connect()
        self.database.execute("set threads = 1")  # so that `first` is the first

    def fill(self, table: str, columns: Mapping[str, list[Any]]) -> None:
        fill(self.database, table, columns)

    def compute(self, case: Case) -> Result:
        return compute(self.database, case.sql)


def observe(
    cases: Mapping[str, Case], seeds: Iterable[int], world: World | None = None
) -> dict[str, Seen]:
    """Compute all cases on random rows, changing a column (or a group of keys) at a time."""
    world = world or World()
    seen = {name: Seen() for name in cases}
    for seed in seeds:
        dice = random.Random(seed)
        data = draw_data(dice)
        for table, columns in data.items():
            world.fill(table, columns)
        before = {name: world.compute(case) for name, case in cases.items()}
        given = {
            (t, c): {*map(repr, old), "None"} for t, of in data.items() for c, old in of.items()
        }
        for name, result in before.items():
            seen[name].made |= {
                (column, output)
                for output, values in zip(result.names, result.values, strict=True)
                for column, old in given.items()
                if not old.issuperset(values)
            }
        for table, column in [(t, c) for t, columns in TABLES.items() for c in columns]:
            new = {(table, column): draw(dice, TABLES[table][column])}
            with _changed(world, data, new):
                for name, case in cases.items():
                    if case.reads(table):
                        found = before[name].changed(world.compute(case), is_set=case.is_set)
                        edges = {((table, column), output) for output in found}
                        seen[name].maybe |= edges
                        if (table, column) not in case.fixed.union(*case.keys):
                            seen[name].values |= edges
        for group in sorted({group for case in cases.values() for group in case.keys}, key=sorted):
            with _changed(world, data, {(t, c): list(map(mapped, data[t][c])) for t, c in group}):
                for name, case in cases.items():
                    if group in case.keys:
                        found = before[name].changed(world.compute(case), is_set=case.is_set)
                        seen[name].of_groups |= {(group, output) for output in found}
    return seen


@contextmanager
def _changed(world: World, data: Data, new: Mapping[Column, list[Any]]) -> Iterator[None]:
    """Other values in some columns, for a while."""
    touched = {table for table, _ in new}
    for table in touched:
        world.fill(table, {c: new.get((table, c), old) for c, old in data[table].items()})
    try:
        yield
    finally:
        for table in touched:
            world.fill(table, data[table])
