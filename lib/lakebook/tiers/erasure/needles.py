"""What to look for: each value in the forms in which JSON, HTML, URLs and people write it.

A value that is too short stands everywhere, so it is not searched as text; that is said by column.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any, Literal
from urllib.parse import quote, quote_plus

from .values import Values

SHORTEST = 4
"""Characters below which a text is not searched."""

DIGITS = 5
"""Digits below which a number that is no key is not searched: too many figures are as short."""

MOST = 5_000
"""Values of a column that are searched as text."""

_BEFORE = rb"(?:(?<![0-9A-Za-z.])|(?<=\\n)|(?<=\\t)|(?<=%2[0-9A-F])|(?<=%3[0-9A-F]))"
_AFTER = {
    "word": rb"(?![0-9A-Za-z])",
    "number": rb"(?![0-9A-Za-z]|\.[0-9])",
    "date": rb"(?![0-9])",
    "moment": b"",  # more of its fraction, or a zone, may follow
}
_WORD = 8  # characters below which a text must stand alone
_EPOCH = datetime(1970, 1, 1)


@dataclass(frozen=True)
class Needle:
    """Some bytes that tell a value of a column. `ends`: what it is, if it must stand alone; empty:
    it may stand within a longer text.
    """

    form: bytes = field(repr=False)
    column: str
    ends: Literal["", "word", "number", "date", "moment"] = ""

    @cached_property
    def pattern(self) -> re.Pattern[bytes]:
        form = re.escape(self.form)
        if not self.ends:
            return re.compile(form)
        return re.compile(_BEFORE + b"(?:" + form + b")" + _AFTER[self.ends])

    @property
    def is_number(self) -> bool:
        return self.ends == "number"


@dataclass(frozen=True)
class Needles:
    """`left_out`: columns of which values are not searched as text."""

    all: tuple[Needle, ...] = field(repr=False)
    left_out: tuple[str, ...] = ()


def needles_of(values: Values, words: Collection[str] = (), days: Collection[str] = ()) -> Needles:
    """Needles of all values.

    Parameters
    ----------
    words: what the lake itself is made of, such as names of columns, which tell nobody.
    days: time columns, whose whole days name partitions and intervals.
    """
    found: dict[tuple[bytes, str], Needle] = {}
    left_out: dict[str, None] = {}
    for (column, kind), all_of in values.of.items():
        if len(all_of) > MOST:
            left_out[column] = None
        for value in sorted(all_of, key=str)[:MOST]:
            if _tells(value, kind, words, is_time=column in days):
                for needle in _needles(column, kind, value):
                    found[needle.form, needle.ends] = needle
            else:
                left_out[column] = None
    for start in values.starts:
        for form in text_forms(start):
            found.setdefault((form, ""), Needle(form, "a long text"))
    return Needles(tuple(found.values()), tuple(left_out))


def text_forms(text: str) -> set[bytes]:
    """A text as it stands, in HTML, in JSON, in HTML within JSON, in JSON within JSON, in a URL."""
    marked = html.escape(text).replace("&#x27;", "&#39;").replace("&quot;", "&#34;")
    urls = {quote(text), quote(text, ""), quote_plus(text)}
    lower = {re.sub("%[0-9A-F]{2}", lambda hit: hit[0].lower(), url) for url in urls}
    plain = {text, html.escape(text), html.escape(text, quote=False), marked, *urls, *lower}
    plain.add(repr(text)[1:-1])
    once = {form for one in plain for form in _json(one)}
    twice = {form for one in once for form in _json(one)}
    return {form.encode("utf-8", "surrogatepass") for form in plain | once | twice}


def _json(text: str) -> Iterator[str]:
    yield json.dumps(text)[1:-1]
    yield json.dumps(text, ensure_ascii=False)[1:-1]


def _tells(value: Any, kind: str, words: Collection[str], *, is_time: bool) -> bool:
    if kind == "string":
        return len(value) >= SHORTEST and value.casefold() not in words
    if kind == "binary":
        return len(value) >= SHORTEST
    if kind == "date":
        return not is_time
    if kind == "timestamp":
        return not is_time or value.time() != datetime.min.time()
    if kind == "boolean":
        return False
    return len(_digits(value)) >= DIGITS


def _digits(value: Any) -> str:
    """The digits that distinguish a number."""
    text = format(value, "f") if isinstance(value, Decimal) else repr(value).partition("e")[0]
    digits = re.sub("[^0-9]", "", text).lstrip("0")
    return digits if isinstance(value, int) else digits.rstrip("0")


def _needles(column: str, kind: str, value: Any) -> Iterator[Needle]:
    if kind == "string":
        for form in text_forms(value):
            yield Needle(form, column, "word" if len(value) < _WORD else "")
    elif kind == "binary":
        for form in _bytes_forms(value):
            yield Needle(form, column)
    elif kind == "date":
        yield Needle(value.isoformat().encode(), column, "date")
    elif kind == "timestamp":
        for text in _moments(value):
            for spelling in (text, quote(text, "")):
                yield Needle(spelling.encode(), column, "moment")
        micro = (value - _EPOCH) // timedelta(microseconds=1)
        for number in (micro, micro // 1000):
            yield Needle(str(number).encode(), column, "number")
    else:
        for text in dict.fromkeys(_numbers(value, kind)):
            yield Needle(text.encode(), column, "number")


def _bytes_forms(value: bytes) -> Iterator[bytes]:
    yield value
    yield value.hex().encode()
    yield value.hex().upper().encode()
    for encoded in (base64.b64encode(value), base64.urlsafe_b64encode(value)):
        yield encoded.rstrip(b"=")
    yield from text_forms(repr(value)[2:-1])


def _numbers(value: Any, kind: str) -> Iterable[str]:
    if isinstance(value, int):
        return (str(value), f"{value:,}")
    if isinstance(value, Decimal):
        plain = format(value, "f")
        short = plain.rstrip("0").rstrip(".") if "." in plain else plain
        return (plain, short, f"{value:,f}", str(float(value)))
    rounded = f"{value:.6g}"
    more = (rounded,) if len(_digits(float(rounded))) > DIGITS else ()
    if kind == "float32":
        import numpy as np

        more = (*more, str(np.float32(value)))
    return (repr(value), f"{value:,}", f"{value:f}", *more)


def _moments(value: datetime) -> Iterator[str]:
    """To the second where it is whole, else to the millisecond, rounded down and up."""
    ms = value.microsecond // 1000
    floor = value.replace(microsecond=ms * 1000)
    for text in {floor, floor + timedelta(milliseconds=1) if value != floor else floor}:
        way = "milliseconds" if value.microsecond else "seconds"
        yield text.isoformat(timespec=way)
        yield text.isoformat(" ", timespec=way)
