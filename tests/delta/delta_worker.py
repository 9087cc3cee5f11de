"""What the tests of delta/ share: a contract, rows, whole writes, and processes to race or kill."""

from __future__ import annotations

import multiprocessing
import os
import time
import traceback
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl

from lakebook import delta
from lakebook.contract.model import Column, TableContract, TimeColumn
from lakebook.delta import commit, faults
from lakebook.engines import get_engine
from lakebook.errors import ConflictError
from lakebook.intervals import WHOLE, Interval
from lakebook.names import Dataset

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def make_contract(unit: str | None = "month", *more: Column) -> TableContract:
    return TableContract(
        dataset=Dataset("silver", "events"),
        path=Path("events.contract.yaml"),
        version="1",
        description="",
        columns=(
            Column("day", "date", nullable=False),
            Column("k", "int64", nullable=False),
            Column("v", "string"),
            *more,
        ),
        write="replace",
        time=TimeColumn("day", "UTC", unit) if unit else None,
    )


def make_rows(interval: Interval, seed: int = 0, per_day: int = 3) -> pl.DataFrame:
    """Rows of an interval: those of a day are the same whatever interval they are asked in."""
    days = [interval.start + timedelta(days=i) for i in range(interval.days)]
    rows = [
        {"day": d, "k": d.toordinal() * 10 + i, "v": f"{seed}-{i}"}
        for d in days
        for i in range(per_day)
    ]
    return pl.DataFrame(rows, schema={"day": pl.Date, "k": pl.Int64, "v": pl.String})


def names(contract: TableContract, interval: Interval) -> tuple[str, ...]:
    return interval.partitions(contract.time.unit) if contract.time else (WHOLE,)


def write(
    table: Path,
    contract: TableContract,
    interval: Interval,
    *,
    rows: pl.DataFrame | None = None,
    fp: int = 1,
    run: str = "run",
    before_commit: Callable[[], None] = lambda: None,
    noted: delta.Snapshot | None = None,
) -> delta.CommitResult:
    """One write of an interval from beginning to end, as a step does it."""
    noted = noted or delta.ensure_table(table, contract)
    stage = delta.begin_stage(table, run)
    frame = make_rows(interval) if rows is None else rows
    get_engine("polars").stage(frame, stage, contract, interval=interval)
    inspection = delta.inspect(stage, contract)
    before_commit()
    partitions = names(contract, interval)
    return delta.commit_replace(
        table,
        stage=stage,
        inspection=inspection,
        partitions=partitions,
        noted=noted,
        fps=dict.fromkeys(partitions, fp),
        metadata={"run": run},
    )


def merge(table: Path, contract: TableContract, interval: Interval, keys: list[int]) -> None:
    """Add keys to what the table holds, computing anew for as long as others come first."""
    while True:
        noted = delta.ensure_table(table, contract)
        old = read(noted)
        new = pl.DataFrame(
            {"day": [interval.start] * len(keys), "k": keys, "v": ["m"] * len(keys)},
            schema=old.schema,
        )
        both = pl.concat([old.filter(~pl.col("k").is_in(keys)), new])
        time.sleep(0.05)  # the other processes read meanwhile
        result = write(table, contract, interval, rows=both, fp=os.getpid(), noted=noted)
        if not result.conflicts:
            return


def append(table: Path, contract: TableContract, source: str, batches: list[list[int]]) -> None:
    """Add batches of keys from a source; a batch that another process added is left out."""
    for number, keys in enumerate(batches):
        delta.ensure_table(table, contract)
        stage = delta.begin_stage(table, f"append-{source}")
        rows = pl.DataFrame({"day": [date(2013, 1, 1)] * len(keys), "k": keys, "v": "a"})
        get_engine("polars").stage(rows, stage, contract, interval=None)
        inspection = delta.inspect(stage, contract)
        try:
            delta.commit_append(
                table,
                stage=stage,
                inspection=inspection,
                offsets={source: number + 1},
                expected_offsets={source: number or None},
                metadata={},
            )
        except ConflictError:
            stage.discard()


def read(snapshot: delta.Snapshot) -> pl.DataFrame:
    assert snapshot.schema is not None
    frame = get_engine("polars").scan(snapshot.paths(), snapshot.schema)
    return frame.collect().to_native().sort("k")


def content(table: Path) -> dict[str, object]:
    """What two tables must share to be the same: rows and values of the tokens, not file names."""
    snapshot = delta.open_snapshot(table)
    values = {n: v for n, v in snapshot.tokens.items() if n.startswith(("data/", "fp/"))}
    per_partition = {p: sum(f.rows for f in fs) for p, fs in snapshot.by_partition.items()}
    return {"rows": read(snapshot).rows(), "tokens": values, "partitions": per_partition}


def orphans(table: Path) -> list[str]:
    """Files that neither the table nor its older versions have, and whatever staging left."""
    snapshot = delta.open_snapshot(table)
    files = {p.relative_to(table).as_posix() for p in table.rglob("*.parquet")}
    data = {f for f in files if not f.startswith("_delta_log")}
    left = [p.name for p in (table / "_staging").glob("*") if not p.name.startswith(".")]
    return sorted(data - snapshot.known_paths) + left


def main(spec: dict[str, object]) -> None:
    table, contract = Path(str(spec["table"])), make_contract(spec.get("unit", "month"))  # type: ignore[arg-type]
    if spec.get("fence") is False:
        commit.fence_stands = lambda noted, now, partition: True
    interval = Interval.parse(
        str(spec.get("start", "2013-01-01")), str(spec.get("end", "2013-02-01"))
    )
    sleep_s = float(spec.get("sleep_s", 0))  # type: ignore[arg-type]
    if barrier := spec.get("barrier"):
        Path(f"{barrier}.{os.getpid()}").touch()
        while not Path(str(barrier)).exists():
            time.sleep(0.002)
    if spec["op"] == "create":
        delta.ensure_table(table, contract)
    elif spec["op"] == "write":
        seed = int(spec.get("seed", 0))  # type: ignore[call-overload]
        rows = make_rows(interval, seed)
        todo, fp = interval, int(spec.get("fp", 1))  # type: ignore[call-overload]
        while True:
            part = rows.filter(pl.col("day").is_between(todo.start, todo.end, closed="left"))
            result = write(
                table, contract, todo, rows=part, fp=fp, before_commit=lambda: time.sleep(sleep_s)
            )
            if not result.conflicts:
                break
    elif spec["op"] == "merge":
        merge(table, contract, interval, list(spec["keys"]))  # type: ignore[call-overload]
    elif spec["op"] == "append":
        append(table, contract, str(spec["source"]), list(spec["batches"]))  # type: ignore[call-overload]
    elif spec["op"] == "compact":
        for _ in range(int(spec.get("times", 1))):  # type: ignore[call-overload]
            delta.compact(table, sort_by=spec.get("sort_by", ()))  # type: ignore[arg-type]
            time.sleep(sleep_s)
    elif spec["op"] == "sweep":
        delta.sweep(table)
    elif spec["op"] == "vacuum":
        delta.vacuum(table, retention_s=0, now=time.time() + 1)
    elif spec["op"] == "widen":
        delta.ensure_table(table, make_contract("month", Column("extra", "int64")))


PRELOAD = [
    "delta_worker",
    "deltalake",
    "duckdb",
    "narwhals",
    "pyarrow.compute",
    "pyarrow.parquet",
    "xxhash",
    *(
        f"lakebook.delta.{name}"
        for name in ("cleaner", "compaction", "create", "rewriting", "sweeper")
    ),
]


class Forked:
    """A process of its own; `complaint` is what it raised, which `target` writes to a file."""

    preload: Sequence[str] = PRELOAD

    def __init__(self, folder: Path, target: Callable[..., None], *arguments: object) -> None:
        # Forked from a server that has imported everything and computed nothing: polars and
        # delta-rs survive that, and a case costs a tenth of a fresh interpreter.
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(list(self.preload))
        self._complaint = folder / f"complaint-{uuid.uuid4().hex}"
        self._complaint.parent.mkdir(parents=True, exist_ok=True)
        self._process = context.Process(target=target, args=(*arguments, self._complaint))
        self._process.start()

    def send(self, number: int) -> None:
        assert self._process.pid is not None
        os.kill(self._process.pid, number)

    def wait(self) -> int:
        """Exit code; negative: the signal that ended it."""
        self._process.join(120)
        assert self._process.exitcode is not None, "a worker hangs"
        return self._process.exitcode

    @property
    def complaint(self) -> str:
        return self._complaint.read_text() if self._complaint.exists() else ""


class Worker(Forked):
    """A process that runs one `main`."""

    def __init__(self, table: Path, spec: dict[str, object], fault: str = "") -> None:
        super().__init__(table.parent, _entry, {**spec, "table": str(table)}, fault)


def _entry(spec: dict[str, object], fault: str, complaint: Path) -> None:
    if fault:
        os.environ[faults.VARIABLE] = fault
    try:
        main(spec)
    except Exception:
        complaint.write_text(traceback.format_exc())
        os._exit(1)
