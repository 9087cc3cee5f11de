"""Writes the rows of a dataset anew as its contract says now: first the plan, then the doing.

For what a table keeps and a contract may say otherwise later: how rows are cut into partitions, the
types of columns, whether they may be null, and which there are. No value is lost or made up: types
are cast as a write casts them, and all rows are counted before the one commit that shows them.
Killed at any moment, the same command goes on.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from ..contract.lookup import find_table
from ..contract.model import TableContract
from ..contract.types import type_of
from ..delta import Snapshot, open_snapshot, with_extras
from ..delta.agreement import cut_of, kept_way, place, way_of
from ..delta.columns import keeps_extras
from ..delta.recut import differs, last_migration
from ..delta.snapshot import PARTITION
from ..delta.whole import open_whole
from ..errors import ContractError, UserError, did_you_mean
from ..intervals import NULL, WHOLE, Unit, partition_interval, partition_name
from ..names import PROD, Dataset, tier_tables
from ..quality.quarantine import quarantine_contract
from ..quality.shown import shown_tokens
from ..settings import Settings


@dataclass(frozen=True)
class Migration:
    """`changes`: in words; none: the tables are as the contract says.

    target: the contract with the columns that the table has beside it and keeps. rename: column
    before -> now; drop: columns that go. gone: partitions, by their new names, whose rows retention
    has deleted. rest: what a killed migration has not come to.
    """

    settings: Settings
    target: TableContract
    whole: Snapshot
    changes: tuple[str, ...]
    rename: Mapping[str, str] = field(default_factory=dict)
    drop: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    rest: tuple[str, ...] = ()

    @property
    def is_needed(self) -> bool:
        return bool(self.changes or self.rest)

    @property
    def is_recut_alone(self) -> bool:
        """Whether the rows themselves stay: they only come to lie in other partitions."""
        return not any(one.startswith("column ") for one in self.changes)

    @property
    def rows(self) -> int:
        return self.whole.rows

    @property
    def size_bytes(self) -> int:
        return sum(file.size_bytes for file in self.whole.files)


def plan_migration(
    settings: Settings,
    dataset: Dataset,
    *,
    rename: Mapping[str, str] | None = None,
    drop: Collection[str] = (),
) -> Migration:
    """What a migration would change. Nothing is touched and no row is read.

    Parameters
    ----------
    rename: columns of the table -> their names in the contract.
    drop: columns of the table that go.

    Raises UserError where it cannot be done, with what has to be done before.
    """
    if settings.env != PROD:
        raise UserError(
            f"only prod is migrated; {settings.env!r} gives up what it wrote",
            fix=f"lakebook env refresh {settings.env} {dataset} --discard",
        )
    contract = find_table(settings, dataset)
    tables = tier_tables(settings.roots, dataset)
    whole = open_whole(tables.hot, tables.warm)
    if whole.schema is None:
        return Migration(settings, contract, whole, ())
    names = dict(rename or {})
    target = _target(contract, whole, names, drop)
    _refuse_partitioning(whole, target)
    _refuse_offsets(whole, target)
    changes = (
        *_of_cut(whole, target),
        *_of_way(whole, target),
        *_of_columns(whole.schema, target, names, drop),
    )
    rest = () if changes else _unfinished(settings, target)
    if changes or rest:
        _refuse_cold(whole, dataset)
        _refuse_batches(settings, target, whole)
    gone = _gone(whole, target)
    return Migration(settings, target, whole, changes, names, tuple(drop), gone, rest)


def _target(
    contract: TableContract, whole: Snapshot, rename: Mapping[str, str], drop: Collection[str]
) -> TableContract:
    have = whole.schema
    assert have is not None
    for name in (*rename, *drop):
        if name not in have.names:
            raise UserError(
                f"the table of {contract.dataset} has no column {name!r}"
                f"{did_you_mean(name, have.names)}"
            )
    for name in (*rename.values(), *(n for n in drop if n in contract.names)):
        if (name in contract.names) is (name in drop):
            raise UserError(
                f"column {name!r} is {'still' if name in drop else 'not'} in the contract",
                where=place(contract),
                fix="change the contract first",
            )
    if both := [new for new in rename.values() if new in have.names and new not in drop]:
        raise UserError(
            f"the table has a column {both[0]!r} already", fix=f"--drop {both[0]} if it may go"
        )
    left = [f for f in have if f.name not in rename and f.name not in drop]
    beside = [f for f in left if f.name not in contract.names]
    if unsaid := [f for f in beside if not f.nullable or not keeps_extras(whole)]:
        name = unsaid[0].name
        new = [n for n in contract.names if n not in have.names]
        raise UserError(
            f"the table has the column {name!r}, which is not in the contract"
            f"{did_you_mean(name, new)}",
            where=place(contract),
            fix=f"say what becomes of it: --drop {name}, or --rename {name}=NAME",
        )
    known = {*have.names, *rename.values()}
    if made_up := [c for c in contract.columns if c.name not in known and not c.nullable]:
        raise ContractError(
            f"column {made_up[0].name!r} is required and the rows have no value for it",
            where=place(contract, made_up[0].name),
            fix="make it optional (required: false), or run the step again into a new dataset",
        )
    return with_extras(contract, [pa.schema(left)])


def _of_cut(whole: Snapshot, target: TableContract) -> list[str]:
    had, time = cut_of(whole), target.time
    if had is None or time is None or not whole.written:
        return []
    names = ("timeColumn", "timeZone", "partitionUnit")
    triples = zip(names, had, (time.column, time.zone, time.unit), strict=True)
    return [f"{name}: {old} -> {now}" for name, old, now in triples if old and old != now]


def _of_way(whole: Snapshot, target: TableContract) -> list[str]:
    """Only a merge asks for something of the rows that are there."""
    had, has = kept_way(whole), way_of(target)
    return [f"write: {had} -> {has}"] if had and had != has and target.write == "merge" else []


def _of_columns(
    have: pa.Schema, target: TableContract, rename: Mapping[str, str], drop: Collection[str]
) -> list[str]:
    said = [f"column {old} is renamed to {new}" for old, new in rename.items()]
    said += [f"column {name} goes" for name in drop]
    for one in have:
        name = rename.get(one.name, one.name)
        if one.name in drop or name not in target.names:
            continue
        column = target.column(name)
        before = type_of(one.type) or str(one.type)
        if before != column.type:
            said.append(f"column {name}: {before} -> {column.type}")
        if one.nullable != column.nullable:
            said.append(f"column {name} is {'optional' if column.nullable else 'required'} now")
    return said


def _refuse_partitioning(whole: Snapshot, target: TableContract) -> None:
    if (PARTITION in whole.partition_columns) is not (target.time is not None):
        raise UserError(
            f"{target.dataset} has a time column in its {'contract' if target.time else 'table'} "
            "alone, and a table does not change whether it is partitioned",
            where=place(target),
            fix="put the contract back, or write a new dataset",
        )


def _refuse_offsets(whole: Snapshot, target: TableContract) -> None:
    had = kept_way(whole)
    if had and (had == "append") is not (target.write == "append"):
        raise UserError(
            f"{target.dataset} was written by {had}, and its contract says {way_of(target)}",
            where=place(target),
            fix="put the contract back, or write a new dataset",
        )


def _refuse_cold(whole: Snapshot, dataset: Dataset) -> None:
    if cold := whole.placed("cold"):
        first, last = (partition_interval(p) for p in (cold[0], cold[-1]))
        raise UserError(
            f"{len(cold)} partitions of {dataset} lie in cold ({cold[0]} … {cold[-1]})",
            fix=f"bring them back first: lakebook tier restore {dataset} --start {first.start} "
            f"--end {last.end}",
        )


def _refuse_batches(settings: Settings, target: TableContract, whole: Snapshot) -> None:
    aside = any(rows for name, rows in whole.tokens.items() if name.startswith("aside/"))
    if target.write == "append" and aside:
        raise UserError(
            f"{target.dataset} is appended and has rows in quarantine, by batches that were cut as "
            "the table is",
            fix="put the contract back, or append to a new dataset from the start",
        )


def made_of(whole: Snapshot, target: TableContract) -> frozenset[str]:
    """The partitions of the new cut in which written ones lie, with rows or without."""
    written = {p for p in whole.written if whole.place(p).tier != "deleted"}
    special = written & {NULL, WHOLE}
    if target.time is None:
        return frozenset(special)
    unit: Unit = target.time.unit
    days = (day for p in written - special for day in partition_interval(p).partitions("day"))
    names = {day if unit == "day" else day[:7] for day in days}
    return frozenset(names | special)


def _gone(whole: Snapshot, target: TableContract) -> tuple[str, ...]:
    """The partitions of the new cut that lie wholly in what retention has deleted."""
    deleted = {p for p in whole.placed("deleted") if p not in (NULL, WHOLE)}
    if not deleted or target.time is None:
        return tuple(sorted(deleted))
    days = {day for p in deleted for day in partition_interval(p).partitions("day")}
    unit: Unit = target.time.unit
    if unit == "day":
        return tuple(sorted(days))
    months = {partition_name(partition_interval(day).start, "month") for day in days}
    return tuple(sorted(m for m in months if days >= {*partition_interval(m).partitions("day")}))


def _unfinished(settings: Settings, target: TableContract) -> tuple[str, ...]:
    """What a killed migration has left beside the rows as it was."""
    tables = tier_tables(settings.roots, target.dataset)
    found = ["its copies in warm"] if differs(open_snapshot(tables.warm), target) else []
    aside = quarantine_contract(target)
    now = open_snapshot(tier_tables(settings.roots, aside.dataset).hot)
    if differs(now, aside) or left_behind(target, tables.hot, now):
        found.append("its quarantine")
    return tuple(found)


def left_behind(target: TableContract, hot: Path, aside: Snapshot) -> tuple[str, ...]:
    """The quarantine's partitions of before a migration whose rows are still to be carried over."""
    info = last_migration(hot) if aside.version >= 0 else None
    if info is None or "from_version" not in info:
        return ()
    fp, before = int(info["fp"]), open_snapshot(hot, int(info["from_version"]))
    now = open_snapshot(hot)
    if all(now.fp(p) != fp for p in now.written):
        return ()  # everything was made again since, and set aside what it had to
    shown = sorted(shown_tokens(before, target))
    return tuple(token for token in shown if token in aside.by_partition)
