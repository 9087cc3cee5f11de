"""A dataset as an environment sees it: its own partitions, prod's where it wrote none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from ..contract.model import TableContract
from ..delta import Pins, Snapshot, open_snapshot, open_whole, with_extras
from ..names import PROD, Dataset, table_path, tier_tables
from ..settings import Settings


@dataclass(frozen=True)
class DatasetView:
    """Snapshots of the environment's own table and, below it, of prod's at a pinned version.

    `contract` also has the columns that the tables have and the contract's file has not yet.
    """

    contract: TableContract
    own: Snapshot
    prod: Snapshot | None  # None in prod itself

    @property
    def dataset(self) -> Dataset:
        return self.contract.dataset

    @property
    def exists(self) -> bool:
        return self.own.version >= 0 or (self.prod is not None and self.prod.version >= 0)

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
        """Names of all partitions that were ever written, in order."""
        names = {key[5:] for key in self.own.tokens if key.startswith("data/")}
        if self.prod is not None:
            names |= {key[5:] for key in self.prod.tokens if key.startswith("data/")}
        return tuple(sorted(names))

    @cached_property
    def data(self) -> Mapping[str, int]:
        """`data/` token of each partition, from the very versions that are read."""
        tokens = {name: self.holder(name).data(name) for name in self.partitions}
        return {name: token for name, token in tokens.items() if token is not None}

    def paths(self, partitions: Iterable[str] | None = None) -> list[str]:
        """Absolute paths of the live files of some partitions (of all, if None)."""
        names = self.partitions if partitions is None else tuple(partitions)
        if self.prod is None:
            return self.own.paths(names)
        mine = [name for name in names if self.holder(name) is self.own]
        rest = [name for name in names if self.holder(name) is not self.own]
        return self.own.paths(mine) + self.prod.paths(rest)

    def rows(self) -> int:
        return sum(map(self.rows_in, self.partitions))

    def rows_in(self, partition: str) -> int:
        return sum(file.rows for file in self.holder(partition).files_in([partition]))


def open_view(settings: Settings, contract: TableContract) -> DatasetView:
    """Snapshot a dataset for reading; in a person's environment, at the version that it has pinned.

    Raises UserError if that pin has expired.
    """
    return _view(settings, contract, pins_of(settings).snapshot)


def look_at(settings: Settings, contract: TableContract) -> DatasetView:
    """As `open_view`, for reports: it pins nothing, and an expired pin will do."""
    return _view(settings, contract, pins_of(settings).look)


def prod_below(settings: Settings, dataset: Dataset) -> Snapshot | None:
    """Prod's table as a person's environment reads it, pinned if it was not; None in prod itself.

    Raises UserError if its pin has expired.
    """
    return None if settings.env == PROD else pins_of(settings).snapshot(dataset)


def pins_of(settings: Settings) -> Pins:
    return Pins(settings.lake, settings.env, settings.environments.pin_days)


def _view(
    settings: Settings, contract: TableContract, below_of: Callable[[Dataset], Snapshot]
) -> DatasetView:
    if settings.env == PROD:
        tables = tier_tables(settings.roots, contract.dataset)
        whole = open_whole(tables.hot, tables.warm)
        return DatasetView(with_extras(contract, [whole.schema]), whole, None)
    own = open_snapshot(table_path(settings.lake, contract.dataset, env=settings.env))
    below = below_of(contract.dataset)
    return DatasetView(with_extras(contract, [own.schema, below.schema]), own, below)
