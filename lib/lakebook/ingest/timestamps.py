"""Texts of timestamps by a format, strictly: each part has all its digits, and is in its range.

Engines take `%Y` for one to four digits and a sign, 60 for a second, and cut fractions.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ..errors import SourceError

if TYPE_CHECKING:
    import polars as pl

_YEAR = "(?:000[1-9]|00[1-9][0-9]|0[1-9][0-9]{2}|[1-9][0-9]{3})"
_MONTH, _DAY = "(?:0[1-9]|1[0-2])", "(?:0[1-9]|[12][0-9]|3[01])"
DATE = f"{_YEAR}-{_MONTH}-{_DAY}"
"""A regular expression of dates as the contract's types hold them: years 1 to 9999."""

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_LONG_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
_PARTS = {
    "Y": ("year", _YEAR),
    "y": ("short_year", "[0-9]{2}"),
    "m": ("month", _MONTH),
    "b": ("month_name", "(?:" + "|".join(_MONTHS) + ")"),
    "B": ("month_name", "(?:" + "|".join(_LONG_MONTHS) + ")"),
    "d": ("day", _DAY),
    "H": ("hour", "(?:[01][0-9]|2[0-3])"),
    "I": ("half_hour", "(?:0[1-9]|1[0-2])"),
    "p": ("half", "(?:AM|PM|am|pm)"),
    "M": ("minute", "[0-5][0-9]"),
    "S": ("second", "[0-5][0-9]"),
    "f": ("fraction", "[0-9]{1,6}"),
    "z": ("offset", "(?:Z|[+-](?:[01][0-9]|2[0-3])(?::?[0-5][0-9])?)"),
}
_UNPADDED = {
    "m": "(?:0?[1-9]|1[0-2])",
    "d": "(?:0?[1-9]|[12][0-9]|3[01])",
    "H": "(?:[01]?[0-9]|2[0-3])",
    "I": "(?:0?[1-9]|1[0-2])",
    "M": "[0-5]?[0-9]",
    "S": "[0-5]?[0-9]",
}
_WHOLE = {"T": "%H:%M:%S", "F": "%Y-%m-%d", "R": "%H:%M"}
_DIRECTIVE = re.compile(r"%(?:(?P<whole>[TFR])|(?P<flag>[-.:#]?)(?P<width>[369]?)(?P<letter>.))")
_NATIVE = {"year", "month", "day", "hour", "minute", "second"}
"""What Polars reads itself once each part has the right digits: faster than part by part."""


@dataclass(frozen=True)
class TimestampForm:
    """How a source writes timestamps: strptime's directives, those of `DIRECTIVES`.

    With `%z` a text says its offset, and becomes UTC by it; without, it is in UTC already.
    """

    text: str
    where: str = ""

    def __post_init__(self) -> None:
        names = [name for name, _ in self._read]
        dated = {"day"} <= {*names} and {"year", "short_year"} & {*names}
        if not dated or not {"month", "month_name"} & {*names}:
            raise self._error("lacks a year, month or day")
        if len(set(names)) != len(names):
            raise self._error("has a part twice")
        if ("half_hour" in names) != ("half" in names):
            raise self._error("has one of %I and %p without the other")

    def parsed(self, text: pl.Expr) -> pl.Expr:
        """Timestamps in UTC, of microseconds; null where a text is not of the form."""
        import polars as pl

        names = {name for name, _ in self._read}
        fits = pl.when(text.str.contains(self._pattern)).then(text)
        if names == _NATIVE and not self._unpadded:
            return fits.str.to_datetime(self._plain, time_unit="us", strict=False)
        part = fits.str.extract_groups(self._pattern).struct
        moment = self._moment(part, names)
        if "fraction" in names:
            digits = part.field("fraction").str.pad_end(6, "0").cast(pl.Int64)
            moment += pl.duration(microseconds=digits.fill_null(0), time_unit="us")
        if "offset" in names:
            moment -= _offset(part.field("offset"))
        # An offset can lead out of the years that a timestamp holds.
        return pl.when(moment.dt.year().is_between(1, 9999)).then(moment)

    def _moment(self, part: Any, names: set[str]) -> pl.Expr:
        """The parts but fraction and offset, put together."""
        import polars as pl

        def two(name: str) -> pl.Expr:
            return part.field(name).str.zfill(2) if name in names else pl.lit("00")

        year = part.field("year") if "year" in names else None
        if year is None:  # as POSIX has it: 69 is 1969, 68 is 2068
            short = part.field("short_year")
            year = pl.when(short >= "69").then(pl.lit("19") + short).otherwise(pl.lit("20") + short)
        month = two("month")
        if "month_name" in names:
            numbers = {m: f"{i:02}" for i, m in enumerate(_MONTHS, start=1)}
            month = part.field("month_name").str.slice(0, 3).replace_strict(numbers, default=None)
        hour = two("hour")
        if "half" in names:
            late = part.field("half").str.to_lowercase() == "pm"
            twelve = part.field("half_hour").cast(pl.Int64) % 12
            hour = pl.when(late).then(twelve + 12).otherwise(twelve).cast(pl.String).str.zfill(2)
        whole = [year, month, two("day"), hour, two("minute"), two("second")]
        joined = pl.concat_str(whole, separator="-")
        return joined.str.to_datetime("%Y-%m-%d-%H-%M-%S", time_unit="us", strict=False)

    @cached_property
    def _pattern(self) -> str:
        """A regular expression of the texts, with a group for each part."""
        found, at = "", 0
        parts = iter(self._read)
        for directive in _DIRECTIVE.finditer(self._plain):
            found += re.escape(self._plain[at : directive.start()])
            at = directive.end()
            if directive["letter"] == "%":
                found += "%"
                continue
            name, pattern = next(parts)
            if name != "fraction":
                found += f"(?P<{name}>{pattern})"
                continue
            # Zeros beyond a microsecond say nothing; chrono's %.f has the point in it, if any.
            digits = f"(?P<fraction>{pattern})0{{0,3}}"
            if directive["width"]:
                width = int(directive["width"])
                digits = f"(?P<fraction>[0-9]{{{min(width, 6)}}})" + "0" * max(width - 6, 0)
            found += rf"(?:\.{digits})?" if directive["flag"] == "." else digits
        return f"^{found}{re.escape(self._plain[at:])}$"

    @cached_property
    def _plain(self) -> str:
        """The format without abbreviations of several directives."""
        return re.sub("%([TFR])", lambda found: _WHOLE[found[1]], self.text)

    @cached_property
    def _read(self) -> list[tuple[str, str]]:
        """Name and regular expression of each part, in order."""
        found = []
        for directive in _DIRECTIVE.finditer(self._plain):
            letter, flag, width = directive["letter"], directive["flag"], directive["width"]
            if letter == "%" and not flag and not width:
                continue
            is_known = letter in _PARTS and (
                not flag
                or (flag == "-" and letter in _UNPADDED)
                or (flag == "." and letter == "f")
                or (flag in ":#" and letter == "z")
            )
            if not is_known or (width and letter != "f"):
                raise self._error(f"has {directive[0]!r}")
            name, pattern = _PARTS[letter]
            found.append((name, _UNPADDED[letter] if flag == "-" else pattern))
        return found

    @cached_property
    def _unpadded(self) -> bool:
        return "%-" in self._plain

    def _error(self, what: str) -> SourceError:
        return SourceError(
            f"timestamp_format {self.text!r} {what}",
            where=self.where,
            fix=f"use %Y %m %d and what follows of {' '.join('%' + p for p in _PARTS)} %F %T; "
            "%-m, %-d, %-H for parts without a zero before them",
        )


def _offset(text: pl.Expr) -> pl.Expr:
    """A duration of `Z`, `+02:00`, `+0200` or `+02`."""
    import polars as pl

    digits = text.str.replace(":", "", literal=True)
    hours = digits.str.slice(1, 2).cast(pl.Int64, strict=False).fill_null(0)
    minutes = digits.str.slice(3, 2).cast(pl.Int64, strict=False).fill_null(0)
    sign = pl.when(digits.str.starts_with("-")).then(-1).otherwise(1)
    return pl.duration(minutes=sign * (hours * 60 + minutes), time_unit="us")
