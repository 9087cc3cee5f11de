"""What the site knows of all runs: a small SQLite file, `<site>/.build/runs.sqlite`.

It is a cache: everything in it comes from the run folders, and a damaged file is made anew.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FORMAT = 2
SEGMENT = 500  # runs in one file of the index's data
_SCHEMA = """
CREATE TABLE runs (
  run_id TEXT PRIMARY KEY, step TEXT, began TEXT, status TEXT, folder TEXT,
  segment INTEGER, pruned TEXT, row TEXT, words TEXT);
CREATE INDEX runs_of_step ON runs (step, began, run_id);
CREATE INDEX runs_of_segment ON runs (segment);
CREATE TABLE points (
  run_id TEXT, began TEXT, dataset TEXT, kind TEXT, name TEXT, value REAL, good INTEGER,
  detail TEXT);
CREATE INDEX points_of ON points (dataset, kind, name, began, run_id);
CREATE INDEX points_of_run ON points (run_id);
CREATE TABLE dirty (page TEXT PRIMARY KEY);
CREATE TABLE pages (page TEXT PRIMARY KEY, made_of TEXT);
"""


@dataclass(frozen=True)
class Run:
    """A run as the site remembers it. `row` is its line in the index, `pruned` why it is gone."""

    run_id: str
    step: str
    began: str
    status: str
    folder: str  # below the runs
    pruned: str
    row: Mapping[str, Any]

    @property
    def key(self) -> tuple[str, str]:
        return self.began, self.run_id


@dataclass(frozen=True)
class Point:
    """A figure of a run: rows of an output, or the unexpected rows of a check."""

    run_id: str
    began: str
    dataset: str
    kind: str  # rows | check
    name: str
    value: float | None
    good: bool
    detail: Mapping[str, Any]


class Store:
    """One builder at a time writes; the caller holds the site's lock."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._db = self._open()

    def _open(self) -> sqlite3.Connection:
        try:
            db = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
            found = db.execute("PRAGMA user_version").fetchone()[0]
            db.execute("SELECT count(*) FROM sqlite_master").fetchone()
            if found == FORMAT:
                db.execute("PRAGMA secure_delete = ON")
                return db
            db.close()
        except sqlite3.DatabaseError:  # torn, or no database at all
            pass
        for name in (self.path, Path(f"{self.path}-journal")):
            name.unlink(missing_ok=True)
        db = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        db.execute("PRAGMA secure_delete = ON")  # what is deleted is in no free page either
        db.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {FORMAT}; COMMIT;")
        return db

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    # --- what is known ------------------------------------------------------------------------

    def known(self) -> dict[str, bool]:
        """Run ids, and whether each is known as pruned."""
        return {
            run_id: bool(pruned)
            for run_id, pruned in self._db.execute("SELECT run_id, pruned FROM runs")
        }

    def shrink(self) -> None:
        """Write the file anew, so that nothing of what was replaced is left in it."""
        self._db.execute("VACUUM")

    def pruned(self, step: str = "") -> list[str]:
        """Runs that left the archive, of a step or of all."""
        only, values = ("AND step = ?", [step]) if step else ("", [])
        found = self._db.execute(
            f"SELECT run_id FROM runs WHERE pruned != '' {only} ORDER BY 1", values
        )
        return [run_id for (run_id,) in found]

    def count(self) -> int:
        return int(self._db.execute("SELECT count(*) FROM runs").fetchone()[0])

    def add(self, run: Run, words: str, points: Iterable[Point]) -> int:
        """Remember a run, new or pruned since; return its segment."""
        held = self._db.execute("SELECT segment FROM runs WHERE run_id = ?", [run.run_id])
        found = held.fetchone()
        segment = found[0] if found else self.count() // SEGMENT
        self._db.execute(
            "INSERT OR REPLACE INTO runs VALUES (?,?,?,?,?,?,?,?,?)",
            [
                *(run.run_id, run.step, run.began, run.status, run.folder, segment),
                *(run.pruned, json.dumps(run.row, ensure_ascii=False), words),
            ],
        )
        self._db.execute("DELETE FROM points WHERE run_id = ?", [run.run_id])
        self._db.executemany(
            "INSERT INTO points VALUES (?,?,?,?,?,?,?,?)",
            (
                [
                    *(p.run_id, p.began, p.dataset, p.kind, p.name, p.value, p.good),
                    json.dumps(p.detail, ensure_ascii=False),
                ]
                for p in points
            ),
        )
        return int(segment)

    def get(self, run_id: str) -> Run | None:
        return next(self._runs("WHERE run_id = ?", [run_id]), None)

    def matching(self, beginning: str, limit: int = 5) -> list[Run]:
        """Runs whose id begins so, newest first."""
        return list(
            self._runs(
                "WHERE substr(run_id, 1, ?) = ? ORDER BY began DESC, run_id DESC LIMIT ?",
                [len(beginning), beginning, limit],
            )
        )

    def steps(self) -> list[str]:
        return [s for (s,) in self._db.execute("SELECT DISTINCT step FROM runs ORDER BY step")]

    def newest(self, step: str, limit: int = 1, *, good: bool = False) -> list[Run]:
        status = "AND status = 'ok'" if good else ""
        return list(
            self._runs(
                f"WHERE step = ? {status} ORDER BY began DESC, run_id DESC LIMIT ?", [step, limit]
            )
        )

    def before(self, run: Run, *, good: bool = False) -> Run | None:
        """The run of the same step before; `good`: the last that succeeded and is still there."""
        only = "AND status = 'ok' AND pruned = ''" if good else ""
        return next(
            self._runs(
                f"WHERE step = ? AND (began, run_id) < (?, ?) {only} "
                "ORDER BY began DESC, run_id DESC LIMIT 1",
                [run.step, *run.key],
            ),
            None,
        )

    def after(self, run: Run, limit: int = 1) -> list[Run]:
        return list(
            self._runs(
                "WHERE step = ? AND (began, run_id) > (?, ?) ORDER BY began, run_id LIMIT ?",
                [run.step, *run.key, limit],
            )
        )

    def segment(self, number: int) -> Iterator[tuple[dict[str, Any], str]]:
        """Line and words of the runs of a segment, in the order in which they came."""
        for row, words in self._db.execute(
            "SELECT row, words FROM runs WHERE segment = ? ORDER BY began, run_id", [number]
        ):
            yield json.loads(row), words

    def segments(self) -> list[int]:
        return [n for (n,) in self._db.execute("SELECT DISTINCT segment FROM runs ORDER BY 1")]

    def _runs(self, where: str, values: list[Any]) -> Iterator[Run]:
        columns = "run_id, step, began, status, folder, pruned, row"
        for found in self._db.execute(f"SELECT {columns} FROM runs {where}", values):
            *rest, row = found
            yield Run(*(*rest, json.loads(row)))

    def points(
        self,
        dataset: str,
        kind: str,
        name: str,
        until: tuple[str, str] | None = None,
        limit: int = 30,
    ) -> list[Point]:
        """The newest figures up to a run (inclusive; None: up to now), oldest first."""
        last = until or ("~", "~")
        found = self._db.execute(
            "SELECT run_id, began, dataset, kind, name, value, good, detail FROM points "
            "WHERE dataset = ? AND kind = ? AND name = ? AND (began, run_id) <= (?, ?) "
            "ORDER BY began DESC, run_id DESC LIMIT ?",
            [dataset, kind, name, *last, limit],
        ).fetchall()
        return [
            Point(run, began, of, kind_of, named, value, bool(good), json.loads(detail))
            for run, began, of, kind_of, named, value, good, detail in reversed(found)
        ]

    def points_of(self, run_id: str) -> list[Point]:
        found = self._db.execute("SELECT * FROM points WHERE run_id = ?", [run_id]).fetchall()
        return [
            Point(run, began, of, kind, named, value, bool(good), json.loads(detail))
            for run, began, of, kind, named, value, good, detail in found
        ]

    # --- what is to be written ----------------------------------------------------------------

    def soil(self, pages: Iterable[str]) -> None:
        self._db.executemany("INSERT OR IGNORE INTO dirty VALUES (?)", ([p] for p in pages))

    def soil_all(self) -> None:
        self._db.execute("INSERT OR IGNORE INTO dirty SELECT 'run:' || run_id FROM runs")
        self._db.execute("INSERT OR IGNORE INTO dirty SELECT DISTINCT 'data:' || segment FROM runs")
        self._db.execute("DELETE FROM pages")

    def dirty(self) -> list[str]:
        return [p for (p,) in self._db.execute("SELECT page FROM dirty ORDER BY page")]

    def clean(self, pages: Iterable[str]) -> None:
        self._db.executemany("DELETE FROM dirty WHERE page = ?", ([p] for p in pages))

    def made_of(self, page: str) -> str:
        found = self._db.execute("SELECT made_of FROM pages WHERE page = ?", [page]).fetchone()
        return found[0] if found else ""

    def remember(self, page: str, made_of: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO pages VALUES (?, ?)", [page, made_of])
