"""Changes of what is no table: archived runs, the outbox, notes of the planner, the audit trail,
environments, sources. Each is made in a process that is watched, and judged after a power cut."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
from small_checkout import Checkout
from small_lake import SmallLake

from lakebook import delta
from lakebook.archive.record import read_records
from lakebook.catalog.cursor import Cursor
from lakebook.catalog.outbox import list_files, open_outbox, outbox_folder
from lakebook.contract.model import Column, TableContract
from lakebook.delta import Pins
from lakebook.files import put_file
from lakebook.graph import load_graph
from lakebook.graph.state import modified, save_state
from lakebook.ingest import open_source
from lakebook.names import Dataset, environments_of, table_path
from lakebook.run import archiving
from lakebook.run.closing import close_run
from lakebook.run.debris import adopt_debris
from lakebook.run.drop import apply_drop, plan_drop
from lakebook.run.failures import failed_partitions
from lakebook.run.workspace import Attempt, workspace
from lakebook.runtime.job import JobResult
from lakebook.runtime.warm import WarmUnavailable
from lakebook.settings import ArchiveSettings, Settings, load_settings
from lakebook.site.retention import apply_prune, plan_prune
from lakebook.tiers.audit import BEGUN, DONE, append_audit, read_audit

STEP = Dataset.parse("silver.events")
DAYS = ("2013-01-01", "2013-01-02")
NOW = datetime(2026, 11, 30, tzinfo=UTC)


@dataclass(frozen=True)
class Mark:
    """`judge` looks at a state, told whether the change had ended; `end` at what a second one made
    of it."""

    prepare: Callable[[Path], None]
    act: Callable[[Path], None]
    judge: Callable[[Path, bool], None]
    end: Callable[[Path], None] = lambda root: None
    again: bool = True


def _settings(root: Path, **changes: object) -> Settings:
    return replace(load_settings(root, environ={}), **changes)  # type: ignore[arg-type]


def _lake(root: Path) -> None:
    root.mkdir(parents=True)
    (root / "lakebook.toml").touch()
    lake = SmallLake(root)
    lake.contract("replace")


# --- a run that fails after its commit -----------------------------------------------------------


def _attempt(run: str, day: str = DAYS[0]) -> Attempt:
    began = f"{day}T10:00:00.000+00:00"
    notebook = "notebooks/silver/events.ipynb"
    return Attempt(run, str(STEP), notebook, began, *("2013-01-01", "2013-01-03"), DAYS)


def _run(root: Path, run: str = "run-1", status: str = "failed", day: str = DAYS[0]) -> None:
    settings, attempt = _settings(root), _attempt(run, day)
    with workspace(settings, attempt) as work:
        put_file(root / "committed", run)  # what a table would hold by now
        (work / "step.json").write_text('{"outputs": [{"dataset": "silver.events"}]}')
        (work / "notebook.ipynb").write_text('{"cells": [], "metadata": {}, "nbformat": 4}')
        error = "no" if status == "failed" else None
        result = JobResult(status, error, None, 1, (), 1.0, 5.0, work / "notebook.ipynb")  # type: ignore[arg-type]
        close_run(settings, attempt, result, work)


def _judge_run(root: Path, ended: bool) -> None:
    settings = _settings(root)
    if ended:
        (record,) = read_records(settings.runs)
        assert (record.status, record.error) == ("failed", "no")
    adopt_debris(settings)
    records = read_records(settings.runs)
    if (root / "committed").is_file():
        (record,) = records
        assert record.run_id == "run-1" and record.status in ("failed", "killed")
        assert set(failed_partitions(settings, STEP)) == set(DAYS)


# --- the outbox and its delivery -----------------------------------------------------------------


def _emit(root: Path) -> None:
    """Two emissions, each delivered before the next; what is not new makes no file."""
    settings = _settings(root)
    folder = outbox_folder(settings)
    for number in (1, 2):
        with open_outbox(settings) as outbox:
            for name in ("a", "b"):
                outbox.put("run", name, [{"entityUrn": name, "aspectName": f"x{number}"}])  # type: ignore[typeddict-item]
            outbox.keep(last=outbox.last_run)
        last = list_files(folder)[-1].number
        sent = root / "sent"
        known = sent.read_text() if sent.is_file() else ""
        todo = [f.path.name for f in list_files(folder) if f.number > _cursor(folder).number]
        put_file(sent, known + "".join(f"{name}\n" for name in todo))  # the receiver's own disk
        _cursor(folder, last)


def _cursor(outbox: Path, number: int | None = None) -> Cursor:
    folder = outbox / "delivered" / "somebody"
    if number is not None:
        Cursor(number).write(folder)
    return Cursor.read(folder)


def _judge_outbox(root: Path, ended: bool) -> None:
    folder = outbox_folder(_settings(root))
    files = list_files(folder)
    assert all(file.read() for file in files)
    sent = (root / "sent").read_text() if (root / "sent").is_file() else ""
    for file in files:
        if file.number <= _cursor(folder).number:
            assert file.path.name in sent, f"{file.path.name} is never delivered"
    assert not ended or len(files) == 4


def _end_outbox(root: Path) -> None:
    _judge_outbox(root, False)
    newest = {
        file.name: file.read()[0]["aspectName"]
        for file in list_files(outbox_folder(_settings(root)))
    }
    assert newest == {"a": "x2", "b": "x2"}


# --- what people drop, prune and delete ----------------------------------------------------------


def _with_environment(root: Path) -> None:
    _lake(root)
    for env in ("prod", "ana"):
        SmallLake(root, env=env).write([(1, DAYS[0], 10), (2, DAYS[1], 20)], DAYS[0], "2013-01-03")


def _drop(root: Path) -> None:
    settings = _settings(root)
    if "ana" in environments_of(settings.lake) or list((settings.lake / ".dropped").glob("ana.*")):
        apply_drop(plan_drop(settings, "ana"))


def _judge_drop(root: Path, ended: bool) -> None:
    lake = _settings(root).lake
    kept = "ana" in environments_of(lake)
    for env in ("prod", "ana") if kept else ("prod",):
        snapshot = delta.open_snapshot(table_path(lake, STEP, env=env))
        assert (
            sum(pl.read_parquet(p, hive_partitioning=False).height for p in snapshot.paths()) == 2
        )
    if ended:
        assert not kept and not list((lake / ".dropped").iterdir())


def _end_drop(root: Path) -> None:
    _judge_drop(root, True)


def _with_runs(root: Path) -> None:
    _lake(root)
    for number, day in enumerate(("2026-01-01", "2026-01-02", "2026-11-29")):
        _run(root, f"run-{number}", "ok", day)


def _pruned(root: Path) -> Settings:
    return _settings(root, archive=ArchiveSettings(10, 20))


def _prune(root: Path) -> None:
    apply_prune(_pruned(root), plan_prune(_pruned(root), now=NOW))


def _judge_prune(root: Path, ended: bool) -> None:
    runs = _pruned(root).runs
    there = {record.run_id for record in read_records(runs)}
    for folder in runs.glob("*/run-*"):
        if folder.is_dir():
            assert folder.name in there, f"{folder.name} has lost its record"
            names = {path.name for path in folder.iterdir()}
            assert {"record.json", "notebook.ipynb", "cells.json"} <= names
    gone = {path.name.removesuffix(".pruned.json") for path in runs.glob("*/*.pruned.json")}
    assert there | gone == {"run-0", "run-1", "run-2"}
    assert not ended or there == {"run-2"}


def _end_prune(root: Path) -> None:
    _judge_prune(root, True)


def _delete(root: Path) -> None:
    """As retention and erasure do: said before, done, said after."""
    name = root / ".lake/prod/data"
    event = {"id": "one", "event": "retention"}
    append_audit(_settings(root).lake, [{**event, "state": BEGUN}])
    put_file(name, "gone")
    append_audit(_settings(root).lake, [{**event, "state": DONE}])


def _judge_audit(root: Path, ended: bool) -> None:
    found = {record["id"]: record["state"] for record in read_audit(_settings(root).lake)}
    if (root / ".lake/prod/data").is_file():
        assert "one" in found, "something went of which the trail knows nothing"
    assert not ended or found["one"] == DONE


# --- what is read of sources, and what a checkout remembers --------------------------------------

_ROWS = "".join(f"{n},text {n}\n" for n in range(500))
_SOURCE = TableContract(
    Dataset.parse("bronze.events"),
    Path("events.contract.yaml"),
    "1",
    "",
    (
        Column("id", "int64", nullable=False),
        Column("note", "string"),
        Column("_source", "string"),
        Column("_source_digest", "string"),
        Column("_source_modified", "timestamp"),
    ),
    "snapshot",
)


def _with_source(root: Path) -> None:
    _lake(root)
    with zipfile.ZipFile(root / "events.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("events.csv", f"id,note\n{_ROWS}")


def _land(root: Path) -> None:
    landed = open_source("file://events.zip", _settings(root)).land(_SOURCE, None, {})
    assert landed.frame.collect().to_native()["id"].to_list() == list(range(500))


def _with_notebook(root: Path) -> None:
    _lake(root)
    new = 'from lakebook import Step\nstep = Step("silver.events", start=start, end=end)'
    Checkout(root).notebook("silver.events", [new, "step.write(None)"])


def _load(root: Path) -> None:
    settings = _settings(root)
    graph = load_graph(settings)
    save_state(settings, graph, [STEP])


def _judge_graph(root: Path, ended: bool) -> None:
    settings = _settings(root)
    assert modified(settings, load_graph(settings)) <= {STEP}


def _pin(root: Path) -> None:
    settings = _settings(root)
    Pins(settings.roots, "ana").snapshot(STEP)


def _with_prod(root: Path) -> None:
    _lake(root)
    SmallLake(root).write([(1, DAYS[0], 10), (2, DAYS[1], 20)], DAYS[0], "2013-01-03")


def _judge_pin(root: Path, ended: bool) -> None:
    settings = _settings(root)
    pin = Pins(settings.roots, "ana").get(STEP)
    assert pin is not None or not ended
    if pin is not None:
        table = table_path(settings.lake, STEP)
        assert [one.id for one in delta.read_leases(table)] == [pin.lease], (
            "a pin without its lease"
        )
        assert Pins(settings.roots, "ana").snapshot(STEP).rows == 2


MARKS = {
    "a run that failed": Mark(_lake, _run, _judge_run, again=False),
    "the outbox": Mark(_lake, _emit, _judge_outbox, _end_outbox),
    "a dropped environment": Mark(_with_environment, _drop, _judge_drop, _end_drop),
    "pruned runs": Mark(_with_runs, _prune, _judge_prune, _end_prune),
    "the audit trail": Mark(_lake, _delete, _judge_audit),
    "an unpacked source": Mark(_with_source, _land, lambda root, ended: _land(root)),
    "the graph": Mark(_with_notebook, _load, _judge_graph),
    "a pin": Mark(_with_prod, _pin, _judge_pin),
}


def act_alone(root: Path, name: str) -> None:
    """Make a change in a process of its own, without a warm parent."""
    archiving.call = no_parent
    MARKS[name].act(root)


def no_parent(*given: object) -> None:
    raise WarmUnavailable("not here")
