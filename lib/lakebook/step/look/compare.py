"""Two sets of rows compared: by their key, or without one as bags of whole rows.

Both sides are scanned, streaming. Held in memory are the keys and hashes of rows, and a few rows as
examples: those of an interval have to fit, not the table. Rows by key are `keyed`'s.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ...contract.model import TableContract
from ...engines.polars_cast import lossless_cast
from .keyed import EXAMPLES, Changed, Keys, changed_rows, group_keys, rows_with
from .preview import type_of

if TYPE_CHECKING:
    import polars as pl

_HASH, _SIDE = "\0hash", "\0side"


@dataclass(frozen=True)
class SchemaChange:
    """`kind`: added (perhaps with the name it had), removed or retyped.

    A type that is not there is empty.
    """

    name: str
    kind: str
    before: str
    now: str


@dataclass(frozen=True)
class Difference:
    """`columns`: names and how many rows changed in them; examples are rows by column name.

    `changed`: pairs of a row as it was and as it is.
    """

    schema: tuple[SchemaChange, ...]
    key: tuple[str, ...]
    before: int
    now: int
    added: int
    removed: int
    altered: int = 0
    columns: tuple[tuple[str, int], ...] = ()
    added_rows: Sequence[dict[str, Any]] = ()
    removed_rows: Sequence[dict[str, Any]] = ()
    changed: Sequence[tuple[dict[str, Any], dict[str, Any]]] = ()
    notes: tuple[str, ...] = field(default=())

    @property
    def same(self) -> int:
        return self.now - self.added - self.altered

    @property
    def is_empty(self) -> bool:
        return not (self.schema or self.added or self.removed or self.altered)


def compare(
    before: pl.LazyFrame,
    now: pl.LazyFrame,
    contract: TableContract,
    *,
    keep_missing: bool = False,
    examples: int = EXAMPLES,
    names: tuple[str, str] = ("what is published", "the frame"),
) -> Difference:
    """What differs.

    Parameters
    ----------
    keep_missing: rows that are not in `now` stay, as a merge does it.
    examples: rows of each kind at most, the first by key.
    names: what notes call the two sides.
    """
    now = as_written(now, contract)
    changes, common = compare_schemas(before.collect_schema(), now.collect_schema())
    key = contract.key
    notes: list[str] = []
    lost = [c.name for c in changes if c.kind == "retyped"]
    if lost:
        notes.append(f"values of {', '.join(lost)} are not compared: another type")
    old, new = before.select(common), now.select(common)
    if key and set(key) <= set(common):
        keys = group_keys(old, new, key, examples=examples)
        if not keys.repeated:
            changed = changed_rows(old, new, key, keys.changed, examples=examples)
            return _by_key(old, new, key, keys, changed, changes, tuple(notes), keep_missing)
        side = names[0] if keys.repeated == "before" else names[1]
        where = f"the key {', '.join(key)} is not unique in {side}"
        notes.append(f"{where}: rows are compared whole")
    elif key:
        missing = ", ".join(name for name in key if name not in common)
        notes.append(f"the key's {missing} cannot be compared: rows are compared whole")
    else:
        notes.append("the contract has no key: a row that changed is one removed and one added")
    return _as_bags(old, new, changes, tuple(notes), examples)


def differing(
    was: Mapping[str, Any], now: Mapping[str, Any], key: Sequence[str]
) -> tuple[str, ...]:
    """The columns in which a row changed; one NaN equals another."""

    def differ(old: Any, new: Any) -> bool:
        return bool(old != new) and not (old != old and new != new)

    return tuple(name for name in now if name not in key and differ(was[name], now[name]))


def as_written(rows: pl.LazyFrame, contract: TableContract) -> pl.LazyFrame:
    """Columns in the contract's types, as a write casts them, wherever that loses nothing."""
    schema = rows.collect_schema()
    casts = [
        cast.alias(column.name)
        for column in contract.columns
        if column.name in schema
        and (cast := lossless_cast(column.name, schema[column.name], column.type)) is not None
    ]
    return rows.with_columns(casts)


def compare_schemas(
    before: pl.Schema, now: pl.Schema
) -> tuple[tuple[SchemaChange, ...], list[str]]:
    """What changed, and the columns whose values can be compared."""
    changes = []
    gone = [name for name in before if name not in now]
    for name, kind in now.items():
        if name not in before:
            near = difflib.get_close_matches(name, gone, n=1)
            hint = f"added (was it {near[0]}?)" if near else "added"
            changes.append(SchemaChange(name, hint, "", type_of(kind)))
        elif before[name] != kind:
            changes.append(SchemaChange(name, "retyped", type_of(before[name]), type_of(kind)))
    changes += [SchemaChange(name, "removed", type_of(before[name]), "") for name in gone]
    common = [name for name, kind in before.items() if name in now and now[name] == kind]
    return tuple(changes), common


def _by_key(
    old: pl.LazyFrame,
    new: pl.LazyFrame,
    key: Sequence[str],
    keys: Keys,
    changed: Changed,
    changes: tuple[SchemaChange, ...],
    notes: tuple[str, ...],
    keep_missing: bool,
) -> Difference:
    return Difference(
        *(changes, tuple(key), keys.before, keys.now, keys.added),
        removed=0 if keep_missing else keys.removed,
        altered=keys.changed.height,
        columns=changed.columns,
        added_rows=rows_with(new, key, keys.some_added),
        removed_rows=[] if keep_missing else rows_with(old, key, keys.some_removed),
        changed=changed.pairs,
        notes=notes,
    )


def _as_bags(
    old: pl.LazyFrame,
    new: pl.LazyFrame,
    changes: tuple[SchemaChange, ...],
    notes: tuple[str, ...],
    examples: int,
) -> Difference:
    """Rows by their hash, as often as they are there: order says nothing, repetition does."""
    import polars as pl

    row_hash = pl.struct(pl.all()).hash(seed=1).alias(_HASH)
    sides = [
        side.select(row_hash).with_columns(pl.lit(sign, pl.Int64).alias(_SIDE))
        for side, sign in ((old, -1), (new, 1))
    ]
    surplus = pl.concat(sides).group_by(_HASH).agg(pl.col(_SIDE).sum())
    more, less = pl.col(_SIDE).clip(0), (-pl.col(_SIDE)).clip(0)
    plans = [
        new.select(pl.len()),
        old.select(pl.len()),
        surplus.select(more.sum().alias("more"), less.sum().alias("less")),
    ]
    rows_now, rows_before, found = pl.collect_all(plans, engine="streaming")
    added, removed = found.row(0)

    def some(side: pl.LazyFrame, sign: int, is_there: int) -> list[dict[str, Any]]:
        if not is_there:
            return []
        few = surplus.filter(pl.col(_SIDE) * sign > 0).sort(_HASH).head(examples)
        hashes = few.collect(engine="streaming")[_HASH]
        hits = side.with_columns(row_hash).filter(pl.col(_HASH).is_in(hashes.implode()))
        shown = hits.unique(_HASH).sort(_HASH).drop(_HASH)
        return shown.collect(engine="streaming").to_dicts()

    return Difference(
        *(changes, (), rows_before.item(), rows_now.item(), added, removed),
        added_rows=some(new, 1, added),
        removed_rows=some(old, -1, removed),
        notes=notes,
    )
