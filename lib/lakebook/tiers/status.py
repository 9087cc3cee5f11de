"""What each tier of each dataset holds and costs, and what waits there to be deleted."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime
from typing import Any, Literal

from ..contract.model import TableContract
from ..delta.cleaner import removed_files
from ..delta.log import open_snapshot
from ..delta.place import TIERS
from ..delta.snapshot import Snapshot
from ..delta.whole import has_copy, open_whole
from ..errors import StorageError
from ..names import TierTables, tier_tables
from ..settings import Prices, Settings
from .policy import Policy, policy_of
from .sizes import Size, archived

Held = Literal["hot", "warm", "cold"]
HELD: tuple[Held, ...] = ("hot", "warm", "cold")


@dataclass(frozen=True)
class TierUse:
    """What a tier holds of a dataset.

    partitions: those that lie there. files, rows, size_bytes: theirs; in cold also those of
    archives whose copy was restored. monthly_cost: of these bytes.
    waiting_files, waiting_bytes: no part of the dataset any more and still on the disk, until a
    sweep or a vacuum takes them: removed files, stale copies, archives that were replaced.
    """

    tier: Held
    partitions: int = 0
    files: int = 0
    rows: int = 0
    size_bytes: int = 0
    monthly_cost: float = 0.0
    waiting_files: int = 0
    waiting_bytes: int = 0


@dataclass(frozen=True)
class DatasetStatus:
    """restored: partition -> until when its copy stays (UTC). deleted: how many partitions are.

    due: how many a plan would move on this day. next_change: the first day on which another would.
    problems: what could not be read.
    """

    dataset: str
    policy: Policy
    tiers: tuple[TierUse, ...]
    deleted: int = 0
    restored: tuple[tuple[str, datetime], ...] = ()
    due: int = 0
    next_change: date | None = None
    problems: tuple[str, ...] = ()

    @property
    def size_bytes(self) -> int:
        return sum(use.size_bytes for use in self.tiers)

    @property
    def monthly_cost(self) -> float:
        return sum(use.monthly_cost for use in self.tiers)

    @property
    def moves_next(self) -> str:
        """In words: how many now, else when."""
        return f"{self.due:,} now" if self.due else str(self.next_change or "")

    def to_json(self) -> dict[str, Any]:
        return {
            "dataset": self.dataset,
            "policy": str(self.policy),
            "tiers": [vars(use) for use in self.tiers],
            "deleted": self.deleted,
            "restored": {name: until.isoformat() for name, until in self.restored},
            "due": self.due,
            "next_change": self.next_change.isoformat() if self.next_change else None,
            "problems": list(self.problems),
        }


def status(
    settings: Settings,
    tables: Sequence[TableContract],
    as_of: date | None = None,
) -> tuple[DatasetStatus, ...]:
    """The tiers of prod's datasets, in the order of their names; those without table are left out.

    Parameters
    ----------
    as_of: the day that ages are counted to; default: today (UTC).
    """
    day = as_of or datetime.now(UTC).date()
    found = []
    for contract in sorted(tables, key=lambda table: table.dataset):
        one = tier_tables(settings.roots, contract.dataset)
        policy = policy_of(settings, contract)
        problems: list[str] = []
        try:
            whole = open_whole(one.hot, one.warm)
        except StorageError as lost:  # warm lacks something; hot alone still counts
            problems.append(lost.sentence)
            whole = open_snapshot(one.hot)
        if whole.version >= 0:
            looked = _Looked(one, whole, policy, day, settings.tiers.prices, problems)
            found.append(looked.status())
    return tuple(found)


def totals(found: Sequence[DatasetStatus]) -> tuple[TierUse, ...]:
    """The sums over datasets, by tier."""
    names = [figure.name for figure in fields(TierUse) if figure.name != "tier"]
    sums = []
    for tier in HELD:
        uses = [use for one in found for use in one.tiers if use.tier == tier]
        figures: dict[str, Any] = {name: sum(getattr(u, name) for u in uses) for name in names}
        sums.append(TierUse(tier, **figures))
    return tuple(sums)


@dataclass(frozen=True)
class _Looked:
    tables: TierTables
    whole: Snapshot
    policy: Policy
    day: date
    prices: Prices
    problems: list[str]

    def status(self) -> DatasetStatus:
        whole = self.whole
        wanted = {p: self.policy.tier_at(p, self.day) for p in whole.written}
        moment = max(time.time(), _begin(self.day))
        restored = {
            p: until
            for p in whole.written
            if (until := whole.expires(p)) is not None and whole.place(p).tier in ("hot", "warm")
        }
        late = [p for p in whole.written if self._is_colder(wanted[p], p)]
        due = [p for p in late if restored.get(p, 0) <= moment or wanted[p] == "deleted"]
        changes = [
            change[0]
            for p in whole.written
            if (change := self.policy.next_change(p, self.day)) and self._is_colder(change[1], p)
        ]
        changes += [_day(until) for p, until in restored.items() if p in late and until > moment]
        tiers = tuple(self._use(tier) for tier in HELD)
        return DatasetStatus(
            dataset=str(self.tables.dataset),
            policy=self.policy,
            tiers=tiers,
            deleted=len(whole.placed("deleted")),
            restored=tuple((p, datetime.fromtimestamp(s, UTC)) for p, s in restored.items()),
            due=len(due),
            next_change=min(changes, default=None),
            problems=tuple(dict.fromkeys(self.problems)),
        )

    def _is_colder(self, tier: str, partition: str) -> bool:
        """Whether a tier is colder than the one where a partition lies."""
        names: tuple[str, ...] = TIERS
        return names.index(tier) > TIERS.index(self.whole.place(partition).tier)

    def _use(self, tier: Held) -> TierUse:
        use = self._archives() if tier == "cold" else self._table(tier)
        return replace(use, monthly_cost=self.prices.monthly(tier, use.size_bytes))

    def _table(self, tier: Held) -> TierUse:
        placed = self.whole.placed(tier)
        size = Size.of(self.whole.files_in(placed))
        table = self.tables.hot if tier == "hot" else self.tables.warm
        waiting = [found.st_size for found in removed_files(table, time.time()).values()]
        waiting += self._stale() if tier == "warm" else []
        return TierUse(
            tier,
            partitions=len(placed),
            **vars(size),
            waiting_files=len(waiting),
            waiting_bytes=sum(waiting),
        )

    def _stale(self) -> list[int]:
        """Bytes of the files in warm that hot does not place there."""
        warm = open_snapshot(self.tables.warm)
        parts = [p for p in warm.partitions if not has_copy(self.whole, warm, p)]
        return [file.size_bytes for file in warm.files_in(parts)]

    def _archives(self) -> TierUse:
        from .cold.cold_folders import superseded

        files = rows = size_bytes = 0
        for p in self.whole.written:
            try:
                size = archived(self.tables, self.whole, p)
            except StorageError as damaged:
                self.problems.append(damaged.sentence)
                continue
            if size is not None:
                files += size.files
                rows += size.rows or 0
                size_bytes += size.size_bytes
        old = [path for folder, _ in superseded(self.tables.cold) for path in folder.glob("*")]
        return TierUse(
            "cold",
            partitions=len(self.whole.placed("cold")),
            files=files,
            rows=rows,
            size_bytes=size_bytes,
            waiting_files=len(old),
            waiting_bytes=sum(path.stat().st_size for path in old),
        )


def _begin(day: date) -> float:
    return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()


def _day(seconds: int) -> date:
    return datetime.fromtimestamp(seconds, UTC).date()
