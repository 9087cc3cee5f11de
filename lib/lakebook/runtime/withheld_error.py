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
from ..engines.messages import first_lines, without_values
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
) -> LakebookError:
    """The error to tell of: `told`, or the one that was raised, if it is ours; without values.

    `names` of columns are no values.
    """
    ours = told
    if ours is None and isinstance(raised, LakebookError) and _is_ours(raised):
        ours = raised
    if ours is None:
        found, fix = hidden_message(hidden)
        return RunError(found, fix=fix)
    shown = copy.copy(ours)
    known = {*names}.union(*hidden.values())
    for error in _chain(raised):
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
    for hit in _PIECE.finditer(text):
        piece = next(filter(None, hit.groups()))
        if piece not in known and piece not in kept and len(piece) >= _SHORTEST:
            sentence = sentence.replace(piece, MASK)
    return sentence
