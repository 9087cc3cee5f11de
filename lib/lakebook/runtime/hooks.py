"""IPython extension of every Lakebook kernel: what an error looks like, and how a run learns of it.

An error that a person can act on is shown as a card (`error_card.py`); other errors keep their
traceback. In a run that touches columns whose values stay hidden, every error is a card, and only
sentences of our own have words in it: see `withheld_error.py`. The kernel's `error` message ends
the cell in either case, so that Papermill and nbclient see it fail. In a run, the error that
stopped a cell is also written to `<out>/error.json`.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

from ..archive import withheld
from ..archive.masking import masker
from ..errors import LakebookError, UserError
from ..own_modules import compile_own_modules
from ..settings import find_root
from ..step import Step
from ..step.sql_magic import register
from ..step.told import columns_of, told, words_known
from .child import describe
from .error_card import ErrorCard, card_of, place_of
from .withheld_error import StandIn, frames_of, safe


def load_ipython_extension(shell: Any) -> None:
    """Called by IPython when the kernel starts (`--ext` in the kernelspec)."""
    with contextlib.suppress(UserError):  # a kernel may stand outside of any checkout
        compile_own_modules(Path(os.environ.get("LAKEBOOK_ROOT") or find_root()))
    # Where a cell of the user sets a handler of its own, at least the sentence is shown.
    LakebookError._render_traceback_ = _render  # type: ignore[attr-defined]
    shell.set_custom_exc((Exception,), _show)
    shell._showtraceback = partial(_send, shell._showtraceback)
    register(shell)
    shell.events.register("post_run_cell", partial(_record, shell))


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
        if withheld.of_run(os.environ):
            shell._showtraceback(kind, StandIn(card.sentence), card.lines)
            return
        raised._render_traceback_ = lambda: card.lines  # type: ignore[attr-defined]
    shell.showtraceback((kind, raised, trace), tb_offset=tb_offset, running_compiled_code=True)


def _send(
    send: Callable[..., None], kind: type[BaseException], raised: BaseException, lines: list[str]
) -> None:
    """The last way of an error out of the kernel: also of one that no handler has seen."""
    hidden = withheld.of_run(os.environ)
    if hidden and not isinstance(raised, StandIn):
        found, fix = withheld.hidden_message(hidden)
        raised = StandIn(f"{found}; {fix}")
        lines = [f"{kind.__name__}: {raised}"]
    send(kind, raised, lines)


def _card(
    shell: Any, kind: type[BaseException], raised: BaseException, trace: TracebackType | None
) -> ErrorCard | None:
    steps = _steps(shell.user_ns)
    found = raised if isinstance(raised, LakebookError) else _told(raised, steps)
    if hidden := withheld.of_run(os.environ):
        found = safe(_ours(found, raised), raised, hidden, words_known(steps), _code(shell))
        whole = frames_of(trace, shell.compile.format_code_name)
    elif found is None:
        return None
    else:
        whole = shell.InteractiveTB.structured_traceback(kind, raised, trace)
    card = card_of(
        found,
        raised,
        place=place_of(trace, shell.compile.format_code_name),
        trace=whole,
        columns=columns_of(raised, steps),
    )
    return card.masked(masker(os.environ))


def _record(shell: Any, result: Any) -> None:
    raised = result.error_before_exec or result.error_in_exec
    context = os.environ.get("LAKEBOOK_RUN")
    if raised is None or not context or _is_end(raised):
        return
    out = json.loads(Path(context).read_text(encoding="utf-8"))["out"]
    steps = _steps(shell.user_ns)
    shown = _told(raised, steps) or raised
    kind, is_ours = type(shown).__name__, isinstance(shown, LakebookError)
    if hidden := withheld.of_run(os.environ):
        shown = safe(_ours(shown, raised), raised, hidden, words_known(steps), _code(shell))
    found = {**describe(shown), "type": kind, "sentence": str(shown)}
    if not is_ours:
        found["sentence"] = f"{kind}: {shown}".strip().rstrip(":")
        found["where"] = (
            ""  # a line of a cell's temporary file helps nobody: the job names the cell
        )
    # Before the cell's reply: who waits for that finds the file complete.
    Path(out, "error.json").write_text(json.dumps(masker(os.environ)(found)), encoding="utf-8")


def _is_end(raised: BaseException) -> bool:
    """Whether it is `sys.exit()`, by which a notebook ends well."""
    return isinstance(raised, SystemExit) and not raised.code


def _ours(shown: BaseException | None, raised: BaseException) -> LakebookError | None:
    """What is told instead of an error; None where that error itself is shown."""
    return shown if isinstance(shown, LakebookError) and shown is not raised else None


def _steps(names: Mapping[str, Any]) -> list[Step]:
    """The steps that the cells have made."""
    return list({id(value): value for value in names.values() if isinstance(value, Step)}.values())


def _code(shell: Any) -> str:
    """The cells that have run, as they stand in the notebook."""
    return "\n".join(shell.history_manager.input_hist_raw)


def _told(raised: BaseException, steps: list[Step]) -> LakebookError | None:
    """What to tell of an engine's error, by what the cells' steps have read."""
    try:
        return told(raised, steps)
    except Exception:  # the source may be gone meanwhile: then the error itself must do
        return told(raised, [])
