"""From the folders of a checkout to its graph; what a notebook says is remembered by content."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..contract.lookup import load_step_contract, may_promise, own_contract
from ..contract.model import Contract
from ..errors import ContractError, GraphError, UserError
from ..files import replace_file
from ..names import LAYERS, Dataset, contract_path, step_of
from ..processes import Spawn, spawn_plain
from ..settings import Settings
from ..step.dbt_env import ask_for_variables, files_that_decide, variables_digest
from ..step.dbt_nodes import Node
from ..step.dbt_project import project_files
from ..step.dbt_selection import Chosen, Reading
from ..tiers.policy import policy_of
from .connect import Broken
from .manifest import Manifest, load_manifest
from .model import Graph
from .notebook import read_cells, unreadable_file
from .step_node import Call, Read, StepNode
from .syntax import Found, find

_FORMAT = 11  # of what is remembered; raise it when `syntax` finds more


def load_graph(settings: Settings, spawn: Spawn = spawn_plain) -> Graph:
    """Read every notebook under notebooks/<layer>; one that cannot be read is a broken step.

    `spawn` starts dbt, where its project must be asked.
    """
    broken = list(_lonely_contracts(settings))
    found: dict[Path, Found] = {}
    for path in _notebooks(settings):
        try:
            found[path] = _found(settings, path)
        except UserError as problem:
            broken.append(_broken(settings, path, problem))
    manifest, asking, lost = Manifest(), list[Path](), None
    if any(entry.selections for entry in found.values()):
        try:
            manifest = load_manifest(settings, spawn)
            files = project_files(settings)
            asking = files if ask_for_variables(files) else []
        except UserError as problem:  # of the whole project: no model of it can be built
            lost = problem
    nodes = []
    for path, entry in found.items():
        try:
            if lost and entry.selections:
                raise lost
            nodes.append(_node(settings, path, entry, manifest, asking))
        except UserError as problem:
            broken.append(_broken(settings, path, problem))
    return Graph.of(nodes, manifest.nodes, broken)


def _notebooks(settings: Settings) -> list[Path]:
    return [
        path for layer in LAYERS for path in sorted((settings.notebooks / layer).glob("*.ipynb"))
    ]


def _broken(settings: Settings, path: Path, problem: UserError) -> Broken:
    """A step by its notebook or contract, with every name that its contract may give a table."""
    stem = path.name.removesuffix(".ipynb").removesuffix(".contract.yaml")
    name = Dataset(path.parent.name, stem)
    return Broken(name, problem, may_promise(contract_path(settings.root, name)))


def _found(settings: Settings, path: Path) -> Found:
    where = path.relative_to(settings.root).as_posix()
    try:
        content = path.read_bytes()
    except OSError as problem:
        raise unreadable_file(problem, where) from None
    key = hashlib.sha256(f"{_FORMAT} {where}\n".encode() + content).hexdigest()[:32]
    cache = settings.state / "notebooks" / f"{key}.json"
    if cache.is_file():
        return Found(**json.loads(cache.read_text(encoding="utf-8")))
    found = find(read_cells(path, where=where), where=where)
    replace_file(cache, json.dumps(asdict(found)))
    return found


def _node(
    settings: Settings, path: Path, found: Found, manifest: Manifest, asking: Sequence[Path]
) -> StepNode:
    """`asking`: the files of a dbt project that asks for variables of the environment."""
    where = path.relative_to(settings.root).as_posix()
    name = step_of(path)
    if path.stem != name.name:
        raise GraphError(
            f"the notebook's name {path.name} has a dot too many, and {name} is another one's",
            where=where,
            fix="rename it, or keep it elsewhere",
        )
    if found.step != str(name):
        raise GraphError(
            f"Step({found.step!r}) does not have the notebook's name",
            where=where,
            fix=f'write Step("{name}"), or rename the notebook',
        )
    contract = _contract(settings, name, where)
    built = [
        (manifest.choose(entry["selection"], where=where), entry) for entry in found.selections
    ]
    models = {model.name: model for chosen, _ in built for model in chosen.models}
    _check_once(built, where)
    _check_writes(contract, found, models, where)
    _check_times(contract, where)
    for table in contract.tables:
        policy_of(settings, table)  # raises where its ages contradict those of its layer
    return StepNode(
        name=name,
        notebook=path,
        contract=contract,
        reads=_reads(found, built),
        sources=tuple(dict.fromkeys(found.sources)),
        models=tuple(models),
        narrow=tuple(
            model.name
            for chosen, options in built
            if not {"before", "after", "whole"} & set(options)
            for model in chosen.models
        ),
        imports=tuple(found.imports),
        texts=tuple(found.texts),
        parameters=tuple(found.parameters),
        defaults=found.defaults,
        untracked=tuple((one["cell"], Call.from_json(one)) for one in found.untracked),
        uses_clock=found.uses_clock,
        uses_sql=found.uses_sql,
        engine=found.engine,
        code_hash=found.code_hash,
        models_hash=_models_hash(settings, manifest, models, asking),
        tests_hash=_tests_hash(manifest, [chosen for chosen, _ in built]),
    )


def _contract(settings: Settings, name: Dataset, where: str) -> Contract:
    path = contract_path(settings.root, name)
    if not path.is_file():
        raise GraphError(
            f"the notebook has no contract {path.name} beside it",
            where=where,
            fix="write one; docs/reference/contracts.md shows how",
        )
    try:
        return load_step_contract(settings, name)
    except ContractError:
        # If that of another step is broken, this one hangs on it, and is not broken itself.
        return own_contract(settings, name)


def _check_once(built: Sequence[tuple[Chosen, dict[str, Any]]], where: str) -> None:
    """A second build of a model would take away what the first one published."""
    first: dict[str, int] = {}
    for chosen, entry in built:
        for model in chosen.models:
            if model.name in first:
                raise GraphError(
                    f"the dbt model {model.name} is built twice, in cells {first[model.name]} and "
                    f"{entry['cell']}",
                    where=where,
                    fix="build it by one step.dbt",
                )
        first |= dict.fromkeys((model.name for model in chosen.models), entry["cell"])


def _check_writes(contract: Contract, found: Found, models: Mapping[str, Node], where: str) -> None:
    promised = set(contract.datasets)
    for text in found.writes:
        if Dataset.parse(text, where=where) not in promised:
            raise GraphError(
                f"the notebook writes {text}, which its contract does not promise",
                where=where,
                fix=f"add the table to {contract.path.name}",
            )
        if made := [m for m in models.values() if str(m.dataset) == text]:
            raise GraphError(
                f"the notebook writes {text}, which the dbt model {made[0].name} makes as well",
                where=where,
                fix="write it once: by the model, or by step.write",
            )
    for model in models.values():
        if model.dataset not in promised:
            raise GraphError(
                f"the dbt model {model.name} is built here, but the contract does not promise "
                f"{model.dataset}",
                where=where,
                fix=f"add the table to {contract.path.name}, or narrow the selection",
            )


def _check_times(contract: Contract, where: str) -> None:
    """One interval is run for all tables of a step: a part of the time is no whole table."""
    timeless = [str(table.dataset) for table in contract.tables if table.time is None]
    if timeless and len(timeless) < len(contract.tables):
        timed = next(str(table.dataset) for table in contract.tables if table.time)
        raise GraphError(
            f"{timed} has a time column and {timeless[0]} has none, and one step writes both",
            where=where,
            fix=f"make {timeless[0]} by a step of its own, or give it a timeColumn too",
        )


def _reads(found: Found, built: Sequence[tuple[Chosen, Mapping[str, Any]]]) -> tuple[Read, ...]:
    """`built`: what each call of `step.dbt` builds, and the options of the call."""
    reads = [_read(Dataset.parse(entry["dataset"]), entry, entry["cell"]) for entry in found.reads]
    own = {model.dataset for chosen, _ in built for model in chosen.models}
    for chosen, options in built:
        reads += [_read(one.dataset, options) for one in chosen.reads if one.dataset not in own]
        reads += [_of_test(one, options) for one in chosen.references if one.dataset not in own]
    return tuple(dict.fromkeys(reads))


def _of_test(reading: Reading, options: Mapping[str, Any]) -> Read:
    return Read(reading.dataset, whole=True) if reading.whole else _read(reading.dataset, options)


def _read(dataset: Dataset, options: Mapping[str, Any], cell: int = 0) -> Read:
    return Read(
        dataset,
        before_days=options.get("before", 0),
        after_days=options.get("after", 0),
        whole=options.get("whole", False),
        refresh=options.get("refresh", "always"),
        cell=cell,
    )


def _models_hash(
    settings: Settings, manifest: Manifest, models: Mapping[str, Node], asking: Sequence[Path]
) -> str:
    if not models:
        return ""
    digests = sorted(manifest.digests[model.id] for model in models.values())
    own = [settings.dbt / model.path for model in models.values()]
    decide = files_that_decide(asking, own)
    if variables := variables_digest(settings.root, decide):
        digests.append(variables)
    return hashlib.sha256(json.dumps(digests).encode()).hexdigest()


def _tests_hash(manifest: Manifest, built: Sequence[Chosen]) -> str:
    """Of the tests that stand between the models and what is published; empty for none."""
    digests = sorted({manifest.digests[test.id] for chosen in built for test in chosen.tests})
    return hashlib.sha256(json.dumps(digests).encode()).hexdigest() if digests else ""


def _lonely_contracts(settings: Settings) -> Iterator[Broken]:
    for layer in LAYERS:
        for path in sorted((settings.notebooks / layer).glob("*.contract.yaml")):
            notebook = path.with_name(path.name.removesuffix(".contract.yaml") + ".ipynb")
            if not notebook.is_file():
                problem = GraphError(
                    f"the contract has no notebook {notebook.name} beside it",
                    where=path.relative_to(settings.root).as_posix(),
                    fix="write the notebook, or remove the contract",
                )
                yield _broken(settings, path, problem)
