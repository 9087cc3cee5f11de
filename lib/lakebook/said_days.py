"""Days as people say them: `yesterday`, `last month`, `2013-03`, `2013-01-15..2013-02`.

Both ends of what is said are included, as in speech; what comes out is half-open, as everywhere.
"""

from __future__ import annotations

import re
from datetime import date, timedelta

from .errors import UserError
from .intervals import FIRST_DAY, LAST_DAY, Interval, floor, next_edge

HOW_TO_SAY = (
    "say yesterday, today, last week, this month, last 7 days, 2013, 2013-03, 2013-03-31, "
    "or two of them with .. between"
)
_RELATIVE = re.compile(r"(this|last)\s+(week|month|quarter|year)")
_LAST = re.compile(r"last\s+(\d{1,4})\s+(days?|weeks?|months?)")
_CALENDAR = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?")


def said_days(text: str, today: date) -> Interval:
    """The days of a text; `today` is the person's. Raises UserError with what can be said."""
    first, dots, last = (part.strip() for part in text.partition(".."))
    if not dots:
        return _one(first, today, text)
    begin, end = _one(first, today, text), _one(last, today, text)
    if end.end <= begin.start:
        raise UserError(f"--days {text!r} ends before it begins", fix="the earlier one comes first")
    return Interval(begin.start, end.end)


def _one(said: str, today: date, text: str) -> Interval:
    word = " ".join(said.lower().split())
    if word in ("today", "yesterday"):
        return _period(today - timedelta(days=word == "yesterday"), "day")
    if hit := _RELATIVE.fullmatch(word):
        this = _period(today, hit[2])
        return this if hit[1] == "this" else _before(this, hit[2])
    if (hit := _LAST.fullmatch(word)) and int(hit[1]) > 0:
        return _last(int(hit[1]), hit[2].rstrip("s"), today)
    if hit := _CALENDAR.fullmatch(word):
        year, month, day = hit.groups()
        try:
            begin = date(int(year), int(month or 1), int(day or 1))
        except ValueError:
            raise UserError(f"--days {text!r}: {said!r} is not in the calendar") from None
        if FIRST_DAY <= begin < LAST_DAY:
            return _period(begin, "day" if day else "month" if month else "year")
    raise UserError(f"--days {text!r} is not understood", fix=HOW_TO_SAY)


def _period(day: date, unit: str) -> Interval:
    """The day itself, or the whole week (from Monday), month, quarter or year that holds it."""
    if unit == "day":
        return Interval(day, next_edge(day, "day"))
    if unit == "month":
        return Interval(floor(day, "month"), next_edge(day, "month"))
    if unit == "week":
        monday = day - timedelta(days=day.weekday())
        return Interval(monday, monday + timedelta(days=7))
    months = 12 if unit == "year" else 3
    begin = end = date(day.year, months * ((day.month - 1) // months) + 1, 1)
    for _ in range(months):
        end = next_edge(end, "month")
    return Interval(begin, end)


def _before(period: Interval, unit: str) -> Interval:
    return _period(period.start - timedelta(days=1), unit)


def _last(count: int, unit: str, today: date) -> Interval:
    """Whole ones that are over: of days up to yesterday, of weeks and months up to the last one."""
    now = first = _period(today, unit)
    for _ in range(count):
        first = _before(first, unit)
    return Interval(first.start, now.start)
