"""Rows that a quarantine rule kept out, in a Delta table of their own beside the dataset's.

`<dataset>__quarantine` is partitioned by partition and fingerprint: a run replaces only what its
own fingerprint set aside, before it publishes, and what is shown is the published fingerprint's.
Nothing is ever inserted back from here: a replay runs the partitions again.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..contract.misfits import misfit_column
from ..contract.model import Column, TableContract
from ..contract.time import inside
from ..errors import ConflictError, DamageError
from ..intervals import NULL, WHOLE, Interval, partition_interval
from ..names import PROD, table_path
from .counted import check_counted
from .flagging import FAILED_RULES
from .shown import committed_batches, hex_of, needed_tokens, rows_of, shown_parts, token_of

if TYPE_CHECKING:
    import narwhals as nw

    from ..delta import Snapshot
    from ..engines import Engine
    from ..settings import Settings
    from .counted import Counts

RUN = "_run"
FINGERPRINT = "_fp"
OURS = (FAILED_RULES, RUN)
"""Columns of a quarantine that are no dataset's."""
GRACE_S = 86_400.0
"""A run commits within a day of its first file, or not at all: its stage expires."""


def quarantine_contract(contract: TableContract) -> TableContract:
    """The contract of a dataset's quarantine: its columns, all optional, the rules and the run, and
    texts that do not fit where such are set aside."""
    columns = [replace(column, nullable=True, key_position=None) for column in contract.columns]
    columns += [Column(FAILED_RULES, "string"), Column(RUN, "string")]
    if (texts := misfit_column(contract)) is not None:
        columns.append(texts)
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
    carried: nw.LazyFrame | None = None,
    together: bool = False,
    counted: Counts | None = None,
) -> int:
    """Set the flagged rows of a run aside in one commit; return how many they are.

    `failed` has the contract's columns and `_failed_rules`; `fps` has the fingerprint of every
    partition that the run is about to publish. `carried` are rows that earlier runs set aside and
    that a merge leaves there (see `carry`). Raises ConflictError if another run was faster; with
    `together`, also if its fingerprint is the same (see `commit_replace`). Raises AssertionError,
    before anything is committed, if the rows are not those that the audit `counted`.
    """
    import narwhals as nw

    from ..delta import begin_stage, commit_replace, ensure_table
    from ..delta import inspect as inspect_files
    from ..delta import sweep as sweep_stages

    aside = quarantine_contract(contract)
    table = table_path(settings.lake, aside.dataset, env=settings.env)
    sweep_stages(table)  # raises fences: before they are noted
    # The dataset's own table was there first: what it may keep, its quarantine may.
    noted = ensure_table(table, aside, partition_by=_partition_by(contract), keep_extras=True)
    rows = failed.with_columns(**{RUN: nw.lit(run_id)}).select(*aside.names)
    before = 0
    if carried is not None:
        before = int(carried.select(nw.len()).collect().item())
        rows = nw.concat([rows, carried.select(*aside.names)])
    stage = begin_stage(table, run_id)
    try:
        _stage(engine, rows, stage, aside, fps, interval)
        found = inspect_files(stage, aside)
        if counted is not None:
            paths = [str(stage.table / file.path) for file in found.files]
            staged = engine.scan(paths, aside.arrow_schema())
            check_counted(staged, contract, counted, tuple(fps), carried)
        tokens = {token_of(contract, name, fp): fp for name, fp in fps.items()}
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
                together=together,
            )
            if done.conflicts:
                raise ConflictError(
                    f"{aside.dataset}: {', '.join(done.conflicts)} changed meanwhile",
                    fix="run it again",
                    partitions=tuple(fps),
                )
        return int(found.rows) - before
    finally:
        stage.discard()


def shown_paths(settings: Settings, contract: TableContract, names: Collection[str]) -> list[str]:
    """Files of what the published version of some partitions kept out."""
    return [path for p in shown_parts(settings, contract) if p.name in names for path in p.paths]


def carry(
    settings: Settings,
    contract: TableContract,
    names: Collection[str],
    keys: nw.LazyFrame,
    *,
    lost: list[str] | None = None,
) -> nw.LazyFrame | None:
    """Rows kept out of some partitions whose key is not among `keys`; None if there are none.

    `lost`: if it is given, takes a sentence for each part that cannot be read and is given up.
    """
    from ..engines import get_engine

    paths: list[str] = []
    for part in shown_parts(settings, contract):
        try:
            paths += part.paths if part.name in names else ()
        except DamageError as found:
            if lost is None:
                raise
            lost.append(f"rows set aside earlier cannot be read and are given up: {found.found}")
    if not paths:
        return None
    rows = get_engine(settings.engine).scan(paths, quarantine_contract(contract).arrow_schema())
    return rows.join(keys.select(*contract.key), on=list(contract.key), how="anti")


def show(settings: Settings, contract: TableContract) -> nw.LazyFrame:
    """The rows that rules of the published version kept out, with `_failed_rules` and `_run`."""
    from ..delta import open_snapshot, with_extras
    from ..engines import get_engine

    paths = [path for part in shown_parts(settings, contract) for path in part.paths]
    tables = [
        table_path(settings.lake, contract.dataset.quarantine, env=e)
        for e in dict.fromkeys((settings.env, PROD))
    ]
    aside = with_extras(
        quarantine_contract(contract), [open_snapshot(table).schema for table in tables]
    )
    return get_engine(settings.engine).scan(paths, aside.arrow_schema())


def partitions(settings: Settings, contract: TableContract) -> tuple[str, ...]:
    """The partitions whose published version kept rows out."""
    return tuple(dict.fromkeys(part.name for part in shown_parts(settings, contract)))


def sweep(settings: Settings, contract: TableContract, *, now: float | None = None) -> int:
    """Remove what no kept version of the dataset shows any more; return how many rows that was.

    What was set aside within the last day stays: its run may be about to publish.
    """
    from ..delta import open_snapshot

    aside = quarantine_contract(contract)
    table = table_path(settings.lake, aside.dataset, env=settings.env)
    noted = open_snapshot(table)
    main = table_path(settings.lake, contract.dataset, env=settings.env)
    needed = needed_tokens(main, contract)
    batches = committed_batches(open_snapshot(main))
    until = (time.time() if now is None else now) - GRACE_S
    stale = [
        token
        for token in noted.partitions
        if token not in needed
        and token.rpartition("/")[2] not in batches
        and rows_of(noted, token)
        and _newest(noted, token) < until
    ]
    if not stale:
        return 0
    _empty(table, aside, noted, stale, "sweep", {"sweep": str(contract.dataset)})
    return sum(rows_of(noted, token) for token in stale)


def mend(
    settings: Settings,
    contract: TableContract,
    names: Collection[str],
    *,
    run_id: str,
    by_content: bool,
) -> None:
    """Empty what earlier versions of some partitions set aside and is damaged: nobody can make it
    again, and nothing that is published shows it.

    `by_content`: see `find_damage`.
    """
    from ..delta import open_snapshot
    from ..tiers.glance import find_damage

    aside = quarantine_contract(contract)
    table = table_path(settings.lake, aside.dataset, env=settings.env)
    noted = open_snapshot(table)
    old = [t for t in noted.partitions if (t.rpartition("/")[0] or WHOLE) in names]
    damaged = [t for t in old if find_damage(noted, [t], by_content=by_content)]
    if not damaged:
        return
    made = {"run": run_id, "mend": str(contract.dataset)}
    _empty(table, aside, noted, damaged, run_id, made)


def _empty(
    table: Path,
    aside: TableContract,
    noted: Snapshot,
    tokens: Collection[str],
    holder: str,
    metadata: Mapping[str, str],
) -> None:
    """Commit that some partitions of a quarantine have no rows. `holder`: of the stage."""
    from ..delta import begin_stage, commit_replace
    from ..delta import inspect as inspect_files

    stage = begin_stage(table, holder)
    try:
        commit_replace(
            table,
            stage=stage,
            inspection=inspect_files(stage, aside),
            partitions=list(tokens),
            noted=noted,
            fps={token: noted.fp(token) or 0 for token in tokens},
            metadata=dict(metadata),
        )
    finally:
        stage.discard()


def _partition_by(contract: TableContract) -> tuple[str, ...]:
    from ..delta import PARTITION

    return (PARTITION, FINGERPRINT) if contract.time else (FINGERPRINT,)


def _stage(
    engine: Engine,
    rows: nw.LazyFrame,
    stage: Any,
    aside: TableContract,
    fps: Mapping[str, int],
    interval: Interval | None,
) -> None:
    if len(set(fps.values())) == 1:
        engine.stage(rows, stage, aside, interval=interval, within=hex_of(next(iter(fps.values()))))
        return
    # Each partition has a fingerprint of its own. The rows are computed once, into a file that goes
    # with the stage, and cut from there: finding them again per partition would flag the whole
    # interval as many times.
    spilled = str(stage.spill_path)
    rows.sink_parquet(spilled)
    kept = engine.scan([spilled], aside.arrow_schema())
    for name in _with_rows(kept, aside, fps):
        part = kept.filter(_in_partition(aside, name))
        engine.stage(part, stage, aside, interval=interval, within=hex_of(fps[name]))


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
    return inside(value, aside, partition_interval(name)).fill_null(False)


def _newest(snapshot: Snapshot, token: str) -> float:
    """When the newest file of a partition was written, in seconds since 1970."""
    return max(Path(path).stat().st_mtime for path in snapshot.paths([token]))
