"""What must hold of a lake with tiers, at any moment and after all sweeps; and a reader of it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import delta_worker as w
import pyarrow.parquet as pq
from tiers.tier_lake import MONTHS, rows_of

from lakebook import delta
from lakebook.delta.checksums import checksum_of, named_checksum
from lakebook.delta.digest import digest_file
from lakebook.delta.tokens import signed
from lakebook.names import TierTables
from lakebook.tiers.cold.archive_check import archive_damages
from lakebook.tiers.cold.cold_folders import archive_folder, archives

TOGETHER = MONTHS[:2]
"""Months that the random kills only ever write in one commit."""


def digest_of(paths: Sequence[Path]) -> int:
    """Digest of the rows of some files, as a token."""
    return signed(sum(map(digest_file, paths)))


def check_complete(tables: TierTables) -> None:
    """Every partition's rows are there, once, in the place that the hot log names."""
    hot, whole = delta.open_snapshot(tables.hot), delta.open_whole(tables.hot, tables.warm)
    for p in hot.written:
        tier, rows = hot.place(p).tier, hot.data(p)
        assert (tier == "hot") == (p in hot.by_partition), f"{p} lies in {tier}, and in hot's files"
        paths = [whole.table / file.path for file in whole.by_partition.get(p, ())]
        assert bool(paths) == (tier in ("hot", "warm")), f"{p} lies in {tier}: {paths}"
        if paths:
            assert digest_of(paths) == rows, f"{p} in {tier} has other rows than those of its write"
        archive = hot.archive(p)
        assert archive or tier != "cold", f"{p} lies in cold without an archive"
        if archive:
            folder = archive_folder(tables.cold, p, archive)
            assert list(archive_damages(folder, archive, deep=True, rows_digest=rows)) == []


def check_files(tables: TierTables) -> None:
    """An engine that knows no tokens (hot, and warm where hot has no file) sees no older rows."""
    hot, warm = delta.open_snapshot(tables.hot), delta.open_snapshot(tables.warm)
    for p in hot.placed("warm") + hot.placed("cold"):
        paths = [tables.warm / file.path for file in warm.by_partition.get(p, ())]
        if paths:
            assert digest_of(paths) == hot.data(p), f"{p} has older rows in warm"


def check_tidy(tables: TierTables) -> None:
    """After all sweeps: no file that no log names, no copy and no archive that hot does not mean.

    Also: every checksum holds, and of what retention deleted nothing is on the disk.
    """
    hot, warm = delta.open_snapshot(tables.hot), delta.open_snapshot(tables.warm)
    assert w.orphans(tables.hot) == [], "in hot"
    assert w.orphans(tables.warm) == []
    assert warm.partitions == hot.placed("warm")
    for file in warm.files:
        stated = named_checksum(file.path)
        assert stated and checksum_of(tables.warm / file.path).startswith(stated), file
    named = {(p, archive_folder(tables.cold, p, hot.archive(p) or 0)) for p in hot.written}
    assert set(archives(tables.cold)) == {(p, f) for p, f in named if hot.archive(p)}
    assert list(tables.cold.glob("*/.draft-*")) == []
    for p in hot.placed("deleted"):
        for root in (tables.hot, tables.warm, tables.cold):
            assert [path for path in root.rglob("*.parquet") if p in str(path)] == []


def state(tables: TierTables) -> dict[str, dict[str, object]]:
    """What a crashed and an uninterrupted run must end with, the same in both."""
    hot = delta.open_snapshot(tables.hot)
    rows = {n: v for n, v in hot.tokens.items() if n.startswith(("data/", "fp/"))}
    places: dict[str, object] = {
        p: (hot.place(p), hot.expires(p), hot.archive(p) is not None) for p in hot.written
    }
    return {"rows": rows, "places": places}


class Reader:
    """Reads everything again and again; each month must be whole, of one write, and never older."""

    def __init__(self, tables: TierTables, floors: Path) -> None:
        self.tables = tables
        self.floors = floors  # a file a month: the number of the last write that has ended
        self.seen: dict[str, int] = {}

    def read(self) -> None:
        for month in MONTHS:
            self.seen[month] = max(self.seen.get(month, 0), self._floor(month))
        whole = delta.open_whole(self.tables.hot, self.tables.warm)
        numbers = {}
        for month in MONTHS:
            tier = whole.place(month).tier
            paths = [whole.table / file.path for file in whole.by_partition.get(month, ())]
            if tier == "cold":
                folder = archive_folder(self.tables.cold, month, whole.archive(month) or 0)
                paths = sorted(folder.glob("*.parquet"))
            if tier == "deleted":
                continue
            try:
                number = number_of(month, paths)
            except FileNotFoundError:
                self._check_moved_on(whole, month)
                continue
            assert number == whole.fp(month), f"{month} in {tier} has rows of {number}"
            assert number >= self.seen[month], f"{month} in {tier} went back to {number}"
            numbers[month] = number
        self.seen |= numbers
        halves = {numbers[month] for month in TOGETHER if month in numbers}
        assert len(halves) < 2, f"halves of two writes: {numbers}"

    def _check_moved_on(self, whole: delta.Snapshot, month: str) -> None:
        """Files go at once by retention, and archives by a sweep, but the place is another then."""
        now = delta.open_snapshot(self.tables.hot).place(month)
        assert now != whole.place(month), f"{month} is missing; it lies in {now.tier}"

    def read_until(self, stop: Path) -> None:
        times = 0
        while not stop.exists():
            self.read()
            times += 1
            time.sleep(0.01)  # the others have two cores as well
        assert times > 10

    def _floor(self, month: str) -> int:
        path = self.floors / month
        return int(path.read_text()) if path.exists() else 0


def number_of(month: str, paths: Sequence[Path]) -> int:
    """The write that some files are of; they must hold all of its rows of a month, once."""
    if not paths:
        raise FileNotFoundError(month)
    rows = [row for path in paths for row in pq.read_table(path).to_pylist()]
    number = int(rows[0]["v"].split("-")[0])
    rows.sort(key=lambda row: row["k"])
    assert rows == rows_of(month, number).to_dicts(), f"{month} is not as write {number} made it"
    return number
