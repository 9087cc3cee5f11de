"""A lake whose partitions lie in several tiers: `SmallLake` with the moves of `lakebook.tiers`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from small_lake import SmallLake

from lakebook.contract.lookup import find_table
from lakebook.contract.model import TableContract
from lakebook.delta.place import Tier
from lakebook.names import PROD, Dataset, TierTables, tier_tables
from lakebook.settings import Settings, load_settings
from lakebook.step.view import DatasetView, open_view
from lakebook.tiers.cold.archive import archive
from lakebook.tiers.cold.restore import restore
from lakebook.tiers.move import move_to_warm
from lakebook.tiers.placing import NewPlace, set_places
from lakebook.tiers.promote import promote

DAYS = [(1, "2013-01-01", 10), (2, "2013-01-02", 20), (3, "2013-01-03", -1), (4, "2013-01-04", 4)]


class AgedLake(SmallLake):
    """Moves what prod has of its dataset."""

    @property
    def settings(self) -> Settings:
        return load_settings(self.root, env=self.env)

    @property
    def promised(self) -> TableContract:
        return find_table(self.settings, Dataset.parse(self.step))

    @property
    def tables(self) -> TierTables:
        return tier_tables(self.settings.roots, Dataset.parse(self.step))

    @property
    def view(self) -> DatasetView:
        return open_view(self.settings, self.promised)

    def everywhere(self) -> None:
        """DAYS, written already, in all tiers of prod and set aside; a day of ana's own, who has
        pinned the others as they were in hot."""
        self.env = "ana"
        self.write([(1, "2013-01-01", 11)], "2013-01-01", "2013-01-02")
        self.open("2013-01-01", "2013-01-03").read(self.step, whole=True).collect()
        self.env = PROD
        self.warm("2013-01-01")
        self.cold("2013-01-02")

    def places(self) -> Mapping[str, Tier]:
        return {name: self.view.tier(name) for name in self.view.partitions}

    def warm(self, *partitions: str) -> None:
        assert move_to_warm(self.tables, self.promised, partitions).moved == partitions

    def hot(self, *partitions: str) -> None:
        assert promote(self.tables, partitions).moved == partitions

    def cold(self, *partitions: str) -> None:
        assert archive(self.tables, self.promised, partitions, level=3).moved == partitions

    def restore(self, *partitions: str, expires: datetime | None = None) -> None:
        done = restore(self.tables, self.promised, partitions, expires=expires)
        assert done.moved == partitions

    def delete(self, *partitions: str) -> None:
        """As retention does."""
        places = {name: NewPlace("deleted", archive=0) for name in partitions}
        done = set_places(self.tables.hot, self.snapshot, places, {"operation_kind": "retention"})
        assert done.done == partitions
