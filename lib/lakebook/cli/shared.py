"""Options that many commands take, and the consoles they print to."""

from __future__ import annotations

import functools
import json
import math
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from ..intervals import Interval, parse_day
from ..settings import Settings, load_settings, own_env, person

if TYPE_CHECKING:
    from rich.console import Console

    from ..graph import Graph, Selection, StepNode

_ANOTHER_LAKE = "use another lake (--lake)"
_UNBROKEN = 100_000
_CONTROL = {
    code: repr(chr(code))[1:-1]
    for code in (*range(32), *range(127, 160))
    if chr(code) not in "\n\t"
}

Selectors = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[SELECTOR]...",
        help="Steps: silver.flights, +gold.punctuality, silver.flights+, layer:silver, tag:x, "
        "state:modified+. Default: all.",
    ),
]
RunSelectors = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[SELECTOR]...",
        help="Steps: silver.flights, +gold.punctuality, silver.flights+, layer:silver, tag:x, "
        "state:modified+; maintenance jobs: ops.tiering. Default: all steps, no job.",
    ),
]
LakeOption = Annotated[
    str | None, typer.Option("--lake", metavar="DIR", help="The lake's folder (default .lake).")
]
EnvOption = Annotated[
    str | None, typer.Option("--env", metavar="NAME", help="Environment (default prod).")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
RestoreOption = Annotated[
    bool,
    typer.Option("--restore", help="Bring back what is needed from cold, for a time."),
]
UnmaskOption = Annotated[
    bool, typer.Option("--unmask", help="Show confidential and restricted values.")
]
StartOption = Annotated[
    str | None, typer.Option(metavar="DATE", help="First day, inclusive (YYYY-MM-DD).")
]
EndOption = Annotated[
    str | None, typer.Option(metavar="DATE", help="First day after the interval.")
]
MissingOption = Annotated[
    bool,
    typer.Option(
        "--missing",
        help="Instead: the days up to yesterday that a chosen step has never made.",
    ),
]
DaysOption = Annotated[
    str | None,
    typer.Option(
        metavar="TEXT",
        help="Days as people say them, instead of --start and --end: yesterday, 'last month', "
        "'last 7 days', 2013-03, 2013-01-15..2013-02.",
    ),
]


def console(width: int | None = None) -> Console:
    return _console()(width=width or _width(sys.stdout))


def error_console() -> Console:
    return _console()(stderr=True, width=_width(sys.stderr))


def _width(stream: TextIO) -> int | None:
    """Of a terminal its own; lines of a file or a pipe are never broken: names are pasted."""
    return None if stream.isatty() or "COLUMNS" in os.environ else _UNBROKEN


@functools.cache
def _console() -> Callable[..., Console]:
    """A terminal takes orders in control characters: those of a message are shown as escapes."""
    from rich.console import Console

    class Harmless(Console):
        def render_str(self, text: str, **kwargs: Any) -> Any:
            return super().render_str(text.translate(_CONTROL), **kwargs)

    return functools.partial(Harmless, highlight=False, emoji=False)


def confirm(question: str, nothing: str, *, yes: bool, err: bool = False) -> None:
    """Ask before something is done that cannot be helped; `yes`: it was said already.

    `nothing`: what is true if it is not done, such as "nothing was deleted". Raises UserError where
    there is nobody to ask, and Exit (1) at a no.
    """
    from ..errors import UserError

    if yes:
        return
    if not sys.stdin.isatty():
        raise UserError(f"{nothing}: there is nobody to ask", fix="add --yes to do it")
    if not typer.confirm(question, err=err):
        console().print(nothing)
        raise typer.Exit(1)


def settings_of(lake: str | None, env: str | None = None, *, writes: bool = False) -> Settings:
    """Settings of this checkout; StorageError for a lake that cannot be what it is needed for."""
    from ..errors import StorageError

    settings = load_settings(lake=lake, env=env)
    place = settings.lake
    if place.exists() and not place.is_dir():
        raise StorageError("the lake is no folder", where=str(place), fix=_ANOTHER_LAKE)
    return _written_to(settings) if writes else settings


def _written_to(settings: Settings) -> Settings:
    """The settings of an environment that runs can be put into. Raises StorageError."""
    from ..errors import StorageError

    try:
        settings.runs.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=settings.runs):
            pass
    except OSError as refused:
        reason = (refused.strerror or str(refused)).lower()
        raise StorageError(
            f"the lake cannot be written to ({reason})",
            where=str(settings.lake),
            fix=_ANOTHER_LAKE,
        ) from None
    return settings


def settings_to_read(lake: str | None, env: str | None = None, *, is_own: bool = False) -> Settings:
    """As `settings_of`, for what only reads; UserError for an environment that is not there.

    Reading through a mistyped name, of the command line or of LAKEBOOK_ENV, would show prod's rows
    and pin them there. The person's own environment may well be empty yet.

    Parameters
    ----------
    is_own: without a name it is the person's own environment that is meant, not prod.
    """
    from ..names import PROD, check_environment

    settings = settings_of(lake, own_env() if is_own and env is None else env)
    is_meant = env is None and (settings.env == person() or not settings.lake.is_dir())
    if settings.env != PROD and not is_meant:
        check_environment(settings.lake, settings.env)
    return settings


def settings_to_change(lake: str | None, env: str | None = None) -> Settings:
    """As `settings_of` for what changes rows that are there; UserError as `settings_to_read`."""
    return _written_to(settings_to_read(lake, env))


def settings_to_make(lake: str | None, env: str | None = None, *, writes: bool = True) -> Settings:
    """As `settings_of` for what may be the first to write in an environment; UserError for one that
    is neither there nor the person's own: a mistyped name would be made, and show prod's rows."""
    from ..names import PROD, check_environment

    settings = settings_of(lake, env)
    if settings.env not in (PROD, person()):
        check_environment(settings.lake, settings.env)
    return _written_to(settings) if writes else settings


def interval_of(start: str | None, end: str | None, days: str | None = None) -> Interval | None:
    """Both or neither, or days in words; raises UserError with what is missing or no date.

    Which days the words have come to is said: `today` is that of this machine's clock.
    """
    from ..errors import UserError

    if days is not None:
        if start is not None or end is not None:
            raise UserError(
                "--days is given beside --start or --end", fix="give either the one or the others"
            )
        from ..said_days import said_days

        found = said_days(days, datetime.now().date())
        print_note(f"--days {days}: {_both(found)} (--start {found.start} --end {found.end})")
        return found
    if start is None and end is None:
        return None
    if start is None or end is None:
        given = parse_day(start or end or "")
        raise UserError(
            f"only one of --start and --end is given ({given})",
            fix="give both; the end is the first day after the interval",
        )
    return Interval(parse_day(start, what="--start"), parse_day(end, what="--end"))


def interval_or_missing(
    given: Interval | None,
    is_missing: bool,
    graph: Graph,
    steps: Sequence[StepNode],
    lake: Settings,
) -> Interval | None:
    """The interval of a command, or the days that its steps have never made, which are said.

    None if nothing is missing. Raises UserError for both.
    """
    if not is_missing:
        return given
    from ..errors import UserError
    from ..run.missing import missing_days

    if given is not None:
        raise UserError("--missing is given beside days", fix="give either the one or the others")
    found = missing_days(lake, graph, steps, datetime.now().date())
    if found is None:
        print_note("--missing: no day is missing up to yesterday")
        return None
    print_note(f"--missing: {_both(found)} (--start {found.start} --end {found.end})")
    return found


def _both(days: Interval) -> str:
    last = days.end - timedelta(days=1)
    return f"{days.start} to {last}, both included" if days.days > 1 else str(days.start)


def selected(settings: Settings, selectors: list[str] | None) -> tuple[Graph, Selection]:
    """The graph and the steps that the selectors choose (all, if there is none).

    Raises UserError if a step is broken and nothing else is chosen.
    """
    from ..graph import select
    from .left_out import refuse_empty

    graph = the_graph(settings)
    chosen = select(graph, selectors or [], settings=settings)
    refuse_empty(chosen)
    return graph, chosen


def whole_graph(settings: Settings) -> Graph:
    """The graph for a command that names a dataset; says which steps are broken."""
    from .left_out import note_elsewhere

    graph = the_graph(settings)
    note_elsewhere(graph)
    return graph


def the_graph(settings: Settings) -> Graph:
    from ..graph import load_graph
    from ..runtime.warm import spawner

    return load_graph(settings, spawner(settings))


def split_jobs(selectors: list[str] | None) -> tuple[list[str], list[str]]:
    """The selectors of steps, and the maintenance jobs that are named among them."""
    from ..names import is_job

    words = [word for selector in selectors or [] for word in selector.split()]
    # One with a plus is left to the graph, which says that a job has no edges.
    jobs = [word for word in words if is_job(word) and "+" not in word]
    return [word for word in words if word not in jobs], jobs


def adopt_debris(settings: Settings) -> None:
    """Archive what killed commands left, and say so."""
    from ..run.debris import adopt_debris as adopt

    for run_id in adopt(settings):
        error_console().print(f"note archived the run {run_id} of a command that was killed")


def check_step(settings: Settings, name: str) -> None:
    """Raise UserError if no notebook is the step `name`; asks no graph, which costs seconds."""
    from ..errors import UserError, did_you_mean
    from ..names import step_of

    known = sorted(str(step_of(path)) for path in settings.notebooks.glob("*/*.ipynb"))
    if name not in known:
        raise UserError(
            f"there is no step {name}{did_you_mean(name, known)}", fix="lakebook graph lists them"
        )


def print_note(text: str) -> None:
    error_console().print(f"note {text}", markup=False, soft_wrap=True)


def print_json(value: Any) -> None:
    sys.stdout.write(_json(value, indent=2) + "\n")


def print_json_rows(rows: Iterable[dict[str, Any]]) -> None:
    """A list of rows, a line each, written as they come."""
    sys.stdout.write("[")
    between = "\n  "
    for row in rows:
        sys.stdout.write(between + _json(row))
        between = ",\n  "
    sys.stdout.write("\n]\n" if between != "\n  " else "]\n")


def _json(value: Any, *, indent: int | None = None) -> str:
    """JSON has no NaN and no infinity: they are null."""
    try:
        return json.dumps(value, indent=indent, default=str, allow_nan=False)
    except ValueError:
        return json.dumps(_finite(value), indent=indent, default=str)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def relative(path: Path) -> str:
    """A path as a person would type it from here."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
