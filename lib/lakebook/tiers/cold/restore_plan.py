"""What a restore would copy, how long it takes and what it costs; and whether it can be at all."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ...contract.model import TableContract
from ...delta import open_snapshot
from ...delta.snapshot import Snapshot
from ...errors import StorageError, UserError
from ...names import Dataset, TierTables, tier_tables
from ...settings import Settings
from ...settings.tiers import GB
from .manifest import Manifest
from .named import named_manifest


@dataclass(frozen=True)
class RestorePlan:
    """sizes: partition in cold -> bytes of its archive. seconds: estimated. price: of reading it,
    in `currency`.
    """

    dataset: str
    sizes: Mapping[str, int]
    rows: int
    seconds: float
    price: float
    currency: str

    @property
    def size_bytes(self) -> int:
        return sum(self.sizes.values())


def plan_restore(
    settings: Settings, contract: TableContract, partitions: Iterable[str]
) -> RestorePlan:
    """What bringing back those of the partitions that lie in cold takes; only manifests are read.

    Raises StorageError for a damaged manifest.
    """
    tables, given = tier_tables(settings.roots, contract.dataset), settings.tiers
    found = manifests_in_cold(tables, open_snapshot(tables.hot), partitions)
    sizes = {p: manifest.size_bytes for p, manifest in found.items()}
    total = sum(sizes.values())
    return RestorePlan(
        str(contract.dataset),
        sizes,
        sum(manifest.rows for manifest in found.values()),
        total / (given.restore_mb_per_s * 1e6),
        total / GB * given.prices.restore,
        given.prices.currency,
    )


def manifests_in_cold(
    tables: TierTables, hot: Snapshot, partitions: Iterable[str], *, lost: Collection[str] = ()
) -> dict[str, Manifest]:
    """The manifests of those of the partitions that lie in cold, or whose copy is lost."""
    found = {}
    for p in dict.fromkeys(partitions):
        if hot.data(p) is not None and (hot.place(p).tier == "cold" or p in lost):
            manifest = named_manifest(tables.cold, hot, p)
            if manifest is None:
                raise StorageError(
                    f"{p} lies in cold and no archive is named for it", where=str(tables.hot)
                )
            found[p] = manifest
    return found


def check_restorable(dataset: Dataset, hot: Snapshot, partitions: Sequence[str]) -> None:
    """Raise UserError for an unknown partition, and if no archive holds any of the others."""
    known = hot.written
    if not known:
        raise UserError(f"{dataset} has no partition yet", fix="nothing can be restored")
    for p in partitions:
        if hot.data(p) is None:
            raise UserError(
                f"{dataset} has no partition {p}", fix=f"it has {known[0]} to {known[-1]}"
            )
    if partitions and not any(hot.archive(p) for p in partitions):
        first = partitions[0]
        tier = hot.place(first).tier
        if tier == "deleted":
            raise UserError(
                f"{dataset}: {first} was deleted by retention, and its archive with it",
                fix="if its source still has it, run the step of this partition",
            )
        raise UserError(
            f"{dataset}: {first} was never archived as it is now",
            fix=f"it lies in {tier}, where it is read as ever",
        )
