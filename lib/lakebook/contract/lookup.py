"""Find the contract that promises a dataset: beside the notebook of its name, or in its layer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ..errors import UserError, did_you_mean
from ..names import QUARANTINE_SUFFIX, Dataset, contract_path
from ..settings import Settings
from .classified import with_inherited
from .derived import with_derived
from .load import load_contract
from .made_of import with_made_of
from .model import Contract, TableContract


def load_step_contract(settings: Settings, step: Dataset) -> Contract:
    """The contract beside a step's notebook, recalled if its file has not changed."""
    contract = _load(settings, contract_path(settings.root, step))
    return replace(contract, tables=tuple(_classified(settings, t) for t in contract.tables))


def find_table(settings: Settings, dataset: Dataset) -> TableContract:
    """The contract of one dataset. Raises UserError with the nearest known name.

    A column that refers to a classified one is classified as that is.
    """
    return _classified(settings, _find(settings, dataset))


def _classified(settings: Settings, table: TableContract) -> TableContract:
    def other(dataset: Dataset) -> TableContract | None:
        try:
            return _find(settings, dataset)
        except UserError:
            return None  # a reference to nothing is the graph's to refuse, with its line

    return with_made_of(
        settings.state, with_inherited(table, other), lambda name: _inheriting(other(name), other)
    )


def _inheriting(
    table: TableContract | None, find: Callable[[Dataset], TableContract | None]
) -> TableContract | None:
    return None if table is None else with_inherited(table, find)


def _find(settings: Settings, dataset: Dataset) -> TableContract:
    own = contract_path(settings.root, dataset)
    if own.is_file():
        for table in _load(settings, own).tables:
            if table.dataset == dataset:
                return table
    known = []
    for path in sorted((settings.notebooks / dataset.layer).glob("*.contract.yaml")):
        if path == own:
            continue
        for table in _load(settings, path).tables:
            if table.dataset == dataset:
                return table
            known.append(str(table.dataset))
    if dataset.is_quarantine:
        owner = str(dataset).removesuffix(QUARANTINE_SUFFIX)
        raise UserError(
            f"{dataset} is no dataset but the quarantine of {owner}",
            fix=f"see its rows: lakebook quarantine show {owner}",
        )
    raise UserError(
        f"no contract promises {dataset}{did_you_mean(str(dataset), known)}",
        fix=f"write one: lakebook new {dataset}",
    )


def all_tables(settings: Settings) -> tuple[TableContract, ...]:
    """The contracts of all datasets, in the order of their files. Asks no graph."""
    paths = sorted(settings.notebooks.glob("*/*.contract.yaml"))
    return tuple(
        _classified(settings, table) for path in paths for table in _load(settings, path).tables
    )


def _load(settings: Settings, path: Path) -> Contract:
    found = load_contract(path, root=settings.root, cache=settings.state / "contracts")
    return replace(found, tables=tuple(with_derived(settings, table) for table in found.tables))
