"""A dataset as an environment sees it: its own partitions, prod's where it wrote none.

Hot and warm are one table; what lies in cold is there, and says how it comes back when it is asked
for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from ..contract.model import TableContract
from ..delta import Pins, Snapshot, open_snapshot, open_whole, with_extras
from ..delta.whole import with_warm
from ..intervals import NULL, Interval
from ..names import PROD, Dataset, table_path, tier_tables
from ..settings import Settings
from .agreed import check_agreed
from .cold import archived, cold_error, deleted_error, pinned_cold_error
from .damage import archive_damage_of, check_whole, damage_in, file_name

if TYPE_CHECKING:
    from ..delta.place import Tier
    from ..tiers.cold.manifest import Manifest


@dataclass(frozen=True)
class DatasetView:
    """Snapshots of the environment's own table and, below it, of prod's at a pinned version.

    `contract` also has the columns that the tables have and the contract's file has not yet.
    """

    contract: TableContract
    own: Snapshot
    prod: Snapshot | None  # None in prod itself
    settings: Settings

    @property
    def dataset(self) -> Dataset:
        return self.contract.dataset

    @property
    def exists(self) -> bool:
        """Whether a run has ever published to it: one that failed leaves a table without any."""
        return any(_is_published(one) for one in (self.own, self.prod) if one is not None)

    @property
    def versions(self) -> dict[str, int]:
        below = {} if self.prod is None else {PROD: self.prod.version}
        return {"own": self.own.version, **below}

    def holder(self, partition: str) -> Snapshot:
        """The table whose copy of a partition counts here."""
        # The digest says that the environment wrote the partition, even if it left it without rows.
        # A fence alone does not: a sweep raises those of partitions that were never written.
        if self.prod is None or self.own.data(partition) is not None:
            return self.own
        return self.prod

    @cached_property
    def partitions(self) -> tuple[str, ...]:
        """Names of all partitions that were ever written, in order; those of whose writing nothing
        is known too, if the log shows a file of theirs: no row is left out for that."""
        tables = [self.own] if self.prod is None else [self.own, self.prod]
        return tuple(sorted({p for one in tables for p in (*one.written, *one.partitions)}))

    @cached_property
    def data(self) -> Mapping[str, int]:
        """`data/` token of each partition, from the very versions that are read."""
        tokens = {name: self.holder(name).data(name) for name in self.partitions}
        return {name: token for name, token in tokens.items() if token is not None}

    def tier(self, partition: str) -> Tier:
        """Where a partition lies; what an environment wrote itself is hot."""
        return self.holder(partition).place(partition).tier

    @cached_property
    def present(self) -> tuple[str, ...]:
        """The partitions without those that retention deleted."""
        return tuple(name for name in self.partitions if self.tier(name) != "deleted")

    def read_of(self, interval: Interval | None) -> tuple[str, ...]:
        """Partitions that a read of an interval takes; without one, or a time, all there are."""
        if interval is None or self.contract.time is None:
            return self.present
        return (*interval.partitions(self.contract.time.unit), NULL)

    def in_cold(self, partitions: Iterable[str]) -> tuple[str, ...]:
        """Those of some partitions that have to be restored before they can be read."""
        return tuple(p for p in dict.fromkeys(partitions) if self.tier(p) == "cold")

    def paths(self, partitions: Iterable[str] | None = None) -> list[str]:
        """Absolute paths of the live files of some partitions, or of all that there are.

        Raises ColdError if one of them lies in cold, UserError if one that is asked for by its
        name was deleted by retention, and DamageError if a file of theirs is not as it was.
        """
        names = self.present if partitions is None else tuple(partitions)
        self.check_readable(names)
        if self.prod is None:
            return self.own.paths(names)
        mine = [name for name in names if self.holder(name) is self.own]
        rest = [name for name in names if self.holder(name) is not self.own]
        return self.own.paths(mine) + self.prod.paths(rest)

    def check_readable(self, partitions: Iterable[str]) -> None:
        """Raises as `paths` does."""
        names = tuple(partitions)
        if gone := [name for name in names if self.tier(name) == "deleted"]:
            raise deleted_error(self.dataset, gone)
        if cold := self.in_cold(names):
            if self.prod is not None:
                raise pinned_cold_error(self.settings, self.contract, self.prod, cold)
            raise cold_error(self.settings, [(self.contract, cold)])
        check_whole(self, names)

    def damage(self, partition: str) -> str:
        """What is wrong with a partition's files, at a glance; empty if nothing is."""
        if self.tier(partition) == "cold":
            found = archive_damage_of(self, partition)
        else:
            found = damage_in(self, [partition])
        return "" if found is None else f"damaged: {file_name(found)}: {found.found}"

    def rows(self) -> int:
        """Rows over all tiers."""
        return sum(map(self.rows_in, self.present))

    def rows_in(self, partition: str) -> int:
        """Rows of a partition; of one in cold, as its archive says."""
        if self.tier(partition) == "cold":
            return self.archived([partition])[partition].rows
        return sum(file.rows for file in self.holder(partition).files_in([partition]))

    def archived(self, partitions: Iterable[str]) -> Mapping[str, Manifest]:
        """The archives' manifests of partitions that lie in cold."""
        names = tuple(partitions)
        below = self.own if self.prod is None else self.prod
        return archived(self.settings, self.dataset, below, names)


def _is_published(table: Snapshot) -> bool:
    return bool(table.written) or any(name.startswith("offset/") for name in table.tokens)


def open_view(settings: Settings, contract: TableContract) -> DatasetView:
    """Snapshot a dataset for reading; in a person's environment, at the version that it has pinned.

    Raises UserError if that pin has expired, ContractError if the rows were cut into partitions in
    another way than the contract says, or have other types.
    """
    return _agreeing(_view(settings, contract, pins_of(settings).snapshot))


def look_at(settings: Settings, contract: TableContract) -> DatasetView:
    """As `open_view`, for reports: it pins nothing, and an expired pin will do."""
    return _view(settings, contract, pins_of(settings).look)


def view_of(settings: Settings, contract: TableContract, noted: Snapshot) -> DatasetView:
    """An output as it was when its own table was noted, over its tiers.

    If warm has moved past it the view is a newer one, whose fences are not as noted.
    """
    if settings.env != PROD:
        below = prod_below(settings, contract.dataset)
        return _agreeing(DatasetView(contract, noted, below, settings))
    tables = tier_tables(settings.roots, contract.dataset)
    whole = with_warm(noted, tables.warm)
    if whole is None:
        whole = open_whole(tables.hot, tables.warm, lost_ok=True)
    return _agreeing(DatasetView(contract, whole, None, settings))


def prod_below(settings: Settings, dataset: Dataset) -> Snapshot | None:
    """Prod's table as a person's environment reads it, pinned if it was not; None in prod itself.

    Raises UserError if its pin has expired.
    """
    return None if settings.env == PROD else pins_of(settings).snapshot(dataset)


def pins_of(settings: Settings) -> Pins:
    return Pins(settings.roots, settings.env, settings.environments.pin_days)


def _agreeing(view: DatasetView) -> DatasetView:
    check_agreed(view.settings, view.contract, view.own, view.prod)
    return view


def _view(
    settings: Settings, contract: TableContract, below_of: Callable[[Dataset], Snapshot]
) -> DatasetView:
    if settings.env == PROD:
        tables = tier_tables(settings.roots, contract.dataset)
        whole = open_whole(tables.hot, tables.warm, lost_ok=True)
        return DatasetView(with_extras(contract, [whole.schema]), whole, None, settings)
    own = open_snapshot(table_path(settings.lake, contract.dataset, env=settings.env))
    below = below_of(contract.dataset)
    return DatasetView(with_extras(contract, [own.schema, below.schema]), own, below, settings)
