"""What a table needs of its readers and writers and Lakebook has not is refused by name."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import delta_worker as w
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import DeltaError

from lakebook import delta
from lakebook.contract.model import Column
from lakebook.delta import protocol, transaction
from lakebook.delta.checkpoint import checkpoint_path
from lakebook.delta.checkpointing import place_checkpoint
from lakebook.delta.entry import commit_path
from lakebook.delta.transaction import Change, transact
from lakebook.errors import StorageError
from lakebook.intervals import Interval

JANUARY = Interval.parse("2013-01-01", "2013-02-01")
MONTHLY = w.make_contract("month")


def foreign(table: Path, *actions: dict[str, Any]) -> None:
    """A commit of another program."""
    version = delta.open_snapshot(table).version + 1
    lines = [json.dumps({"commitInfo": {"operation": "X"}}), *map(json.dumps, actions)]
    commit_path(table, version).write_text("\n".join(lines) + "\n")


def asks(reader: list[str], writer: list[str] | None = None) -> dict[str, Any]:
    return {
        "protocol": {
            "minReaderVersion": 3,
            "minWriterVersion": 7,
            "readerFeatures": reader,
            "writerFeatures": [*reader, *(writer or ())],
        }
    }


def meta(table: Path, **settings: str) -> dict[str, Any]:
    now = dict(delta.open_snapshot(table).metadata)
    names = {name.replace("__", "."): value for name, value in settings.items()}
    return {"metaData": {**now, "configuration": {**now["configuration"], **names}}}


@pytest.mark.parametrize(
    "feature",
    ["deletionVectors", "columnMapping", "v2Checkpoint", "typeWidening", "variantType", "x-new"],
)
def test_a_feature_of_readers_is_refused_by_its_name(table: Path, feature: str) -> None:
    w.write(table, MONTHLY, JANUARY)
    foreign(table, asks(["timestampNtz", feature]))
    said = f"{table}: the table needs {feature} of its readers, which Lakebook has not; read it"
    with pytest.raises(StorageError) as refused:
        delta.open_snapshot(table)
    assert refused.value.sentence.startswith(said)
    assert delta.open_snapshot(table, 1).rows == 93  # before it was asked for


def test_it_is_refused_from_a_checkpoint_as_well(table: Path) -> None:
    w.write(table, MONTHLY, JANUARY)
    foreign(table, asks(["timestampNtz", "deletionVectors"]))
    DeltaTable(str(table)).create_checkpoint()
    commit_path(table, 0).unlink()
    with pytest.raises(StorageError, match="needs deletionVectors of its readers"):
        delta.open_snapshot(table)


def test_column_mapping_of_an_older_protocol_is_refused(table: Path) -> None:
    w.write(table, MONTHLY, JANUARY)
    old = {"protocol": {"minReaderVersion": 2, "minWriterVersion": 5}}
    foreign(table, old, meta(table))
    assert delta.open_snapshot(table).rows == 93  # allowed, and not in use
    foreign(table, meta(table, delta__columnMapping__mode="name"))
    with pytest.raises(StorageError, match="needs columnMapping of its readers"):
        delta.open_snapshot(table)


def test_a_file_with_a_deletion_vector_is_refused_whatever_the_protocol_says(table: Path) -> None:
    w.write(table, MONTHLY, JANUARY)
    vector = {"storageType": "u", "pathOrInlineDv": "x", "sizeInBytes": 1, "cardinality": 1}
    file = {"path": "_partition=2013-01/a.parquet", "partitionValues": {"_partition": "2013-01"}}
    file |= {"size": 1, "modificationTime": 0, "dataChange": True}  # type: ignore[dict-item]
    foreign(table, {"add": {**file, "deletionVector": vector}})
    with pytest.raises(StorageError, match=r"needs deletionVectors.*2013-01/a\.parquet has one"):
        delta.open_snapshot(table)


def test_a_later_version_of_the_protocol_is_refused(table: Path) -> None:
    w.write(table, MONTHLY, JANUARY)
    foreign(table, {"protocol": {"minReaderVersion": 4, "minWriterVersion": 7}})
    with pytest.raises(StorageError, match="needs version 4 of the protocol of its readers"):
        delta.open_snapshot(table)


@pytest.mark.parametrize(
    ("actions", "named"),
    [
        (lambda t: [asks(["timestampNtz"], ["rowTracking"])], "rowTracking"),
        (lambda t: [meta(t, delta__appendOnly="true")], "appendOnly"),
        (lambda t: [meta(t, delta__enableChangeDataFeed="true")], "changeDataFeed"),
        (lambda t: [meta(t, delta__constraints__k="k > 0")], "checkConstraints"),
    ],
)
def test_what_a_table_needs_of_its_writers_is_refused_when_it_is_in_use(
    table: Path, actions: Callable[[Path], list[dict[str, Any]]], named: str
) -> None:
    w.write(table, MONTHLY, JANUARY)
    foreign(table, *actions(table))
    assert delta.open_snapshot(table).rows == 93
    with pytest.raises(StorageError, match=f"needs {named} of its writers"):
        w.write(table, MONTHLY, JANUARY, rows=w.make_rows(JANUARY, seed=1))


@pytest.mark.parametrize("name", ["0000000001.0000000002.parquet", "aaaa-bbbb.parquet", "c.json"])
def test_a_checkpoint_of_another_kind_is_said_where_the_entries_are_gone(
    table: Path, name: str
) -> None:
    w.write(table, MONTHLY, JANUARY)
    (table / "_delta_log" / f"{1:020}.checkpoint.{name}").write_bytes(b"PAR1")
    assert delta.open_snapshot(table).rows == 93  # the entries say it all
    commit_path(table, 0).unlink()
    with pytest.raises(StorageError, match=r"in parts or of the second kind .*checkpoint\."):
        delta.open_snapshot(table)


def test_a_checkpoint_that_keeps_its_files_elsewhere_is_refused(table: Path) -> None:
    w.write(table, MONTHLY, JANUARY)
    place_checkpoint(table, 1)
    path = checkpoint_path(table, 1)
    rows = pq.read_table(path)
    sidecar = pa.array([{"path": "x.parquet"}] + [None] * (rows.num_rows - 1))
    pq.write_table(rows.set_column(rows.column_names.index("sidecar"), "sidecar", sidecar), path)
    with pytest.raises(StorageError, match="keeps its files in other files"):
        delta.open_snapshot(table)


def test_new_tables_name_the_feature_of_columns_that_are_never_null(table: Path) -> None:
    snapshot = delta.ensure_table(table, MONTHLY)
    assert snapshot.protocol == protocol.OURS
    assert snapshot.protocol.writer_features == ("timestampNtz", "invariants")


def older(table: Path) -> None:
    """Take the feature out of a table's first entry, as an older Lakebook made it."""
    first = commit_path(table, 0)
    first.write_text(re.sub(r', ?"invariants"', "", first.read_text()))
    features = delta.open_snapshot(table).protocol
    assert features is not None and features.writer_features == ("timestampNtz",)


def test_the_next_commit_brings_an_older_table_up_to_date_once(table: Path) -> None:
    w.write(table, MONTHLY, JANUARY)
    older(table)
    before = delta.open_snapshot(table)
    transact(table, lambda now: Change(tokens={"fence/x": 1}))
    transact(table, lambda now: Change(tokens={"fence/x": 2}))
    after = delta.open_snapshot(table)
    assert after.protocol == protocol.OURS
    assert after.version == before.version + 2
    assert '"protocol"' in commit_path(table, 2).read_text()
    assert '"protocol"' not in commit_path(table, 3).read_text()
    assert (after.fp("2013-01"), after.data("2013-01"), after.files) == (
        before.fp("2013-01"),
        before.data("2013-01"),
        before.files,
    )


def test_delta_rs_writes_such_a_table_and_holds_its_nulls(table: Path) -> None:
    w.write(table, MONTHLY, JANUARY)
    row = {"day": [w.make_rows(JANUARY)["day"][0]], "k": [1], "v": ["x"], "_partition": ["2013-01"]}
    write_deltalake(str(table), pa.table(row), mode="append")
    assert delta.open_snapshot(table).rows == 94
    none = pa.table({**row, "k": pa.array([None], pa.int64())})
    with pytest.raises(DeltaError, match="1 rows failed validation"):
        write_deltalake(str(table), none, mode="append")


def test_a_column_is_added_with_all_else_as_it_was(table: Path) -> None:
    w.write(table, MONTHLY, JANUARY)
    before = delta.open_snapshot(table)
    delta.ensure_table(table, w.make_contract("month", Column("x", "float64")))
    after = delta.open_snapshot(table)
    assert after.schema is not None and after.schema.names == ["day", "k", "v", "x"]
    same = {k: v for k, v in after.metadata.items() if k != "schemaString"}
    assert same == {k: v for k, v in before.metadata.items() if k != "schemaString"}
    assert DeltaTable(str(table)).to_pyarrow_table()["x"].null_count == 93


def test_a_vacuum_brings_the_log_of_an_older_table_up_to_date(
    table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rare = w.make_contract("month", Column("flag", "boolean"))
    rows = w.make_rows(JANUARY).with_columns(v=w.pl.lit("\U00020000"), flag=w.pl.col("k") % 2 == 0)
    with monkeypatch.context() as old:
        old.setattr(transaction, "for_readers", lambda stats, schema: stats)
        old.setattr(transaction, "reader_settings", lambda schema, columns: {})
        w.write(table, rare, JANUARY, rows=rows)
    first = commit_path(table, 0)
    lines = [json.loads(line) for line in first.read_text().splitlines()]
    del lines[2]["metaData"]["configuration"]["delta.dataSkippingStatsColumns"]
    first.write_text("".join(json.dumps(line) + "\n" for line in lines))
    older(table)

    def seen() -> list[int]:
        dataset = DeltaTable(str(table)).to_pyarrow_dataset()
        asked = (pc.field("flag") == True, pc.field("v") >= "\U00020000")  # noqa: E712
        return [dataset.to_table(filter=one).num_rows for one in asked]

    before = delta.open_snapshot(table)
    assert seen() == [0, 0]  # the faults
    delta.vacuum(table)
    assert seen() == [62, 93]
    after = delta.open_snapshot(table)
    assert (after.version, after.protocol) == (2, protocol.OURS)
    assert dict(after.tokens) == dict(before.tokens) and w.read(after).equals(w.read(before))
    assert {f.path for f in after.files} == {f.path for f in before.files}
    delta.vacuum(table)
    assert delta.open_snapshot(table).version == 2
