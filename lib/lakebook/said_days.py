"""Days as people say them: `yesterday`, `last month`, `2013-03`, `2013-01-15..2013-02`.

Both ends of what is said are included, as in speech; what comes out is half-open, as everywhere.
"""

from __future__ import annotations

import re
from datetime import date, timedelta

from .errors import UserError
from .intervals import FIRST_DAY, LAST_DAY, Interval, next_edge

HOW_TO_SAY = (
    "say yesterday, today, last week, this month, last 7 days, 2013, 2013-03, 2013-03-31, "
    "or two of them with .. between"
)
_RELATIVE = re.compile(r"(this|last)\s+(week|month|quarter|year)", re.IGNORECASE)
_LAST = re.compile(r"last\s+(\d{1,4})\s+(days?|weeks?|months?)", re.IGNORECASE)
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
        day = today - timedelta(days=word == "yesterday")
        return Interval(day, day + timedelta(days=1))
    if hit := _RELATIVE.fullmatch(word):
        this = _period(today, hit[2])
        return this if hit[1] == "this" else _period(this.start - timedelta(days=1), hit[2])
    if (hit := _LAST.fullmatch(word)) and int(hit[1]) > 0:
        return _last(int(hit[1]), hit[2].rstrip("s"), today)
    if hit := _CALENDAR.fullmatch(word):
        year, month, of_month = (int(part) if part else None for part in hit.groups())
        try:
            begin = date(year or 0, month or 1, of_month or 1)
        except ValueError:
            raise UserError(f"--days {text!r}: {said!r} is not in the calendar") from None
        if FIRST_DAY <= begin < LAST_DAY:
            if of_month:
                return Interval(begin, begin + timedelta(days=1))
            return _period(begin, "month" if month else "year")
    raise UserError(f"--days {text!r} is not understood", fix=HOW_TO_SAY)


def _period(day: date, unit: str) -> Interval:
    """The whole week (from Monday), month, quarter or year that holds a day."""
    if unit == "week":
        monday = day - timedelta(days=day.weekday())
        return Interval(monday, monday + timedelta(days=7))
    if unit == "year":
        return Interval(date(day.year, 1, 1), date(day.year + 1, 1, 1))
    if unit == "quarter":
        begin = date(day.year, 3 * ((day.month - 1) // 3) + 1, 1)
        end = next_edge(next_edge(next_edge(begin, "month"), "month"), "month")
        return Interval(begin, end)
    begin = day.replace(day=1)
    return Interval(begin, next_edge(begin, "month"))


def _last(count: int, unit: str, today: date) -> Interval:
    """Whole ones that are over: of days up to yesterday, of weeks and months up to the last one."""
    end = today if unit == "day" else _period(today, unit).start
    begin = end
    for _ in range(count):
        before = begin - timedelta(days=1)
        begin = before if unit == "day" else _period(before, unit).start
    return Interval(begin, end)
