"""Fills the outbox from contracts and archived runs; the same again adds nothing.

`emit_runs` is what follows a run: the runs that the outbox lacks, with what is known of their
steps. `emit_all` also describes every dataset, with lineage down to columns.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ..archive.record import RunRecord, read_record
from ..contract.lookup import find_table, load_step_contract
from ..contract.model import Contract, TableContract
from ..errors import LakebookError
from ..names import Dataset, is_job, step_of
from ..settings import Settings, load_settings
from . import operations
from .dataset import removed
from .describe import describe, describe_steps, made_of, put_definitions, put_lineage, put_tiers
from .emission import Emission
from .freshness import arrivals, results
from .incidents import Incident, incidents
from .outbox import Outbox, open_outbox
from .pending import missing_runs, settle
from .runs import Contracts, ended_ms, run

_MARGIN_DAYS = 7  # a run is archived when it ends, on the day on which it began


@dataclass(frozen=True)
class _Past:
    """What the runs before one have left: open incidents, and how far each dataset had come."""

    incidents: Mapping[str, Incident] = field(default_factory=dict)
    published: Mapping[str, str] = field(default_factory=dict)


def emit_runs(settings: Settings) -> Emission:
    """Emit the archived runs that the outbox lacks, in the order in which they ended."""
    done = Emission()
    with open_outbox(settings) as box:
        _emit_archived(settings, box, done)
        if not done.troubles:
            box.keep(since=str(datetime.now(UTC).date() - timedelta(days=_MARGIN_DAYS)))
    settle(settings, done.problem)
    return done


def emit_all(settings: Settings, *, again: bool = False) -> Emission:
    """Describe every dataset of the checkout and emit missing runs; `again`: all archived runs.

    Steps that changed since they were compiled are compiled. Of broken ones, and what hangs on
    them, the catalog keeps what it has.
    """
    from ..graph import load_graph
    from ..lineage import check

    graph = load_graph(settings)
    found = {one.step: one.lineage for one in check(settings, graph).steps}
    contracts = [node.contract for node in graph.order() if node.contract]
    done = Emission()
    with open_outbox(settings) as box:
        tables = [table for contract in contracts for table in contract.tables]
        put_definitions(settings, box, tables, done)
        for contract in contracts:
            describe(settings, box, contract, done)
            put_lineage(settings, box, contract, found[str(contract.step)], done)
        known = {str(name) for contract in contracts for name in contract.datasets}
        known |= {str(name) for one in graph.broken.values() for name in (one.name, *one.outputs)}
        known |= {str(name) for one in graph.held.values() for name in one.node.outputs}
        done.troubles += dict.fromkeys(one.problem.sentence for one in graph.broken.values())
        for name in sorted(box.names("dataset") - known):
            done.put(box, "dataset", name, removed(name, settings.env))
        keys = {str(contract.step): made_of(settings, contract) for contract in contracts}
        box.keep(described=keys, stored={}, is_whole=box.state.is_whole and not again)
        _emit_archived(settings, box, done)
    settle(settings, done.problem)
    return done


def _emit_archived(settings: Settings, box: Outbox, done: Emission) -> None:
    """The runs that the outbox lacks; all of them where nobody knows what they left open."""
    is_whole = box.state.is_whole
    records = _pending(settings, box, done) if is_whole else _archived(settings, "", done)
    steps = {record.step: record for record in records}
    contracts = {step: _contract(settings, step) for step in steps}
    named = {name for record in records for name in operations.touched(record)}
    strange = {step: _contract(settings, step) for step in _steps(settings, box, named)}
    describe_steps(settings, box, steps, {**strange, **contracts}, done)
    put_tiers(settings, box, done)
    for step in steps:
        if is_job(step):
            done.put(box, "job", step, operations.job(step, settings.env))
    after = _Past(box.state.incidents, box.state.published) if is_whole else _Past()
    for record in records:
        is_done, after = _emit_run(settings, box, record, contracts[record.step], after, done)
        if is_whole and is_done:
            # After the file: if this is not reached, the run is done again, to the same end.
            box.keep(last=box.last_run, **vars(after))
    if not is_whole:
        box.keep(is_whole=True, last=box.last_run, **vars(after))


def _emit_run(
    settings: Settings,
    box: Outbox,
    record: RunRecord,
    contract: Contract | None,
    before: _Past,
    done: Emission,
) -> tuple[bool, _Past]:
    """Emit one run; return whether that went well, and what is open and known afterwards."""
    try:
        contracts = _contracts(settings, record, contract)
        raised, still_open = incidents(record, contracts, before.incidents)
        came, published = arrivals(record, contracts, before.published)
        made = [*run(record, contracts, came), *results(record, came), *raised]
        done.put(box, "run", record.run_id, made)
        done.runs += 1
        return True, _Past(still_open, published)
    except (LakebookError, KeyError, TypeError, ValueError) as broken:
        # A record that an older version wrote, or somebody's hand, must not keep others back.
        done.troubles.append(f"{record.run_id}: {type(broken).__name__}: {broken}")
        return False, before


def _pending(settings: Settings, box: Outbox, done: Emission) -> list[RunRecord]:
    emitted = box.names("run")
    if box.last_run != box.state.last:
        emitted.discard(box.last_run)  # the state lacks what follows from it
    return _archived(settings, box.state.since, done, leave_out=emitted)


def _archived(
    settings: Settings, since: str, done: Emission, *, leave_out: Iterable[str] = ()
) -> list[RunRecord]:
    """Archived runs of a day or later, by their end."""
    found = []
    for folder in missing_runs(settings, since, set(leave_out)):
        try:
            record = read_record(folder)
            found.append((ended_ms(record), record.run_id, record))
        except (LakebookError, TypeError, ValueError) as broken:
            done.troubles.append(f"{folder.name}: {broken}")
    return [record for *_, record in sorted(found, key=lambda one: one[:2])]


def _contract(settings: Settings, step: str) -> Contract | None:
    """The contract of a run's step as it is now; None when the step is gone or its file broken."""
    try:
        return load_step_contract(settings, Dataset.parse(step))
    except LakebookError:
        return None


def _steps(settings: Settings, box: Outbox, datasets: Iterable[str]) -> set[str]:
    """The steps of datasets that something was done to before any run of theirs was emitted."""
    found = set()
    for name in set(datasets) - box.names("dataset"):
        with contextlib.suppress(LakebookError):  # no contract promises it any more
            found.add(str(step_of(find_table(settings, Dataset.parse(name)).path)))
    return found


def _contracts(settings: Settings, record: RunRecord, own: Contract | None) -> Contracts:
    found: dict[Dataset, TableContract] = {t.dataset: t for t in own.tables} if own else {}
    named: list[Mapping[str, Any]] = [*record.inputs, *record.outputs, *record.checks]
    for name in {one["dataset"] for one in named if "dataset" in one}:
        dataset_ = Dataset.parse(name)
        if dataset_ not in found:
            try:
                found[dataset_] = find_table(settings, dataset_)
            except LakebookError:
                continue
    return found


def emit_in(root: str, lake: str, env: str) -> dict[str, Any]:
    """`emit_runs` for a caller in another process: plain values in and out."""
    return emit_runs(load_settings(Path(root), lake=lake, env=env)).to_json()
