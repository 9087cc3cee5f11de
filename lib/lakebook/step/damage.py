"""What a reader says of a file that is missing, cut or flipped: whose it is, and what mends it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from ..delta import open_snapshot
from ..delta.snapshot import Snapshot
from ..delta.whole import open_whole
from ..errors import DamageError, StorageError
from ..names import PROD, table_path, tier_tables

if TYPE_CHECKING:
    from .view import DatasetView


def damage_in(
    view: DatasetView, partitions: Iterable[str], *, by_content: bool = False
) -> DamageError | None:
    """The first damage among the files of some partitions, not yet described (`find_damage`)."""
    from ..tiers.glance import find_damage

    by_holder: dict[int, tuple[Snapshot, list[str]]] = {}
    for name in partitions:
        holder = view.holder(name)
        by_holder.setdefault(id(holder), (holder, []))[1].append(name)
    for holder, names in by_holder.values():
        if found := find_damage(holder, names, by_content=by_content):
            return found
    return None


def archive_damage_of(view: DatasetView, partition: str) -> DamageError | None:
    """As `damage_in`, of a partition that lies in cold."""
    from ..tiers.cold.cold_folders import archive_folder
    from ..tiers.glance import archive_damage

    archive = view.holder(partition).archive(partition)
    cold = tier_tables(view.settings.roots, view.dataset).cold
    if archive is None:
        what = "the log places it in cold and names no archive"
        return DamageError(what, where=str(cold / partition), partition=partition)
    return archive_damage(archive_folder(cold, partition, archive), partition, archive)


def check_whole(view: DatasetView, partitions: Iterable[str], *, by_content: bool = False) -> None:
    """Raise DamageError, with what mends it, unless the files of some partitions are whole."""
    if found := damage_in(view, partitions, by_content=by_content):
        raise damage_error(view, found)


def damage_error(view: DatasetView, found: DamageError) -> StorageError:
    """A damage as its reader tells it."""
    from ..tiers.remedy import described, is_gone, remedy_of

    settings, dataset, p = view.settings, view.dataset, found.partition
    if view.holder(p) is view.own and settings.env != PROD:
        own = open_snapshot(table_path(settings.lake, dataset, env=settings.env))
        if is_gone(found, own):
            return _moved_on(found, f"{dataset} {p} was written meanwhile", "run it again")
        return DamageError(
            f"{dataset} {p} in the environment {settings.env!r}: {found.found}",
            where=found.where,
            fix=remedy_of(view.contract, p, view.own, env=settings.env).advice,
            partition=p,
            dataset=str(dataset),
        )
    tables = tier_tables(settings.roots, dataset)
    now = open_whole(tables.hot, tables.warm, lost_ok=True)
    if view.prod is None:
        if is_gone(found, now):
            return _moved_on(found, f"{dataset} {p} was written meanwhile", "run it again")
        return described(view.contract, found, now)
    refresh = f"lakebook env refresh {settings.env} {dataset}"
    if is_gone(found, now):
        what = f"{dataset} {p} at version {view.prod.version} of prod: {found.found}"
        return _moved_on(found, what, f"move the pin: {refresh}")
    told = described(view.contract, found, now)
    told = DamageError(
        told.found,
        where=told.where,
        fix=f"{told.fix} && {refresh}",
        partition=p,
        dataset=str(dataset),
    )
    return told


def _moved_on(found: DamageError, what: str, fix: str) -> StorageError:
    return StorageError(what, where=found.where, fix=fix)


def first_damage(reads: Iterable[tuple[DatasetView, Iterable[str]]]) -> StorageError | None:
    """The first damaged file of some views and their partitions; every byte is looked at."""
    for view, names in reads:
        if found := damage_in(view, names, by_content=True):
            return damage_error(view, found)
    return None


def file_name(found: DamageError) -> str:
    """The file alone, for a reason among others."""
    return Path(found.where).name
