"""One family of errors. Each carries what was found, where, and what to do next, in one sentence.

The command line prints the sentence alone; a traceback means a bug in Lakebook.
"""

from __future__ import annotations

import difflib
import errno
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path


class LakebookError(Exception):
    """Base of all errors that a person can act on.

    Parameters
    ----------
    found: what is wrong, as a clause without a full stop.
    where: file and place ("notebooks/silver/flights.ipynb, cell 4"), if there is one.
    fix: what to do, as an imperative clause, if it is not obvious.
    """

    exit_code = 1

    def __init__(self, found: str, *, where: str = "", fix: str = "") -> None:
        self.found = found
        self.where = where
        self.fix = fix
        super().__init__(self.sentence)

    @property
    def sentence(self) -> str:
        """Place, finding and fix as one line."""
        found = self.found.removesuffix(".") if self.fix else self.found
        text = f"{self.where}: {found}" if self.where else found
        return f"{text}; {self.fix}" if self.fix else text

    def __reduce__(self) -> tuple[object, ...]:
        # The default would call cls(sentence): place and fix would be lost between processes.
        return _rebuild, (type(self), self.found, self.where, self.fix)


def _rebuild(cls: type[LakebookError], found: str, where: str, fix: str) -> LakebookError:
    return cls(found, where=where, fix=fix)


class UserError(LakebookError):
    """The input is wrong (a contract, a name, a date, a selector): exit code 2."""

    exit_code = 2


class ContractError(UserError):
    """A contract file is broken, or a frame's schema does not keep it."""


class GraphError(UserError):
    """Notebooks, contracts and models do not make a graph."""


class SourceError(UserError):
    """A source is missing, or has lost or retyped a column."""


class RunError(LakebookError):
    """A run failed although its input was well formed: exit code 1."""


class GateError(RunError):
    """A rule with action `fail` did not hold."""


class ConflictError(RunError):
    """Other runs committed partitions of this one meanwhile; those must be computed anew.

    `partitions` are the names of the partitions whose fence moved.
    """

    def __init__(
        self, found: str, *, where: str = "", fix: str = "", partitions: Iterable[str] = ()
    ) -> None:
        super().__init__(found, where=where, fix=fix)
        self.partitions = tuple(partitions)

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild_conflict, (self.found, self.where, self.fix, self.partitions)


def _rebuild_conflict(
    found: str, where: str, fix: str, partitions: tuple[str, ...]
) -> ConflictError:
    return ConflictError(found, where=where, fix=fix, partitions=partitions)


class ColdError(UserError):
    """What is asked for lies in cold and has to be restored first.

    `needs`: names of the partitions by dataset, if a restore gives what is asked for.
    """

    def __init__(
        self,
        found: str,
        *,
        where: str = "",
        fix: str = "",
        needs: Mapping[str, Iterable[str]] | None = None,
    ) -> None:
        super().__init__(found, where=where, fix=fix)
        self.needs = {name: tuple(partitions) for name, partitions in (needs or {}).items()}

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild_cold, (self.found, self.where, self.fix, self.needs)


def _rebuild_cold(
    found: str, where: str, fix: str, needs: Mapping[str, tuple[str, ...]]
) -> ColdError:
    return ColdError(found, where=where, fix=fix, needs=needs)


class StorageError(RunError):
    """A table, a file or a disk is not as it must be (full disk, missing file, damaged log)."""


class DamageError(StorageError):
    """A file of a table is missing, cut, or has other bytes than were committed.

    `partition` and `dataset`: what it belongs to, where it is known. Who knows the dataset says
    what mends it.
    """

    def __init__(
        self,
        found: str,
        *,
        where: str = "",
        fix: str = "",
        partition: str = "",
        dataset: str = "",
    ) -> None:
        super().__init__(found, where=where, fix=fix)
        self.partition, self.dataset = partition, dataset

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild_damage, (self.found, self.where, self.fix, self.partition, self.dataset)


def _rebuild_damage(found: str, where: str, fix: str, partition: str, dataset: str) -> DamageError:
    return DamageError(found, where=where, fix=fix, partition=partition, dataset=dataset)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return " (did you mean 'x'?)" for the nearest known word, or an empty string."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f" (did you mean {near[0]!r}?)" if near else ""


_DISK = {
    errno.ENOSPC: ("the disk is full", "free some space and run again; nothing was published"),
    errno.EDQUOT: ("the disk quota is used up", "free some space and run again"),
    errno.EFBIG: ("a file is larger than the system allows", "raise the limit (ulimit -f)"),
    errno.EROFS: ("the disk is read-only", "use another lake (--lake)"),
    errno.EPERM: ("permission is denied", "check who owns the lake"),
    errno.ENOTDIR: ("a file is where a folder must be", "use another lake (--lake)"),
    errno.EACCES: ("permission is denied", "check who owns the lake"),
    errno.EIO: ("the disk has an error", "check the disk"),
}


@contextmanager
def storage_errors(doing: str, where: Path) -> Iterator[None]:
    """Turn an error of the disk below into a StorageError; others pass.

    Polars and delta-rs put the operating system's error into the text of one of their own.
    """
    try:
        yield
    except LakebookError:
        raise
    except Exception as raised:
        sentence = _disk_sentence(raised)
        if sentence is None:
            raise
        found, fix = sentence
        raise StorageError(f"{found} while {doing}", where=str(where), fix=fix) from raised


def disk_error(raised: OSError) -> StorageError | None:
    """An error of the disk that nobody below expected, as one sentence; None for other errors."""
    sentence = _DISK.get(raised.errno or 0)
    if sentence is None:
        return None
    return StorageError(sentence[0], where=str(raised.filename or ""), fix=sentence[1])


def _disk_sentence(raised: Exception) -> tuple[str, str] | None:
    if isinstance(raised, OSError) and raised.errno in _DISK:
        return _DISK[raised.errno]
    text = str(raised).lower()
    for number, sentence in _DISK.items():
        if f"(os error {number})" in text or os.strerror(number).lower() in text:
            return sentence
    return None
