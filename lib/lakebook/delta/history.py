"""Goes back: finds the version that a run left and puts its files back by a commit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import StorageError, UserError, did_you_mean
from . import tokens as token
from .log import commit_info, list_log, open_snapshot
from .place import written_tokens
from .snapshot import DataFile, Snapshot
from .staging import doomed_paths
from .transaction import Change, NewFile, transact


@dataclass(frozen=True)
class RollbackResult:
    """`partitions` are those that changed; none: the table already was as that run left it."""

    version: int
    to_version: int
    partitions: tuple[str, ...]


def version_of_run(table: Path, run: str) -> int:
    """The newest version that a run committed; UserError if the log knows none."""
    commits, _ = list_log(table)
    for version in reversed(commits):
        if commit_info(table, version).get("run") == run:
            return version
    there = dict.fromkeys(commit_info(table, version).get("run") for version in reversed(commits))
    last = [str(one) for one in there if one]
    raise UserError(
        f"run {run!r} has no commit in the log{did_you_mean(run, last)}",
        where=str(table),
        fix=f"the last ones that have: {', '.join(last[:3])}; the log keeps 30 days"
        if last
        else "nobody has written there yet",
    )


@dataclass(frozen=True)
class WayBack:
    """What a rollback would change. `rows`: partition -> rows now and then."""

    now: Snapshot
    old: Snapshot
    rows: Mapping[str, tuple[int, int]]


def way_back(table: Path, to_run: str, partitions: Iterable[str] | None = None) -> WayBack:
    """What `rollback` would do now, and whether it can. Raises as it does."""
    to_version = version_of_run(table, to_run)
    old, now = open_snapshot(table, to_version), open_snapshot(table)
    changed = _changed(old, now, None if partitions is None else set(partitions))
    _files_back(table, old, now, changed)
    _log_tokens(old, now, table, partial=partitions is not None)
    return WayBack(now, old, {p: (_rows(now, p), _rows(old, p)) for p in changed})


def _rows(snapshot: Snapshot, partition: str) -> int:
    return sum(file.rows for file in snapshot.files_in([partition]))


def _changed(old: Snapshot, now: Snapshot, only: set[str] | None) -> list[str]:
    """The partitions that have other files now than they had then."""
    known = {*old.partitions, *now.partitions}
    return [
        p
        for p in sorted(known if only is None else known & only)
        if _paths(old.by_partition.get(p, ())) != _paths(now.by_partition.get(p, ()))
        and not _stays_away(old, now, p)
    ]


def _files_back(
    table: Path, old: Snapshot, now: Snapshot, changed: Sequence[str]
) -> list[DataFile]:
    """The files of some partitions that come back. Raises StorageError if one cannot."""
    live = _paths(now.files)
    back = [file for file in old.files_in(changed) if file.path not in live]
    _check_was_in_hot(old, changed)
    _check_there(table, back)
    return back


def rollback(
    table: Path,
    to_run: str,
    *,
    partitions: Iterable[str] | None = None,
    metadata: Mapping[str, str] | None = None,
) -> RollbackResult:
    """Put a table, or some of its partitions, back to what it was after a run.

    Rows, `data/` and `fp/` return; fences go on. The offsets of an appended table return as well,
    so that its log is read again from there; some partitions alone cannot. Raises StorageError if
    a vacuum took a file.
    """
    to_version = version_of_run(table, to_run)
    old = open_snapshot(table, to_version)
    only = None if partitions is None else set(partitions)
    changed: list[str] = []

    def decide(now: Snapshot) -> Change | None:
        changed[:] = _changed(old, now, only)
        if not changed:
            return None
        wanted = _paths(old.files_in(changed))
        back = _files_back(table, old, now, changed)
        tokens: dict[str, int] = {}
        for p in changed:
            tokens[token.fence(p)] = now.fence(p) + 1
            # A token cannot be deleted. 0 is the digest of no rows and no fingerprint at all.
            tokens[token.data(p)] = old.data(p) or 0
            tokens[token.fp(p)] = old.fp(p) or 0
            tokens |= written_tokens(now.tokens, p)
        tokens |= _log_tokens(old, now, table, partial=only is not None)
        return Change(
            adds=tuple(map(NewFile.of, back)),
            removes=tuple(f for f in now.files_in(changed) if f.path not in wanted),
            tokens=tokens,
            metadata={"operation_kind": "rollback", "to_run": to_run, **(metadata or {})},
        )

    version = transact(table, decide)
    return RollbackResult(version, to_version, tuple(changed))


def _log_tokens(old: Snapshot, now: Snapshot, table: Path, *, partial: bool) -> dict[str, int]:
    """Offsets of appended logs as they were, and 0 for what later batches set aside."""
    back = {
        name: old.tokens.get(name, 0)
        for name, value in now.tokens.items()
        if name.startswith(("offset/", "aside/")) and old.tokens.get(name) != value
    }
    if back and partial:
        raise UserError(
            "rows were appended since, and offsets are those of the whole table",
            where=str(table),
            fix="roll all partitions back",
        )
    return back


def _paths(files: Iterable[DataFile]) -> set[str]:
    return {file.path for file in files}


def _stays_away(old: Snapshot, now: Snapshot, partition: str) -> bool:
    """A change of place alone is nothing to go back from, and what retention took stays away."""
    if now.place(partition).tier == "deleted":
        return True
    away = any(one.place(partition).tier in ("warm", "cold") for one in (old, now))
    return away and old.data(partition) == now.data(partition)


def _check_was_in_hot(old: Snapshot, partitions: Iterable[str]) -> None:
    for p in partitions:
        if (tier := old.place(p).tier) != "hot":
            raise StorageError(
                f"at that version {p} lay in {tier}, and other rows took its place since",
                where=str(old.table),
                fix="choose a later run, or run the step again",
            )


def _check_there(table: Path, files: Iterable[DataFile]) -> None:
    doomed = doomed_paths(table)
    for file in files:
        if file.path in doomed or not (table / file.path).exists():
            raise StorageError(
                f"{file.path} of that version was vacuumed",
                where=str(table),
                fix="choose a later run, or run the step again",
            )
