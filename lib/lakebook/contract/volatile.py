"""Functions of SQL that give other values at another time; no rule and no step may hang on one."""

from __future__ import annotations

from typing import Any

CLOCK = {
    "now", "today", "get_current_timestamp", "get_current_time", "transaction_timestamp",
    "current_date", "current_time", "current_timestamp", "current_localtimestamp",
    "current_localtime", "localtime", "localtimestamp",
    "txid_current",
}  # fmt: skip
DICE = {"random", "rand", "setseed", "uuid", "uuidv4", "uuidv7", "gen_random_uuid"}


def volatile_in(tree: Any) -> str:
    """What a query asks that gives other rows or values at another time; empty if there is nothing.
    `tree`: of sqlglot."""
    from sqlglot import exp

    for function in tree.find_all(exp.Func):
        name = function.name if isinstance(function, exp.Anonymous) else function.sql_name()
        given = list(function.iter_expressions())
        if str(name).lower() in CLOCK | DICE or (str(name).lower() == "age" and len(given) == 1):
            return f"{str(name).lower()}()"
    sample = tree.find(exp.TableSample)
    return "for a sample of rows" if sample is not None else ""
