"""A contract that cuts or types its rows otherwise than the table was written: refused, in prod and
in environments, before a row is looked for where it does not lie."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from small_lake import SmallLake

from lakebook import delta
from lakebook.contract.lookup import find_table
from lakebook.contract.types import TYPES, arrow_type
from lakebook.delta.agreement import CUT, WAY, check_type
from lakebook.engines.polars_cast import exact_casts
from lakebook.errors import ContractError
from lakebook.names import Dataset
from lakebook.settings import load_settings
from lakebook.step.view import look_at, open_view

EVENTS = Dataset("silver", "events")
SENT = "      - {name: sent, logicalType: timestamp, physicalType: timestamp}\n"
TIME = (
    "      - {property: timeColumn, value: seen}\n      - {property: timeZone, value: UTC}\n"
    "      - {property: partitionUnit, value: day}\n"
)
CHANGES = {
    "unit": ("partitionUnit, value: day", "partitionUnit, value: month", "partitionUnit day"),
    "zone": ("timeZone, value: UTC", "timeZone, value: America/New_York", "timeZone UTC"),
    "column": ("timeColumn, value: seen", "timeColumn, value: sent", "timeColumn seen"),
    "none": (f"write, value: replace}}\n{TIME}", "write, value: snapshot}\n", "column 'seen'"),
    "merge": ("write, value: replace", "write, value: merge", "by replace, and its contract says "
              "merge by id: a key may stand"),
    "type": ("integer, physicalType: int64}\n      - {name: sent", "number, physicalType: float64}"
             "\n      - {name: sent", "'amount' of silver.events is int64 in the table"),
}  # fmt: skip


@pytest.fixture
def written(lake: SmallLake) -> SmallLake:
    lake.contract("replace", columns=SENT)
    path = lake.root / "notebooks/silver/events.contract.yaml"
    assert TIME in path.read_text()
    write(lake, 1)
    return lake


def write(lake: SmallLake, amount: int) -> None:
    import polars as pl
    from small_lake import rows

    given = rows((1, "2013-01-01", amount), (2, "2013-01-31 22:00", amount))
    lake.open("2013-01-01", "2013-02-01").write(
        given.with_columns(sent=pl.lit(None, pl.Datetime("us")))
    )


def change(lake: SmallLake, old: str, new: str) -> Callable[[], None]:
    """Edit the contract; gives what takes it back."""
    path = lake.root / "notebooks/silver/events.contract.yaml"
    before = path.read_text()
    assert before.count(old) == 1
    path.write_text(before.replace(old, new))
    return lambda: path.write_text(before) and None


def view(root: Path, env: str):
    settings = load_settings(root, env=env)
    return open_view(settings, find_table(settings, EVENTS))


@pytest.mark.parametrize("kind", CHANGES)
@pytest.mark.parametrize("env", ["prod", "ana"])
def test_who_reads_or_writes_by_another_contract_is_refused(
    written: SmallLake, kind: str, env: str
) -> None:
    old, new, said = CHANGES[kind]
    version = written.snapshot.version
    back = change(written, old, new)
    with pytest.raises(ContractError, match=re.escape(said)):
        view(written.root, env)
    written.env = env
    with pytest.raises(ContractError, match=re.escape(said)):
        write(written, 2)
    settings = load_settings(written.root, env=env)
    assert (
        look_at(settings, find_table(settings, EVENTS)).rows() == 2
    )  # a report is made all the same
    back()
    assert view(written.root, env).rows() == 2
    written.env = "prod"
    assert written.snapshot.version == version


@pytest.mark.parametrize("kind", CHANGES)
def test_an_environments_own_rows_are_held_to_it_as_well(written: SmallLake, kind: str) -> None:
    written.env = "ana"
    write(written, 2)
    old, new, said = CHANGES[kind]
    change(written, old, new)
    with pytest.raises(ContractError, match=re.escape(said)):
        view(written.root, "ana")


def test_a_table_that_does_not_keep_its_cut_shows_its_unit_and_keeps_it_from_then_on(
    written: SmallLake,
) -> None:
    forget(written.table)
    back = change(written, *CHANGES["unit"][:2])
    with pytest.raises(ContractError, match="partitionUnit day"):
        view(written.root, "prod")
    back()
    before = written.partitions()
    write(written, 1)
    assert written.snapshot.metadata["configuration"][CUT] == "seen UTC day"
    assert written.partitions() == before
    change(written, *CHANGES["zone"][:2])
    with pytest.raises(ContractError, match="timeZone UTC"):
        view(written.root, "prod")


def forget(table: Path) -> None:
    """Take what a table keeps of its cut out of its log, as it was before tables did."""
    from lakebook.delta.transaction import Change, transact

    transact(table, lambda _: Change(operation="SET TBLPROPERTIES", settings={CUT: ""}))
    assert not delta.open_snapshot(table).metadata["configuration"][CUT]


def test_another_key_of_a_merge_is_refused_and_none_is_taken(lake: SmallLake) -> None:
    lake.contract("merge", columns=SENT)
    write(lake, 1)
    key = "physicalType: int64}\n      - {name: sent"
    path = lake.root / "notebooks/silver/events.contract.yaml"
    path.write_text(
        path.read_text().replace("primaryKey: true", "primaryKey: true, primaryKeyPosition: 1")
    )
    back = change(
        lake, key, key.replace("}", ", required: true, primaryKey: true, primaryKeyPosition: 2}", 1)
    )
    for look in (lambda: write(lake, 2), lambda: view(lake.root, "prod")):
        with pytest.raises(
            ContractError, match=r"merge by id, and its contract says merge by id, amount"
        ):
            look()
    back()
    change(lake, "write, value: merge", "write, value: replace")
    write(lake, 3)
    assert [row[2] for row in lake.rows()] == [3, 3]
    assert lake.snapshot.metadata["configuration"][WAY] == "replace"


def test_what_was_replaced_is_not_appended_to(lake: SmallLake) -> None:
    lake.contract("replace", columns=SENT)
    write(lake, 1)
    change(lake, "write, value: replace", "write, value: append")
    for look in (lambda: lake.open(None, None), lambda: view(lake.root, "prod")):
        with pytest.raises(ContractError, match="by the offsets of its sources"):
            look()


def test_a_table_that_does_not_say_how_it_was_written_says_so_from_then_on(
    lake: SmallLake,
) -> None:
    from lakebook.delta.transaction import Change, transact

    lake.contract("merge", columns=SENT)
    write(lake, 1)
    transact(lake.table, lambda _: Change(operation="SET TBLPROPERTIES", settings={WAY: ""}))
    write(lake, 1)
    assert lake.snapshot.metadata["configuration"][WAY] == "merge by id"


def test_a_table_without_rows_may_be_cut_anew(lake: SmallLake) -> None:
    lake.contract("replace", columns=SENT)
    lake.open("2013-01-01", "2013-02-01")
    change(lake, *CHANGES["unit"][:2])
    write(lake, 1)
    assert set(lake.snapshot.written) == {"2013-01"}


@pytest.mark.parametrize("wanted", [*TYPES, "decimal(10,2)"])
@pytest.mark.parametrize("have", [*TYPES, "decimal(10,2)"])
def test_a_migration_is_named_where_its_casts_can_be_made(
    written: SmallLake, have: str, wanted: str
) -> None:
    import polars as pl

    table = find_table(load_settings(written.root), EVENTS)
    contract = replace(table, columns=(replace(table.columns[0], name="v", type=wanted),))
    field = pa.field("v", arrow_type(have))
    if have == wanted:
        check_type(field, contract)
        return
    with pytest.raises(ContractError) as refused:
        check_type(field, contract)
    rows = pl.DataFrame(pl.from_arrow(pa.schema([field]).empty_table()))
    try:
        exact_casts(rows.schema, contract)
        may = True
    except ContractError:
        may = False
    assert ("lakebook migrate silver.events" in refused.value.fix) == may
    assert f"write {have} here and cast it in the step that reads it" in refused.value.fix
