"""What dbt asks while it writes a model's SQL: a clock, files, or the database for rows.

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
_VOLATILE = re.compile(
    r"\b((now|today|random|uuid|gen_random_uuid|uuidv[47]|get_current_time\w*)\s*\("
    r"|(current_date|current_timestamp|current_time)\b)",
    re.IGNORECASE,
)
_FILES = re.compile(
    r"\b(?:read_(?:csv|parquet|json|ndjson|text|blob|xlsx|avro)\w*|(?:parquet|delta|iceberg|sqlite)_scan"
    r"|sniff_csv|glob)\s*\(|\b(?:from|join)\s+'[^'\s~]+[./][^'\s~]*'"
    r"|\battach\s+(?:or replace\s+|if not exists\s+)?'(?!:memory:)[^'\s~]+'",
    re.IGNORECASE,
)
ASKS_ROWS = "its macros ask the database for rows"
_HOOKS = ("pre-hook", "post-hook")
_FOR_LOGS = ("log_info", "pretty_log_format", "pretty_time")
"""Macros of dbt_utils that put a time into a line of dbt's log, and into no SQL."""
_COMMENT = re.compile(r"\{#.*?#\}|--[^\n]*", re.DOTALL)


def clock_of(node: Mapping[str, Any], macros: Mapping[str, Any]) -> str:
    """Which clock, dice or files a model asks while dbt writes its SQL, itself, by a macro, or in
    SQL that runs beside its own (`run_query`, a hook); "": none. Its own SQL is for `sql_text`."""
    texts = {"the model": node.get("raw_code") or ""}
    for name in _macros_of(node, macros, without=_FOR_LOGS):
        if macros[name]["package_name"] not in DBTS_OWN:
            texts[f"the macro {name.split('.')[-1]}"] = macros[name]["macro_sql"]
    asks = _asks_rows(node, macros)
    for who, text in texts.items():
        plain = _COMMENT.sub("", text)
        if found := _CLOCK.search(plain):
            return f"{who} asks for the clock by {found[0]}, so that no two runs agree"
        if asks and (found := _VOLATILE.search(plain)):
            return f"{who} asks the database for {found[0].strip('( ')}, so that no two runs agree"
        if asks and (found := _FILES.search(plain)):
            return f"{who} has the database read {found[0].strip('( ')}, which the graph cannot see"
    for hook in _HOOKS:
        for one in node["config"].get(hook) or ():
            plain = _COMMENT.sub("", one["sql"])
            if found := _VOLATILE.search(plain):
                return f"a {hook} asks for {found[0].strip('( ')}, so that no two runs agree"
            if found := _FILES.search(plain):
                return f"a {hook} reads {found[0].strip('( ')}, which the graph cannot see"
    return ""


def asks_database(node: Mapping[str, Any], macros: Mapping[str, Any]) -> str:
    """Why the SQL of a run may be another than what was compiled without rows; "": it is not."""
    if any(node["config"].get(hook) for hook in _HOOKS):
        return "a hook runs beside it"
    return ASKS_ROWS if _asks_rows(node, macros) else ""


def _asks_rows(node: Mapping[str, Any], macros: Mapping[str, Any]) -> bool:
    asking = {"run_query", "statement"}
    return any(name.split(".")[-1] in asking for name in _macros_of(node, macros))


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
