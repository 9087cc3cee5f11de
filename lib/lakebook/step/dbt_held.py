"""What a model's SQL may neither ask nor need unsaid: the same for `lakebook check`, which compiles
it without rows, and for a run, which refuses it before anything is published.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..contract.lookup import find_table
from ..errors import UserError
from .dbt_clock import ASKS_ROWS, asks_database, clock_of
from .sql_reach import Times, reaching
from .sql_text import asks_beside

if TYPE_CHECKING:
    from ..contract.model import TableContract
    from ..settings import Settings
    from .context import DbtRequest
    from .dbt_selection import Chosen

Relation = tuple[str, str]


def asked(sql: str, clock: str) -> tuple[str, str] | None:
    """Clock, dice and files, which `step.sql` refuses as well: what is found, and what to do."""
    found = clock or asks_beside(sql)
    return (found, "take it from what the model reads") if found else None


def reached(
    sql: str,
    name: str,
    contract: TableContract,
    read: Mapping[Relation, TableContract],
    *,
    asks: str = "",
) -> tuple[str, str] | None:
    """That a model may need rows of other partitions, of which its step says nothing.

    `asks`: see `asks_database`; what is asked of the rows at hand is another for each interval.
    """
    timed = {relation: table for relation, table in read.items() if table.time}
    if contract.time is None or not timed:
        return None
    is_day = contract.column(contract.time.column).type == "date" or contract.time.zone == "UTC"
    units = ("day",) if contract.time.unit == "day" else ("day", "month")
    times = Times(
        {table.time.column.lower() for table in (contract, *timed.values()) if table.time},
        units if is_day else (),  # a day of UTC is none of the zone
        list(timed),
    )
    part = "what its macros ask the database" if asks == ASKS_ROWS else reaching(sql, times)
    if not part:
        return None
    return (
        f"the model may need rows of other {contract.time.unit}s for {part}, and sees those of the "
        "interval that is run",
        f'say how far it reaches: step.dbt("{name}", before=…, after=…) in days, or whole=True; '
        "before=0 if no row of another partition counts",
    )


def refuse_what_is_asked(
    settings: Settings, request: DbtRequest, chosen: Chosen, manifest: Any, sql: Mapping[str, str]
) -> None:
    """Raise UserError for the first model of a build that asks or needs what it may not.

    Parameters
    ----------
    manifest: dbt's own. sql: id of a model -> the SQL that dbt made of it.
    """
    macros = {
        key: {
            "package_name": macro.package_name,
            "macro_sql": macro.macro_sql,
            "depends_on": {"macros": macro.depends_on.macros},
        }
        for key, macro in manifest.macros.items()
    }
    tables: dict[Relation, TableContract] = {}
    if not request.is_said:
        tables |= {one.relation: find_table(settings, one.dataset) for one in chosen.reads}
        tables |= {one.relation: find_table(settings, one.dataset) for one in chosen.models}
    for model in chosen.models:
        node, text = _as_json(manifest.nodes[model.id]), sql[model.id]
        found = asked(text, clock_of(node, macros))
        if found is None and not request.is_said:
            asks = asks_database(node, macros)
            contract = tables[model.relation]
            found = reached(text, model.name, contract, tables, asks=asks)
        if found is not None:
            raise UserError(found[0], where=model.where, fix=found[1])


def _as_json(node: Any) -> dict[str, Any]:
    hooks = {"pre-hook": node.config.pre_hook, "post-hook": node.config.post_hook}
    return {
        "raw_code": node.raw_code,
        "depends_on": {"macros": node.depends_on.macros},
        "config": {name: [{"sql": hook.sql} for hook in some] for name, some in hooks.items()},
    }
