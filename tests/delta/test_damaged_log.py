"""A log entry or checkpoint that is not whole is an error that names it; it never reads as less."""

from __future__ import annotations

import json
from pathlib import Path

import delta_worker as w
import pyarrow.parquet as pq
import pytest
from deltalake import CommitProperties, DeltaTable, Transaction
from deltalake.transaction import AddAction, RemoveAction

from lakebook import delta
from lakebook.delta.checkpoint import checkpoint_path
from lakebook.delta.entry import commit_path
from lakebook.delta.history import version_of_run
from lakebook.delta.snapshot import Snapshot
from lakebook.delta.transaction import Change, transact
from lakebook.errors import StorageError
from lakebook.intervals import Interval
from lakebook.names import Dataset, TierTables
from lakebook.tiers.from_log import operations_in_log

JANUARY = Interval.parse("2013-01-01", "2013-02-01")
MONTHLY = w.make_contract("month")


def seen(snapshot: Snapshot) -> tuple[object, ...]:
    return snapshot.version, snapshot.files, dict(snapshot.tokens), snapshot.tombstones


def replaced(table: Path) -> Path:
    """A table whose newest commit replaces a partition; the entry of that commit."""
    w.write(table, MONTHLY, JANUARY)
    w.write(table, MONTHLY, JANUARY, rows=w.make_rows(JANUARY, seed=1), run="second")
    return commit_path(table, 2)


def by_delta_rs(table: Path) -> Path:
    """The same commit as Lakebook once had it written: without a count, the tokens last."""
    entry = replaced(table)
    actions = [json.loads(line) for line in entry.read_text().splitlines()]
    entry.unlink()
    adds = [
        AddAction(a["path"], a["size"], a["partitionValues"], 0, a["dataChange"], a["stats"])
        for a in (action["add"] for action in actions if "add" in action)
    ]
    removes = [
        RemoveAction(r["path"], True, 0, size=r["size"], partition_values=r["partitionValues"])
        for r in (action["remove"] for action in actions if "remove" in action)
    ]
    tokens = [a["txn"] for a in actions if "txn" in a]
    handle = DeltaTable(str(table))
    handle.create_write_transaction(
        [*adds, *removes],
        "append",
        handle.schema(),
        ["_partition"],
        commit_properties=CommitProperties(
            custom_metadata={"run": "second", "commit": "x"},
            app_transactions=[Transaction(t["appId"], t["version"]) for t in tokens],
        ),
    )
    return entry


def test_an_entry_that_is_cut_anywhere_is_never_read_as_less(table: Path) -> None:
    entry = replaced(table)
    whole, content = seen(delta.open_snapshot(table)), entry.read_bytes()
    ends = [at for at, byte in enumerate(content) if byte == ord("\n")]
    assert len(ends) == 5  # what it says of itself, two tokens, a removal, a new file
    cuts = {0, 1, *range(0, len(content), 37), *ends, *(end + 1 for end in ends)}
    for cut in sorted(cuts - {len(content) - 1, len(content)}):
        entry.write_bytes(content[:cut])
        with pytest.raises(StorageError, match=r"0002\.json: damaged log entry of version 2: "):
            delta.open_snapshot(table)
    entry.write_bytes(content[:-1])  # only the last line's end: nothing is missing
    assert seen(delta.open_snapshot(table)) == whole


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "it is empty"),
        (b"\n", "it is empty"),
        (b"\0" * 512, "its line 1 cannot be read"),
        (b"7\n", "its line 1 is no action"),
    ],
)
def test_an_entry_after_a_power_cut_is_damage(table: Path, content: bytes, what: str) -> None:
    replaced(table).write_bytes(content)
    fix = r"; put it back from a copy of the lake; without one, delete this file"
    with pytest.raises(StorageError, match=f"damaged log entry of version 2: {what}.*{fix}"):
        delta.open_snapshot(table)


def test_an_entry_under_the_name_of_another_is_damage(table: Path) -> None:
    newest, before = replaced(table), commit_path(table, 1)
    later, earlier = newest.read_bytes(), before.read_bytes()
    newest.write_bytes(earlier)
    with pytest.raises(StorageError, match="version 2: it is the entry of version 1; put it back"):
        delta.open_snapshot(table)
    before.write_bytes(later)
    with pytest.raises(StorageError, match="version 1: it is the entry of version 2"):
        delta.open_snapshot(table)
    newest.write_bytes(later)
    before.write_bytes(earlier.replace(b',"version":1}', b"}"))  # as an older Lakebook wrote it
    assert delta.open_snapshot(table).version == 2


def test_a_damaged_entry_that_others_build_on_is_not_to_be_deleted(table: Path) -> None:
    replaced(table)
    commit_path(table, 1).write_bytes(b"")
    with pytest.raises(StorageError, match=r"version 1: it is empty; put it back.*lake$"):
        delta.open_snapshot(table)


def test_every_reader_of_entries_refuses_a_damaged_one(table: Path) -> None:
    entry = replaced(table)
    entry.write_bytes(b"".join(entry.read_bytes().splitlines(keepends=True)[:3]))
    tables = TierTables(Dataset("silver", "events"), table, table / "none", table / "none")
    for read in (
        lambda: delta.commit_info(table, 2),
        lambda: version_of_run(table, "run"),
        lambda: operations_in_log(tables, "second", w.EPOCH),
        lambda: delta.open_snapshot(table, 2),
    ):
        with pytest.raises(StorageError, match="version 2: it has 3 of its 5 actions"):
            read()
    with pytest.raises(StorageError, match="version 2"):
        transact(table, lambda now: Change(tokens={"fence/x": 1}))
    assert not commit_path(table, 3).exists()


def test_an_older_entry_is_judged_by_what_it_has(table: Path) -> None:
    entry = by_delta_rs(table)
    content = entry.read_bytes()
    assert delta.open_snapshot(table).rows == 93
    assert not content.endswith(b"\n") and b'"actions"' not in content
    lines = content.splitlines(keepends=True)
    for count in range(len(lines)):
        entry.write_bytes(b"".join(lines[:count]))
        with pytest.raises(StorageError, match="damaged log entry of version 2: "):
            delta.open_snapshot(table)
    for count in (2, 3):  # a line's end lost as well, before the fence
        entry.write_bytes(b"".join(lines[:count]).rstrip(b"\n"))
        with pytest.raises(StorageError, match="changes 2013-01 and does not raise its fence"):
            delta.open_snapshot(table)


def test_the_first_entry_needs_what_makes_a_table(table: Path) -> None:
    delta.ensure_table(table, MONTHLY)
    first = commit_path(table, 0)
    lines = first.read_text().splitlines(keepends=True)
    first.write_text("".join(lines[:2]))
    with pytest.raises(StorageError, match="version 0: it has 2 of its 3 actions"):
        delta.open_snapshot(table)
    info = json.loads(lines[0])
    del info["commitInfo"]["actions"]  # as an older Lakebook wrote it
    first.write_text(json.dumps(info) + "\n" + lines[1])
    with pytest.raises(StorageError, match="version 0: it lacks metaData"):
        delta.open_snapshot(table)


def test_a_removal_stands_before_what_takes_its_place(table: Path) -> None:
    actions = [json.loads(line) for line in replaced(table).read_text().splitlines()]
    kinds = [next(iter(action)) for action in actions]
    assert kinds == ["commitInfo", "txn", "txn", "remove", "add"]


def checkpointed(table: Path) -> Path:
    w.write(table, MONTHLY, JANUARY)
    for _ in range(21):
        transact(table, lambda now: Change(tokens={"fence/x": now.fence("x") + 1}))
    path = checkpoint_path(table, 20)
    assert path.exists()
    return path


def test_a_damaged_checkpoint_is_named(table: Path) -> None:
    path = checkpointed(table)
    content = path.read_bytes()
    half = len(content) // 2
    for broken in (b"", content[:half], b"\0" * len(content), content[:4] + b"\0" * half):
        path.write_bytes(broken)
        with pytest.raises(StorageError, match=r"0020\.checkpoint\.parquet: damaged checkpoint"):
            delta.open_snapshot(table)
    path.unlink()  # as the sentence says: the entries are all there
    assert delta.open_snapshot(table).rows == 93


def test_a_checkpoint_that_lacks_rows_is_damaged(table: Path) -> None:
    path = checkpointed(table)
    rows = pq.read_table(path)
    pq.write_table(rows.filter(rows["add"].is_null()), path)  # 93 rows of the table
    said = f"it has {rows.num_rows - 1} of its {rows.num_rows} actions"
    with pytest.raises(StorageError, match=f"damaged checkpoint: {said}"):
        delta.open_snapshot(table)
    pq.write_table(rows.filter(rows["protocol"].is_null()), path)
    with pytest.raises(StorageError, match="damaged checkpoint: it has no protocol"):
        delta.open_snapshot(table)


def test_a_checkpoint_says_what_the_log_says_and_delta_rs_reads_it(table: Path) -> None:
    path = checkpointed(table)
    with_it = seen(delta.open_snapshot(table))[:3]
    assert DeltaTable(str(table)).transaction_version("fence/x") == 21
    assert json.loads((table / "_delta_log/_last_checkpoint").read_text())["version"] == 20
    path.unlink()
    assert seen(delta.open_snapshot(table))[:3] == with_it
    assert [p.name for p in (table / "_staging").iterdir()] == []
