"""A dataset's places against its policy on a day: what moves, and what is left as it is."""

from __future__ import annotations

from datetime import UTC, date, datetime

from ..contract.model import TableContract
from ..delta.place import TIERS, Tier
from ..delta.snapshot import Snapshot
from ..delta.whole import open_whole
from ..errors import StorageError
from ..intervals import partition_interval
from ..names import TierTables, tier_tables
from ..settings import Settings
from .actions import KINDS, Action, Kind, Note
from .policy import Policy
from .sizes import Estimate, Size, archived, size_of


class Aging:
    """A dataset's places against its policy."""

    def __init__(
        self, tables: TierTables, whole: Snapshot, policy: Policy, day: date, moment: float
    ) -> None:
        self.name = str(tables.dataset)
        self.tables = tables
        self.whole = whole
        self.policy = policy
        self.day = day
        self.moment = moment
        self.estimate = Estimate(tables, whole)
        self._noted: dict[str, list[str]] = {}

    @classmethod
    def open(
        cls, settings: Settings, contract: TableContract, policy: Policy, day: date, moment: float
    ) -> Aging | None:
        """None: there is no table."""
        tables = tier_tables(settings.roots, contract.dataset)
        whole = open_whole(tables.hot, tables.warm)
        return cls(tables, whole, policy, day, moment) if whole.version >= 0 else None

    def judge(self) -> tuple[list[Action], list[Note]]:
        """What moves, in the order of kinds, then of partitions; and what is left as it is."""
        self._noted.clear()
        found = [action for p in self.whole.written if (action := self._action(p)) is not None]
        notes = [Note(self.name, tuple(names), text) for text, names in self._noted.items()]
        return sorted(found, key=lambda action: KINDS.index(action.kind)), notes

    def _action(self, partition: str) -> Action | None:
        source = self.whole.place(partition).tier
        if source == "deleted":
            return None
        wanted = self.policy.tier_at(partition, self.day)
        self._note_hold(partition)
        if wanted == source:
            return None
        if TIERS.index(wanted) < TIERS.index(source):
            self._note(partition, f"lies in {source}, and by its policy it would be {wanted}")
            return None
        until = self.whole.expires(partition)
        if until is not None and until > self.moment and wanted != "deleted":
            self._note(partition, f"stays in {source} until {_moment(until)}, as asked for")
            return None
        kind = self._kind(partition, wanted)
        return self._sized(kind, partition, source, wanted)

    def _kind(self, partition: str, wanted: Tier) -> Kind:
        if wanted == "deleted":
            return "delete"
        if wanted == "warm":
            return "move"
        is_copy = self.whole.archive(partition) and self.whole.expires(partition)
        return "fall_back" if is_copy else "archive"

    def _sized(self, kind: Kind, partition: str, source: Tier, wanted: Tier) -> Action:
        whole = self.whole
        archive = self._archived(partition)
        size = size_of(self.tables, whole, partition)
        kept = archive.size_bytes if archive and source != "cold" else 0
        after, estimated = size.size_bytes, False
        if wanted == "deleted":
            after = 0
        elif wanted == "cold" and archive is not None:
            after = archive.size_bytes
        elif wanted == "cold":
            after, estimated = self.estimate.bytes_of(size.rows or 0, size.size_bytes), True
        because, ended = self._reason(kind, partition, source)
        return Action(
            kind=kind,
            dataset=self.name,
            partition=partition,
            source=source,
            target=wanted,
            because=because,
            ended=ended,
            files=size.files,
            rows=size.rows or 0,
            size_bytes=size.size_bytes,
            bytes_after=after,
            estimated=estimated,
            archive_bytes=kept,
            placement=whole.place(partition).value,
            data=whole.data(partition) or 0,
            expires=whole.expires(partition) or 0,
        )

    def _archived(self, partition: str) -> Size | None:
        """As `archived`; a damaged one is noted, and keeps nothing else from its place."""
        try:
            return archived(self.tables, self.whole, partition)
        except StorageError as damaged:
            self._note(partition, f"its archive is damaged ({damaged.where}: {damaged.found})")
            return None

    def _reason(self, kind: Kind, partition: str, source: Tier) -> tuple[str, date | None]:
        if kind == "fall_back":
            until = self.whole.expires(partition)
            assert until is not None
            return f"its restored copy was to stay until {_moment(until)}", None
        ended = partition_interval(partition).end
        if kind == "delete":
            return f"past its retention of {_age(self.policy.retention_days)}", ended
        days = self.policy.hot_days if kind == "move" else self.policy.warm_days
        return f"older than {_age(days)} in {source}", ended

    def _note_hold(self, partition: str) -> None:
        if self.policy.is_held(partition, self.day):
            age = _age(self.policy.retention_days)
            self._note(partition, f"past its retention of {age}, and under legal hold")

    def _note(self, partition: str, text: str) -> None:
        self._noted.setdefault(text, []).append(partition)


def _age(days: int | None) -> str:
    assert days is not None
    return f"{days // 365} y" if days and days % 365 == 0 else f"{days} d"


def _moment(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"
