"""Functions of SQL that give other values at another time; no rule and no step may hang on one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

CLOCK = {
    "now", "today", "get_current_timestamp", "get_current_time", "transaction_timestamp",
    "current_date", "current_time", "current_timestamp", "current_localtimestamp",
    "current_localtime", "localtime", "localtimestamp",
    "txid_current",
}  # fmt: skip
DICE = {"random", "rand", "setseed", "uuid", "uuidv4", "uuidv7", "gen_random_uuid"}


@dataclass(frozen=True)
class Volatile:
    """What a query asks that gives other rows or values at another time. `name`: of a function."""

    kind: Literal["clock", "dice", "age", "sample"]
    name: str = ""


def volatile_in(tree: Any) -> Volatile | None:
    """The first of its functions that does, or a sample; None: nothing. `tree`: of sqlglot."""
    from sqlglot import exp

    for function in tree.find_all(exp.Func):
        name = name_of(function)
        if name in CLOCK:
            return Volatile("clock", name)
        if name in DICE:
            return Volatile("dice", name)
        if name == "age" and len(list(function.iter_expressions())) == 1:
            return Volatile("age", name)
    return Volatile("sample") if tree.find(exp.TableSample) is not None else None


def name_of(function: Any) -> str:
    """The name of a function of sqlglot, in small letters."""
    from sqlglot import exp

    if isinstance(function, exp.Anonymous):
        return str(function.name).lower()
    return str(function.sql_name()).lower()
