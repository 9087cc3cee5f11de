"""From what a cell raised to a finding that a person can act on."""

from __future__ import annotations

from ..engines.messages import (
    column_not_found,
    explained,
    first_lines,
    is_engines,
    missing_column,
)
from ..errors import LakebookError
from .cells import CellError
from .context import Trace
from .job import StepJob
from .model import Finding

_NEEDS_NO_ROWS = (NameError, ImportError, SyntaxError, AttributeError)


def finding_of(error: CellError, job: StepJob, trace: Trace) -> Finding:
    """The finding for a cell that raised."""
    message, fix = _message(error.cause, trace)
    return Finding(
        step=str(job.step),
        message=message,
        notebook=job.label,
        cell=error.cell.number,
        line=error.line,
        fix=fix,
    )


def _message(cause: BaseException, trace: Trace) -> tuple[str, str]:
    if isinstance(cause, LakebookError):
        return cause.found, cause.fix
    if known := explained(cause):
        return known
    missing = column_not_found(cause)
    if missing:
        name, valid = missing
        columns = {table: [c.name for c in found] for table, found in trace.read.items()}
        return missing_column(name, valid, columns)
    text = str(cause)
    first = text.strip().splitlines()[0].strip() if text.strip() else ""
    if is_engines(cause):
        return first_lines(cause), ""
    kind = type(cause).__name__
    message = f"{kind}: {first}" if first else kind
    if isinstance(cause, _NEEDS_NO_ROWS):
        return message, ""
    return message, "a cell that only shows what is there may be tagged `view`: no check runs it"
