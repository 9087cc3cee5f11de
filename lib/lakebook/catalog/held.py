"""What a dataset has in each tier: bytes and partitions, as the tokens of its hot table place them.

Only prod has tiers. What no version needs any more and a vacuum will take is not counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..delta import open_snapshot, open_whole
from ..delta.log import list_log
from ..delta.place import TIERS, Tier
from ..delta.snapshot import Snapshot
from ..errors import StorageError
from ..names import PROD, Dataset, tier_tables
from ..settings import Settings
from ..tiers.sizes import Size, archived

STORED: tuple[Tier, ...] = ("hot", "warm", "cold")


@dataclass(frozen=True)
class Held:
    """size_bytes: of the files in hot, warm and cold. partitions: by tier, the deleted as well.

    A restored copy and the archive that it came from are both there, and both count.
    """

    snapshot: Snapshot
    size_bytes: Mapping[Tier, int]
    partitions: Mapping[Tier, int]

    @property
    def main_tier(self) -> Tier | None:
        """Where most bytes lie; None: nothing is left."""
        found = [tier for tier in STORED if self.partitions[tier]]
        if not found:
            return None
        most: Tier = max(found, key=lambda tier: self.size_bytes[tier])
        return most


def held(settings: Settings, dataset: Dataset) -> Held | None:
    """What prod holds of a dataset; None where there is no table, and in other environments.

    Raises StorageError for a table or a manifest that is damaged or missing.
    """
    if settings.env != PROD:
        return None
    tables = tier_tables(settings.roots, dataset)
    while True:
        whole = open_whole(tables.hot, tables.warm)
        if whole.version < 0:
            return None
        try:
            archives = [archived(tables, whole, partition) for partition in whole.written]
            break
        except StorageError:
            # An erasure or a new archive may have taken its place meanwhile.
            if open_snapshot(tables.hot).version == whole.version:
                raise
    sizes: dict[Tier, int] = {
        tier: Size.of(whole.files_in(whole.placed(tier))).size_bytes for tier in STORED
    }
    sizes["cold"] = sum(one.size_bytes for one in archives if one is not None)
    return Held(whole, sizes, {tier: len(whole.placed(tier)) for tier in TIERS})


def state_of(settings: Settings, dataset: Dataset) -> str:
    """What `held` can only differ with: the newest versions of the dataset's tables. Quick."""
    if settings.env != PROD:
        return ""
    tables = tier_tables(settings.roots, dataset)
    logs = (list_log(table) for table in (tables.hot, tables.warm))
    return "/".join(str(max((*commits, *checkpoints), default=-1)) for commits, checkpoints in logs)
