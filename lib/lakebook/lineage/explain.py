"""From what a cell raised to a finding that a person can act on."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from ..errors import LakebookError, did_you_mean
from .cells import CellError
from .context import Trace
from .job import StepJob
from .model import Finding

_MISSING = (
    re.compile(r'unable to find column "(?P<name>[^"]+)"'),
    re.compile(r'"(?P<name>[^"]+)" not found'),
    re.compile(r"columns were not found: \['(?P<name>[^']+)'"),
)
_VALID = re.compile(r"valid columns: \[(?P<names>[^\]]*)\]")
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
    text = str(cause)
    first = text.strip().splitlines()[0].strip() if text.strip() else ""
    if type(cause).__name__ == "ColumnNotFoundError":
        missing = next((hit["name"] for rule in _MISSING if (hit := rule.search(text))), None)
        if missing:
            valid = _VALID.search(text)
            names = re.findall(r'"([^"]+)"', valid["names"]) if valid else []
            columns = {table: [c.name for c in found] for table, found in trace.read.items()}
            return missing_column(missing, names, columns)
    module = type(cause).__module__.split(".")[0]
    if module in ("polars", "narwhals"):
        return first, ""
    kind = type(cause).__name__
    message = f"{kind}: {first}" if first else kind
    if isinstance(cause, _NEEDS_NO_ROWS):
        return message, ""
    return message, "a cell that only shows what is there may be tagged `view`: no check runs it"


def missing_column(
    name: str, valid: Sequence[str], read: Mapping[str, Collection[str]]
) -> tuple[str, str]:
    """Message and fix for a column that is not in a frame.

    Parameters
    ----------
    valid: the columns that the frame has at this point; may be unknown (empty).
    read: the columns of each table that the step has read.
    """
    had = [table for table, columns in read.items() if name in columns]
    if had:
        found = f"column {name!r} of {_either(had)} is no longer in the frame here"
        return found, "keep it in the select, join or group_by before"
    everywhere = {column for columns in read.values() for column in columns}
    guess = did_you_mean(name, valid or everywhere) or did_you_mean(name, everywhere)
    word = guess.split("'")[1] if guess else ""
    meant = [table for table, columns in read.items() if word in columns]
    # Of two tables with the meant column, the frame at hand is made of the one it shares more with.
    meant.sort(key=lambda table: -len(set(read[table]) & set(valid)))
    if meant:
        return f"column {name!r} is not in {meant[0]}{guess}", ""
    if len(read) == 1:
        return f"column {name!r} is not in {next(iter(read))}{guess}", ""
    place = f"the frame here, made of {' and '.join(read)}" if read else "the frame"
    return f"column {name!r} is not in {place}{guess}", ""


def _either(tables: Sequence[str]) -> str:
    return " and ".join(tables)
