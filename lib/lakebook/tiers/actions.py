"""What a plan says: one action per partition that moves, with its reason, its size and its cost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from ..delta.place import Tier
from ..intervals import NULL, WHOLE, partition_interval
from ..settings import Prices

Kind = Literal["move", "archive", "fall_back", "delete"]

KINDS: tuple[Kind, ...] = ("move", "archive", "fall_back", "delete")
"""hot to warm; to cold; a restored copy back to its archive; retention."""


@dataclass(frozen=True)
class Action:
    """One partition that goes from `source` to `target`, if its place is still as planned.

    because: why, in words; `ended`: the first day after the partition, if its age is the reason.
    files, rows, size_bytes: of what lies in `source`.
    archive_bytes: of an archive that holds the same rows already (a restored copy), else 0.
    bytes_after: in `target`; `estimated` if that is not known before.
    placement, data, expires: the partition's tokens in hot's log when it was planned; as long as
        they are the same it lies there with the same rows, whoever touched it meanwhile.
    """

    kind: Kind
    dataset: str
    partition: str
    source: Tier
    target: Tier
    because: str
    files: int
    rows: int
    size_bytes: int
    bytes_after: int
    placement: int
    data: int
    expires: int = 0
    ended: date | None = None
    archive_bytes: int = 0
    estimated: bool = False

    @property
    def reason(self) -> str:
        """`older than 30 d in hot: ended 2013-03-01`."""
        return f"{self.because}: ended {self.ended}" if self.ended else self.because

    def cost_before(self, prices: Prices) -> float:
        """Of a month, as the partition lies now."""
        kept = prices.monthly("cold", self.archive_bytes)
        return prices.monthly(self.source, self.size_bytes) + kept

    def cost_after(self, prices: Prices) -> float:
        """Of a month, once the action was applied."""
        if self.target == "deleted":
            return 0.0
        kept = prices.monthly("cold", self.archive_bytes) if self.target == "warm" else 0.0
        return prices.monthly(self.target, self.bytes_after) + kept


@dataclass(frozen=True)
class Note:
    """What a plan leaves as it is although it looks as if it should not, and why."""

    dataset: str
    partitions: tuple[str, ...]
    text: str


@dataclass(frozen=True)
class TierPlan:
    """What would move where on a day, in the order in which it is applied.

    id: known again after writing and reading. lake: whose it is. made: ISO time (UTC).
    datasets: those that were looked at.
    """

    id: str
    lake: str
    as_of: date
    made: str
    prices: Prices
    datasets: tuple[str, ...]
    actions: tuple[Action, ...] = ()
    notes: tuple[Note, ...] = ()

    @property
    def files(self) -> int:
        return sum(action.files for action in self.actions)

    @property
    def rows(self) -> int:
        return sum(action.rows for action in self.actions)

    @property
    def size_bytes(self) -> int:
        return sum(action.size_bytes for action in self.actions)

    @property
    def cost_before(self) -> float:
        """Of a month, of what moves."""
        return sum(action.cost_before(self.prices) for action in self.actions)

    @property
    def cost_after(self) -> float:
        return sum(action.cost_after(self.prices) for action in self.actions)


@dataclass(frozen=True)
class Group:
    """Actions of one kind and reason on adjacent partitions: a line for people."""

    actions: tuple[Action, ...] = field(default_factory=tuple)

    @property
    def first(self) -> Action:
        return self.actions[0]

    @property
    def name(self) -> str:
        return span([action.partition for action in self.actions])

    @property
    def reason(self) -> str:
        last = self.actions[-1]
        if self.first.ended is None or self.first.ended == last.ended:
            return self.first.reason
        return f"{self.first.reason} … {last.ended}"

    @property
    def files(self) -> int:
        return sum(action.files for action in self.actions)

    @property
    def size_bytes(self) -> int:
        return sum(action.size_bytes for action in self.actions)

    def cost_before(self, prices: Prices) -> float:
        """Of a month, as for an action."""
        return sum(action.cost_before(prices) for action in self.actions)

    def cost_after(self, prices: Prices) -> float:
        return sum(action.cost_after(prices) for action in self.actions)


def grouped(actions: Iterable[Action]) -> tuple[Group, ...]:
    """Join neighbours; the order of the datasets stays."""
    groups: list[list[Action]] = []
    for action in actions:
        last = groups[-1][-1] if groups else None
        if last and _alike(last, action) and adjacent(last.partition, action.partition):
            groups[-1].append(action)
        else:
            groups.append([action])
    return tuple(Group(tuple(group)) for group in groups)


def adjacent(earlier: str, later: str) -> bool:
    """Whether a partition begins where another ends."""
    if {earlier, later} & {NULL, WHOLE}:
        return False
    return partition_interval(earlier).end == partition_interval(later).start


def span(partitions: Sequence[str]) -> str:
    """`2013-01 … 2013-06 (6)`."""
    if len(partitions) == 1:
        return partitions[0]
    return f"{partitions[0]} … {partitions[-1]} ({len(partitions)})"


def spans(partitions: Sequence[str]) -> str:
    """`2013-01 … 2013-06 (6), 2013-09`: neighbours joined, in their order."""
    runs: list[list[str]] = []
    for name in partitions:
        if runs and adjacent(runs[-1][-1], name):
            runs[-1].append(name)
        else:
            runs.append([name])
    shown = [span(run) for run in runs]
    more = f" and {len(shown) - 8} more" if len(shown) > 8 else ""
    return ", ".join(shown[:8]) + more


def _alike(one: Action, other: Action) -> bool:
    return (one.dataset, one.kind, one.source, one.target, one.because, one.estimated) == (
        other.dataset, other.kind, other.source, other.target, other.because, other.estimated
    )  # fmt: skip
