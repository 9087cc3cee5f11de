"""Proposals are those that DataHub itself would write, for every contract of the checkout."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from catalog.records import aspects

from lakebook.catalog import urns
from lakebook.catalog.contract import data_contract
from lakebook.catalog.dataset import dataset
from lakebook.catalog.definitions import GLOSSARY, definitions, read_glossary
from lakebook.catalog.properties import structured
from lakebook.contract.load import load_contract
from lakebook.contract.model import Contract
from lakebook.errors import UserError
from lakebook.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
PATHS = sorted((ROOT / "notebooks").glob("*/*.contract.yaml"))
SETTINGS = Settings(ROOT, ROOT / ".lake")


def load(path: Path, cache: Path) -> Contract:
    return load_contract(path, root=ROOT, cache=cache)


@pytest.fixture(scope="module")
def contracts(tmp_path_factory: pytest.TempPathFactory) -> list[Contract]:
    cache = tmp_path_factory.mktemp("cache")
    return [load(path, cache) for path in PATHS]


@pytest.fixture(scope="module")
def everything(contracts: list[Contract]) -> list[dict[str, Any]]:
    tables = [table for contract in contracts for table in contract.tables]
    made = definitions(tables, read_glossary(ROOT))
    for contract in contracts:
        for table in contract.tables:
            made += dataset(SETTINGS, table, contract.step) + data_contract(table)
            made += structured(SETTINGS, table, None)
    return made


def test_each_is_what_datahubs_own_wrapper_writes(everything: list[dict[str, Any]]):
    from datahub.emitter.mcp import MetadataChangeProposalWrapper

    assert len(everything) > 300
    for one in everything:
        read = MetadataChangeProposalWrapper.from_obj_require_wrapper(json.loads(json.dumps(one)))
        assert read.validate(), one
        assert read.to_obj(simplified_structure=True) == one


def test_the_same_contract_gives_the_same_proposals(contracts: list[Contract]):
    contract = next(c for c in contracts if str(c.step) == "silver.flights")
    table = contract.tables[0]
    once, again = (dataset(SETTINGS, table, contract.step) + data_contract(table) for _ in range(2))
    assert once == again


def test_references_are_foreign_keys_and_assertions_without_their_keys(
    everything: list[dict[str, Any]],
):
    schema = aspects(everything, "schemaMetadata", "silver.flights,")[0]
    carrier = next(key for key in schema["foreignKeys"] if key["name"] == "carrier_in_airlines")
    assert carrier["foreignFields"][0].endswith("silver.airlines,PROD),carrier)")
    stated = [
        one["datasetAssertion"]["nativeParameters"]
        for one in aspects(everything, "assertionInfo")
        if "datasetAssertion" in one and "silver.flights," in one["datasetAssertion"]["dataset"]
    ]
    assert any(one.get("values_of") == "silver.airlines.carrier" for one in stated)


def test_every_term_of_the_contracts_is_in_the_glossary(contracts: list[Contract]):
    tables = [table for contract in contracts for table in contract.tables]
    terms = {term for table in tables for column in table.columns for term in column.terms}
    assert terms and terms <= set(read_glossary(ROOT))


def test_a_glossary_that_is_none_is_one_sentence(tmp_path: Path):
    (tmp_path / "notebooks").mkdir()
    (tmp_path / GLOSSARY).write_text("- a list\n")
    with pytest.raises(UserError, match=r"notebooks/glossary\.yaml: the glossary is no mapping"):
        read_glossary(tmp_path)
    (tmp_path / GLOSSARY).write_text("a: [\n")
    with pytest.raises(UserError, match="not YAML"):
        read_glossary(tmp_path)


@pytest.mark.parametrize(
    ("uri", "urn"),
    [
        ("file://a folder/x,y.csv", "dataPlatform:file,a%20folder/x%2Cy.csv,PROD)"),
        ("package://p/data/f.csv", "dataPlatform:file,p/data/f.csv,PROD)"),
        ("kafka://u:p@host:9092/topic?sasl=1", "dataPlatform:kafka,host:9092/topic,PROD)"),
    ],
)
def test_the_urn_of_a_source_can_be_read_back(uri: str, urn: str):
    from datahub.metadata.urns import DatasetUrn

    made = urns.source_urn(uri)
    assert made.endswith(urn)
    assert str(DatasetUrn.from_string(made)) == made


def test_an_environment_has_urns_of_its_own():
    assert urns.dataset_urn("silver.flights") == (
        "urn:li:dataset:(urn:li:dataPlatform:delta-lake,silver.flights,PROD)"
    )
    assert urns.dataset_urn("silver.flights", "ana") == (
        "urn:li:dataset:(urn:li:dataPlatform:delta-lake,ana.silver.flights,DEV)"
    )
    assert urns.run_urn("r", "ana") != urns.run_urn("r")


def test_an_assertion_is_its_dataset_rule_and_arguments():
    one = urns.assertion_urn("d", "r", "e", {"min_value": 1})
    assert one == urns.assertion_urn("d", "r", "e", {"min_value": 1})
    others = {
        urns.assertion_urn("x", "r", "e", {"min_value": 1}),
        urns.assertion_urn("d", "x", "e", {"min_value": 1}),
        urns.assertion_urn("d", "r", "e", {"min_value": 2}),
    }
    assert len(others) == 3 and one not in others
