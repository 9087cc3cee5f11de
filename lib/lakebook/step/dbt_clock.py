"""What dbt asks while it writes a model's SQL: a clock, or the database for rows.

Nodes and macros are as the manifest's JSON has them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

DBTS_OWN = ("dbt", "dbt_duckdb", "dbt_trino", "dbt_spark", "dbt_postgres")
_CLOCK = re.compile(
    r"\b(run_started_at|invocation_id|modules\.datetime\.(date|datetime)\.(now|utcnow|today))\b"
)
_FOR_LOGS = ("log_info", "pretty_log_format", "pretty_time")
"""Macros of dbt_utils that put a time into a line of dbt's log, and into no SQL."""
_COMMENT = re.compile(r"\{#.*?#\}|--[^\n]*", re.DOTALL)


def clock_of(node: Mapping[str, Any], macros: Mapping[str, Any]) -> str:
    """Which clock a model asks while dbt writes its SQL, itself or by a macro; "": none."""
    texts = {"the model": node.get("raw_code") or ""}
    for name in _macros_of(node, macros, without=_FOR_LOGS):
        if macros[name]["package_name"] not in DBTS_OWN:
            texts[f"the macro {name.split('.')[-1]}"] = macros[name]["macro_sql"]
    for who, text in texts.items():
        if found := _CLOCK.search(_COMMENT.sub("", text)):
            return f"{who} asks for the clock by {found[0]}, so that no two runs agree"
    return ""


def asks_database(node: Mapping[str, Any], macros: Mapping[str, Any]) -> str:
    """Why the SQL of a run may be another than what was compiled without rows; "": it is not."""
    if any(node["config"].get(hook) for hook in ("pre-hook", "post-hook")):
        return "a hook runs beside it"
    asking = {"run_query", "statement"}
    if any(name.split(".")[-1] in asking for name in _macros_of(node, macros)):
        return "its macros ask the database for rows"
    return ""


def _macros_of(
    node: Mapping[str, Any], macros: Mapping[str, Any], *, without: Collection[str] = ()
) -> Iterator[str]:
    """The macros that a node calls, and those that these call, by their keys in the manifest."""
    todo, seen = [*node["depends_on"]["macros"]], set[str]()
    while todo:
        name = todo.pop()
        if name in seen or name not in macros or name.split(".")[-1] in without:
            continue
        seen.add(name)
        yield name
        todo += macros[name]["depends_on"]["macros"]
