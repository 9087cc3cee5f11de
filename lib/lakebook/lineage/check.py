"""Check steps against contracts without reading data, and remember what was found by content.

If nothing that a step's check depends on has changed, nothing heavy is imported.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from ..contract.model import TableContract
from ..files import replace_file
from ..graph import Graph, StepNode
from ..names import Dataset, check_path
from ..settings import Settings
from .dbt_tests import unrun_tests
from .job import PassResult, StepJob
from .keys import dbt_digest, folder_digest, step_key
from .model import CheckReport, Finding, StepCheck, StepLineage
from .sources import look_at_sources

if TYPE_CHECKING:
    from .processes import Passes


def check(
    settings: Settings,
    graph: Graph,
    selection: Iterable[StepNode] | None = None,
    *,
    passes: Passes | None = None,
    cached_only: bool = False,
) -> CheckReport:
    """Compile the selected steps (all, if None), in dependency order.

    Problems of steps are findings of the report and not raised. `passes`: processes that were
    started ahead, or are started in a way of the caller's. `cached_only`: nothing is compiled, and
    steps whose check is not remembered are left out.
    """
    began = time.perf_counter()
    dbt_digest.cache_clear()
    folder_digest.cache_clear()  # files may have changed since this process last looked
    chosen = None if selection is None else {node.name for node in selection}
    nodes = [node for node in graph.order() if chosen is None or node.name in chosen]
    contracts = contracts_of(graph)
    keys = {node.name: _key(settings, node, contracts) for node in nodes}
    done: dict[Dataset, StepCheck] = {}
    for node in nodes:
        if kept := _recall(settings, node.name, keys[node.name]):
            done[node.name] = kept
    missing = [node for node in nodes if node.name not in done]
    if missing and not cached_only:
        for found, is_final in _compile(settings, missing, contracts, passes):
            name = Dataset.parse(found.step)
            done[name] = found
            if is_final:
                _keep(settings, name, keys[name], found)
    steps = tuple(done[node.name] for node in nodes if node.name in done)
    is_all = len(nodes) == len(graph.steps) and not graph.broken and not cached_only
    others = tuple(unrun_tests(graph)) if is_all else ()
    return CheckReport(steps, time.perf_counter() - began, others)


def compiled(settings: Settings, step: Dataset) -> bytes:
    """What is kept of a step's last check, as it stands on disk; empty if it was never checked."""
    place = check_path(settings.state, step)
    return place.read_bytes() if place.is_file() else b""


def recall_lineage(
    settings: Settings, step: Dataset, *, verify: bool = False
) -> StepLineage | None:
    """What the last check of a step found of its edges; None if it was never checked.

    `verify`: also None if its code or a contract around it has changed since. That loads the graph.
    """
    try:
        raw = json.loads(check_path(settings.state, step).read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    if verify:
        from ..graph import load_graph

        graph = load_graph(settings)
        node = graph.steps.get(step)
        if node is None or _key(settings, node, contracts_of(graph)) != raw["key"]:
            return None
    return StepCheck.from_json(raw["check"], is_cached=True).lineage


def _compile(
    settings: Settings,
    nodes: Sequence[StepNode],
    contracts: Mapping[Dataset, TableContract],
    passes: Passes | None,
) -> Iterable[tuple[StepCheck, bool]]:
    """The checks, and whether each may be remembered."""
    from .processes import Passes

    jobs = [_job(settings, node) for node in nodes]
    with passes or Passes(settings) as running:
        results = running.compile_steps(jobs, contracts)
    for job in jobs:
        found = results["polars"][job.step], results["duckdb"][job.step]
        yield _joined(job, *found), all(one.is_final for one in found)


def _joined(job: StepJob, verdict: PassResult, followed: PassResult) -> StepCheck:
    findings: dict[Finding, None] = dict.fromkeys((*verdict.findings, *followed.findings))
    lineage = followed.lineage
    if lineage is None:  # the process did not come to it: edges between tables are known anyway
        reads = [*map(str, job.reads), *job.sources]
        own = [str(table.dataset) for table in job.outputs]
        lineage = StepLineage(
            tuple((read, name) for name in own for read in reads),
            opaque=dict.fromkeys(own, "its notebook cannot be compiled"),
        )
    elapsed_s = round(verdict.elapsed_s + followed.elapsed_s, 4)
    return StepCheck(str(job.step), tuple(findings), lineage, elapsed_s)


def _job(settings: Settings, node: StepNode) -> StepJob:
    look = look_at_sources(settings, node)
    return StepJob(
        step=node.name,
        notebook=node.notebook,
        label=_label(settings, node),
        outputs=node.contract.tables if node.contract else (),
        reads=tuple(dict.fromkeys(read.dataset for read in node.reads)),
        sources=node.sources,
        models=node.models,
        narrow=node.narrow,
        engine=node.engine,
        headers=look.headers,
        faults=look.faults,
    )


def contracts_of(graph: Graph) -> dict[Dataset, TableContract]:
    return {
        table.dataset: table
        for node in graph.steps.values()
        if node.contract
        for table in node.contract.tables
    }


def _key(settings: Settings, node: StepNode, contracts: Mapping[Dataset, TableContract]) -> str:
    around = _around(node, contracts).values()
    look = look_at_sources(settings, node)
    seen = {**look.headers, **look.faults}
    return step_key(settings, node, _label(settings, node), around, seen)


def _label(settings: Settings, node: StepNode) -> str:
    return node.notebook.relative_to(settings.root).as_posix()


def _around(
    node: StepNode, contracts: Mapping[Dataset, TableContract]
) -> dict[Dataset, TableContract]:
    """Contracts that a step's check looks at: of what it writes and of what it reads."""
    wanted = [*node.outputs, *(read.dataset for read in node.reads)]
    return {name: contracts[name] for name in wanted if name in contracts}


def _recall(settings: Settings, step: Dataset, key: str) -> StepCheck | None:
    try:
        raw = json.loads(check_path(settings.state, step).read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    return StepCheck.from_json(raw["check"], is_cached=True) if raw["key"] == key else None


def _keep(settings: Settings, step: Dataset, key: str, found: StepCheck) -> None:
    replace_file(
        check_path(settings.state, step), json.dumps({"key": key, "check": found.to_json()})
    )
