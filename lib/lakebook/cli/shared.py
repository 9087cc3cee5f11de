"""Options that many commands take, and the consoles they print to."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..intervals import Interval, parse_day
from ..settings import Settings, load_settings

if TYPE_CHECKING:
    from rich.console import Console

    from ..graph import Graph, StepNode

Selectors = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[SELECTOR]...",
        help="Steps: silver.flights, +gold.punctuality, silver.flights+, layer:silver, tag:x, "
        "state:modified+. Default: all.",
    ),
]
LakeOption = Annotated[
    str | None, typer.Option("--lake", metavar="DIR", help="The lake's folder (default .lake).")
]
EnvOption = Annotated[
    str | None, typer.Option("--env", metavar="NAME", help="Environment (default prod).")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
StartOption = Annotated[
    str | None, typer.Option(metavar="DATE", help="First day, inclusive (YYYY-MM-DD).")
]
EndOption = Annotated[
    str | None, typer.Option(metavar="DATE", help="First day after the interval.")
]


def console() -> Console:
    from rich.console import Console

    return Console(highlight=False)


def error_console() -> Console:
    from rich.console import Console

    return Console(stderr=True, highlight=False)


def settings_of(lake: str | None, env: str | None = None) -> Settings:
    return load_settings(lake=lake, env=env)


def interval_of(start: str | None, end: str | None) -> Interval | None:
    """Both or neither; raises UserError with the one that is missing or no date."""
    from ..errors import UserError

    if start is None and end is None:
        return None
    if start is None or end is None:
        given = parse_day(start or end or "")
        raise UserError(
            f"only one of --start and --end is given ({given})",
            fix="give both; the end is the first day after the interval",
        )
    return Interval(parse_day(start, what="--start"), parse_day(end, what="--end"))


def selected(settings: Settings, selectors: list[str] | None) -> tuple[Graph, list[StepNode]]:
    """The graph and the steps that the selectors choose (all, if there is none)."""
    from ..graph import load_graph, select
    from ..runtime.warm import spawner

    graph = load_graph(settings, spawner(settings))
    return graph, list(select(graph, selectors or [], settings=settings))


def adopt_debris(settings: Settings) -> None:
    """Archive what killed commands left, and say so."""
    from ..run.debris import adopt_debris as adopt

    for run_id in adopt(settings):
        error_console().print(f"note archived the run {run_id} of a command that was killed")


def print_json(value: Any) -> None:
    json.dump(value, sys.stdout, indent=2, default=str)
    sys.stdout.write("\n")


def relative(path: Path) -> str:
    """A path as a person would type it from here."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
