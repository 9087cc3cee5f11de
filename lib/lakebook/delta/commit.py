"""Commits of staged files: replace partitions, replace the whole, or append. One commit each.

Merge by key is a replace of the partitions that hold the keys; who computes it is the step.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pyarrow.parquet as pq

from ..errors import ConflictError, RunError, storage_errors
from ..intervals import NULL, WHOLE
from . import tokens as token
from .checksums import name_by_checksum
from .damage import is_intact
from .disk import sync_file
from .faults import fault_point
from .inspection import Inspection, StagedFile
from .log import open_snapshot
from .place import written_tokens
from .snapshot import Snapshot
from .staging import Stage
from .stats import file_stats
from .transaction import Change, NewFile, transact

Intact = Callable[[Snapshot, str], bool]
Alike = Callable[[Snapshot, str, Sequence[StagedFile]], bool]


@dataclass(frozen=True)
class CommitResult:
    """What became of each partition of a write.

    committed: this run's rows are in. unchanged: the table already had the same rows.
    done_by_others: someone else committed the same fingerprint meanwhile.
    conflicts: someone else committed something different; compute these again.
    """

    version: int
    committed: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    done_by_others: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()


@dataclass
class _Verdict:
    """Partitions sorted by what is to be done with them, at one snapshot."""

    commit: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)


def commit_replace(
    table: Path,
    *,
    stage: Stage,
    inspection: Inspection,
    partitions: Sequence[str],
    noted: Snapshot,
    fps: Mapping[str, int],
    metadata: Mapping[str, str],
    kept: Sequence[str] = (),
    together: bool = False,
    intact: Intact | None = None,
    alike: Alike | None = None,
) -> CommitResult:
    """Replace partitions by what is staged, each only if its fence stands as noted.

    Parameters
    ----------
    partitions: all that the write covers; one without staged rows becomes empty.
    noted: the snapshot of this table from before its rows were computed.
    fps: fingerprint token of each partition; one without keeps the fingerprint it has.
    kept: partitions with a live file that keep it and only get their fingerprint.
    together: all or nothing (a merge: a key may have moved between partitions). Every moved fence
        is a conflict then, whatever the fingerprint says.
    intact: whether a partition is what was committed, wherever it lies; if not, equal rows are
        written as well. None: what lies in warm or cold is taken for whole.
    alike: whether staged rows that are not the same are so in all that counts.
    metadata: for people (run, interval, inputs); it vanishes with the log's retention.

    The stage is finished: what was not committed is deleted. Raises RunError if a sweep took it.
    """
    stray = sorted(set(inspection.partitions) - set(partitions))
    if stray:
        raise RunError(
            f"rows were staged in partition {stray[0]}, which this write does not cover",
            where=str(table),
            fix="drop the rows without a time" if stray[0] == NULL else "",
        )
    fault_point("commit.before_empty")
    staged = _files_of(stage, inspection, partitions, noted)
    is_held = partial(_is_held, inspection=inspection, intact=intact, alike=alike)
    verdict = _Verdict()
    added: list[NewFile] = []

    def decide(now: Snapshot) -> Change | None:
        nonlocal verdict, added
        stage.check_stands()
        _check_schema(inspection, now)
        verdict = _judge(noted, now, partitions, {} if together else fps, is_held)
        for p in kept:
            stands = fence_stands(noted, now, p)
            (verdict.unchanged if stands else verdict.conflicts).append(p)
        if together and verdict.conflicts:
            verdict = _Verdict(conflicts=verdict.conflicts)
        added = [NewFile.of(f) for p in verdict.commit for f in staged[p]]
        tokens = _tokens_of(verdict, now, inspection, fps)
        if not tokens:
            return None
        return Change(tuple(added), noted.files_in(verdict.commit), tokens, metadata)

    version = transact(table, decide, last=stage.check_stands)
    stage.finish(frozenset(file.path for file in added))
    return CommitResult(
        version,
        tuple(verdict.commit),
        tuple(verdict.unchanged),
        tuple(verdict.done),
        tuple(verdict.conflicts),
    )


def commit_snapshot(
    table: Path,
    *,
    stage: Stage,
    inspection: Inspection,
    noted: Snapshot,
    fp: int | None,
    metadata: Mapping[str, str],
) -> CommitResult:
    """Replace a table without time; equal rows commit no file."""
    return commit_replace(
        table,
        stage=stage,
        inspection=inspection,
        partitions=(WHOLE,),
        noted=noted,
        fps={} if fp is None else {WHOLE: fp},
        metadata=metadata,
    )


def commit_append(
    table: Path,
    *,
    stage: Stage,
    inspection: Inspection,
    offsets: Mapping[str, int],
    expected_offsets: Mapping[str, int | None],
    metadata: Mapping[str, str],
    set_aside: Mapping[int, int] | None = None,
) -> CommitResult:
    """Add staged rows and move the sources' offsets, in one commit.

    Parameters
    ----------
    offsets: source -> the next offset to read after these rows.
    expected_offsets: source -> the offset from which these rows were read (None: from the start).
    set_aside: batch -> rows of it in the quarantine, which counts from this commit on.

    Raises ConflictError if a source's offset is not where these rows begin (someone else has
    appended them, wholly or in part), or if a partition does not lie in hot.
    """

    def decide(now: Snapshot) -> Change | None:
        stage.check_stands()
        _check_schema(inspection, now)
        for source in offsets:
            found = now.tokens.get(token.offset(source))
            if found != expected_offsets.get(source):
                raise ConflictError(
                    f"source {source!r} is at offset {found}, and these rows begin at "
                    f"{expected_offsets.get(source)}",
                    where=str(table),
                    fix="read the source again from there",
                    partitions=inspection.partitions,
                )
        _check_in_hot(table, inspection.partitions, now)
        tokens = {token.offset(source): value for source, value in offsets.items()}
        tokens |= {token.aside(batch): rows for batch, rows in (set_aside or {}).items()}
        for p in inspection.partitions:
            tokens[token.fence(p)] = now.fence(p) + 1
            tokens[token.data(p)] = token.signed((now.data(p) or 0) + inspection.digest(p))
            tokens |= written_tokens(now.tokens, p)
        if not inspection.files and all(now.tokens.get(n) == v for n, v in tokens.items()):
            return None
        return Change(tuple(map(NewFile.of, inspection.files)), (), tokens, metadata)

    version = transact(table, decide, last=stage.check_stands)
    stage.finish(frozenset(file.path for file in inspection.files))
    return CommitResult(version, committed=inspection.partitions)


def _check_in_hot(table: Path, partitions: Sequence[str], now: Snapshot) -> None:
    """Appended rows join those that are in hot; what lies elsewhere is brought there first."""
    away = [p for p in partitions if now.place(p).tier != "hot"]
    if away:
        raise ConflictError(
            f"{', '.join(away)} lies in {now.place(away[0]).tier}, and rows are appended in hot",
            where=str(table),
            fix="bring it to hot first",
            partitions=away,
        )


def fence_stands(noted: Snapshot, now: Snapshot, partition: str) -> bool:
    """True if nobody touched the partition's files since it was noted.

    The files are compared too: that catches a writer which does not know of fences.
    """
    return noted.fence(partition) == now.fence(partition) and {
        f.path for f in noted.by_partition.get(partition, ())
    } == {f.path for f in now.by_partition.get(partition, ())}


def _judge(
    noted: Snapshot,
    now: Snapshot,
    partitions: Sequence[str],
    fps: Mapping[str, int],
    is_held: Callable[[Snapshot, str], bool],
) -> _Verdict:
    verdict = _Verdict()
    for p in partitions:
        if not fence_stands(noted, now, p):
            # Fence moved and the same fingerprint: somebody made exactly this.
            same = p in fps and now.fp(p) == fps[p]
            (verdict.done if same else verdict.conflicts).append(p)
        elif is_held(now, p):
            verdict.unchanged.append(p)
        else:
            verdict.commit.append(p)
    return verdict


def _tokens_of(
    verdict: _Verdict, now: Snapshot, inspection: Inspection, fps: Mapping[str, int]
) -> dict[str, int]:
    """What the commit sets: fence and digest of new files, and each fingerprint that changes."""
    tokens: dict[str, int] = {}
    for p in verdict.commit:
        tokens[token.fence(p)] = now.fence(p) + 1
        tokens[token.data(p)] = inspection.digest(p)
        tokens |= written_tokens(now.tokens, p)
    for p in (*verdict.commit, *verdict.unchanged):
        if p in fps and now.tokens.get(token.fp(p)) != fps[p]:
            tokens[token.fp(p)] = fps[p]
    return tokens


def _check_schema(inspection: Inspection, now: Snapshot) -> None:
    """Refuse files of a definition that the table had before its first row and has no more."""
    schema = now.schema
    assert schema is not None
    for column in inspection.schema:
        if column.name not in schema.names or schema.field(column.name).type != column.type:
            raise RunError(
                f"the table was made anew with another column {column.name!r} while this run "
                "computed",
                where=str(now.table),
                fix="run again",
            )


def _files_of(
    stage: Stage, inspection: Inspection, partitions: Sequence[str], noted: Snapshot
) -> dict[str, list[StagedFile]]:
    """The staged files of each partition; one of no rows where a partition becomes empty."""
    # What was noted may be from before the table was made.
    made = noted if noted.schema is not None else open_snapshot(stage.table)
    staged = {p: list(inspection.by_partition.get(p, ())) for p in partitions}
    for partition, files in staged.items():
        if not files and (noted.data(partition) != 0 or partition not in noted.by_partition):
            files.append(_empty_file(stage, made, partition))
    return staged


def _is_held(
    now: Snapshot,
    partition: str,
    *,
    inspection: Inspection,
    intact: Intact | None,
    alike: Alike | None,
) -> bool:
    """Whether the table has what was staged, every byte of it."""
    if now.data(partition) != inspection.digest(partition):
        staged = inspection.by_partition.get(partition, ())
        if alike is None or not staged or not alike(now, partition, staged):
            return False
    return _is_whole(now, partition, intact)


def _is_whole(now: Snapshot, partition: str, intact: Intact | None) -> bool:
    """Whether the rows that `data/` speaks of are there."""
    if intact is not None:
        return intact(now, partition)
    return now.place(partition).tier in ("warm", "cold") or is_intact(now, partition)


def _empty_file(stage: Stage, made: Snapshot, partition: str) -> StagedFile:
    """A file of no rows, by which a partition says that it was written and is empty."""
    schema = made.schema
    assert schema is not None
    path = stage.file_path(partition, 0)
    with storage_errors("staging files", stage.table):
        pq.write_table(schema.empty_table(), path)
        sync_file(path)
        (path,) = name_by_checksum(stage, [path])
    return StagedFile(
        path=path.relative_to(stage.table).as_posix(),
        partition=partition,
        size_bytes=path.stat().st_size,
        rows=0,
        stats_json=json.dumps(file_stats(pq.read_metadata(path), schema)),
        digest=0,
    )
