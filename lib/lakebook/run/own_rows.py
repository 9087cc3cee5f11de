"""What an environment wrote of a dataset by itself, when the prod below it moves.

Partitions of a replaced dataset stand side by side: an own one hides prod's. Those of a merged one
do not: a merge takes a key out of one partition and puts it into another, so own partitions over
another version of prod may show a key twice, or not at all.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterable
from pathlib import Path

from ..contract.lookup import find_table
from ..delta import Pins, Snapshot, fault_point, open_snapshot, open_whole
from ..delta.agreement import was_merged
from ..errors import LakebookError, UserError, storage_errors
from ..files import make_folder, sync_all
from ..names import Dataset, table_path, tier_tables
from ..settings import Settings
from .drop import refuse_if_used
from .environments import DROPPED
from .workspace import hold_environment


def refuse_mixture(settings: Settings, pins: Pins, datasets: Iterable[str]) -> None:
    """Raise UserError if moving these pins would put own merged rows over another prod.

    settings: of the environment.
    """
    every = list(datasets)
    mixed = [name for name in every if _would_mix(settings, pins, Dataset.parse(name))]
    if not mixed:
        return
    rest = [name for name in every if name not in mixed]
    env, names = settings.env, ", ".join(mixed)
    others = f"; the others alone: lakebook env refresh {env} {' '.join(rest)}" if rest else ""
    raise UserError(
        f"{names}: the environment {env!r} merged rows into the version of prod that it has "
        "pinned, and prod has other rows by now: over them a key would be shown twice or not at "
        "all. No pin was moved",
        fix=f"give up what it wrote: lakebook env refresh {env} {' '.join(mixed)} --discard, and "
        f"run it again{others}",
    )


def _would_mix(settings: Settings, pins: Pins, dataset: Dataset) -> bool:
    own = open_snapshot(table_path(settings.lake, dataset, env=settings.env))
    if not own.written:
        return False
    try:
        if find_table(settings, dataset).write != "merge" and not was_merged(own):
            return False
        tables = tier_tables(settings.roots, dataset)
        return _rows(pins.look(dataset)) != _rows(open_whole(tables.hot, tables.warm))
    except LakebookError:  # without a contract or a pin nobody can tell, and nobody can read it
        return False


def _rows(prod: Snapshot) -> dict[str, int]:
    """Digest of each partition that has rows."""
    return {name: rows for name in prod.written if (rows := prod.data(name))}


def discard(settings: Settings, datasets: Iterable[str]) -> tuple[str, ...]:
    """Give up what an environment wrote of some datasets, quarantine and all; those that had some.

    What goes is moved aside at once, as by a drop of the environment, and deleted from there.
    Raises UserError if a run of the environment is going on.
    """
    gone = []
    with (
        storage_errors("giving up what an environment wrote", settings.lake),
        hold_environment(settings, alone=True) as is_ours,
    ):
        names = [Dataset.parse(name) for name in datasets]
        places = {name: table_path(settings.lake, name, env=settings.env) for name in names}
        refuse_if_used(settings, places, runs_there=not is_ours)
        aside = settings.lake / DROPPED / f"{settings.env}.{secrets.token_hex(4)}"
        for name, place in places.items():
            quarantine = table_path(settings.lake, name.quarantine, env=settings.env)
            # The rows first: a quarantine is shown by what the rows' table says.
            pairs = ((place, str(name)), (quarantine, str(name.quarantine)))
            moved = [target for one, target in pairs if _move(one, aside / target)]
            gone += [str(name)] if moved else []
        for rest in (settings.lake / DROPPED).glob(f"{settings.env}.*"):  # a killed one's, too
            shutil.rmtree(rest, ignore_errors=True)
    return tuple(gone)


def _move(place: Path, target: Path) -> bool:
    if not place.is_dir():
        return False
    make_folder(target.parent)
    place.rename(target)
    sync_all((target.parent, place.parent))
    fault_point("discard.after_rename")
    return True
