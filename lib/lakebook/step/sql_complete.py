"""What may stand at the cursor in `step.read("…`, `step.sql("…` and in a `%%sql` cell.

Text in, words out: the tables come from contracts, the frames from the notebook's variables. The
SQL is half-written, so it is read by its words and not parsed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from .sql_cell import is_sql_cell

Tables = Mapping[str, Mapping[str, str]]
"""Table or frame -> column -> what to say of it (its type)."""

_READ = re.compile(r"""(?P<owner>\w*)\.read\(\s*(?P<quote>["'])(?P<word>[\w.]*)\Z""")
_SQL = re.compile(r"""(?P<owner>\w*)\.sql\(\s*r?(?P<quote>\"{3}|'{3}|"|')""")
_WORD = re.compile(r"""(?:(?P<owner>\w+)\.)?(?P<word>\w*)\Z""")
_KEYWORD = (
    "select|from|join|left|right|full|inner|outer|cross|asof|semi|anti|natural|positional|lateral|"
    "on|using|where|group|having|order|qualify|window|limit|offset|union|except|intersect|pivot|"
    "unpivot|sample|tablesample|as"
)
_ALIAS = rf"(?:\s+(?:as\s+)?(?P<alias>(?!(?:{_KEYWORD})\b)\w+))?"
_TABLE = re.compile(
    rf"(?:\b(?:from|join)\s+|,\s*)(?P<table>[a-z_]\w*(?:\.\w+)?){_ALIAS}", re.IGNORECASE
)
_HIDDEN = re.compile(r"""--[^\n]*|/\*.*?(?:\*/|\Z)|'(?:[^']|'')*'""", re.DOTALL)
_TABLE_NEXT = re.compile(r"\b(?:from|join)\s+(?:[\w.]+(?:\s+(?:as\s+)?\w+)?\s*,\s*)*\Z", re.I)
_CTE = re.compile(r"\b(\w+)\s+as\s+(?:(?:not\s+)?materialized\s+)?\(", re.IGNORECASE)


@dataclass(frozen=True)
class Completion:
    """`words` -> what each is; they replace `fragment`, the last of the text before the cursor."""

    fragment: str
    words: Mapping[str, str]


def complete(
    before: str,
    after: str,
    tables: Tables,
    frames: Tables,
    is_other: Callable[[str], bool] = lambda _: False,
) -> Completion | None:
    """What may stand between the two parts of a cell; None where no dataset or SQL is written.

    `is_other` says of a variable that it is no step: an open file has a `read` too.
    """
    found = _READ.search(before)
    if found and not is_other(found["owner"]):
        return _starting(found["word"], dict.fromkeys(tables, "dataset"))
    text = _sql_around(before, after, is_other)
    return None if text is None else _in_sql(*text, tables, frames)


def _sql_around(before: str, after: str, is_other: Callable[[str], bool]) -> tuple[str, str] | None:
    """The SQL before and after the cursor; None if the cursor is in none."""
    if is_sql_cell(before):
        _, newline, text = before.lstrip().partition("\n")
        return (text, after) if newline else None
    calls = [call for call in _SQL.finditer(before) if not is_other(call["owner"])]
    if not calls:
        return None
    call = calls[-1]
    text = before[call.end() :]
    if call["quote"] in text or (len(call["quote"]) == 1 and "\n" in text):
        return None  # the text has ended before the cursor
    return text, after.partition(call["quote"])[0]


def _in_sql(before: str, after: str, tables: Tables, frames: Tables) -> Completion | None:
    visible = _HIDDEN.sub(" ", before)
    if visible.count("'") % 2 or re.search(r"--[^\n]*\Z", before):
        return None  # in a text or a comment
    found = _WORD.search(visible)
    assert found is not None
    owner, word = found["owner"], found["word"]
    whole = f"{visible} {_HIDDEN.sub(' ', after)}"
    ctes = dict.fromkeys(_CTE.findall(whole), "with")
    if _TABLE_NEXT.search(visible[: found.start()]):
        names = {**dict.fromkeys(tables, "dataset"), **dict.fromkeys(frames, "frame"), **ctes}
        return _starting(found[0], names)
    used = _used(whole, tables, frames)
    if owner is not None:
        return _starting(word, used.get(owner.lower(), {}))
    columns = {name: kind for of in used.values() for name, kind in of.items()}
    return _starting(word, {**columns, **dict.fromkeys(used, "table")}) if used else None


def _used(sql: str, tables: Tables, frames: Tables) -> dict[str, Mapping[str, str]]:
    """Alias (or name) of each table that the SQL reads -> its columns."""
    used: dict[str, Mapping[str, str]] = {}
    for found in _TABLE.finditer(sql):
        name, alias = found["table"], found["alias"]
        columns = tables.get(name) or frames.get(name)
        if columns is None:
            continue
        used[(alias or name.rpartition(".")[2]).lower()] = columns
    return used


def _starting(fragment: str, words: Mapping[str, str]) -> Completion:
    low = fragment.lower()
    return Completion(fragment, {w: kind for w, kind in words.items() if w.lower().startswith(low)})
