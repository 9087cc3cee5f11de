"""Where else a dataset's rows lie: tables of environments, their pins, dropped ones, caches."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..delta import Pins, open_snapshot, open_whole
from ..errors import StorageError
from ..files import sync_all
from ..names import PROD, Dataset, TierTables, environments_of, table_path, tier_tables
from ..processes import is_alive
from ..settings import Settings
from ..tiers.erasure.erase import of_one_table
from ..tiers.erasure.hunt import Hunt, Searched
from ..tiers.erasure.search import Search, files_below, is_parquet, parquet_files
from .drop import DropPlan, apply_drop, delete_folder
from .environments import DROPPED

_OF_RUN = re.compile(r"run-(\d+)-")  # a folder of dbt, with the process that uses it


def places_of(settings: Settings, dataset: Dataset) -> Iterator[tuple[str, TierTables]]:
    """Every environment's table of a dataset and its quarantine, with the environment's name."""
    for env in environments_of(settings.lake):
        for name in (dataset, dataset.quarantine):
            tables = of_one_table(table_path(settings.lake, name, env=env), name)
            if env == PROD and name == dataset:
                tables = tier_tables(settings.roots, dataset)
            if open_snapshot(tables.hot).version >= 0:
                yield env, tables


def move_pins(
    settings: Settings, datasets: Sequence[Dataset], search: Search
) -> dict[str, list[str]]:
    """Move the pins whose version of prod has files that hold the subject's rows, or are gone.

    Gives each environment with the datasets that it reads at another version now.
    """
    moved: dict[str, list[str]] = {}
    for env in environments_of(settings.lake):
        if env == PROD:
            continue
        pins = Pins(settings.roots, env, settings.environments.pin_days)
        for dataset in datasets:
            if _must_move(pins, tier_tables(settings.roots, dataset), search):
                pins.move(dataset)
                moved.setdefault(env, []).append(str(dataset))
    return moved


def _must_move(pins: Pins, tables: TierTables, search: Search) -> bool:
    dataset = tables.dataset
    kept = [path.name for path in pins.folder.glob(f"{dataset}.*.snapshot")]
    if not kept:
        return False
    try:
        pin = pins.get(dataset)
    except StorageError:
        return True  # nobody knows what it holds
    if pin is None or kept != [f"{dataset}.{pin.version}.snapshot"]:
        return True  # of a move that was killed
    seen, live = (
        pins.look(dataset),
        {file.path for file in open_whole(tables.hot, tables.warm).files},
    )
    # What it keeps of a file is bounds too: they go with whatever held the subject, or may have.
    return any(
        not search.is_clear(seen.table / file.path) for file in seen.files if file.path not in live
    )


def finish_drops(settings: Settings, search: Search, hunt: Hunt) -> None:
    """Delete environments and tables that a drop has moved aside, if the subject is in them."""
    roots = settings.roots
    for root in dict.fromkeys((settings.lake, roots.hot, roots.warm, roots.cold)):
        for folder in sorted((root / DROPPED).glob("*")):
            held = search.through(parquet_files(folder)).rows
            if not held and not any(hunt.through(files_below(folder))):
                continue
            if root == settings.lake:
                apply_drop(DropPlan(settings, None, False, 0, (folder,)))
            else:  # of a dataset: it holds no pins
                delete_folder(folder)


def clear_caches(settings: Settings, search: Search, hunt: Hunt) -> int:
    """Delete the caches that hold the subject, or that cannot be decoded; how many files.

    Any of them may go at any time.
    """
    files = [path for path in files_below(settings.state) if not _is_used(path)]
    told = Searched()
    rows = search.through(path for path in files if is_parquet(path)).rows
    gone = {*rows, *hunt.through(files, told), *told.undecoded, *told.unread}
    for path in gone:
        path.unlink(missing_ok=True)
    sync_all(folder for path in gone if (folder := path.parent).is_dir())
    return len(gone)


def _is_used(path: Path) -> bool:
    """Whether a living process of dbt works there."""
    found = (_OF_RUN.match(part) for part in path.parts)
    return any(is_alive(int(match[1])) for match in found if match)
