"""A whole `lakebook run`, with its warm parent and kernels: after a power cut at any moment its
tables are those of before or after, its runs are known, and the same command ends it."""

from __future__ import annotations

import json
import sys
import time
import traceback
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
import pytest
import sampling
from power.cuts import Cut, cuts
from power.disk import Disk, read_tree, write_tree
from power.recorder import record
from small_checkout import COLUMNS, LANDING, POSITIVE, Checkout

from lakebook import delta
from lakebook.archive.record import read_record, read_records
from lakebook.delta.log import commit_info, list_log
from lakebook.graph import load_graph
from lakebook.names import Dataset, table_path
from lakebook.run.failures import failed_partitions
from lakebook.settings import load_settings

pytestmark = [pytest.mark.slow, pytest.mark.soak, pytest.mark.timeout(sampling.examples(1200, 0))]

NAMES = ("bronze.events", "silver.events", "silver.events__quarantine")
ASKED = ("run", "--start", "2013-01-01", "--end", "2013-01-04")
Rows = dict[str, list[tuple[int, int]]]


@dataclass(frozen=True)
class Run:
    root: Path
    cuts: list[Cut] = field(repr=False)
    after: Rows


def prepare(root: Path) -> Checkout:
    made = Checkout(root)
    (root / "lakebook.toml").write_text("[runtime]\nlinger_s = 1\n")
    made.source()
    new = 'from lakebook import Step\nstep = Step("{}", start=start, end=end)'
    ingest = 'step.write(step.ingest("file://events.csv"))'
    made.contract("bronze.events", COLUMNS + LANDING)
    made.notebook("bronze.events", [new.format("bronze.events"), ingest])
    made.contract("silver.events", COLUMNS, quality=POSITIVE)
    clean = 'step.write(step.read("bronze.events").select("id", "seen", "amount"))'
    made.notebook("silver.events", [new.format("silver.events"), clean])
    return made


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Run:
    root = tmp_path_factory.mktemp("full") / "checkout"
    root.mkdir()
    prepare(root)
    disk = Disk(root)
    command = [sys.executable, "-m", "lakebook.cli.main", *ASKED]
    calls = record(command, root, root.parent / "trace", cwd=root)
    found = cuts(disk, calls)
    assert of_the_lake(disk.tree()) == of_the_lake(read_tree(root)), "the model is not the disk"
    return Run(root, found, rows(root))


def of_the_lake(tree: dict[str, bytes | None]) -> dict[str, bytes | None]:
    """Without what several processes print into, at positions that they share."""
    return {path: content for path, content in tree.items() if not path.endswith(".log")}


def rows(root: Path) -> Rows:
    """`(id, amount)` of each table; nothing is changed by looking."""
    lake = load_settings(root, environ={}).lake
    found: Rows = {}
    for name in NAMES:
        paths = delta.open_snapshot(table_path(lake, Dataset.parse(name))).paths()
        columns = ["id", "amount"]
        read = [pl.read_parquet(p, columns=columns, hive_partitioning=False) for p in paths]
        found[name] = sorted(row for part in read for row in part.rows())
    return found


def look(run: Run, ended: bool) -> None:
    settings = load_settings(run.root, environ={})
    for name, seen in rows(run.root).items():
        assert seen == run.after[name] or (not seen and not ended), f"half of {name}"
    load_graph(settings)
    known = {record.run_id for record in read_records(settings.runs)}
    for folder in settings.runs.glob(".work/*/run.json"):
        known.add(json.loads(folder.read_text())["run_id"])
    for name in NAMES:
        table = table_path(settings.lake, Dataset.parse(name))
        for version in list_log(table)[0]:
            made_by = commit_info(table, version).get("run")
            assert made_by is None or made_by in known, f"nobody knows the run of {name}"
        failed_partitions(settings, Dataset.parse(name))


def test_tables_are_as_before_or_after_and_every_run_that_committed_is_known(recorded: Run) -> None:
    said = []
    taken = sampling.chosen(recorded.cuts, 60, "full run, seen")
    for cut in taken:
        write_tree(recorded.root, cut.tree)
        try:
            look(recorded, cut.moment < 0)
        except Exception as wrong:
            where = traceback.extract_tb(wrong.__traceback__)[-1]
            said.append(f"{type(wrong).__name__} in {where.name}: {wrong} <- {cut.how}")
    assert not said, f"wrong in {len(said)} of {len(taken)} states:\n" + "\n".join(said[:10])


def test_the_same_command_ends_it(recorded: Run) -> None:
    # A command takes seconds, and there are some 50,000 states.
    for cut in sampling.drawn(recorded.cuts, sampling.examples(2, 200), "full run, again"):
        write_tree(recorded.root, cut.tree)
        done = Checkout(recorded.root).lakebook(*ASKED)
        assert done.returncode == 0, f"{done.stdout}{done.stderr} <- {cut.how}"
        assert rows(recorded.root) == recorded.after, cut.how
        settings = load_settings(recorded.root, environ={})
        left = [read_record(folder) for folder in settings.runs.glob("*/*") if folder.is_dir()]
        assert {record.status for record in left} <= {"ok", "killed"}, cut.how
        let_the_parent_end(recorded.root)


def let_the_parent_end(root: Path) -> None:
    """No process outlives a power cut; that of the last one is not to be met in the next state."""
    for _ in range(600):
        if not list((root / ".lakebook" / "warm").glob("*.sock")):
            return
        time.sleep(0.1)
    raise AssertionError("the warm parent does not end")
