"""What is told of an error in a run that touches columns whose values stay hidden.

A sentence of Lakebook's own stays, without what it quotes of an engine's or a cell's words; other
errors keep their class and their place. Which runs these are, `archive.withheld` says.
"""

from __future__ import annotations

import copy
import linecache
import re
import traceback
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from ..archive.withheld import Columns, hidden_message
from ..contract.classified import MASK
from ..engines.messages import column_not_found, first_lines, without_values
from ..errors import LakebookError, RunError

_PIECE = re.compile(r"'([^'\n]+)'|\"([^\"\n]+)\"|(\d[\d.,:-]{2,}\d)")


_SHORTEST = 3  # masking every "1" would leave no sentence


class StandIn(Exception):
    """Goes out of the kernel in place of an error whose words stay hidden."""


def safe(
    told: LakebookError | None,
    raised: BaseException,
    hidden: Columns,
    names: Collection[str] = (),
    code: str = "",
) -> LakebookError:
    """The error to tell of: `told`, or the one that was raised, if it is ours; without values.

    Parameters
    ----------
    names: of columns, datasets and sources, which are no values.
    code: of the cells so far. A column that it asks for by name has that name of no row.
    """
    ours = told
    if ours is None and isinstance(raised, LakebookError) and _is_ours(raised):
        ours = raised
    if ours is None:
        found, fix = hidden_message(hidden)
        return RunError(found, fix=fix)
    shown = copy.copy(ours)
    known = {*names, *hidden}.union(*hidden.values())
    for error in _chain(raised):
        missing = column_not_found(error)
        if missing is not None and _stands_in(missing[0], code):
            known.add(missing[0])
        if error is not ours and not (isinstance(error, LakebookError) and _is_ours(error)):
            shown.found = _without(shown.found, error, known)
            shown.fix = _without(shown.fix, error, known)
    if shown.found != ours.found and not shown.fix:
        shown.fix = hidden_message(hidden)[1]
    shown.args = (shown.sentence,)
    return shown


def frames_of(trace: TracebackType | None, name_of: Callable[[str], Any]) -> list[str]:
    """A traceback as places and lines of code, without the errors' words."""
    pieces: list[str] = []
    for frame, line in traceback.walk_tb(trace):
        file = frame.f_code.co_filename
        name = name_of(file)
        if name is None and not pieces:
            continue  # IPython's own, which runs the cell
        where = f"File {Path(file).name}" if name is None else f"{name[0]} {name[1]}"
        code = linecache.getline(file, line).strip()
        pieces.append(f"{where}, line {line}, in {frame.f_code.co_name}\n    {code}")
    return pieces


def _is_ours(error: BaseException) -> bool:
    """Whether Lakebook raised it: a cell may raise our classes with words of its own."""
    module = ""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        module = str(frame.f_globals.get("__name__", ""))
    return module.split(".")[0] == "lakebook"


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _without(sentence: str, error: BaseException, known: Collection[str]) -> str:
    """A sentence without what it quotes of an error."""
    text = str(error)
    for quoted in (first_lines(error), text, " ".join(text.split())):
        if quoted:
            sentence = sentence.replace(quoted, without_values(error))
    kept = without_values(error)
    pieces = {next(filter(None, hit.groups())) for hit in _PIECE.finditer(text)} - {*known}
    pieces = {one for one in pieces if one not in kept and len(one) >= _SHORTEST}
    if not pieces:
        return sentence
    # The longest first: a name inside of a value goes with it, digits inside of a name stay.
    names = {name: rf"(?<!\w){re.escape(name)}(?!\w)" for name in known if name}
    words = names | {piece: re.escape(piece) for piece in pieces}
    either = "|".join(words[one] for one in sorted(words, key=len, reverse=True))
    return re.sub(either, lambda hit: MASK if hit[0] in pieces else hit[0], sentence)


def _stands_in(name: str, code: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", code) is not None
