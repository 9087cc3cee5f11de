"""Rows that a quarantine rule kept out, in a Delta table of their own beside the dataset's.

`<dataset>__quarantine` is partitioned by partition and fingerprint: a run replaces only what its
own fingerprint set aside, before it publishes, and what is shown is the published fingerprint's.
Nothing is ever inserted back from here: a replay runs the partitions again.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..contract.model import Column, TableContract
from ..contract.time import bounds
from ..errors import RunError
from ..intervals import NULL, WHOLE, Interval, partition_interval
from ..names import PROD, table_path
from .flag import FAILED_RULES

if TYPE_CHECKING:
    import narwhals as nw

    from ..delta import Snapshot
    from ..engines import Engine
    from ..settings import Settings

RUN = "_run"
FINGERPRINT = "_fp"
GRACE_S = 86_400.0
"""A run commits within a day of its first file, or not at all: its stage expires."""


def quarantine_contract(contract: TableContract) -> TableContract:
    """The contract of a dataset's quarantine: its columns, all optional, the rules and the run."""
    columns = [replace(column, nullable=True, key_position=None) for column in contract.columns]
    columns += [Column(FAILED_RULES, "string"), Column(RUN, "string")]
    return replace(
        contract,
        dataset=contract.dataset.quarantine,
        columns=tuple(columns),
        write="replace",
        rules=(),
        relationships=(),
    )


def publish(
    settings: Settings,
    contract: TableContract,
    failed: nw.LazyFrame,
    *,
    engine: Engine,
    run_id: str,
    fps: Mapping[str, int],
    interval: Interval | None,
) -> int:
    """Set the flagged rows of a run aside in one commit; return how many they are.

    `failed` has the contract's columns and `_failed_rules`; `fps` has the fingerprint of every
    partition that the run is about to publish.
    """
    import narwhals as nw

    from ..delta import begin_stage, commit_replace, ensure_table
    from ..delta import inspect as inspect_files
    from ..delta import sweep as sweep_stages

    aside = quarantine_contract(contract)
    table = table_path(settings.lake, aside.dataset, env=settings.env)
    sweep_stages(table)  # raises fences: before they are noted
    noted = ensure_table(table, aside, partition_by=_partition_by(contract))
    rows = failed.with_columns(**{RUN: nw.lit(run_id)}).select(*aside.names)
    stage = begin_stage(table, run_id)
    try:
        _stage(engine, rows, stage, aside, fps, interval)
        found = inspect_files(stage, aside)
        tokens = {_token(contract, name, fp): fp for name, fp in fps.items()}
        # A partition without such rows is named only if there are some of an earlier run.
        touched = [t for t in tokens if t in found.partitions or t in noted.partitions]
        if touched:
            done = commit_replace(
                table,
                stage=stage,
                inspection=found,
                partitions=touched,
                noted=noted,
                fps={token: tokens[token] for token in touched},
                metadata={"run": run_id, "dataset": str(contract.dataset)},
            )
            if done.conflicts:
                raise RunError(
                    f"{aside.dataset}: {', '.join(done.conflicts)} changed meanwhile",
                    fix="run it again",
                )
        return int(found.rows)
    finally:
        stage.discard()


def show(settings: Settings, contract: TableContract) -> nw.LazyFrame:
    """The rows that rules of the published version kept out, with `_failed_rules` and `_run`."""
    from ..engines import get_engine

    paths = [path for part in _shown(settings, contract) for path in part.paths]
    schema = quarantine_contract(contract).arrow_schema()
    return get_engine(settings.engine).scan(paths, schema)


def partitions(settings: Settings, contract: TableContract) -> tuple[str, ...]:
    """The partitions whose published version kept rows out."""
    return tuple(part.name for part in _shown(settings, contract))


def sweep(settings: Settings, contract: TableContract, *, now: float | None = None) -> int:
    """Remove what no kept version of the dataset shows any more; return how many rows that was.

    What was set aside within the last day stays: its run may be about to publish.
    """
    from ..delta import begin_stage, commit_replace, open_snapshot
    from ..delta import inspect as inspect_files

    aside = quarantine_contract(contract)
    table = table_path(settings.lake, aside.dataset, env=settings.env)
    noted = open_snapshot(table)
    needed = _needed(table_path(settings.lake, contract.dataset, env=settings.env), contract)
    until = (time.time() if now is None else now) - GRACE_S
    stale = [
        token
        for token in noted.partitions
        if token not in needed and _rows(noted, token) and _newest(noted, token) < until
    ]
    if not stale:
        return 0
    stage = begin_stage(table, "sweep")
    try:
        commit_replace(
            table,
            stage=stage,
            inspection=inspect_files(stage, aside),
            partitions=stale,
            noted=noted,
            fps={token: noted.fp(token) or 0 for token in stale},
            metadata={"sweep": str(contract.dataset)},
        )
    finally:
        stage.discard()
    return sum(_rows(noted, token) for token in stale)


def _partition_by(contract: TableContract) -> tuple[str, ...]:
    from ..delta import PARTITION

    return (PARTITION, FINGERPRINT) if contract.time else (FINGERPRINT,)


def _hex(fp: int) -> str:
    return f"{fp % (1 << 64):016x}"


def _token(contract: TableContract, partition: str, fp: int) -> str:
    """The name of a partition of the quarantine: its two columns' values."""
    return f"{partition}/{_hex(fp)}" if contract.time else _hex(fp)


def _stage(
    engine: Engine,
    rows: nw.LazyFrame,
    stage: Any,
    aside: TableContract,
    fps: Mapping[str, int],
    interval: Interval | None,
) -> None:
    if len(set(fps.values())) == 1:
        engine.stage(rows, stage, aside, interval=interval, within=_hex(next(iter(fps.values()))))
        return
    # Each partition has a fingerprint of its own. The rows are computed once, into a file that goes
    # with the stage, and cut from there: finding them again per partition would flag the whole
    # interval as many times.
    spilled = str(stage.spill_path)
    rows.sink_parquet(spilled)
    kept = engine.scan([spilled], aside.arrow_schema())
    for name in _with_rows(kept, aside, fps):
        part = kept.filter(_in_partition(aside, name))
        engine.stage(part, stage, aside, interval=interval, within=_hex(fps[name]))


def _with_rows(rows: nw.LazyFrame, aside: TableContract, names: Mapping[str, int]) -> list[str]:
    """Those of the partitions that have a row; one query for all."""
    import narwhals as nw

    from .measures import Scalar, as_int, measure

    counts = measure(
        rows,
        [Scalar(_in_partition(aside, n).cast(nw.Int64).sum(), as_int) for n in names],
    )
    return [name for name, count in zip(names, counts, strict=True) if count]


def _in_partition(aside: TableContract, name: str) -> nw.Expr:
    """Which rows belong to a partition, never null."""
    import narwhals as nw

    assert aside.time is not None and name != WHOLE
    value = nw.col(aside.time.column)
    if name == NULL:
        return value.is_null()
    first, after = bounds(aside, partition_interval(name))
    return ((value >= first) & (value < after)).fill_null(False)


@dataclass(frozen=True)
class _Part:
    name: str
    paths: tuple[str, ...]


def _shown(settings: Settings, contract: TableContract) -> Iterator[_Part]:
    """The quarantine of every published partition that has rows there, own ones before prod's."""
    from ..delta import open_snapshot

    seen: set[str] = set()
    for env in dict.fromkeys((settings.env, PROD)):
        main = open_snapshot(table_path(settings.lake, contract.dataset, env=env))
        aside = open_snapshot(table_path(settings.lake, contract.dataset.quarantine, env=env))
        for name in main.partitions:
            fp = main.fp(name)
            if name in seen:
                continue
            seen.add(name)
            if fp is None:
                continue
            token = _token(contract, name, fp)
            if _rows(aside, token):
                yield _Part(name, tuple(aside.paths([token])))


def _needed(table: Path, contract: TableContract) -> set[str]:
    """The quarantine's partitions that some version of the dataset's log still shows."""
    from ..delta import open_snapshot
    from ..delta.log import list_log

    commits, checkpoints = list_log(table)
    # Before the oldest checkpoint a version needs commits that the log no longer has.
    oldest = 0 if 0 in commits else min(checkpoints, default=0)
    needed: set[str] = set()
    for version in range(oldest, max([*commits, *checkpoints], default=-1) + 1):
        snapshot = open_snapshot(table, version)
        for name in snapshot.partitions:
            fp = snapshot.fp(name)
            if fp is not None:
                needed.add(_token(contract, name, fp))
    return needed


def _rows(snapshot: Snapshot, token: str) -> int:
    return sum(file.rows for file in snapshot.files_in([token]))


def _newest(snapshot: Snapshot, token: str) -> float:
    """When the newest file of a partition was written, in seconds since 1970."""
    return max(Path(path).stat().st_mtime for path in snapshot.paths([token]))
