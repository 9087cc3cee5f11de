"""Searches Parquet files for a subject's rows, by decoding them wherever they lie.

No statistics are asked: a bound that is wrong would hide rows from the search and from its proof.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from .subject import Subject

LOG = "_delta_log"
MAGIC = b"PAR1"
_THREADS = 2


@dataclass
class Found:
    """rows: file -> rows of the subject in it, for the files that have any.

    unread: Parquet files that cannot be decoded, with the reason. files, size_bytes: what was
    decoded, in bytes.
    """

    rows: dict[Path, int] = field(default_factory=dict)
    unread: dict[Path, str] = field(default_factory=dict)
    files: int = 0
    size_bytes: int = 0


class Search:
    """A search that looks once at each file: Parquet files never change."""

    def __init__(self, subject: Subject, on_file: Callable[[], None] = lambda: None) -> None:
        self.subject = subject
        self._on_file = on_file
        self._known: dict[Path, int] = {}

    def below(self, roots: Iterable[Path]) -> Found:
        """Search every Parquet file below some folders, whatever its name is."""
        return self.through(path for root in apart(roots) for path in parquet_files(root))

    def through(self, paths: Iterable[Path]) -> Found:
        """Search some Parquet files; one that is not there any more has no rows."""
        found = Found()
        with ThreadPoolExecutor(_THREADS, "search") as pool:
            for path, size, result in pool.map(self._one, paths):
                self._on_file()
                if result is None:
                    continue
                if isinstance(result, str):
                    found.unread[path] = result
                    continue
                found.files += 1
                found.size_bytes += size
                if result:
                    found.rows[path] = result
        return found

    def is_clear(self, path: Path) -> bool:
        """Whether a file is there, can be decoded, and has no row of the subject."""
        return self._one(path)[2] == 0

    def _one(self, path: Path) -> tuple[Path, int, int | str | None]:
        try:
            size = path.stat().st_size
            if path not in self._known:
                self._known[path] = count_rows(path, self.subject)
            return path, size, self._known[path]
        except FileNotFoundError:
            return path, 0, None
        except (pa.ArrowException, OSError) as broken:
            return path, 0, str(broken).splitlines()[0]


def count_rows(path: Path, subject: Subject) -> int:
    """Rows of a subject in a Parquet file; 0 if it lacks a column. Memory: one row group."""
    columns = list(subject.columns)
    with pq.ParquetFile(path) as file:
        if not set(columns) <= set(file.schema_arrow.names):
            return 0
        total = 0
        for group in range(file.num_row_groups):
            rows = file.read_row_group(group, columns=columns, use_threads=False)
            if rows.num_rows:
                total += sum(chunk.true_count for chunk in subject.rows_in(rows).chunks)
    return total


def apart(roots: Iterable[Path]) -> list[Path]:
    """Folders without those that lie in another of them."""
    whole = sorted({root.resolve() for root in roots})
    return [r for r in whole if not any(o != r and r.is_relative_to(o) for o in whole)]


def files_below(root: Path) -> Iterator[Path]:
    """Every file below a folder, in order; what goes meanwhile is left out.

    A socket or a pipe, such as a warm kernel's parent listens at, has no content, and waits.
    """
    for folder, folders, names in os.walk(root):
        folders.sort()
        yield from (path for name in sorted(names) if (path := Path(folder, name)).is_file())


def parquet_files(root: Path) -> Iterator[Path]:
    """Files that are Parquet by their first bytes or their name, but for checkpoints of logs."""
    for path in files_below(root):
        if path.parent.name != LOG and is_parquet(path):
            yield path


def is_parquet(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            head = file.read(len(MAGIC))
    except OSError:
        return False
    return head == MAGIC or (path.suffix == ".parquet" and bool(head))
