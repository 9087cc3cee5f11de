"""The frame of every page: one style for light and dark, no script, nothing loaded from outside."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from html import escape
from pathlib import Path

MARKS = {"ok": "✓", "failed": "✗", "killed": "✗", "warn": "!"}


def page(title: str, body: str) -> str:
    """A whole document around `body`, which must be safe HTML already."""
    style = Path(__file__).with_name("report.css").read_text(encoding="utf-8")
    # The policy is a second lock: even what a sanitizer missed could load and run nothing.
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(title)}</title>\n<style>\n{style}</style>\n</head>\n"
        f"<body>\n{body}\n</body>\n</html>\n"
    )


def table(caption: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of safe cells; an empty string when there are no rows."""
    lines = ["".join(f"<td>{cell}</td>" for cell in row) for row in rows]
    if not lines:
        return ""
    head = "".join(f'<th scope="col">{escape(text)}</th>' for text in heads)
    body = "\n".join(f"<tr>{line}</tr>" for line in lines)
    return (
        f'<div class="scroll"><table>\n<caption>{escape(caption)}</caption>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table></div>\n"
    )


def badge(status: str) -> str:
    """A status in words and a mark, never in colour alone."""
    return f'<span class="badge {escape(status)}">{MARKS.get(status, "·")} {escape(status)}</span>'


def duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s"


def count(number: object) -> str:
    return f"{number:,}" if isinstance(number, int) else escape(str(number))


def interval(start: str | None, end: str | None) -> str:
    """`2013-01-01 – 2013-01-31`, both inclusive, as people read a range; or the whole table."""
    if not start or not end:
        return "whole table"
    last = (datetime.fromisoformat(end) - timedelta(days=1)).date().isoformat()
    return escape(start if last == start else f"{start} – {last}")
