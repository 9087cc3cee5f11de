"""What a text is as a value of a type, by exact arithmetic in Python, apart from the parser.

Also texts to try: values of each type, and what people and programs make of them.
"""

from __future__ import annotations

import math
import re
import struct
from datetime import UTC, date, datetime, timedelta
from decimal import Context, Decimal
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

REFUSED = object()
"""Of a text that is no value."""

KINDS = (
    "int32", "int64", "float32", "float64", "decimal(10,2)", "decimal(38,0)", "decimal(38,38)",
    "boolean", "date", "timestamp", "binary",
)  # fmt: skip


def oracle(text: str, kind: str, zoned: bool = False) -> Any:
    if kind.startswith("int"):
        if not re.fullmatch("[+-]?[0-9]+", text):
            return REFUSED
        edge = 1 << (int(kind[3:]) - 1)
        return int(text) if -edge <= int(text) < edge else REFUSED
    if kind.startswith("float"):
        return _float(text, kind == "float32")
    if kind.startswith("decimal"):
        return _decimal(text, *map(int, kind[8:-1].split(",")))
    if kind == "boolean":
        spelled = {text == low: value for low, value in (("1", True), ("0", False))}
        if text.lower() in ("true", "false") and text in (
            text.lower(), text.upper(), text.capitalize()
        ):  # fmt: skip
            return text.lower() == "true"
        return spelled.get(True, REFUSED)
    if kind == "date":
        return _date(text)
    if kind == "timestamp":
        return _timestamp(text, zoned)
    assert kind == "binary"
    digits = text[2:] if text[:2] in ("0x", "\\x") else text
    if len(digits) % 2 or not set(digits) <= set("0123456789abcdefABCDEF"):
        return REFUSED
    return bytes(int(digits[i : i + 2], 16) for i in range(0, len(digits), 2))


def _float(text: str, single: bool) -> Any:
    if re.fullmatch("(?i)[+-]?(nan|inf|infinity)", text):
        return float(text)
    found = re.fullmatch(r"([+-]?)([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]+))?", text)
    if not found or not (found[2] or found[3]):
        return REFUSED
    if abs(int(found[4] or 0)) > 5000:  # far outside
        return REFUSED if (found[2] + (found[3] or "")).strip("0") else 0.0
    exact = Fraction(Decimal(text))
    near = _nearest_single(exact) if single else _nearest_double(exact)
    if math.isinf(near) or (near == 0) != (exact == 0):
        return REFUSED
    whole = found[4] is None and not (found[3] or "").strip("0")
    if whole and abs(near) >= (2**24 if single else 2**53):
        # More digits than integers of an engine have are not compared.
        return near if Fraction(near) == exact and abs(exact) < 2**127 else REFUSED
    if not single or _nearest_double(exact) in (near, float(_shortest(near))):
        return near
    return REFUSED


def _shortest(single: float) -> str:
    """The fewest digits that say which float32 it is."""
    tries = (f"{single:.{digits}e}" for digits in range(9))
    return next(text for text in tries if _nearest_single(Fraction(Decimal(text))) == single)


def _nearest_double(exact: Fraction) -> float:
    try:
        return exact.numerator / exact.denominator  # correctly rounded for integers of any size
    except OverflowError:
        return math.inf


def _nearest_single(exact: Fraction) -> float:
    try:
        guess = struct.unpack("f", struct.pack("f", _nearest_double(exact)))[0]
        if math.isinf(guess):
            return guess
    except OverflowError:
        return math.inf
    bits = struct.unpack("i", struct.pack("f", abs(guess)))[0]
    around = (b for b in (bits - 1, bits, bits + 1) if b >= 0)
    near = [struct.unpack("f", struct.pack("i", b))[0] for b in around]
    near = [one if exact >= 0 else -one for one in near if not math.isinf(one)]
    return min(near, key=lambda one: abs(Fraction(one) - exact))


def _decimal(text: str, precision: int, scale: int) -> Any:
    if not re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)", text):
        return REFUSED
    unscaled = Fraction(text.rstrip(".")) * 10**scale
    if unscaled.denominator != 1 or abs(unscaled) >= 10**precision:
        return REFUSED
    return Decimal(unscaled.numerator).scaleb(-scale, Context(prec=60))


def _date(text: str) -> Any:
    if not re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        return REFUSED
    try:
        return date(int(text[:4]), int(text[5:7]), int(text[8:]))
    except ValueError:
        return REFUSED


def _timestamp(text: str, zoned: bool) -> Any:
    found = re.fullmatch(
        r"(.{10})T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?(Z|[+-][0-9]{2}(?::?[0-9]{2})?)",
        text,
    )
    if not found or (not zoned and (found[6] != "Z" or found[5])):
        return REFUSED
    day, fraction = _date(found[1]), found[5] or ""
    if day is REFUSED or len(fraction) > 9 or fraction[6:].strip("0"):
        return REFUSED
    sign, hours, minutes = found[6][0], found[6][1:3] or "0", found[6].replace(":", "")[3:5] or "0"
    if int(hours) > 23 or int(minutes) > 59:
        return REFUSED
    offset = timedelta(hours=int(hours), minutes=int(minutes)) * (-1 if sign == "-" else 1)
    try:
        at = datetime(day.year, day.month, day.day, *(int(found[i]) for i in (2, 3, 4)), tzinfo=UTC)
        return (at - offset).replace(tzinfo=None, microsecond=int(fraction[:6].ljust(6, "0") or 0))
    except (ValueError, OverflowError):
        return REFUSED


def texts(kind: str, zoned: bool = False) -> st.SearchStrategy[str]:
    """Values as they are written, near misses of them, and what was seen in sources."""
    written = _written(kind, zoned)
    mangled = st.builds(_mangled, written, st.sampled_from(_MANGLES), st.integers(0, 40))
    return st.one_of(written, written, mangled, st.sampled_from(_SEEN))


def _written(kind: str, zoned: bool) -> st.SearchStrategy[str]:
    whole = st.one_of(
        st.integers(),
        st.integers(-(2**64), 2**64),
        st.sampled_from([n + i for n in (2**24, 2**31, 2**53, 2**63) for i in (-1, 0, 1)]).flatmap(
            lambda n: st.sampled_from([n, -n])
        ),
    ).map(str)
    points = st.builds(
        lambda sign, a, b, e: f"{sign}{a}.{b}{e}",
        st.sampled_from(["", "-", "+"]),
        st.sampled_from(["", "0", "7", "123", "99999999", "16777217", "9" * 38]),
        st.text("0123456789", max_size=20),
        st.sampled_from(["", "", "", "e3", "E-40", "e38", "e-310", "e+400"]),
    )
    if kind.startswith(("int", "decimal")):
        return st.one_of(whole, whole.map(lambda t: f"00{t}"), points)
    if kind.startswith("float"):
        singles = st.floats(width=32).map(lambda x: f"{x:.9g}")
        doubles = st.floats().flatmap(lambda x: st.sampled_from([repr(x), f"{x:.17g}", f"{x:f}"]))
        return st.one_of(whole, points, singles, doubles)
    if kind == "boolean":
        return st.sampled_from(["true", "false", "True", "False", "TRUE", "FALSE", "1", "0", "yes"])
    if kind == "binary":
        return st.binary(max_size=8).map(lambda b: b.hex())
    year = st.one_of(st.integers(-2, 10001), st.integers(0, 99)).map(
        lambda y: str(y) if y % 3 else f"{y:04}"
    )
    part = st.integers(0, 32).map(lambda n: f"{n:02}" if n % 5 else str(n))
    day = st.one_of(st.dates().map(str), st.builds(lambda *p: "-".join(p), year, part, part))
    if kind == "date":
        return day
    clock = st.one_of(st.times().map(lambda t: f"{t:%H:%M:%S}"), st.sampled_from(_CLOCKS))
    tail = st.sampled_from(["Z", "Z", *_TAILS]) if zoned else st.sampled_from(["Z", "Z", "", "z"])
    return st.builds(lambda d, c, t: f"{d}T{c}{t}", day, clock, tail)


_CLOCKS = ("24:00:00", "23:59:60", "1:02:03", "10:00", "00:00:00", "10:60:00")
_TAILS = (
    "+02:00", "-0530", "+02", "-23:59", "+24:00", "", ".5Z", ".123456Z", ".123456000Z",
    ".1234567Z", ".000001+01:00", ".Z",
)  # fmt: skip
_MANGLES = (" ", "\t", "_", ",", "+", "-", "\u00a0", "\uff11", "\u0661", "\0", "x", "0", ".", "e")
_SEEN = (
    "13-01-05", "201-01-05", "2013-1-5", "+2013-1-05", "0000-01-01", "10000-01-01", "2013-02-30",
    "2013-01-05 ", "2013-01-05T00:00:00Z", "13-01-05T10:00:00Z", "0001-01-01T00:00:00+02:00",
    "1e400", "-1e400", "1e-400", "1e39", "16777217", "16777217.0", "9007199254740993", "-0", "-0.0",
    "0.1", "0.100000001", "3.14159265358979", "1.0", "1_000", "1,000", " 1", "1 ", "+1", "007",
    "nan", "NaN", "-inf", "Infinity", "inf ", "0x10", "1f", ".", "-", "+", "e5", "1e", "--1",
    "99999999.99", "99999999.990", "99999999.999", "100000000", "1.555", "1e2", "tRUE", "T", "on",
    "0x0", "\\xff", "0xFF", "abc", "NA", "null",
)  # fmt: skip


def _mangled(text: str, with_what: str, at: int) -> str:
    at = min(at, len(text))
    return text[:at] + with_what + text[at:]
