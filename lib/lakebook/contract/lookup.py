"""Find the contract that promises a dataset: beside the notebook of its name, or in its layer."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import ContractError, UserError, did_you_mean
from ..names import QUARANTINE_SUFFIX, Dataset, contract_path
from ..settings import Settings
from .classified import with_inherited
from .derived import with_derived
from .load import load_contract
from .made_of import with_made_of
from .model import Contract, TableContract

_NAMED = re.compile(r"\bname[\"']?\s*:\s*[\"']?([a-z][a-z0-9_]*)")


@dataclass(frozen=True)
class Readable:
    """`tables`: the contracts that can be read, in the order of their files; `broken`: the other
    files, each with what is wrong."""

    tables: tuple[TableContract, ...]
    broken: Mapping[Path, ContractError]

    @property
    def problems(self) -> tuple[ContractError, ...]:
        """What is wrong, once where it is one thing with several files."""
        return tuple({one.sentence: one for one in self.broken.values()}.values())


def load_step_contract(settings: Settings, step: Dataset) -> Contract:
    """The contract beside a step's notebook, recalled if its file has not changed."""
    contract = _load(settings, contract_path(settings.root, step))
    return replace(contract, tables=tuple(_classified(settings, t) for t in contract.tables))


def own_contract(settings: Settings, step: Dataset) -> Contract:
    """As its file alone has it: nothing is hidden for what it refers to or is made of."""
    return _load(settings, contract_path(settings.root, step))


def find_table(settings: Settings, dataset: Dataset) -> TableContract:
    """The contract of one dataset. Raises UserError with the nearest known name.

    A column that refers to a classified one is classified as that is.
    """
    return _classified(settings, _find(settings, dataset))


def _classified(settings: Settings, table: TableContract) -> TableContract:
    def other(dataset: Dataset) -> TableContract | None:
        try:
            return _find(settings, dataset)
        except ContractError:
            raise  # what it classifies is not known, so nobody knows what may be shown here
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
    problem: ContractError | None = None
    for path in sorted((settings.notebooks / dataset.layer).glob("*.contract.yaml")):
        if path == own:
            continue
        try:
            tables = _load(settings, path).tables
        except ContractError as found:
            problem = found if dataset in may_promise(path) else problem
            continue
        for table in tables:
            if table.dataset == dataset:
                return table
            known.append(str(table.dataset))
    if problem is not None:
        raise problem
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


def readable_tables(settings: Settings) -> Readable:
    """The contracts of all datasets but the broken ones, and what hangs on them. Asks no graph."""
    tables: list[TableContract] = []
    broken: dict[Path, ContractError] = {}
    for path in sorted(settings.notebooks.glob("*/*.contract.yaml")):
        try:
            tables += [_classified(settings, table) for table in _load(settings, path).tables]
        except ContractError as problem:
            broken[path] = problem
    return Readable(tuple(tables), broken)


def may_promise(path: Path) -> frozenset[Dataset]:
    """Every dataset that a contract may promise, by the names in its text, be it broken."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    return frozenset(Dataset(path.parent.name, word) for word in _NAMED.findall(text))


def _load(settings: Settings, path: Path) -> Contract:
    found = load_contract(path, root=settings.root, cache=settings.state / "contracts")
    return replace(found, tables=tuple(with_derived(settings, table) for table in found.tables))
