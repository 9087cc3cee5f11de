"""Figures as people say them: the filters of the templates of cards and pages."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

MARKS = {"ok": "✓", "failed": "✗", "killed": "✗", "warn": "!", "aside": "◐", "none": "·"}


def duration(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def count(number: Any) -> str:
    if isinstance(number, bool) or number is None:
        return "–" if number is None else str(number)
    if isinstance(number, int):
        return f"{number:,}"
    if isinstance(number, float):
        return f"{number:,.4g}" if abs(number) < 1e6 else f"{number:,.0f}"
    return str(number)[:80]


def plural(number: int, word: str) -> str:
    if number == 1:
        return f"1 {word}"
    is_ies = word.endswith("y") and word[-2:-1] not in "aeiou"  # queries, but days
    return f"{number:,} {word[:-1]}ies" if is_ies else f"{number:,} {word}s"


def megabytes(size: float | None) -> str:
    if size is None:
        return "–"
    return f"{size / 1024:.1f} GB" if size >= 1024 else f"{size:,.0f} MB"


def size_text(size_bytes: int) -> str:
    """`3.2 MB`; powers of ten, as disks are sold."""
    size = float(size_bytes)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" or size >= 100 else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:,.1f} TB"


def money(amount: float) -> str:
    """Two digits that say something: `0.00012`, `3.40`, `1,250.00`."""
    if amount == 0:
        return "0"
    digits = max(2, 1 - math.floor(math.log10(abs(amount))))
    return f"{amount:,.{min(digits, 9)}f}"


def moment(iso: str) -> str:
    return iso[:19].replace("T", " ")


def interval(start: str | None, end: str | None) -> str:
    """`1 – 31 Jan 2013`, both inclusive, as people read a range; or the whole table."""
    if not start or not end:
        return "whole table"
    try:
        first, last = datetime.fromisoformat(start), datetime.fromisoformat(end) - timedelta(days=1)
    except ValueError:
        return f"{start} – {end}"
    if first == last:
        return first.date().isoformat()
    return f"{first.date().isoformat()} – {last.date().isoformat()}"


_DONE = {
    "move": "moved",
    "promote": "promoted",
    "archive": "archived",
    "restore": "restored",
    "prolong": "prolonged",
    "fall_back": "sent back to cold",
    "delete": "deleted",
    "erase": "erased rows from",
    "compact": "compacted",
    "vacuum": "vacuumed",
    "sweep": "swept",
    "rollback": "put back",
    "drop": "dropped",
    "rename": "renamed",
    "migrate": "wrote anew",
}


def done(kind: str) -> str:
    """What a maintenance job did, as a past participle."""
    return _DONE.get(kind, kind.replace("_", " "))


def did(operations: Iterable[Mapping[str, Any]]) -> str:
    """`moved 24 partitions, archived 12 partitions`; empty if nothing was done."""
    partitions: Counter[str] = Counter()
    files: Counter[str] = Counter()
    for one in operations:
        partitions[str(one["kind"])] += len(one.get("partitions") or ())
        files[str(one["kind"])] += int(one.get("files") or 0)
    said = [
        f"{done(kind)} {plural(count, 'partition') if count else plural(files[kind], 'file')}"
        for kind, count in partitions.items()
    ]
    return ", ".join(said)


def merged(files: int, files_after: int, size_bytes: int, bytes_after: int) -> str:
    """What a compaction made of small files."""
    sizes = f"{size_text(size_bytes)} into {size_text(bytes_after)}"
    return f"{plural(files, 'small file')} merged into {files_after}, {sizes}"


def names(words: Any) -> str:
    """A few names, or the first and last of many."""
    listed = ["all" if word == "*" else str(word) for word in words or ()]
    if len(listed) <= 4:
        return ", ".join(listed)
    return f"{listed[0]} … {listed[-1]} ({len(listed)})"


def change(before: Any, now: Any) -> str:
    """How much a number changed, in per cent; empty where that says nothing."""
    if not isinstance(before, int | float) or not isinstance(now, int | float) or not before:
        return ""
    share = 100 * (now - before) / before
    return f"{share:+.1f} %" if abs(share) < 1000 else ""
