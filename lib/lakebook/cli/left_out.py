"""What a command says of the steps that are broken, and of those that hang on them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..errors import UserError
from . import shared

if TYPE_CHECKING:
    from ..graph import Graph, Selection
    from ..lineage import StepCheck


def refuse_empty(chosen: Selection) -> None:
    """Raise UserError if nothing that is chosen can be looked at, and one thing is why."""
    if chosen.steps or not (chosen.broken or chosen.held):
        return
    problems = _sentences(chosen)
    if len(problems) == 1:
        raise chosen.broken[0].problem
    if not problems and len(chosen.held) == 1:
        raise chosen.held[0].problem


def print_left_out(graph: Graph, chosen: Selection) -> int:
    """Say of the chosen steps what is left out and why, of the others that they are broken.

    Returns the command's exit code: that of a mistake, if something chosen is broken or hangs on
    what is.
    """
    error = shared.error_console()
    from rich.markup import escape

    for sentence in _sentences(chosen):
        error.print(f"[bold red]error[/] {escape(sentence)}", soft_wrap=True)
    hanging: dict[str, list[str]] = {}
    for one in chosen.held:
        hanging.setdefault(_listed(one.by), []).append(str(one.node.name))
    for by, names in hanging.items():
        are = "are left out: they hang" if len(names) > 1 else "is left out: it hangs"
        shared.print_note(f"{_listed(names)} {are} on {by}")
    note_elsewhere(graph, chosen)
    return UserError.exit_code if chosen.broken or chosen.held else 0


def note_elsewhere(graph: Graph, chosen: Selection | None = None) -> None:
    """Say which steps that nobody chose are broken: what hangs on them is not known here."""
    mine = {one.name for one in chosen.broken} if chosen else set()
    if others := [name for name in graph.names if name in graph.broken and name not in mine]:
        are = "cannot be read, and what hangs on it is left out"
        if len(others) > 1:
            are = "cannot be read, and what hangs on them is left out"
        shared.print_note(f"{_listed(others)} {are}; lakebook check says why")


def json_of(chosen: Selection) -> dict[str, Any]:
    """The same for machines."""
    return {
        "broken": [{"step": str(one.name), "error": one.problem.sentence} for one in chosen.broken],
        "held": [
            {"step": str(one.node.name), "by": [str(name) for name in one.by]}
            for one in chosen.held
        ],
    }


def checks_of(chosen: Selection) -> tuple[StepCheck, ...]:
    """A check of each chosen step that could not be compiled, with what is wrong."""
    from ..lineage import Finding, StepCheck, StepLineage

    said: dict[str, list[str]] = {}
    for one in chosen.broken:
        said.setdefault(one.problem.sentence, []).append(str(one.name))
    checks = []
    for one in chosen.broken:
        names = said.pop(one.problem.sentence, [])
        message = one.problem.found + (f" (also {_listed(names[1:])})" if names[1:] else "")
        finding = Finding(str(one.name), message, one.problem.where, fix=one.problem.fix)
        checks.append(StepCheck(str(one.name), (finding,) if names else (), StepLineage(), 0.0))
    for held in chosen.held:
        name, place = str(held.node.name), "/".join(held.node.notebook.parts[-3:])
        message = f"is not checked: it hangs on {_listed(held.by)}"
        finding = Finding(name, f"{name} {message}", place, is_error=False)
        checks.append(StepCheck(name, (finding,), StepLineage(), 0.0))
    return tuple(checks)


def _sentences(chosen: Selection) -> list[str]:
    return list(dict.fromkeys(one.problem.sentence for one in chosen.broken))


def _listed(names: Sequence[Any]) -> str:
    return ", ".join(map(str, names))
