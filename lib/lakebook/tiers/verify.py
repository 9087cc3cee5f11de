"""Looks for bit rot: is everything that the logs name still there, and still what it was?

Hot and warm are compared by the checksums in their files' names, hot by the digest of its rows too,
cold by the manifests, each manifest by the token that names it. Nothing is changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from ..contract.model import TableContract
from ..delta import open_snapshot
from ..delta.checksums import named_checksum
from ..delta.commit import fence_stands
from ..delta.place import Tier
from ..delta.snapshot import DataFile, Snapshot
from ..delta.whole import has_copy
from ..errors import StorageError
from ..names import LAYERS, Dataset, TierTables, tier_tables
from ..settings import Settings
from .cold.archive_check import Damage, archive_damages
from .cold.cold_folders import archive_folder
from .decoding import Decoder
from .file_check import file_damages
from .remedy import remedy_of
from .sizes import archived

READABLE: tuple[Tier, ...] = ("hot", "warm", "cold")

_TRIES = 3
_THREADS = 2


@dataclass(frozen=True)
class Finding:
    """Something that is not as it must be. `file`: absolute, or a folder if it is all of it."""

    dataset: str
    tier: str
    partition: str
    file: str
    what: str
    advice: str = ""  # what to do
    command: str = ""  # the one in it that mends it; empty: none does

    @property
    def sentence(self) -> str:
        found = f"{self.dataset} {self.partition} in {self.tier}: {self.file}: {self.what}"
        return f"{found}; {self.advice}" if self.advice else found


@dataclass(frozen=True)
class Progress:
    """How far a verification is, in bytes that are read or to be read."""

    dataset: str
    partition: str
    done_bytes: int
    total_bytes: int


@dataclass(frozen=True)
class Verified:
    """What was looked at. A partition whose copy and archive were read counts twice.

    `unnamed`: files of hot and warm without a checksum in their names, which Lakebook gives them
    since 2026-11: they were decoded, and their rows' digest compared.
    """

    findings: tuple[Finding, ...]
    partitions: int
    size_bytes: int
    unnamed: int = 0


def verify(
    settings: Settings,
    tables: Sequence[TableContract],
    *,
    tiers: Iterable[Tier] = READABLE,
    deep: bool = False,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> Verified:
    """Read every file of some datasets, their quarantines and archives, and compare.

    Parameters
    ----------
    deep: decode the rows of warm and cold too, which the checksums cover already.

    What is written or moved meanwhile is looked at again before it is called damaged.
    """
    chosen = frozenset(tiers)
    findings: list[Finding] = []
    todo: list[_Part] = []
    for contract, dataset in _datasets(settings, tables):
        places = tier_tables(settings.roots, dataset)
        try:
            todo += _parts(contract, places, chosen)
        except StorageError as broken:  # a log
            tier = "warm" if Path(broken.where).is_relative_to(places.warm) else "hot"
            where, what = broken.where, broken.found
            findings.append(Finding(str(dataset), tier, "*", where, what, broken.fix))
    total = sum(part.size_bytes for part in todo)
    done = 0

    def look(part: _Part) -> list[Damage]:
        with decoders.one() as decoder:
            return _damages(part, deep, decoder)

    damaged: list[tuple[_Part, list[Damage]]] = []
    with closing(_Decoders()) as decoders, ThreadPoolExecutor(_THREADS) as pool:
        for part, damages in zip(todo, pool.map(look, todo), strict=True):
            if damages:
                damaged.append((part, damages))
            done += part.size_bytes
            on_progress(Progress(str(part.tables.dataset), part.partition, done, total))
    findings += _with_advice(settings, damaged)
    unnamed = sum(named_checksum(file.path) is None for part in todo for file in part.files)
    return Verified(tuple(findings), len(todo), total, unnamed)


def _with_advice(
    settings: Settings, damaged: Sequence[tuple[_Part, list[Damage]]]
) -> Iterator[Finding]:
    """Each damage with what mends it: that of a copy may be its archive, if that is whole."""
    cold = {(part.tables.dataset, part.partition) for part, _ in damaged if part.tier == "cold"}
    for part, damages in damaged:
        dataset, p, contract = part.tables.dataset, part.partition, part.contract
        own = part.hot
        if dataset != contract.dataset:  # a quarantine: it is made anew with the dataset
            own = open_snapshot(tier_tables(settings.roots, contract.dataset).hot)
        remedy = remedy_of(
            contract,
            p,
            own,
            restores=part.tier != "cold"
            and part.hot.archive(p) is not None
            and (dataset, p) not in cold,
            damaged=[other.partition for other, _ in damaged if other.contract is contract],
        )
        for found in damages:
            where = str(found.path)
            yield Finding(
                str(dataset), part.tier, p, where, found.what, remedy.advice, remedy.command
            )


@dataclass(frozen=True)
class _Part:
    """A partition in one tier; in cold also for a copy elsewhere, if its archive still counts."""

    contract: TableContract
    tables: TierTables
    hot: Snapshot
    warm: Snapshot
    partition: str
    tier: Tier
    size_bytes: int

    @property
    def files(self) -> tuple[DataFile, ...]:
        """Of hot or warm."""
        if self.tier == "cold":
            return ()
        return (self.hot if self.tier == "hot" else self.warm).files_in([self.partition])


class _Decoders:
    """As many decoders as are at work at once, closed at the end."""

    def __init__(self) -> None:
        self._idle: list[Decoder] = []

    @contextmanager
    def one(self) -> Iterator[Decoder]:
        decoder = self._idle.pop() if self._idle else Decoder()
        try:
            yield decoder
        finally:
            self._idle.append(decoder)

    def close(self) -> None:
        for decoder in self._idle:
            decoder.close()


def _datasets(
    settings: Settings, tables: Sequence[TableContract]
) -> Iterator[tuple[TableContract, Dataset]]:
    """Datasets and their quarantines, with the dataset's contract; what is read comes first."""
    for contract in sorted(tables, key=lambda one: LAYERS.index(one.dataset.layer)):
        yield contract, contract.dataset
        aside = contract.dataset.quarantine
        if (tier_tables(settings.roots, aside).hot / "_delta_log").is_dir():
            yield contract, aside


def _parts(contract: TableContract, tables: TierTables, tiers: frozenset[Tier]) -> list[_Part]:
    hot = open_snapshot(tables.hot)
    warm = open_snapshot(tables.warm)
    parts = []
    for p in sorted({*hot.written, *hot.partitions}):
        tier = hot.place(p).tier
        if tier in ("hot", "warm"):
            part = _Part(contract, tables, hot, warm, p, tier, 0)
            size = sum(file.size_bytes for file in part.files)
            parts.append(replace(part, size_bytes=size))
        if tier == "cold" or (tier != "deleted" and hot.archive(p) is not None):
            size = _archived_bytes(tables, hot, p)
            parts.append(_Part(contract, tables, hot, warm, p, "cold", size))
    return [part for part in parts if part.tier in tiers]


def _archived_bytes(tables: TierTables, hot: Snapshot, partition: str) -> int:
    try:
        size = archived(tables, hot, partition)
    except StorageError:
        return 0  # it is named when its turn comes
    return size.size_bytes if size else 0


def _damages(part: _Part, deep: bool, decoder: Decoder) -> list[Damage]:
    """What is wrong with a part, unless that is because it was written or moved meanwhile."""
    tables, p = part.tables, part.partition
    damages: list[Damage] = []
    for _ in range(_TRIES):
        damages = list(_damages_at(part, deep, decoder))
        if not damages:
            break
        try:
            now = replace(part, hot=open_snapshot(tables.hot), warm=open_snapshot(tables.warm))
        except StorageError as broken:  # a log
            return [*damages, Damage(Path(broken.where), broken.found)]
        if fence_stands(part.hot, now.hot, p) and fence_stands(part.warm, now.warm, p):
            break
        part = now
    return damages


def _damages_at(part: _Part, deep: bool, decoder: Decoder) -> Iterator[Damage]:
    tables, p, hot, warm = part.tables, part.partition, part.hot, part.warm
    if part.tier == "cold":
        archive = hot.archive(p)
        if archive is not None:
            folder = archive_folder(tables.cold, p, archive)
            yield from archive_damages(folder, archive, rows_digest=hot.data(p), deep=deep)
        elif hot.place(p).tier == "cold":
            yield Damage(tables.cold / p, "the log places it in cold and names no archive")
    elif hot.place(p).tier != part.tier:
        pass  # it has moved meanwhile
    elif part.tier == "hot":
        if p not in hot.by_partition and hot.data(p):
            yield Damage(tables.hot, "the log knows of rows and names no file")
        files = hot.files_in([p])
        yield from file_damages(tables.hot, files, hot.data(p), rows=True, decoder=decoder)
    elif has_copy(hot, warm, p):
        files = warm.files_in([p])
        yield from file_damages(tables.warm, files, hot.data(p), rows=deep, decoder=decoder)
    else:
        yield Damage(tables.warm, "warm does not hold the copy that hot places there")
