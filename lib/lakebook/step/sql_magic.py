"""The cell magic `%%sql` in a kernel. What such a cell means stands in `sql_cell`."""

from __future__ import annotations

import os
import sys
from typing import Any

from . import completer
from .run_context import VARIABLE
from .sql_cell import MAGIC, parse_sql_cell, run_sql_cell

_NAME = MAGIC.removeprefix("%%")


def register_here() -> None:
    """Register in the kernel that this is, if it is one."""
    if "IPython" not in sys.modules:
        return
    from IPython import get_ipython

    shell = get_ipython()
    if shell is not None:
        register(shell)


def register(shell: Any) -> None:
    """Give an IPython shell the magic and the completion, once."""
    completer.register(shell)
    if getattr(shell.find_cell_magic(_NAME), "_shell", None) is shell:
        return

    def sql(line: str, cell: str) -> None:
        """The rows of a SELECT over datasets and frames, as a frame: %%sql NAME [--before DAYS]"""
        _run(shell, line, cell)

    sql._shell = shell  # type: ignore[attr-defined]
    shell.register_magic_function(sql, "cell", _NAME)


def _run(shell: Any, line: str, cell: str) -> None:
    from IPython.display import display

    parsed = parse_sql_cell(f"{MAGIC} {line}\n{cell}")
    step, frame = run_sql_cell(parsed, shell.user_ns)
    # In a run the frame is computed once, by the write; what it holds is then shown by the card.
    if parsed.name and os.environ.get(VARIABLE):
        types = ", ".join(f"{name} {kind}" for name, kind in frame.collect_schema().items())
        print(f"{parsed.name}: {types}")
    else:
        display(step.preview(frame))
