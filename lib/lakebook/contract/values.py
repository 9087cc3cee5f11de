"""Values of a contract's rules in the type of the column that they are compared with.

Exact or refused: an integer stays one beyond 2^53, `0.1` is Decimal("0.1") to a decimal column and
the nearest float32 to one of those, an ISO text is a date or a time.
"""

from __future__ import annotations

import math
import re
import struct
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from ..errors import ContractError
from .numerals import Rounded, how_to_write, is_number
from .types import EXACT

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?")
_DECIMAL = re.compile(r"decimal\((\d+),(\d+)\)")
_EXACT_DIGITS = 15  # so many of a decimal number survive its way through a float

INTEGERS = {"int32": 2**31, "int64": 2**63}
NUMBERS = (*INTEGERS, "float32", "float64")


def is_decimal(kind: str) -> bool:
    return kind.startswith("decimal")


def is_float(kind: str) -> bool:
    return kind in ("float32", "float64")


def family(kind: str) -> str:
    """Types of one family can be compared with each other, value by value."""
    return "number" if kind in NUMBERS else "decimal" if is_decimal(kind) else kind


def bound_in(kind: str, given: Any) -> Any:
    """The least or greatest value of a column, or of its minimum or maximum. It need be no value
    that the column can have: 0.5 bounds integers as well."""
    if kind in INTEGERS:
        return number(given, finite=True)
    if is_decimal(kind):
        return _decimal(given)
    if is_float(kind):
        return _float(kind, given)
    if kind in ("date", "timestamp"):
        return value_in(kind, given)
    raise ContractError(f"{given!r} bounds values of the type {kind}", fix="use another class")


def value_in(kind: str, given: Any) -> Any:
    """A value that a column can have. Raises ContractError for any other."""
    if kind in INTEGERS:
        found = whole(given)
        if not -INTEGERS[kind] <= found < INTEGERS[kind]:
            raise ContractError(f"{given!r} is no {kind}", fix="leave it out")
        return found
    if is_decimal(kind):
        return _decimal_value(kind, given)
    if is_float(kind):
        return _float(kind, given)
    if kind == "date":
        return _date(given)
    if kind == "timestamp":
        return _timestamp(given)
    if kind == "boolean":
        return flag(given)
    if kind == "string":
        if not isinstance(given, str):
            raise ContractError(f"{_shown(given)} is no text", fix="put it in quotes")
        return given
    raise ContractError(f"{given!r} is compared with the type {kind}", fix="use another class")


def flag(given: Any) -> bool:
    if isinstance(given, bool):
        return given
    fixes = {"no": "false", "n": "false", "off": "false", "false": "false"}
    fixes |= {"yes": "true", "y": "true", "on": "true", "true": "true"}
    word = fixes.get(given.lower()) if isinstance(given, str) else None
    kind = "the text " if isinstance(given, str) else ""
    raise ContractError(
        f"{kind}{_shown(given)} is neither true nor false", fix=f"write {word or 'true or false'}"
    )


def number(given: Any, *, finite: bool = False, nearest: bool = False) -> int | float:
    """A number as it stands: an integer stays one, whatever its size.

    `nearest`: it is compared with floats, so that the float next to what was written will do.
    """
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise ContractError(f"{_shown(given)} is no number", fix=how_to_write(given))
    if isinstance(given, Rounded) and not nearest:
        raise ContractError(
            f"{given.text} has more digits than YAML keeps of such a number",
            fix="write a whole number without a point and an exponent, or fewer digits",
        )
    if given != given or (finite and math.isinf(given)):
        raise ContractError(f"{given!r} is compared with nothing", fix="give a finite number")
    return given


def whole(given: Any) -> int:
    found = number(given, finite=True)
    if found != int(found):
        raise ContractError(f"{given!r} is no whole number", fix="give a whole number")
    return int(found)


def _shown(given: Any) -> str:
    return repr(given) if not isinstance(given, dict) else str(given)


def _float(kind: str, given: Any) -> float:
    try:
        found = float(number(given, nearest=True))
        if kind == "float32":
            (found,) = struct.unpack("f", struct.pack("f", found))
    except OverflowError:
        raise ContractError(f"{given!r} is beyond {kind}", fix="give a smaller number") from None
    return found


def _decimal(given: Any) -> Decimal:
    if is_number(given):  # which is how a long one keeps its digits
        return Decimal(given.strip())
    if isinstance(given, Rounded):
        raise ContractError(
            f"{given.text} has more digits than YAML keeps of a number", fix="put it in quotes"
        )
    found = number(given, finite=True)
    exact = Decimal(found) if isinstance(found, int) else Decimal(repr(found))
    if isinstance(found, float) and len(exact.normalize().as_tuple().digits) > _EXACT_DIGITS:
        raise ContractError(
            f"{given!r} has more digits than YAML keeps of a number", fix="put it in quotes"
        )
    return exact


def _decimal_value(kind: str, given: Any) -> Decimal:
    found = _decimal(given)
    match = _DECIMAL.fullmatch(kind)
    assert match is not None
    precision, scale = int(match[1]), int(match[2])
    scaled = found.scaleb(scale, EXACT)
    if scaled != int(scaled) or abs(int(scaled)) >= 10**precision:
        raise ContractError(f"{given!r} is no {kind}", fix="leave it out")
    return found


def _date(given: Any) -> date:
    if type(given) is date:
        return given
    try:
        if isinstance(given, str) and _DATE.fullmatch(given):
            return date.fromisoformat(given)
    except ValueError:
        pass
    raise ContractError(f"{_shown(given)} is no date", fix="write it as 2013-01-31")


def _timestamp(given: Any) -> datetime:
    if isinstance(given, datetime) and given.tzinfo is None:
        return given
    if type(given) is date:
        return datetime(given.year, given.month, given.day)
    try:
        if isinstance(given, str) and (_DATE.fullmatch(given) or _TIME.fullmatch(given)):
            return datetime.fromisoformat(given)
    except ValueError:
        pass
    raise ContractError(
        f"{_shown(given)} is no timestamp",
        fix="write it as 2013-01-31 or 2013-01-31T18:30:00, in UTC and without a zone",
    )
