"""Erases a subject's rows from a dataset wherever they lie, and proves that they are gone.

In each environment the dataset's table and its quarantine; in prod all tiers. The values that the
proof will look for are noted; then rows go, so that nobody reads them any more; then pins, old
files and bounds in logs; then caches and what was made of the archive. Every part can be done
again, so that a run that was killed is finished by the next.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..contract.lookup import find_table
from ..contract.model import TableContract
from ..delta import open_snapshot, with_extras
from ..delta.faults import fault_point
from ..errors import ContractError, GraphError, LakebookError
from ..graph import load_graph
from ..ingest import open_source
from ..ingest.files import FileSource
from ..names import Dataset, TierTables, table_path
from ..processes import Spawn, spawn_plain
from ..settings import Settings, person
from ..tiers.audit import BEGUN, DONE, append_audit
from ..tiers.erasure.erase import erase_rows, go_back, look_at
from ..tiers.erasure.hunt import Hunt
from ..tiers.erasure.purge import purge
from ..tiers.erasure.search import Search, parquet_files
from ..tiers.erasure.subject import Subject, parse_subject
from ..tiers.erasure.values import Values, values_alone
from ..tiers.retention import refuse_hold
from . import unfinished
from .copies import clear_caches, finish_drops, move_pins, places_of
from .derived import clean_outboxes, remove_reports
from .erasure_report import Held, Report
from .proof import prove
from .related import Related, related, sources_of
from .remains import hunt_for

Progress = Callable[[str], None]
"""Called with what begins now, as a clause."""


@dataclass(frozen=True)
class Erasure:
    """What is to be erased. `datasets` are cleaned; `related` are others with the same columns,
    `sources` those outside the lake that the first of them is made from.
    """

    settings: Settings
    datasets: tuple[TableContract, ...]
    subject: Subject
    run: str
    related: tuple[Related, ...] = ()
    sources: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def plan_erasure(
    settings: Settings,
    dataset: Dataset,
    keys: Sequence[str],
    *,
    downstream: bool = False,
    run: str = "",
    spawn: Spawn = spawn_plain,
) -> Erasure:
    """Check what is asked for; reads no data. `keys` are COLUMN=VALUE.

    Raises UserError for an unknown dataset or column, a value that is not of the column's type, and
    a dataset under legal hold.
    """
    contract = _with_extras(settings, dataset)
    subject = parse_subject(contract, keys)
    notes: list[str] = []
    near: tuple[Related, ...] = ()
    sources: tuple[str, ...] = ()
    try:
        graph = load_graph(settings, spawn).whole()
        near, sources = related(graph, dataset, subject.columns), sources_of(graph, dataset)
    except (ContractError, GraphError) as broken:
        if downstream:
            raise
        notes.append(f"which datasets are made of it is not known: {broken}")
    chosen = [contract]
    if downstream:
        below = [one.dataset for one in near if one.direction == "downstream"]
        chosen += [_with_extras(settings, name) for name in below]
        near = tuple(one for one in near if one.direction != "downstream")
    for each in chosen:
        refuse_hold(settings, each.dataset)
        if each.write == "append":
            notes.append(
                f"{each.dataset} is written by append: its offsets stay, so its log is not read "
                "again from before them"
            )
    name = run or f"erase-{secrets.token_hex(4)}"
    return Erasure(settings, tuple(chosen), subject, name, near, sources, tuple(notes))


def held_rows(erasure: Erasure, search: Search | None = None) -> tuple[Held, ...]:
    """What readers see of the subject where it is to be erased. Changes nothing."""
    looking = search or Search(erasure.subject)
    return tuple(
        held for _, env, tables in _places(erasure) for held in _held(looking, env, tables)
    )


def rows_elsewhere(erasure: Erasure, search: Search) -> dict[Related, int]:
    """Rows of the subject that readers of prod see in datasets that are not to be cleaned."""
    found = {}
    for one in erasure.related:
        held = [
            held
            for env, tables in places_of(erasure.settings, one.dataset)
            for held in _held(search, env, tables)
        ]
        if rows := sum(each.rows for each in held):
            found[one] = rows
    return found


def erase(
    erasure: Erasure, on_begin: Progress = lambda what: None, *, reports: bool = False
) -> Report:
    """Do it, prove it, record it. What one table cannot give up does not keep the others.

    `reports`: let go of the runs in whose folders a value is left as well.
    """
    settings = erasure.settings
    search, report = Search(erasure.subject), Report(notes=list(erasure.notes))
    _record(erasure, BEGUN)
    on_begin("looking for the rows")
    with report.going_on():
        report.held = held_rows(erasure, search)
    values = _noted(erasure, report)
    fault_point("erase.after_values")
    hunt, report.unsearched = hunt_for(erasure.datasets, erasure.subject, values)
    _erase_rows(erasure, search, report, on_begin)
    on_begin("cleaning what was made of them")
    _clean(erasure, search, hunt, report, reports=reports)
    on_begin("proving that they are gone")
    prove(settings, erasure.datasets, erasure.subject, hunt, report)
    report.elsewhere = rows_elsewhere(erasure, Search(erasure.subject))
    report.notes += _in_sources(erasure, hunt)
    if report.is_clean:
        unfinished.forget(settings, erasure.datasets[0], erasure.subject)
        os.sync()  # pages, caches and notes too: no power cut brings any of it back
    else:
        report.kept = unfinished.FOLDER if values.of else ""
    _record(
        erasure,
        DONE if report.is_clean else BEGUN,
        rows=report.rows,
        files=report.files,
        bytes=report.size_bytes,
        clean=report.is_clean,
    )
    return report


def _noted(erasure: Erasure, report: Report) -> Values:
    """The values that are the subject's alone, on the disk before the first row goes."""
    settings, subject = erasure.settings, erasure.subject
    values = unfinished.recall(settings, erasure.datasets[0], subject)
    for contract in erasure.datasets:
        tables = [t for _, t in places_of(settings, contract.dataset)]
        folders = [folder for one in tables for folder in (one.hot, one.warm, one.cold)]
        files = [path for folder in folders for path in parquet_files(folder)]
        values.add(values_alone(contract, files, subject))
    if values.of:
        unfinished.note(settings, erasure.datasets[0], subject, values)
    else:
        report.key_alone = True
        report.notes.append("no file has such a row: the proof looks for the given key alone")
    return values


def _erase_rows(erasure: Erasure, search: Search, report: Report, on_begin: Progress) -> None:
    """Rows, pins, old files and bounds."""
    settings, run = erasure.settings, erasure.run
    names = [contract.dataset for contract in erasure.datasets]
    taken = []
    for contract, env, tables in _places(erasure):
        on_begin(f"erasing from {tables.dataset} in {env}")
        with report.going_on():
            taken.append((tables, contract, erase_rows(tables, search, run=run)))
    fault_point("erase.after_rows")
    with report.going_on():
        report.pins = move_pins(settings, names, search)
    fault_point("erase.after_pins")
    for _, _, tables in _places(erasure):
        with report.going_on():
            report.add(purge(tables, search, run=run))
    for tables, contract, erased in taken:
        with report.going_on():
            go_back(tables, contract, erased, run=run, level=settings.tiers.archive_level)


def _clean(erasure: Erasure, search: Search, hunt: Hunt, report: Report, *, reports: bool) -> None:
    """Caches, environments on their way out, the outbox, and reports where that is asked for."""
    settings = erasure.settings
    with report.going_on():
        finish_drops(settings, search, hunt)
        report.caches = clear_caches(settings, search, hunt)
    with report.going_on():
        report.outbox = clean_outboxes(settings, hunt)
    fault_point("erase.after_outbox")
    if reports:
        with report.going_on():
            report.removed = remove_reports(settings, hunt)
    fault_point("erase.after_reports")


def _in_sources(erasure: Erasure, hunt: Hunt) -> Iterator[str]:
    """Sources that still have the subject, as notes; a table would get the rows back from them."""
    for uri in erasure.sources:
        try:
            source = open_source(uri, erasure.settings)
            path = source.path if isinstance(source, FileSource) else None
        except LakebookError:
            continue  # the next run says what is wrong with it
        if path is not None and any(hunt.through([path])):
            yield (
                f"the source {uri} still has values of the subject: take them out there, or a run "
                "that lands it anew brings the rows back"
            )


def _places(erasure: Erasure) -> Iterator[tuple[TableContract, str, TierTables]]:
    for contract in erasure.datasets:
        for env, tables in places_of(erasure.settings, contract.dataset):
            yield contract, env, tables


def _held(search: Search, env: str, tables: TierTables) -> Iterator[Held]:
    """The rows that count, by tier."""
    now = look_at(tables)
    hits = search.through(path for files in now.files.values() for path in files).rows
    by_tier: dict[str, list[int]] = {}
    for partition, files in now.files.items():
        if rows := sum(hits.get(path, 0) for path in files):
            by_tier.setdefault(now.hot.place(partition).tier, []).append(rows)
    for tier, rows_of in by_tier.items():
        yield Held(env, str(tables.dataset), tier, len(rows_of), sum(rows_of))


def _record(erasure: Erasure, state: str, **more: Any) -> None:
    """Columns and counts alone: whose rows they were stands nowhere."""
    event = {
        "id": f"erasure/{erasure.run}",
        "event": "erasure",
        "state": state,
        "who": person(),
        "run": erasure.run,
        "dataset": ", ".join(str(contract.dataset) for contract in erasure.datasets),
        "columns": list(erasure.subject.columns),
        **more,
    }
    append_audit(erasure.settings.lake, [event])


def _with_extras(settings: Settings, dataset: Dataset) -> TableContract:
    """The contract with the columns that a source brought and nobody has promised yet."""
    table = table_path(settings.lake, dataset)
    return with_extras(find_table(settings, dataset), [open_snapshot(table).schema])
