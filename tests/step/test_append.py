"""Append through `Step`: a log is added once, and nothing of it is lost or doubled."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import journal_source
import pytest
from small_checkout import POSITIVE
from small_lake import Row, SmallLake, rows

from lakebook.delta import FAULT_POINTS, rollback, sweep
from lakebook.errors import ConflictError, SourceError, UserError
from lakebook.quality import quarantine
from lakebook.step.card import Card

D1, D2, D3 = "2013-01-01", "2013-01-02", "2013-01-03"
FIRST: list[Row] = [(1, D1, 10), (2, D2, -20)]
MORE: list[Row] = [(3, D1, -30), (4, D3, 40)]


@pytest.fixture
def log(lake: SmallLake, monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallLake]:
    journal_source.install(lake.root / "plugins")
    monkeypatch.syspath_prepend(str(lake.root / "plugins"))
    lake.contract("append", quality=POSITIVE)
    yield lake


def record(lake: SmallLake, *given: Row, part: str = "") -> None:
    name = f"orders.{part}.journal" if part else "orders.journal"
    with (lake.root / name).open("a") as file:
        file.writelines(json.dumps(row) + "\n" for row in given)


def append(lake: SmallLake, **options: int) -> Card:
    step = lake.open(None, None)
    return step.write(step.ingest("journal://orders", **options))  # type: ignore[no-any-return]


def test_only_what_is_new_is_added(log: SmallLake) -> None:
    record(log, *FIRST)
    append(log)
    before = log.snapshot
    record(log, *MORE)
    output = append(log).output
    assert (output.rows_audited, output.rows_published, output.rows_quarantined) == (2, 1, 1)
    assert log.rows() == [(1, D1, 10), (4, D3, 40)]
    assert set(before.files) < set(log.snapshot.files), "nothing is written again"
    assert log.snapshot.tokens["offset/journal://orders"] == 4
    assert log.snapshot.fp(D1) is None


def test_running_it_again_commits_nothing(log: SmallLake) -> None:
    record(log, *FIRST)
    append(log)
    version = log.snapshot.version
    output = append(log).output
    assert (output.rows_audited, output.committed, log.snapshot.version) == (0, (), version)


def test_the_quarantine_of_a_batch_outlives_the_next(log: SmallLake) -> None:
    record(log, *FIRST)
    append(log)
    record(log, *MORE, (5, D1, 50))
    append(log)
    append(log)
    assert log.quarantined() == [(2, -20), (3, -30)]
    contract = log.contexts[-1].contract.tables[0]
    assert quarantine.partitions(log.contexts[-1].settings, contract) == (D1, D2)
    quarantine.sweep(log.contexts[-1].settings, contract, now=4e9)
    assert log.quarantined() == [(2, -20), (3, -30)]


def test_a_batch_may_end_before_the_log_does(log: SmallLake) -> None:
    record(log, *FIRST, *MORE)
    read = [append(log, most=3).output.rows_audited for _ in range(3)]
    assert read == [3, 1, 0]


def test_each_part_of_a_log_has_an_offset_of_its_own(log: SmallLake) -> None:
    record(log, (1, D1, 10), (2, D1, 20), part="0")
    record(log, (3, D1, 30), part="1")
    append(log)
    record(log, (4, D2, 40), part="1")
    append(log)
    offsets = {n: v for n, v in log.snapshot.tokens.items() if n.startswith("offset/")}
    assert offsets == {"offset/journal://orders#0": 2, "offset/journal://orders#1": 2}
    assert [row[0] for row in log.rows()] == [1, 2, 3, 4]


def test_of_two_readers_of_one_batch_the_second_is_refused(log: SmallLake) -> None:
    record(log, *FIRST)
    late = log.open(None, None)
    late_context = log.contexts[-1]
    batch = late.ingest("journal://orders")
    record(log, (3, D1, -30))
    append(log)
    with pytest.raises(ConflictError, match="is at offset 3, and these rows begin at None"):
        late.write(batch)
    assert late_context.outcome.conflicts == ["*"], "the scheduler runs it again"
    assert log.rows() == [(1, D1, 10)]
    assert log.quarantined() == [(2, -20), (3, -30)], "what the second one set aside is not shown"


def test_a_log_that_is_shorter_than_what_was_read_is_not_that_log(log: SmallLake) -> None:
    record(log, *FIRST)
    append(log)
    (log.root / "orders.journal").write_text("")
    with pytest.raises(SourceError, match="ends at offset 0, and rows up to 2 were read"):
        append(log)


def test_what_is_not_a_log_is_not_appended_and_a_log_only_so(log: SmallLake) -> None:
    record(log, *FIRST)
    with pytest.raises(UserError, match=r"file://x\.csv can be read again"):
        log.open(None, None).ingest("file://x.csv")
    with pytest.raises(UserError, match="no log was ingested"):
        log.open(None, None).write(rows(*FIRST))
    with pytest.raises(UserError, match=r'has an interval; make it Step\("silver.events"\)'):
        log.open(D1, D2)
    log.env = "ana"
    with pytest.raises(UserError, match="run it in prod; an environment reads what is there"):
        append(log)
    log.env = "prod"
    log.contract("replace")
    with pytest.raises(UserError, match=r"cannot be read again, and silver\.events is written"):
        log.open(D1, D2).ingest("journal://orders")


SCRIPT = """
import os, signal, sys
from pathlib import Path
from small_lake import SmallLake
from lakebook.step import append
if sys.argv[2] == "between":
    append.commit_append = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
else:
    os.environ["LAKEBOOK_FAULT"] = sys.argv[2]
step = SmallLake(Path(sys.argv[1])).open(None, None)
step.write(step.ingest("journal://orders"))
"""
DEADLY = [p for p in FAULT_POINTS if p.startswith(("stage", "inspect", "commit.b", "finish"))]


@pytest.mark.parametrize(
    "point",
    [
        "between",
        *(
            pytest.param(point, marks=pytest.mark.slow)
            for point in (*DEADLY, "commit.after_write")
            if point != "commit.before_empty"  # only a replace makes empty files
        ),
    ],
)
def test_a_batch_whose_writer_is_killed_is_added_once(log: SmallLake, point: str) -> None:
    """`between`: its quarantine is committed and the table is not."""
    record(log, *FIRST)
    append(log)
    record(log, *MORE)
    path = [str(log.root / "plugins"), str(Path(journal_source.__file__).parent)]
    script = log.root / "append.py"  # a file: pyspark, where it is, ends a `python -c`
    script.write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, str(script), str(log.root), point],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path)},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == -9, done.stderr
    if point == "between":
        assert log.quarantined() == [(2, -20)], "what is not published is not shown"
    record(log, (5, D2, -50))
    append(log)
    assert log.rows() == [(1, D1, 10), (4, D3, 40)]
    assert log.quarantined() == [(2, -20), (3, -30), (5, -50)]
    sweep(log.table)
    found = {path.relative_to(log.table).as_posix() for path in log.table.glob("_part*/*")}
    assert found == {file.path for file in log.snapshot.files}


def test_a_rollback_takes_the_offsets_along(log: SmallLake) -> None:
    record(log, *FIRST)
    log.run_id = "first"
    append(log)
    record(log, *MORE)
    log.run_id = "second"
    append(log)
    with pytest.raises(UserError, match="roll all partitions back"):
        rollback(log.table, "first", partitions=[D3])
    rollback(log.table, "first")
    assert (log.rows(), log.quarantined()) == ([(1, D1, 10)], [(2, -20)])
    record(log, (5, D1, 50))
    append(log)
    assert log.rows() == [(1, D1, 10), (4, D3, 40), (5, D1, 50)]
    assert log.quarantined() == [(2, -20), (3, -30)]
