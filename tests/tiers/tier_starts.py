"""Lakes with tiers to begin from, by name, and what is done to each in the proofs of crashes."""

from __future__ import annotations

import signal
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from tiers import tier_lake as t
from tiers.tier_worker import Worker


def in_hot(folder: Path) -> None:
    t.write(t.tables_at(folder), t.MONTHS, 1)


def some_in_warm(folder: Path) -> None:
    in_hot(folder)
    t.operate(folder, {"op": "move", "months": t.MONTHS[:2]})


def in_warm(folder: Path) -> None:
    in_hot(folder)
    t.operate(folder, {"op": "move"})


def stale_in_warm(folder: Path) -> None:
    """Written again after they went, so that their copies are old; one copy is not."""
    in_warm(folder)
    t.write(t.tables_at(folder), t.MONTHS[:2], 2)


def abandoned_in_warm(folder: Path) -> None:
    """A move died before hot knew of it, another while it copied."""
    in_hot(folder)
    for point, months in (("move.after_warm", t.MONTHS[:2]), ("move.after_copy", t.MONTHS[2:])):
        assert run(folder, {"op": "move", "months": months}, point) == -signal.SIGKILL


def in_cold(folder: Path) -> None:
    some_in_warm(folder)
    t.operate(folder, {"op": "archive"})


def restored_to_warm(folder: Path) -> None:
    in_cold(folder)
    t.operate(folder, {"op": "restore", "expires": SOON})


def restored_to_hot(folder: Path) -> None:
    in_cold(folder)
    t.operate(folder, {"op": "restore", "expires": SOON, "to": "hot"})


def stale_in_cold(folder: Path) -> None:
    """An archive of older rows, and what an archiving left that died on its way."""
    in_cold(folder)
    t.write(t.tables_at(folder), t.MONTHS[:2], 2)
    for point, month in (("archive.after_files", 0), ("archive.after_rename", 1)):
        spec = {"op": "archive", "months": [t.MONTHS[month]]}
        assert run(folder, spec, point) == -signal.SIGKILL


def everywhere(folder: Path) -> None:
    """A month in hot with an older copy in warm, one in warm, one restored from cold."""
    in_warm(folder)
    t.operate(folder, {"op": "archive", "months": t.MONTHS[2:]})
    t.operate(folder, {"op": "restore", "months": t.MONTHS[2:]})
    t.write(t.tables_at(folder), t.MONTHS[:1], 2)


def swept(folder: Path) -> None:
    """Older files in hot and in warm, and an older archive, that only a vacuum removes."""
    stale_in_cold(folder)
    t.operate(folder, {"op": "move"})
    t.write(t.tables_at(folder), t.MONTHS[1:], 3)
    t.operate(folder, {"op": "sweep"})


SOON = datetime(2090, 1, 1, tzinfo=UTC)
FIRST = t.MONTHS[:2]
SCENARIOS: list[tuple[Callable[[Path], None], t.Spec]] = [
    (in_hot, {"op": "move"}),
    (some_in_warm, {"op": "move"}),
    (stale_in_warm, {"op": "move"}),
    (abandoned_in_warm, {"op": "move"}),
    (in_warm, {"op": "promote", "months": FIRST}),
    (in_warm, {"op": "write", "months": FIRST, "number": 2}),
    (in_cold, {"op": "write", "months": FIRST, "number": 2}),
    (restored_to_warm, {"op": "write", "months": FIRST, "number": 2}),
    (some_in_warm, {"op": "archive", "months": t.MONTHS[1:]}),
    (stale_in_warm, {"op": "archive", "months": FIRST}),
    (stale_in_cold, {"op": "archive", "months": FIRST}),
    (in_cold, {"op": "restore", "months": FIRST}),
    (in_cold, {"op": "restore", "months": FIRST, "to": "hot"}),
    (restored_to_warm, {"op": "restore", "months": FIRST}),
    (restored_to_warm, {"op": "fall_back", "months": FIRST}),
    (restored_to_hot, {"op": "fall_back", "months": FIRST}),
    (everywhere, {"op": "delete"}),
    (stale_in_warm, {"op": "sweep"}),
    (abandoned_in_warm, {"op": "sweep"}),
    (stale_in_cold, {"op": "sweep"}),
    (some_in_warm, {"op": "compact"}),
    (swept, {"op": "vacuum"}),
]


def run(folder: Path, spec: t.Spec, fault: str = "") -> int:
    worker = Worker(folder, spec, fault)
    code = worker.wait()
    assert code in (0, -signal.SIGKILL), worker.complaint
    return code
