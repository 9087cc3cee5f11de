"""What a check sees of a step's sources without reading a row: their schemes, headers of files."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..errors import SourceError
from ..graph import StepNode
from ..settings import Settings

if TYPE_CHECKING:
    from ..ingest.files import FileSource


@dataclass(frozen=True)
class SourceLook:
    """By URI, of those sources alone that are not as the contract says.

    Parameters
    ----------
    headers: columns of a file that lacks some of the contract's.
    faults: what is wrong with a source, and what to do.
    """

    headers: dict[str, tuple[str, ...]] = field(default_factory=dict)
    faults: dict[str, tuple[str, str]] = field(default_factory=dict)


def look_at_sources(settings: Settings, node: StepNode) -> SourceLook:
    """A file that is not there has no fault: a check may run where the data is not."""
    look = SourceLook()
    if not node.sources:
        return look
    from ..ingest.source import OF_FILES, check_scheme

    for uri in node.sources:
        try:
            check_scheme(uri)
            if uri.partition("://")[0] in OF_FILES:
                _look_at_header(uri, settings, node, look)
        except SourceError as fault:
            look.faults[uri] = fault.found, fault.fix
    return look


def _look_at_header(uri: str, settings: Settings, node: StepNode, look: SourceLook) -> None:
    from ..ingest.files import FileSource
    from ..ingest.source import LANDING_COLUMNS

    tables = node.contract.tables if node.contract else ()
    table = next((table for table in tables if table.dataset == node.name), None)
    source = FileSource(uri, settings)
    if table is None or not _is_there(source):
        return
    header = source.header(table)
    if header and {c.name for c in table.columns} - {*header, *LANDING_COLUMNS}:
        look.headers[uri] = header


def _is_there(source: FileSource) -> bool:
    try:
        return source.path.is_file()
    except SourceError:
        return False  # the run says it
