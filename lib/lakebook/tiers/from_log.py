"""What a run did to a table's partitions, as its log has it: of runs that could not say it.

A commit bears its run and its kind, so that an operation is known from the moment it is done.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from ..delta.log import info_in, list_log, read_entry
from ..delta.place import Place
from ..delta.tokens import placement
from ..names import TierTables
from .operation import Operation

_SOURCES = {"move": "hot", "promote": "warm", "restore": "cold"}
"""Where partitions came from, of the kinds that say it."""

_KINDS = {"retention": "delete"}  # in the words of plans and records

_QUIET = ("sweep", "vacuum")  # they raise fences, and nobody's rows come or go
_REASON = "its command did not come to its end; as the log has it"


def operations_in_log(tables: TierTables, run: str, since: datetime) -> tuple[Operation, ...]:
    """One for each kind and way, oldest first. `since`: when the run began, with a zone."""
    found: dict[tuple[str, str, str], list[_Done]] = {}
    for table in (tables.hot, tables.warm):
        for entry in _entries(table, int(since.timestamp() * 1000)):
            info = info_in(entry)
            kind = str(info.get("operation_kind", ""))
            if info.get("run") != run or not kind or kind in _QUIET:
                continue
            done = _Done(entry)
            # Some raise fences first. In warm a move is but half done; only a compaction is a
            # change of that table alone.
            if done.partitions and (table == tables.hot or kind == "compact"):
                kind = _KINDS.get(kind, kind)
                tier = "warm" if table == tables.warm else _SOURCES.get(kind, "")
                found.setdefault((kind, tier, done.target or tier), []).append(done)
    return tuple(_operation(tables, *key, done) for key, done in found.items())


class _Done:
    """One commit: the partitions that it is about, where they went, and the files that left."""

    def __init__(self, entry: list[dict[str, Any]]) -> None:
        placed = {
            name.removeprefix(_PLACEMENT): Place.of(action["txn"]["version"]).tier
            for action in entry
            if (name := action.get("txn", {}).get("appId", "")).startswith(_PLACEMENT)
        }
        removes = [action["remove"] for action in entry if "remove" in action]
        touched = [
            value
            for action in entry
            for file in (action.get("add") or action.get("remove"),)
            if file and (value := next(iter((file.get("partitionValues") or {}).values()), None))
        ]
        self.partitions = list(placed or dict.fromkeys(touched))
        self.target = next(iter(placed.values()), "")
        self.files = len(removes)
        self.size_bytes = sum(one.get("size") or 0 for one in removes)


_PLACEMENT = placement("")


def _operation(
    tables: TierTables, kind: str, source: str, target: str, done: list[_Done]
) -> Operation:
    files = sum(one.files for one in done)
    return Operation(
        kind,
        str(tables.dataset),
        tuple(dict.fromkeys(p for one in done for p in one.partitions)),
        source,
        target,
        files or None,
        None,
        sum(one.size_bytes for one in done) or None,
        _REASON,
    )


def _entries(table: Path, since_ms: int) -> Iterator[list[dict[str, Any]]]:
    """The commits since a time, oldest first."""
    found: list[list[dict[str, Any]]] = []
    for version in reversed(list_log(table)[0]):
        try:
            entry = read_entry(table, version)
        except FileNotFoundError:
            break  # too old: a cleaner takes entries from that end
        if int(info_in(entry).get("timestamp") or 0) < since_ms:
            break
        found.append(entry)
    yield from reversed(found)
