"""What a fork of the warm parent sets back, so that it is as an interpreter that has just begun.

The parent's imports leave more than modules: filters and handlers of warnings, flags of decimals.
The parent notes how it was before them; a child restores that. Limits are in `caller`.
"""

from __future__ import annotations

import decimal
import inspect
import logging
import random
import sys
import tempfile
import time
import types
import warnings
from typing import Any

_began: dict[str, Any] = {}


def note() -> None:
    """Remember how this process is before it imports anything for its children."""
    _began.update(filters=list(warnings.filters), format=warnings.formatwarning)


def restore() -> None:
    """Be as before the imports, but for what a library says of its own warnings alone."""
    logging.captureWarnings(False)
    warnings.formatwarning = _began.get("format", warnings.formatwarning)
    began = _began.get("filters", [])
    warnings.filters[:] = [  # type: ignore[index]
        one for one in warnings.filters if one in began or _is_narrow(one)
    ]
    warnings._filters_mutated()  # type: ignore[attr-defined]
    decimal.setcontext(decimal.DefaultContext.copy())
    random.seed()
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed()
    tempfile.tempdir = None  # TMPDIR may be another
    time.tzset()
    _look_modules_up_once()


def _is_narrow(shown: tuple[Any, ...]) -> bool:
    _, message, category, module, _ = shown
    return bool(message or module) or category.__module__ != "builtins"


def _look_modules_up_once() -> None:
    """`inspect.getmodule` asks every module there is, for each frame of a cell in a traceback: of
    some five thousand, that took a second for a dozen calls."""
    plain = inspect.getmodule
    missed: set[str] = set()
    seen = [0]

    def getmodule(object: Any, _filename: str | None = None) -> types.ModuleType | None:
        file = _file_of(object)
        if file is None:
            return plain(object, _filename)
        if seen[0] != len(sys.modules):
            seen[0] = len(sys.modules)
            missed.clear()
        if file in missed:
            return None
        found = plain(object, _filename)
        if found is None:
            missed.add(file)
        return found

    inspect.getmodule = getmodule  # type: ignore[assignment]


def _file_of(what: Any) -> str | None:
    if isinstance(what, types.TracebackType):
        what = what.tb_frame
    if isinstance(what, types.FrameType):
        what = what.f_code
    return what.co_filename if isinstance(what, types.CodeType) else None
