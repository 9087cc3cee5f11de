"""What an erasure did and what its proof found. Nothing in it holds a value of the subject."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..cards.words import plural
from ..errors import LakebookError
from ..tiers.erasure.purge import Purged
from ..tiers.operation import Operation
from .derived import Cleaned
from .related import Related
from .remains import Remains


@dataclass(frozen=True)
class Held:
    """Rows of the subject that readers of an environment see in a dataset or set aside in it."""

    env: str
    dataset: str
    tier: str
    partitions: int
    rows: int


@dataclass
class Report:
    """held: what readers saw. files, size_bytes: old files that were deleted. entries: of logs that
    lost a bound. pins: environment -> datasets that it reads at another version now. overridden:
    readers whose files went. caches: cache files that were deleted. problems: parts that could not
    be done. searched: files that the proof decoded, and their bytes. found: files that should be
    clean and are not, with the reason. elsewhere: rows in other datasets. review: what is left to
    people. unsearched: columns whose value is too short to be looked for as text. undecoded: files
    of which a part cannot be decoded, with the reason. outbox: what was changed there. removed:
    environment -> runs whose folders went. kept: folder of the lake with the values that a proof
    still has to search for. key_alone: of the subject's values only the key was known.
    """

    held: tuple[Held, ...] = ()
    files: int = 0
    size_bytes: int = 0
    entries: int = 0
    pins: dict[str, list[str]] = field(default_factory=dict)
    overridden: list[str] = field(default_factory=list)
    caches: int = 0
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    searched_files: int = 0
    searched_bytes: int = 0
    found: dict[Path, str] = field(default_factory=dict)
    elsewhere: dict[Related, int] = field(default_factory=dict)
    review: tuple[Remains, ...] = ()
    unsearched: tuple[str, ...] = ()
    undecoded: dict[Path, str] = field(default_factory=dict)
    outbox: Cleaned = field(default_factory=Cleaned)
    removed: dict[str, list[str]] = field(default_factory=dict)
    kept: str = ""
    key_alone: bool = False

    @property
    def rows(self) -> int:
        return sum(held.rows for held in self.held)

    @property
    def is_clean(self) -> bool:
        return not self.found and not self.problems

    @property
    def is_proved(self) -> bool:
        """All values are known, and nothing that was searched holds one, wherever it is."""
        is_left = self.review or self.elsewhere
        return self.is_clean and not is_left and not self.key_alone

    def add(self, purged: Purged) -> None:
        self.files += purged.files
        self.size_bytes += purged.size_bytes
        self.entries += purged.entries
        self.overridden += [one for one in purged.overridden if one not in self.overridden]

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """A block whose Lakebook error becomes a problem of the report."""
        try:
            yield
        except LakebookError as failed:
            self.problems.append(failed.sentence)

    def operations(self, columns: Iterable[str]) -> list[dict[str, Any]]:
        """What a run's record says of the erasure: columns and counts, and no value."""
        by = ", ".join(columns)
        return [
            Operation(
                "erase",
                one.dataset,
                source=one.tier,
                target=one.tier,
                rows=one.rows,
                reason=f"asked for by {by}; {plural(one.partitions, 'partition')} in {one.env}",
                env=one.env,
            ).to_json()
            for one in self.held
        ]

    def to_json(self) -> dict[str, Any]:
        return {
            "clean": self.is_clean,
            "rows": self.rows,
            "held": [held.__dict__ for held in self.held],
            "files": self.files,
            "size_bytes": self.size_bytes,
            "log_entries": self.entries,
            "pins": self.pins,
            "overridden": self.overridden,
            "caches": self.caches,
            "problems": self.problems,
            "notes": self.notes,
            "searched": {"files": self.searched_files, "size_bytes": self.searched_bytes},
            "found": {str(path): why for path, why in self.found.items()},
            "elsewhere": [
                {"dataset": str(one.dataset), "direction": one.direction, "rows": rows}
                for one, rows in self.elsewhere.items()
            ],
            "review": [
                {**group.__dict__, "files": [str(path) for path in group.files]}
                for group in self.review
            ],
            "unsearched": list(self.unsearched),
            "undecoded": {str(path): why for path, why in self.undecoded.items()},
            "outbox": self.outbox.__dict__,
            "removed": self.removed,
            "proved": self.is_proved,
            "kept": self.kept,
            "key_alone": self.key_alone,
        }
