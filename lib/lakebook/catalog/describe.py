"""Describes steps and their datasets in the outbox: definitions, contracts, lineage."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..archive.record import RunRecord
from ..contract.lookup import find_table
from ..contract.model import Contract, TableContract
from ..errors import LakebookError
from ..lineage.check import compiled, recall_lineage
from ..lineage.model import StepLineage
from ..names import Dataset
from ..settings import Settings
from . import lineage
from .contract import data_contract
from .dataset import dataset
from .definitions import GLOSSARY, definitions, read_glossary
from .emission import Emission
from .held import held, state_of
from .outbox import Outbox
from .properties import inputs, structured


def put_definitions(
    settings: Settings, box: Outbox, tables: Sequence[TableContract], done: Emission
) -> None:
    """Emit what these tables refer to and no earlier file has defined in the same words."""
    if not tables:
        return
    known: dict[tuple[str, str], Any] = {}
    for file in box.newest("definitions"):
        known |= {(one["entityUrn"], one["aspectName"]): one["aspect"] for one in file.read()}
    new = [
        one
        for one in definitions(tables, read_glossary(settings.root), settings.env)
        if known.get((one["entityUrn"], one["aspectName"])) != one["aspect"]
    ]
    # Each such file has a name of its own: none of them stands for all.
    done.put(box, "definitions", str(len(box.newest("definitions")) + 1), new)


def describe_steps(
    settings: Settings,
    box: Outbox,
    steps: Mapping[str, RunRecord],
    contracts: Mapping[str, Contract | None],
    done: Emission,
) -> None:
    """Describe the steps whose contract, lineage or description's code is not what it was."""
    known = {step: one for step, one in contracts.items() if one is not None}
    keys = {step: made_of(settings, contract) for step, contract in known.items()}
    new = [known[step] for step, key in keys.items() if box.state.described.get(step) != key]
    put_definitions(settings, box, [table for one in new for table in one.tables], done)
    for contract in new:
        try:
            describe(settings, box, contract, done)
            _renew_lineage(settings, box, contract, steps.get(str(contract.step)), done)
        except LakebookError as broken:
            done.troubles.append(f"{contract.step}: {broken.sentence}")
    if new:
        box.keep(described={**box.state.described, **keys})


def made_of(settings: Settings, contract: Contract) -> str:
    """A digest of all that a step's description is made of."""
    texts = [contract.path.read_bytes(), compiled(settings, contract.step), _code()]
    glossary = settings.root / GLOSSARY
    texts.append(glossary.read_bytes() if glossary.is_file() else b"")
    return hashlib.sha256(b"\0".join(texts)).hexdigest()[:16]


@functools.cache
def _code() -> bytes:
    files = sorted(Path(__file__).parent.glob("*.py"))
    return b"\0".join(file.read_bytes() for file in files)


def describe(settings: Settings, box: Outbox, contract: Contract, done: Emission) -> None:
    """Describe the datasets of a step as its contract does."""
    for table in contract.tables:
        words = dataset(settings, table, contract.step)
        promised = data_contract(table, settings.env)
        done.put(box, "dataset", str(table.dataset), [*words, *promised])


def put_tiers(settings: Settings, box: Outbox, done: Emission) -> None:
    """Renew the properties of the datasets whose tables or policies are not what they were.

    Whatever moved them, a run, a command or somebody's hand: this looks at the tables themselves.
    """
    code, stored = hashlib.sha256(_code()).hexdigest()[:8], dict(box.state.stored)
    moved: list[tuple[TableContract, str]] = []
    for name in sorted(box.names("dataset")):
        try:
            table = find_table(settings, Dataset.parse(name))
        except LakebookError:
            continue  # no contract promises it any more, or not as it is
        try:
            state = f"{code} {inputs(settings, table)} {state_of(settings, table.dataset)}"
        except LakebookError as broken:
            done.troubles.append(f"{name}: {broken.sentence}")
            continue
        if stored.get(name) != state:
            moved.append((table, state))
    # Of those that an earlier code described, which may have defined less.
    old = [table for table, _ in moved if not stored.get(str(table.dataset), "").startswith(code)]
    put_definitions(settings, box, old, done)
    for table, state in moved:
        name = str(table.dataset)
        try:
            done.put(box, "tiers", name, structured(settings, table, held(settings, table.dataset)))
            stored[name] = state
        except LakebookError as broken:
            done.troubles.append(f"{name}: {broken.sentence}")
    box.keep(stored=stored)


def put_lineage(
    settings: Settings, box: Outbox, contract: Contract, found: StepLineage, done: Emission
) -> None:
    """Describe a step as a job, with where its datasets come from."""
    made = lineage.step(contract, found, settings.env)
    done.put(box, "lineage", str(contract.step), made)


def _renew_lineage(
    settings: Settings, box: Outbox, contract: Contract, record: RunRecord | None, done: Emission
) -> None:
    """What was compiled before, if it still fits; else what the run read, if nothing is known."""
    found = recall_lineage(settings, contract.step)
    if found is not None:
        if not box.is_newest(
            "lineage", str(contract.step), lineage.step(contract, found, settings.env)
        ):
            found = recall_lineage(settings, contract.step, verify=True)
        if found is not None:
            put_lineage(settings, box, contract, found, done)
            return
    if record is not None and not box.has("lineage", str(contract.step)):
        put_lineage(settings, box, contract, lineage.read_by(record), done)
