"""Builds the site by what is new: scan, then write the pages that changed, then forget that.

Safe at any moment: one builder at a time holds the lock, pages are replaced whole, and what was
not written stays marked for the next build.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..contract.fingerprint import fingerprint_of
from ..errors import StorageError, storage_errors
from ..names import Dataset, table_path
from ..settings import Settings
from ..tiers.policy import policy_of
from . import render
from .catalog import Catalog, load_catalog
from .dataset_view import dataset_view
from .overview import datasets_view, graph_view, index_view, steps_data
from .places import CATALOG, page_name
from .removed import clear_away, clear_docs, drop_dataset_pages
from .run_view import run_view
from .scan import scan
from .store import Store

_BATCH = 100
_REMOVED = "removed runs"  # among the pages: which runs were removed when the others were written
_REDIRECT = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Lakebook runs</title>
<meta http-equiv="refresh" content="0; url=../site/index.html"></head>
<body><p>The reports are in <a href="../site/index.html">../site/index.html</a>.</p></body></html>
"""


@dataclass(frozen=True)
class Built:
    """What a build did. `index`: the first page; `new_runs`: runs it did not know before."""

    index: Path
    new_runs: int
    pages: int
    elapsed_s: float
    problem: str = ""


def build_site(
    settings: Settings,
    *,
    rebuild: bool = False,
    compile_lineage: bool = False,
    catalog: Catalog | None = None,
) -> Built:
    """Bring the site up to what the archive holds. `rebuild` writes every page anew."""
    began = time.perf_counter()
    site = settings.site
    known = catalog or load_catalog(settings, compile_lineage=compile_lineage)
    with _one_sentence(site), locked(site):
        if rebuild:
            shutil.rmtree(site / ".build" / "state", ignore_errors=True)
        store = Store(site / ".build" / "state" / "runs.sqlite")
        try:
            fresh = scan(store, settings.runs)
            render.write_assets(site)
            _make_room(site)
            pages = _write_runs(store, known)
            pages += _write_others(store, known)
            tables = None if known.problem else known.tables
            clear_away(site, store.known(), store.segments(), tables)
            there = {run_id for run_id, is_gone in store.known().items() if not is_gone}
            clear_docs(settings.lake / settings.env / "docs", there)
        finally:
            store.close()
        _redirect(settings)
    took = time.perf_counter() - began
    return Built(site / "index.html", fresh, pages, took, known.problem)


@contextmanager
def _one_sentence(site: Path) -> Iterator[None]:
    """Troubles of the disk, also those that SQLite met, as one of our errors."""
    try:
        with storage_errors("building the report site", site):
            yield
    except sqlite3.Error as broken:
        raise StorageError(
            f"the site's state cannot be used: {broken}",
            where=str(site),
            fix="free some space, or remove the folder and run lakebook report build",
        ) from broken


@contextmanager
def locked(site: Path) -> Iterator[None]:
    """One builder at a time; the system frees the lock of one that dies."""
    (site / ".build").mkdir(parents=True, exist_ok=True)
    lock = os.open(site / ".build" / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _write_runs(store: Store, catalog: Catalog) -> int:
    todo = store.dirty()
    for start in range(0, len(todo), _BATCH):
        batch = todo[start : start + _BATCH]
        for page in batch:
            kind, _, name = page.partition(":")
            if kind == "run":
                write_run(store, catalog, name)
            else:
                _write_segment(store, catalog.settings.site, int(name))
        with store.transaction():
            store.clean(batch)
    return len(todo)


def write_run(store: Store, catalog: Catalog, run_id: str) -> None:
    run = store.get(run_id)
    if run is None:
        return
    target = catalog.settings.site / page_name(run_id)
    if run.pruned:
        following = store.after(run)
        view = {"run": run, "previous": store.before(run), "next": next(iter(following), None)}
        render.write(target, render.page("pruned.html", _name(catalog), "../", **view))
        return
    view = run_view(store, catalog, run)
    text = render.page("run.html", _name(catalog), "../", single=False, **view)
    render.write(target, text)


def _write_segment(store: Store, site: Path, number: int) -> None:
    """The index's data of some runs: their lines, and the words that a search looks through."""
    found = list(store.segment(number))
    rows = [row for row, _ in found]
    words = {row["id"]: text for row, text in found if text}
    render.write(site / f"data/runs-{number}.js", render.data_file("runs", number, rows))
    render.write(site / f"data/words-{number}.js", render.data_file("words", number, words))


def _write_others(store: Store, catalog: Catalog) -> int:
    """Pages over many runs: each is written again if what it is made of has changed."""
    site = catalog.settings.site
    name = _name(catalog)
    written = 0

    def put(path: str, made_of: str, text: Callable[[], str]) -> None:
        nonlocal written
        digest = hashlib.sha256(f"{_TEMPLATES()} {made_of}".encode()).hexdigest()
        if store.made_of(path) == digest and (site / path).is_file():
            return
        render.write(site / path, text())
        with store.transaction():
            store.remember(path, digest)
        written += 1

    last = [(step, run.run_id, run.pruned) for step in store.steps() for run in store.newest(step)]
    world = f"{last} {store.count()} {store.pruned()} {catalog.problem} {_promises(catalog)}"
    steps = steps_data(store, catalog)
    put("data/steps.js", str(steps), lambda: render.data_file("steps", steps))
    put(
        "index.html",
        world,
        lambda: render.page("index.html", name, "", **index_view(store, catalog)),
    )
    removed = str(store.pruned())
    with store.transaction():
        as_before = store.made_of(_REMOVED) == removed
        store.remember(_REMOVED, removed)
    if catalog.problem:
        # The graph and the datasets stay as they were when they could be read, unless they may
        # speak of a run that was removed since.
        if not as_before:
            drop_dataset_pages(site)
        return written
    put(
        "graph.html",
        world,
        lambda: render.page("graph.html", name, "", **graph_view(store, catalog)),
    )
    put(
        "datasets/index.html",
        world,
        lambda: render.page("datasets.html", name, "../", **datasets_view(store, catalog)),
    )
    edges = f"{catalog.lineage.columns} {catalog.lineage.tables}"
    for dataset, table in catalog.tables.items():
        step = catalog.producer(dataset)
        runs = [run.run_id for run in store.newest(step, 2)]
        made_of = f"{runs} {fingerprint_of(table)} {table} {edges} {_version(catalog, dataset)}"
        made_of += f" {policy_of(catalog.settings, table)} {store.pruned(step)}"
        put(
            f"datasets/{dataset}.html",
            made_of,
            lambda dataset=dataset: render.page(  # type: ignore[misc]
                "dataset.html", name, "../", **dataset_view(store, catalog, dataset)
            ),
        )
    return written


def _TEMPLATES() -> str:
    return render.asset_name(render.CSS) + render.asset_name(render.JS)


def _promises(catalog: Catalog) -> str:
    return " ".join(f"{name}={table}" for name, table in catalog.tables.items())


def _version(catalog: Catalog, dataset: str) -> str:
    """The newest entry of a table's log: cheaper than opening it."""
    log = table_path(catalog.settings.lake, Dataset.parse(dataset), env=catalog.settings.env)
    try:
        names = os.listdir(log / "_delta_log")  # noqa: PTH208 (names are enough)
    except FileNotFoundError:
        return ""
    return max(names, default="")


def _name(catalog: Catalog) -> str:
    return catalog.settings.env


def _make_room(site: Path) -> None:
    """The file by which the catalog tells pages what it lacks; a page must find one."""
    target = site / CATALOG
    if not target.is_file():
        empty = target.with_name(f".{target.name}.{os.getpid()}.empty")
        render.write(empty, render.data_file("catalog", {"waiting": [], "problem": ""}))
        with contextlib.suppress(FileExistsError):  # an emission was quicker
            os.link(empty, target)
        empty.unlink()


def _redirect(settings: Settings) -> None:
    """`<runs>/index.html`, where the list of runs once was, leads on."""
    page = settings.runs / "index.html"
    if settings.runs.is_dir() and (not page.is_file() or page.read_text("utf-8") != _REDIRECT):
        render.write(page, _REDIRECT)
