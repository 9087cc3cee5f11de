"""What every source can do, and the registry of connectors by URI scheme.

Connectors of other distributions join by the entry point group `lakebook.sources`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any, Protocol

from ..contract.model import TableContract
from ..errors import SourceError, did_you_mean
from ..intervals import Interval
from ..settings import Settings
from .counted import SourceRows

if TYPE_CHECKING:
    import narwhals as nw

SOURCE_COLUMN = "_source"
DIGEST_COLUMN = "_source_digest"
MODIFIED_COLUMN = "_source_modified"
LANDING_COLUMNS = (SOURCE_COLUMN, DIGEST_COLUMN, MODIFIED_COLUMN)
"""What bronze adds to each row. All three come from the source, never from the clock."""

OF_FILES = ("file", "package")
"""The schemes that `files` serves."""

VERSION_COLUMNS = (DIGEST_COLUMN, MODIFIED_COLUMN)
"""Those that change with the whole source: rows that differ in them alone are the same rows."""


@dataclass(frozen=True)
class SourceVersion:
    """What a source holds now: its digest decides whether a landing would give the same rows."""

    uri: str
    digest: str
    modified: datetime


@dataclass(frozen=True)
class Landing:
    """Rows of a source in the contract's types; names of columns that no contract promises."""

    frame: nw.LazyFrame[Any]
    version: SourceVersion
    new_columns: tuple[str, ...]
    fault: Callable[[BaseException], SourceError | None] = lambda _: None
    """What in the source made an engine fail with an error, while it computed the frame."""
    total: int | None = None
    """Rows of the source, whatever their time; None where it does not know."""
    count: Callable[[], SourceRows] | None = None
    """Counts them by day; None where the source lacks the time column: all are in the frame."""
    absent: Mapping[str, SourceError] = field(default_factory=dict)
    """Columns of the contract that are not in the frame, and what to say if the write lacks one."""


class Source(Protocol):
    """One source, opened. Opening reads no rows."""

    @property
    def uri(self) -> str: ...

    def version(self) -> SourceVersion: ...

    def land(
        self, contract: TableContract, interval: Interval | None, options: dict[str, Any]
    ) -> Landing:
        """Rows in the contract's types. What it lacks of the promised columns is named `absent`."""
        ...


def open_source(uri: str, settings: Settings) -> Source:
    """Open the source that `uri` names. Raises SourceError for an unknown scheme."""
    from .files import FileSource

    check_scheme(uri)
    scheme = uri.partition("://")[0]
    if scheme in OF_FILES:
        return FileSource(uri, settings)
    opened: Source = _others()[scheme].load()(uri, settings)
    return opened


def check_scheme(uri: str) -> None:
    """Raise SourceError if no connector serves a source. Loads none."""
    scheme, separator, _ = uri.partition("://")
    if separator and scheme in OF_FILES:
        return
    others = _others()
    if separator and scheme in others:
        return
    known = sorted({*OF_FILES, *others})
    listed = ", ".join(f"{name}://" for name in known)
    raise SourceError(
        f"source {uri!r} has no known scheme{did_you_mean(scheme, known) if separator else ''}",
        fix=f"known are {listed}" if separator else f"write file://{uri}; known are {listed}",
    )


def _others() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group="lakebook.sources")}
