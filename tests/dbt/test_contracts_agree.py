"""The dbt YAML and the contracts say the same of every gold table: columns, types, keys, tests."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from lakebook.contract.load import load_contract
from lakebook.contract.model import TableContract

ROOT = Path(__file__).resolve().parents[2]
MODELS = ROOT / "dbt" / "models"

DUCKDB = {
    "string": "varchar", "int64": "bigint", "int32": "integer", "float64": "double",
    "float32": "float", "boolean": "boolean", "date": "date", "timestamp": "timestamp",
}  # fmt: skip


def contracts() -> dict[str, TableContract]:
    return {
        table.dataset.name: table
        for path in sorted((ROOT / "notebooks" / "gold").glob("*.contract.yaml"))
        for table in load_contract(path, root=ROOT).tables
    }


def models() -> dict[str, dict[str, Any]]:
    return {
        model["name"]: model
        for path in sorted(MODELS.rglob("*.yml"))
        for model in yaml.safe_load(path.read_text(encoding="utf-8")).get("models", ())
    }


CONTRACTS, YAML = contracts(), models()
SQL = {path.stem: path.read_text(encoding="utf-8") for path in MODELS.rglob("*.sql")}
BOTH = sorted(CONTRACTS.keys() & YAML.keys())


def given_tests(model: dict[str, Any], name: str) -> dict[str, list[Any]]:
    """Test name -> arguments, for one column."""
    (column,) = [c for c in model["columns"] if c["name"] == name]
    found: dict[str, list[Any]] = {}
    for test in column.get("data_tests", ()):
        (key, value), *_ = test.items() if isinstance(test, dict) else ((test, {}),)
        found.setdefault(key, []).append(value.get("arguments", {}))
    return found


def references(model: dict[str, Any]) -> set[tuple[str, str, str]]:
    """(column, table, its column) of dbt's relationship tests."""
    return {
        (column["name"], re.findall(r"'(\w+)'", given["to"])[0], given["field"])
        for column in model["columns"]
        for given in given_tests(model, column["name"]).get("relationships", ())
    }


def test_every_model_has_a_contract_and_every_contract_a_model() -> None:
    assert SQL.keys() == YAML.keys() == CONTRACTS.keys()


@pytest.mark.parametrize("name", BOTH)
def test_columns_and_types_agree_in_order(name: str) -> None:
    promised = [(c.name, DUCKDB[c.type]) for c in CONTRACTS[name].columns]
    assert [(c["name"], c["data_type"]) for c in YAML[name]["columns"]] == promised


@pytest.mark.parametrize("name", BOTH)
def test_what_the_contract_requires_dbt_tests_for_null(name: str) -> None:
    tested = [
        c.name for c in CONTRACTS[name].columns if "not_null" in given_tests(YAML[name], c.name)
    ]
    assert tested == [c.name for c in CONTRACTS[name].columns if not c.nullable]


@pytest.mark.parametrize("name", BOTH)
def test_the_key_of_the_contract_is_what_dbt_tests_for_uniqueness(name: str) -> None:
    model, key = YAML[name], CONTRACTS[name].key
    alone = [c["name"] for c in model["columns"] if "unique" in given_tests(model, c["name"])]
    together = [
        test["unique_combination_of_columns"]["arguments"]["combination_of_columns"]
        for test in model.get("data_tests", ())
        if isinstance(test, dict) and "unique_combination_of_columns" in test
    ]
    assert (alone, together) == (([key[0]], []) if len(key) == 1 else ([], [list(key)]))


@pytest.mark.parametrize("name", BOTH)
def test_dbt_tests_no_reference_that_the_contract_does_not_promise(name: str) -> None:
    promised = {(r.column, r.to_dataset.name, r.to_column) for r in CONTRACTS[name].relationships}
    assert references(YAML[name]) <= promised


@pytest.mark.parametrize("name", BOTH)
def test_a_promised_reference_to_a_table_that_the_model_joins_is_tested_by_dbt(name: str) -> None:
    # A table that the model does not join is not there when it builds; the audit checks it then.
    joined = set(re.findall(r'ref\("(\w+)"\)', SQL[name]))
    promised = {
        (r.column, r.to_dataset.name, r.to_column)
        for r in CONTRACTS[name].relationships
        if r.to_dataset.name in joined
    }
    assert promised <= references(YAML[name])


@pytest.mark.parametrize("name", BOTH)
def test_dbt_enforces_its_contract_and_leaves_storing_to_lakebook(name: str) -> None:
    project = yaml.safe_load((ROOT / "dbt" / "dbt_project.yml").read_text(encoding="utf-8"))
    config = {**project["models"]["lakebook"], **YAML[name].get("config", {})}
    assert config["+contract"] == {"enforced": True}
    assert config["+materialized"] == "lakebook"
    assert "config(" not in SQL[name], "say it in dbt_project.yml, where this test sees it"
