"""IPython extension of every Lakebook kernel: what an error looks like, and how a run learns of it.

An error that a person can act on is shown as a card (`error_card.py`); other errors keep their
traceback. The kernel's `error` message ends the cell in either case, so that Papermill and nbclient
see it fail. In a run, the error that stopped a cell is also written to `<out>/error.json`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

from ..archive.masking import masker
from ..errors import LakebookError
from ..step import Step
from ..step.sql_magic import register
from ..step.told import columns_of, told
from .child import describe
from .error_card import ErrorCard, card_of, place_of


def load_ipython_extension(shell: Any) -> None:
    """Called by IPython when the kernel starts (`--ext` in the kernelspec)."""
    # Where a cell of the user sets a handler of its own, at least the sentence is shown.
    LakebookError._render_traceback_ = _render  # type: ignore[attr-defined]
    shell.set_custom_exc((Exception,), _show)
    register(shell)
    shell.events.register("post_run_cell", partial(_record, shell.user_ns))


def _render(error: LakebookError) -> list[str]:
    """IPython shows these lines instead of a traceback."""
    return [f"\x1b[0;31m{type(error).__name__}\x1b[0m: {error.sentence}"]


def _show(
    shell: Any,
    kind: type[BaseException],
    raised: BaseException,
    trace: TracebackType | None,
    tb_offset: int | None = None,
) -> None:
    """Show a card and end the cell with a short `error` message, or show the traceback as ever."""
    try:
        card = _card(shell, kind, raised, trace)
    except Exception:  # whatever is wrong with the card, the error itself must be seen
        card = None
    if card is not None:
        from IPython.display import display

        display(card)
        raised._render_traceback_ = lambda: card.lines  # type: ignore[attr-defined]
    shell.showtraceback((kind, raised, trace), tb_offset=tb_offset, running_compiled_code=True)


def _card(
    shell: Any, kind: type[BaseException], raised: BaseException, trace: TracebackType | None
) -> ErrorCard | None:
    steps = _steps(shell.user_ns)
    found = raised if isinstance(raised, LakebookError) else _told(raised, steps)
    if found is None:
        return None
    whole = shell.InteractiveTB.structured_traceback(kind, raised, trace)
    card = card_of(
        found,
        raised,
        place=place_of(trace, shell.compile.format_code_name),
        trace=whole,
        columns=columns_of(raised, steps),
    )
    return card.masked(masker(os.environ))


def _record(names: Mapping[str, Any], result: Any) -> None:
    raised = result.error_before_exec or result.error_in_exec
    context = os.environ.get("LAKEBOOK_RUN")
    if raised is None or not context:
        return
    out = json.loads(Path(context).read_text(encoding="utf-8"))["out"]
    raised = _told(raised, _steps(names)) or raised
    found = {**describe(raised), "sentence": str(raised)}
    if not isinstance(raised, LakebookError):
        found["sentence"] = f"{type(raised).__name__}: {raised}".strip().rstrip(":")
        found["where"] = (
            ""  # a line of a cell's temporary file helps nobody: the job names the cell
        )
    # Before the cell's reply: who waits for that finds the file complete.
    Path(out, "error.json").write_text(json.dumps(masker(os.environ)(found)), encoding="utf-8")


def _steps(names: Mapping[str, Any]) -> list[Step]:
    """The steps that the cells have made."""
    return list({id(value): value for value in names.values() if isinstance(value, Step)}.values())


def _told(raised: BaseException, steps: list[Step]) -> LakebookError | None:
    """What to tell of an engine's error, by what the cells' steps have read."""
    try:
        return told(raised, steps)
    except Exception:  # the source may be gone meanwhile: then the error itself must do
        return told(raised, [])
