"""A whole `lakebook run`, with its warm parent and kernels: after a power cut at any moment its
tables are those of before or after, its runs are known, and the same command ends it."""

from __future__ import annotations

import json
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import polars as pl
import pytest
import sampling
from power.cuts import Cut, cuts
from power.disk import Disk, Tree, read_tree, write_tree
from power.recorder import record
from small_checkout import COLUMNS, LANDING, POSITIVE, Checkout

from lakebook import delta
from lakebook.archive.record import read_records
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
    return {name: rows_of(table_path(lake, Dataset.parse(name))) for name in NAMES}


def rows_of(table: Path) -> list[tuple[int, int]]:
    paths, columns = delta.open_snapshot(table).paths(), ["id", "amount"]
    read = [pl.read_parquet(p, columns=columns, hive_partitioning=False) for p in paths]
    return sorted(row for part in read for row in part.rows())


class Observer:
    """Looks at states of a run's checkout; whatever is read of the same files is read once."""

    def __init__(self, run: Run) -> None:
        self.run, self.settings = run, load_settings(run.root, environ={})
        tables = {name: table_path(self.settings.lake, Dataset.parse(name)) for name in NAMES}
        self.tables = {name: path.relative_to(run.root).as_posix() for name, path in tables.items()}
        self.runs = self.settings.runs.relative_to(run.root).as_posix()
        self._seen: dict[tuple[str, int], object] = {}
        self._written: Tree | None = None

    def look(self, cut: Cut) -> None:
        known = self._once("runs", cut.tree, [self.runs], self._known)
        assert isinstance(known, set)
        for name, table in self.tables.items():
            found = self._once(name, cut.tree, [table], partial(self._table, name))
            assert isinstance(found, tuple)
            seen, makers = found
            ended = cut.moment < 0
            assert seen == self.run.after[name] or (not seen and not ended), f"half of {name}"
            assert makers <= known, f"nobody knows the run of {name}"
            failed = partial(failed_partitions, self.settings, Dataset.parse(name))
            self._once(f"failed {name}", cut.tree, [table, self.runs], failed)
        others = {path.split("/")[0] for path in cut.tree} - {self.settings.lake.name}
        self._once("graph", cut.tree, sorted(others), partial(load_graph, self.settings))

    def _once(
        self, what: str, tree: Tree, below: Sequence[str], look: Callable[[], object]
    ) -> object:
        """What was seen of the files below some folders, or what it raised."""
        starts = tuple(f"{folder}/" for folder in below)
        read = (one for one in tree.items() if one[0] in below or one[0].startswith(starts))
        key = what, hash(frozenset(read))
        if key not in self._seen:
            if self._written is not tree:
                write_tree(self.run.root, tree)
                self._written = tree
            try:
                self._seen[key] = look()
            except Exception as wrong:
                self._seen[key] = wrong
        found = self._seen[key]
        if isinstance(found, Exception):
            raise found
        return found

    def _table(self, name: str) -> tuple[list[tuple[int, int]], set[str]]:
        table = self.run.root / self.tables[name]
        made_by = {commit_info(table, version).get("run") for version in list_log(table)[0]}
        return rows_of(table), {str(run) for run in made_by if run is not None}

    def _known(self) -> set[str]:
        known = {record.run_id for record in read_records(self.settings.runs)}
        for path in self.settings.runs.glob(".work/*/run.json"):
            known.add(json.loads(path.read_text())["run_id"])
        return known


def test_tables_are_as_before_or_after_and_every_run_that_committed_is_known(recorded: Run) -> None:
    said = []
    taken = sampling.chosen(recorded.cuts, 60, "full run, seen")
    observer = Observer(recorded)
    for cut in taken:
        try:
            observer.look(cut)
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
        # A half written report lies apart and is of no run: the run itself is archived anew.
        left = {record.status for record in read_records(settings.runs)}
        assert left and left <= {"ok", "killed"}, cut.how
        let_the_parent_end(recorded.root)


def let_the_parent_end(root: Path) -> None:
    """No process outlives a power cut; that of the last one is not to be met in the next state."""
    for _ in range(600):
        if not list((root / ".lakebook" / "warm").glob("*.sock")):
            return
        time.sleep(0.1)
    raise AssertionError("the warm parent does not end")
