"""`lakebook`: the commands, what they share, and how an error is shown."""

from __future__ import annotations

import sys
from typing import NoReturn

import typer

from ..errors import LakebookError, disk_error
from . import (
    datahub,
    diffing,
    dropping,
    environments,
    erasing,
    inspecting,
    making,
    migrating,
    reporting,
    rolling_back,
    running,
    tiering,
)
from .shared import error_console

app = typer.Typer(
    name="lakebook",
    help="A lakehouse worked on in notebooks: check, plan and run them, and read what they left.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

app.command()(running.run)
app.command()(running.plan)
app.command()(inspecting.check)
app.command()(inspecting.graph)
app.command()(inspecting.query)
app.command()(inspecting.lineage)
app.add_typer(inspecting.quarantine_app, name="quarantine")
app.command()(inspecting.runs)
app.command()(diffing.diff)
app.command()(rolling_back.rollback)
app.command()(migrating.migrate)
app.command()(dropping.rename)
app.command()(dropping.drop)
app.add_typer(environments.env_app, name="env")
app.command()(erasing.erase)
app.command()(erasing.audit)
app.add_typer(reporting.report_app, name="report")
app.add_typer(tiering.app, name="tier")
app.add_typer(datahub.app, name="datahub")
app.command()(making.new)
app.command()(making.lab)


def main() -> NoReturn:
    """Entry point: a LakebookError becomes its sentence and its exit code."""
    try:
        app()  # ends by SystemExit, also for usage errors (2) and an interrupt
    except LakebookError as found:
        _fail(found)
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        sys.stderr.close()
    except OSError as raised:
        found_on_disk = disk_error(raised)
        if found_on_disk is None:
            raise
        _fail(found_on_disk)
    sys.exit(0)


def _fail(found: LakebookError) -> NoReturn:
    error_console().print(f"[bold red]error[/] {_plain(found.sentence)}", soft_wrap=True)
    sys.exit(found.exit_code)


def _plain(text: str) -> str:
    from rich.markup import escape

    return escape(text)


if __name__ == "__main__":
    main()
