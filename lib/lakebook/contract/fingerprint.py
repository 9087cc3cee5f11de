"""The part of a contract that makes data: what changes when a partition must be computed anew."""

from __future__ import annotations

import json
from typing import Any

from .misfits import set_aside
from .model import TableContract

DEFINITION = 3
"""Of what a fingerprint is made. What was made by an older definition is judged by that one: a new
release of Lakebook makes no data stale. 2: it says its definition; 3: it knows dbt's tests."""


def fingerprint_of(table: TableContract, definition: int = DEFINITION) -> str:
    """Schema, time, way of writing, rules and guarding relationships as canonical JSON.

    Words, owner, tags, tiers and service levels are left out: they change no row. So is a reference
    that only warns, because the rows of the other table would make this one stale.

    Parameters
    ----------
    definition: 1 knows nothing of texts that are null, nor of misfits that are set aside: such a
        contract could not say so.
    """
    content: dict[str, Any] = {
        "columns": [[c.name, c.type, c.nullable] for c in table.columns],
        "key": table.key,
        "time": [table.time.column, table.time.zone, table.time.unit] if table.time else None,
        "write": table.write,
        "rules": sorted(
            [rule.name, rule.expectation, dict(rule.kwargs), rule.action, rule.scope]
            for rule in table.rules
        ),
        "relationships": sorted(
            [r.column, str(r.to_dataset), r.to_column, r.action, *map(list, r.others)]
            for r in table.relationships
            if r.action != "warn"
        ),
    }
    nulls = [
        *([["*", *sorted(table.nulls)]] if table.nulls else []),
        *([c.name, *sorted(c.nulls)] for c in table.columns if c.nulls is not None),
    ]
    if nulls and definition >= 2:
        content["nulls"] = nulls
    if (names := set_aside(table)) and definition >= 2:
        content["misfits"] = sorted(names)
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
