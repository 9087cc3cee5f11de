"""What an engine's error says, in our words: read from the texts of Polars, Narwhals and DuckDB."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from ..errors import ContractError, LakebookError, did_you_mean

_MODULES = ("polars", "narwhals", "duckdb", "_duckdb")
_NOISE = (
    "Resolved plan",
    "This error occurred",
    "You might want",
    "The current offset",
    "Original error",
    "Consider setting",
    "LINE ",
    "--->",
)
_LONGEST = 300
_BY_DAMAGE = frozenset(
    {
        # Polars, whose readers also panic; the missing file is Python's own error
        "ComputeError",
        "PanicException",
        "InvalidOperationError",
        "OutOfBoundsError",
        "ShapeError",
        "SchemaError",
        "FileNotFoundError",
        "OSError",
        # DuckDB
        "IOException",
        "HTTPException",
        "InvalidInputException",
        "InternalException",
        "SerializationException",
        "OutOfRangeException",
        "OutOfMemoryException",
        "ConversionException",
        "FatalException",
        "Error",
        # Arrow
        "ArrowInvalid",
        "ArrowNotImplementedError",
        "ArrowException",
        "ArrowCapacityError",
        "ArrowSerializationError",
    }
)
_TYPE = re.compile(
    r"""(?<![\w."'])(?:[iuf](?:8|16|32|64)|U?Int\d+|Float\d+|str|String|bool|Boolean"""
    r"""|datetime\[[^\]]*\])(?![\w(."'\]])"""
)
_POLARS_CAST = re.compile(
    r"conversion from `(?P<old>[^`]*)` to `(?P<new>[^`]*)` failed in column '(?P<column>\w*)' for"
)
_DUCKDB_KIND = re.compile(r"(?P<kind>[A-Z][A-Za-z ]{2,40} Error):")
_DUCKDB_COLUMN = re.compile(r"when casting from source column (\w+)\s*$")
_MISSING = (
    re.compile(r'unable to find column "(?P<name>[^"]+)"'),
    re.compile(r'(?<!table )"(?P<name>[^"]+)" not found'),
    re.compile(r'does not have a column named "(?P<name>[^"]+)"'),
    re.compile(r"columns were not found: \['(?P<name>[^']+)'"),
)
_VALID = re.compile(
    r"(?:valid columns|one of these columns|Candidate bindings):\s*\[?(?P<names>[^\]\n]*)"
)


def column_not_found(raised: BaseException) -> tuple[str, list[str]] | None:
    """The column that an engine did not find, and those it had (empty: it does not say)."""
    if type(raised).__name__ not in ("ColumnNotFoundError", "BinderException"):
        return None
    text = str(raised)
    missing = next((hit["name"] for rule in _MISSING if (hit := rule.search(text))), None)
    if missing is None:
        return None
    valid = _VALID.search(text)
    return missing, re.findall(r"[\"']([^\"']+)[\"']", valid["names"]) if valid else []


_NO_YEAR = re.compile(r"year -?\d+ is out of range|date value out of range")


def explained(raised: BaseException) -> tuple[str, str] | None:
    """Message and fix for what Python says of a value or type that only an engine can have."""
    if isinstance(raised, ValueError | OverflowError) and _NO_YEAR.search(str(raised)):
        return (
            f"a date or timestamp is outside of the years 1 to 9999 ({raised})",
            "correct it in the notebook, or filter it out: no table can have it",
        )
    if isinstance(raised, TypeError) and "member_descriptor" in str(raised):
        return (
            "nw.Decimal alone is no type to cast to: it does not say how many digits",
            "write nw.Decimal(precision, scale), such as nw.Decimal(10, 2)",
        )
    return None


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


def type_name(found: Any) -> str:
    """A Polars type in the contract's words where it has one."""
    text = str(found)
    if text.startswith("Datetime"):
        zone = getattr(found, "time_zone", None)
        unit = getattr(found, "time_unit", "us")
        return "timestamp" if zone is None and unit == "us" else f"timestamp({unit}, {zone})"
    if text.startswith("Decimal"):
        return f"decimal({found.precision},{found.scale})"
    return text.lower().removesuffix("()")


def engine_error(raised: BaseException) -> BaseException | None:
    """The engine's error: this one, or the one that a ContractError was made of.

    None for others, and for a column that is not there, which no data can cause.
    """
    error: BaseException | None = raised
    if isinstance(raised, ContractError):
        error = raised.__cause__
    if error is None or not is_engines(error) or column_not_found(error):
        return None
    return error


def is_engines(raised: BaseException) -> bool:
    return type(raised).__module__.split(".")[0] in _MODULES


def may_be_damage(raised: BaseException) -> bool:
    """Whether a damaged file may have made a reader fail. Generous: the files are looked at."""
    if isinstance(raised, LakebookError) and not isinstance(raised, ContractError):
        return False
    return any(type(error).__name__ in _BY_DAMAGE for error in _chain(raised))


def _chain(raised: BaseException | None) -> Iterator[BaseException]:
    while raised is not None:
        yield raised
        raised = raised.__cause__ or raised.__context__


def first_lines(raised: BaseException) -> str:
    """What an engine's error says, as one line without plans and advice, in our words for types."""
    lines = []
    for line in str(raised).splitlines():
        if line.strip().startswith(_NOISE):
            break
        if line.strip():
            lines.append(line.strip())
    text = in_words(" ".join(lines[:3]))
    return text if len(text) <= _LONGEST else text[: _LONGEST - 2] + " …"


def without_values(raised: BaseException) -> str:
    """What an engine's error says of types and columns alone: every other word may be a value."""
    text = str(raised)
    if found := _POLARS_CAST.search(text):
        kinds = in_words(f"from {found['old']} to {found['new']}")
        return f"conversion {kinds} failed in column {found['column']!r}"
    if found := _DUCKDB_KIND.match(text):
        column = _DUCKDB_COLUMN.search(text)
        return f"{found['kind']}{f' in column {column[1]!r}' if column else ''}"
    return "its message is hidden"


def in_words(text: str) -> str:
    """An engine's sentence with the contract's names of types: int64 for i64."""
    return _TYPE.sub(lambda found: _word(found[0]), text)


def without_plan(text: str) -> str:
    """A piece of a traceback without Polars' query plan, which names files of the lake."""
    return re.split(r"\s*Resolved plan until failure:", text, maxsplit=1)[0]


def _word(kind: str) -> str:
    if kind.startswith("datetime"):
        inner = kind[9:-1].replace("μs", "us").replace("µs", "us")
        return "timestamp" if inner == "us" else f"timestamp({inner})"
    if kind in ("str", "String"):
        return "string"
    if kind in ("bool", "Boolean"):
        return "boolean"
    if kind[0] in "iuf":
        return {"i": "int", "u": "uint", "f": "float"}[kind[0]] + kind[1:]
    return kind.lower()
