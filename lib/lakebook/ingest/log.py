"""Logs: sources that are read on from an offset and cannot be read again (streams, change data).

Their rows are appended (`step.append`); how far they were read stands in the table's own log.
Connectors join as other sources do (see `source`); a log is known by having these two methods.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from ..contract.model import TableContract
from ..errors import SourceError

if TYPE_CHECKING:
    import narwhals as nw


@dataclass(frozen=True)
class LogLanding:
    """Rows of a log in the contract's types, in any order.

    ends: part of the log -> the next offset to read after these rows. A connector may stop before
    the end of the log: the next run goes on from there.
    """

    frame: nw.LazyFrame[Any]
    ends: Mapping[str, int]


@runtime_checkable
class LogSource(Protocol):
    """One log, opened. Each part has offsets of its own; a log of one part calls it ""."""

    @property
    def uri(self) -> str: ...

    def ends(self) -> Mapping[str, int]:
        """Part -> the offset that the next record will get. Cheap: the planner asks each time."""
        ...

    def land_from(
        self, contract: TableContract, begins: Mapping[str, int], options: dict[str, Any]
    ) -> LogLanding:
        """The records from `begins` on; a part that is not among them, from its first record.

        The same `begins` and `ends` are the same rows. Raises SourceError if records from there on
        are gone.
        """
        ...


def offset_name(uri: str, part: str) -> str:
    """The name of a log's part in the offset tokens of a table."""
    return f"{uri}#{part}" if part else uri


def read_offsets(uri: str, tokens: Mapping[str, int]) -> dict[str, int]:
    """Part -> committed offset, from the tokens of the table that the log is appended to."""
    whole = f"offset/{uri}"
    found = {"": tokens[whole]} if whole in tokens else {}
    start = f"{whole}#"
    return found | {n.removeprefix(start): v for n, v in tokens.items() if n.startswith(start)}


def waiting(log: LogSource, begins: Mapping[str, int]) -> int:
    """How many offsets are not committed. Raises SourceError for a log shorter than what was."""
    ends = log.ends()
    for part, begin in begins.items():
        if ends.get(part, 0) < begin:
            raise SourceError(
                f"source {offset_name(log.uri, part)} ends at offset {ends.get(part, 0)}, and rows "
                f"up to {begin} were read: it is not the log that it was",
                fix="restore the log, or land the new one in a dataset of its own",
            )
    return sum(end - begins.get(part, 0) for part, end in ends.items())
