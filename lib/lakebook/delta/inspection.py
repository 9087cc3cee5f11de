"""Audits staged files by their footers, digests their rows and names them by their checksums. The
commit takes what it says.

A log takes any file: nobody after this looks at types and nulls.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from ..contract.types import type_of
from ..errors import ContractError, StorageError, did_you_mean, storage_errors
from .checksums import name_by_checksum
from .digest import MASK, Digest, digest_groups
from .disk import sync_file
from .faults import fault_point
from .footers import drop_bounds
from .staging import Stage
from .stats import file_stats, null_count
from .tokens import signed

if TYPE_CHECKING:
    from ..contract.model import TableContract

_GROUPS_PER_TASK = 4


@dataclass(frozen=True)
class StagedFile:
    """A staged file that keeps the contract. `path` is relative; `digest` unsigned 64 bit."""

    path: str
    partition: str
    size_bytes: int
    rows: int
    stats_json: str
    digest: int

    @property
    def stats(self) -> dict[str, Any]:
        return dict(json.loads(self.stats_json))


@dataclass(frozen=True)
class Inspection:
    """What a stage holds, and the schema that every footer was checked against."""

    files: tuple[StagedFile, ...]
    schema: pa.Schema

    @property
    def rows(self) -> int:
        return sum(file.rows for file in self.files)

    @cached_property
    def by_partition(self) -> dict[str, tuple[StagedFile, ...]]:
        groups: dict[str, list[StagedFile]] = {}
        for file in self.files:
            groups.setdefault(file.partition, []).append(file)
        return {name: tuple(groups[name]) for name in sorted(groups)}

    @property
    def partitions(self) -> tuple[str, ...]:
        return tuple(self.by_partition)

    def digest(self, partition: str) -> int:
        """Digest of a partition's rows as a token (signed); 0 for a partition without rows."""
        return signed(sum(f.digest for f in self.by_partition.get(partition, ())))


def inspect(stage: Stage, contract: TableContract, *, threads: int = 2) -> Inspection:
    """Check every footer against the contract, make statistics, digest the rows, sync the files.

    Files get their final names here, which end in the checksum of their bytes.
    Raises ContractError naming column, found and expected.
    """
    fault_point("inspect.before")
    try:
        with storage_errors("reading staged files", stage.table):
            files = _inspect(stage, contract.arrow_schema(), contract, threads)
    except FileNotFoundError:
        stage.check_stands()  # a sweep that came meanwhile is the likely reason
        raise
    fault_point("inspect.after")
    return Inspection(tuple(files), contract.arrow_schema())


def _inspect(
    stage: Stage, schema: pa.Schema, contract: TableContract, threads: int
) -> list[StagedFile]:
    staged = stage.files()
    footers = {}
    for path, _ in staged:
        footers[path] = read_footer(path)
        check_footer(footers[path], schema, contract)
    digests = digest_files({path: f.num_row_groups for path, f in footers.items()}, threads)
    fault_point("inspect.before_name")
    named = name_by_checksum(stage, [path for path, _ in staged], threads=threads)
    files = []
    for (path, partition), final in zip(staged, named, strict=True):
        stats = file_stats(footers[path], schema, nan_columns=digests[path].nan_columns)
        files.append(
            StagedFile(
                path=final.relative_to(stage.table).as_posix(),
                partition=partition,
                size_bytes=final.stat().st_size,
                rows=footers[path].num_rows,
                stats_json=json.dumps(stats),
                digest=digests[path].value,
            )
        )
    return files


def digest_files(groups: dict[Path, int], threads: int) -> dict[Path, Digest]:
    """Digest of each file, given its number of row groups; also makes them fit to be published.

    They lose the bounds that would hide a NaN, and they are put on the disk: a commit must not name
    a file that a power cut can take back.
    """
    tasks: list[tuple[Path, Sequence[int]]] = []
    for path, count in groups.items():
        tasks += [
            (path, range(start, min(start + _GROUPS_PER_TASK, count)))
            for start in range(0, count, _GROUPS_PER_TASK)
        ]
    totals = dict.fromkeys(groups, Digest(0))
    with ThreadPoolExecutor(max_workers=max(threads, 1)) as pool:
        for path, part in pool.map(_digest_task, tasks):
            totals[path] = totals[path] + part
        list(pool.map(_settle, totals.items()))
    return totals


def _digest_task(task: tuple[Path, Sequence[int]]) -> tuple[Path, Digest]:
    path, groups = task
    return path, sum(digest_groups(path, groups), Digest(0))


def _settle(file: tuple[Path, Digest]) -> None:
    path, digest = file
    if digest.nan_columns:
        drop_bounds(path, digest.nan_columns)
    sync_file(path)


def read_footer(path: Path) -> pq.FileMetaData:
    try:
        return pq.read_metadata(path)
    except pa.ArrowInvalid as broken:
        raise StorageError(f"not a whole Parquet file: {broken}", where=str(path)) from None


def check_footer(footer: pq.FileMetaData, schema: pa.Schema, contract: TableContract) -> None:
    """Names, order, types, units, zones and nulls of a file, against the contract."""
    found = footer.schema.to_arrow_schema()
    where = str(contract.dataset)
    for wanted in schema:
        if wanted.name not in found.names:
            guess = did_you_mean(wanted.name, found.names)
            raise ContractError(
                f"a staged file lacks the column {wanted.name!r}{guess}", where=where
            )
    for extra in found.names:
        if extra not in schema.names:
            guess = did_you_mean(extra, schema.names)
            raise ContractError(
                f"a staged file has the column {extra!r}, which is not in the contract{guess}",
                where=where,
            )
    if found.names != schema.names:
        raise ContractError(
            f"a staged file has its columns in the order {', '.join(found.names)}",
            where=where,
            fix=f"the contract has {', '.join(schema.names)}",
        )
    for position, wanted in enumerate(schema):
        have = _plain(found.field(position).type)
        if have != wanted.type:
            raise ContractError(
                f"column {wanted.name!r} is {type_of(have) or have} in a staged file and "
                f"{type_of(wanted.type)} in the contract",
                where=where,
            )
        nulls = 0 if wanted.nullable else null_count(footer, position)
        if nulls is None:
            raise ContractError(
                f"a staged file does not say how many nulls {wanted.name!r} has", where=where
            )
        if nulls:
            raise ContractError(
                f"column {wanted.name!r} is required and {nulls} rows have no value",
                where=where,
                fix="drop or fill them in the notebook, or make the column optional",
            )


def _plain(kind: pa.DataType) -> pa.DataType:
    """The type without how Arrow keeps it in memory."""
    types = pa.types
    if types.is_large_string(kind) or types.is_string_view(kind):
        return pa.string()
    if types.is_large_binary(kind) or types.is_binary_view(kind):
        return pa.binary()
    return kind


def combine(digest: int, more: int) -> int:
    """Digest token of the rows of both."""
    return signed((digest + more) & MASK)
