"""A contract file becomes frozen values, and what is wrong with it is named with its line."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lakebook.contract.load import load_contract
from lakebook.contract.model import Contract
from lakebook.errors import ContractError
from lakebook.names import Dataset

Load = Callable[..., Contract]


def test_a_contract_says_what_its_table_promises(load: Load) -> None:
    contract = load()
    table = contract.table(Dataset.parse("silver.flights"))

    assert contract.step == Dataset("silver", "flights")
    assert (contract.owner, contract.domain) == ("flight-data@example.org", "aviation")
    assert table.names == ("flight_date", "carrier", "dep_delay_min", "fare")
    assert [c.type for c in table.columns] == ["date", "string", "int32", "decimal(10,2)"]
    assert [c.nullable for c in table.columns] == [False, False, True, True]
    assert table.key == ("carrier", "flight_date")
    assert table.time is not None
    assert (table.time.column, table.time.zone, table.time.unit) == (
        "flight_date",
        "America/New_York",
        "month",
    )
    assert (table.tier.hot_days, table.tier.warm_days, table.tier.retention_days) == (30, 365, 2555)
    assert (table.sla.freshness_hours, table.sla.schedule) == (24, "0 6 * * *")
    assert table.tags == ("flights", "core")
    assert table.column("dep_delay_min").unit == "min"
    assert table.column("carrier").classification == "public"


def test_a_column_knows_its_line(load: Load, flights_text: str) -> None:
    column = load().tables[0].column("dep_delay_min")

    assert flights_text.splitlines()[column.line - 1].strip() == "- name: dep_delay_min"


def test_a_table_without_time_is_a_snapshot(load: Load) -> None:
    table = load(
        ("      - {property: write, value: replace}\n", ""),
        ("      - {property: timeColumn, value: flight_date}\n", ""),
        ("      - {property: timeZone, value: America/New_York}\n", ""),
        ("      - {property: partitionUnit, value: month}\n", ""),
    ).tables[0]

    assert table.time is None
    assert table.write == "snapshot"


def test_properties_of_another_vendor_are_left_alone(load: Load) -> None:
    table = load(
        (
            "      - {property: write, value: replace}\n",
            "      - {property: write, value: replace}\n"
            "      - {property: topic, value: 7, vendor: confluent}\n",
        )
    ).tables[0]

    assert table.write == "replace"


def test_a_service_level_may_be_of_one_table(load: Load) -> None:
    table = load(("unit: d, schedule:", "unit: h, element: flights.carrier, schedule:")).tables[0]

    assert table.sla.freshness_hours == 1


BROKEN = [
    pytest.param(
        "        required: true\n",
        "        requird: true\n",
        "notebooks/silver/flights.contract.yaml:40: unknown key 'requird' in "
        "schema.flights.flight_date (did you mean 'required'?)",
        id="unknown key",
    ),
    ("status: active", "statuss: active", ":6: unknown key 'statuss' in the contract (did you"),
    ("physicalType: int32", "physicalType: int23", ":55: unknown type 'int23' (did you mean"),
    ("physicalType: int32", "physicalType: uint8", "use one of string, int64"),
    ("logicalType: integer", "logicalType: intger", "'intger' is not allowed (did you mean 'inte"),
    ("logicalType: integer", "logicalType: number", "write logicalType: integer"),
    ("        logicalType: integer\n", "", "schema.flights.dep_delay_min has no logicalType"),
    ("        physicalType: int32\n", "", "'dep_delay_min' has no physicalType"),
    ("name: fare", "name: carrier", "column 'carrier' stands twice (first in line 43)"),
    ("name: fare", "name: Fare", "'Fare' is not a column name"),
    ("name: fare", "name: _partition", "'_partition' is Lakebook's own"),
    ("classification: public", "classification: restriced", "(did you mean 'restricted'?)"),
    ("primaryKeyPosition: 2", "primaryKeyPosition: 3", "number primaryKeyPosition from 1"),
    ("        required: true\n", "", "part of the primary key and may be null"),
    ("value: flight_date}", "value: fligt_date}", "(did you mean 'flight_date'?)"),
    ("value: flight_date}", "value: carrier}", "choose a date or timestamp column"),
    ("America/New_York", "America/New_Yrok", "(did you mean 'America/New_York'?)"),
    ("value: month", "value: week", "use one of day, month"),
    ("      - {property: partitionUnit, value: month}\n", "", "timeColumn without partitionUnit"),
    ("property: write, value: replace", "property: write, value: replce", "(did you mean 'replace"),
    ("property: write, value: replace", "property: write, value: snapshot", "leave the timeColumn"),
    ("property: write,", "property: wrte,", "unknown customProperty 'wrte' in schema.flights (did"),
    ("hot: 30d", "hot: 30x", "write it as 30d, 4w or 7y"),
    ("hot: 30d", "hot: 400d", "warm 1y is shorter than hot 400d, so that a partition would leave"),
    ("hot: 30d", "hot: never", "warm 1y is shorter than hot never"),
    ("value: 7, unit: y", "value: 7, unit: d", "retention 7d is shorter than hot 30d, so that a"),
    ("value: 7, unit: y", "value: 7, unit: h", "retention 7 is less than a day"),
    ("hot: 30d", "hott: 30d", "(did you mean 'hot'?)"),
    ("property: retention,", "property: retenton,", "(did you mean 'retention'?)"),
    ("value: 7, unit: y", "value: 7, unit: fortnights", "use h, d, w or y"),
    ("role: owner", "role: boss", "exactly one member of team the role owner"),
    ("id: silver.flights", "id: silver.flight", "write id: silver.flights"),
    ("version: 1.2.0\n", "", "the contract has no 'version'"),
    ("kind: DataContract", "kind: DataContrat", "(did you mean 'DataContract'?)"),
    ("tags: [flights]", "tags: flights", "'flights' is no list; write [flights]"),
    ("tags: [flights]", "tags: [flights", "not YAML"),
    ("domain: aviation", "domain: aviation\ndomain: rail", "stands here and in line 7"),
]


@pytest.mark.parametrize(("old", "new", "said"), BROKEN)
def test_what_is_wrong_is_said_in_one_line_with_its_place(
    load: Load, old: str, new: str, said: str
) -> None:
    with pytest.raises(ContractError) as raised:
        load((old, new))

    sentence = str(raised.value)
    assert said in sentence
    assert sentence.startswith("notebooks/silver/flights.contract.yaml:")
    assert "\n" not in sentence


def test_a_missing_file_and_an_empty_one_are_said(tmp_path: Path) -> None:
    path = tmp_path / "notebooks" / "silver" / "x.contract.yaml"
    with pytest.raises(
        ContractError, match=r"x\.contract\.yaml: no such contract; .*new silver\.x"
    ):
        load_contract(path, root=tmp_path)

    path.parent.mkdir(parents=True)
    path.write_text("", encoding="utf-8")
    with pytest.raises(ContractError, match="not a data contract"):
        load_contract(path, root=tmp_path)


def test_a_contract_outside_a_layer_is_refused(
    write_contract: Callable[..., Path], tmp_path: Path
) -> None:
    path = write_contract()
    other = tmp_path / "notebooks" / "slver" / path.name
    other.parent.mkdir()
    path.rename(other)

    with pytest.raises(ContractError, match="'slver' is no layer"):
        load_contract(other, root=tmp_path)


def test_values_are_read_as_they_stand(load: Load) -> None:
    # YAML 1.1 would make a boolean of NO, a number of 12:30 and a date of 2013-01-01.
    def values(given: str, *changes: tuple[str, str]) -> object:
        contract = load(
            ("expect_column_values_to_be_between", "expect_column_values_to_be_in_set"),
            ("{min_value: -120, max_value: 2880}", f"{{value_set: {given}}}"),
            *changes,
        )
        return contract.tables[0].rules[1].kwargs["value_set"]

    text = ("logicalType: integer\n        physicalType: int32", "physicalType: string")
    text = (text[0], f"logicalType: string\n        {text[1]}")
    assert values("[NO, 12:30, 2013-01-01, 010]", text) == ["NO", "12:30", "2013-01-01", "010"]
    assert values("[1e3, 7]") == [1000.0, 7]


def test_a_contract_is_remembered_by_its_content(
    write_contract: Callable[..., Path], tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    first = load_contract(write_contract(), root=tmp_path, cache=cache)
    files = list((cache / "contracts").iterdir())
    assert pickle.loads(files[0].read_bytes()) == first

    files[0].write_bytes(files[0].read_bytes()[:40])  # as after a full disk
    assert load_contract(write_contract(), root=tmp_path, cache=cache) == first

    changed = load_contract(write_contract(("1.2.0", "1.3.0")), root=tmp_path, cache=cache)
    assert changed.version == "1.3.0"


def test_a_broken_contract_is_never_remembered(
    write_contract: Callable[..., Path], tmp_path: Path
) -> None:
    path = write_contract(("role: owner", "role: boss"))
    for _ in range(2):
        with pytest.raises(ContractError):
            load_contract(path, root=tmp_path, cache=tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_a_remembered_contract_costs_no_heavy_import(
    write_contract: Callable[..., Path], tmp_path: Path
) -> None:
    path = write_contract()
    load_contract(path, root=tmp_path, cache=tmp_path)
    code = (
        "import sys; from pathlib import Path; from lakebook.contract.load import load_contract; "
        f"load_contract(Path({str(path)!r}), root=Path({str(tmp_path)!r}), "
        f"cache=Path({str(tmp_path)!r})); "
        "print([m for m in ('jsonschema', 'pydantic', 'pyarrow', 'polars', 'narwhals', "
        "'great_expectations') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
