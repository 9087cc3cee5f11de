"""Erases a subject's rows from a dataset wherever they lie, and proves that they are gone.

In each environment the dataset's table and its quarantine; in prod all tiers. Rows first, so that
nobody reads them any more; then pins, old files and bounds in logs; then caches. Every part can be
done again, so that a run that was killed is finished by the next.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..contract.lookup import find_table
from ..contract.model import TableContract
from ..delta import open_snapshot, with_extras
from ..delta.faults import fault_point
from ..errors import GraphError
from ..graph import load_graph
from ..names import Dataset, TierTables, table_path
from ..processes import Spawn, spawn_plain
from ..settings import Settings, person
from ..tiers.audit import BEGUN, DONE, append_audit
from ..tiers.erasure.erase import erase_rows, go_back, look_at
from ..tiers.erasure.purge import purge
from ..tiers.erasure.search import Search
from ..tiers.erasure.subject import Subject, parse_subject
from ..tiers.retention import refuse_hold
from .copies import clear_caches, finish_drops, move_pins, places_of
from .erasure_report import Held, Report
from .proof import prove
from .related import Related, related
from .remains import TextSearch

Progress = Callable[[str], None]
"""Called with what begins now, as a clause."""


@dataclass(frozen=True)
class Erasure:
    """What is to be erased. `datasets` are cleaned; `related` are others with the same columns."""

    settings: Settings
    datasets: tuple[TableContract, ...]
    subject: Subject
    run: str
    related: tuple[Related, ...] = ()
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
    try:
        near = related(load_graph(settings, spawn), dataset, subject.columns)
    except GraphError as broken:
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
    return Erasure(settings, tuple(chosen), subject, name, near, tuple(notes))


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


def erase(erasure: Erasure, on_begin: Progress = lambda what: None) -> Report:
    """Do it, prove it, record it. What one table cannot give up does not keep the others."""
    settings, run = erasure.settings, erasure.run
    search, report = Search(erasure.subject), Report(notes=list(erasure.notes))
    names = [contract.dataset for contract in erasure.datasets]
    _record(erasure, BEGUN)
    on_begin("looking for the rows")
    with report.going_on():
        report.held = held_rows(erasure, search)
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
    with report.going_on():
        finish_drops(settings, search)
        report.caches = clear_caches(settings, search, TextSearch(erasure.subject))
    on_begin("proving that they are gone")
    prove(settings, erasure.datasets, erasure.subject, report)
    report.elsewhere = rows_elsewhere(erasure, Search(erasure.subject))
    _record(
        erasure,
        DONE if report.is_clean else BEGUN,
        rows=report.rows,
        files=report.files,
        bytes=report.size_bytes,
        clean=report.is_clean,
    )
    return report


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
