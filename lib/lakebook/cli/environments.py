"""`lakebook env`: the environments of a lake, what they hold, and taking one away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ..cards.words import plural, size_text
from ..errors import UserError
from . import shared

if TYPE_CHECKING:
    from ..run.drop import DropPlan
    from ..run.environments import EnvironmentUse


env_app = typer.Typer(help="Environments: prod, and those of persons.", no_args_is_help=True)
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="An environment's name.")]


@env_app.command("list")
def env_list(lake: shared.LakeOption = None, as_json: shared.JsonOption = False) -> None:
    """List the environments: what each has written, its runs and its pins."""
    from ..run.environments import survey

    settings = shared.settings_of(lake)
    found = survey(settings)
    if as_json:
        shared.print_json([use.to_json() for use in found])
        return
    if not found:
        shared.console().print("no environment yet")
        return
    _print_environments(found)


def _print_environments(found: tuple[EnvironmentUse, ...]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("name", "owner"):  # where it is narrow, names are folded and no figure is cut
        table.add_column(name, overflow="fold")
    for name in ("tables", "parts", "rows", "size", "runs"):
        table.add_column(name, justify="right", no_wrap=True)
    for name in ("last use (UTC)", "pins"):
        table.add_column(name, no_wrap=True)
    for use in found:
        numbers = (len(use.datasets), use.partitions, use.rows)
        table.add_row(
            *(use.name, use.owner),
            *(f"{number:,}" for number in numbers),
            *(size_text(use.size_bytes), f"{use.runs:,}"),
            f"{use.last_use:%Y-%m-%d %H:%M}" if use.last_use else "",
            str(len(use.pins) or ""),
        )
    out = shared.console()
    out.print(table)
    if any(use.pins for use in found):
        _print_pins(found)
    for use in found:
        for one in use.tables:
            if one.problem:
                out.print(f"note {use.name}: {one.problem}", soft_wrap=True, markup=False)


def _print_pins(found: tuple[EnvironmentUse, ...]) -> None:
    from rich.table import Table

    from ..run.environments import is_expired

    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("name", overflow="fold")
    table.add_column("reads", overflow="fold")
    table.add_column("version of prod", justify="right", no_wrap=True)
    table.add_column("until (UTC), if not used", overflow="fold")
    for use in found:
        for pin in use.pins:
            until = f"{pin.until:%Y-%m-%d %H:%M}"
            if pin.version < 0:
                until = "[red]damaged[/]"
            elif is_expired(pin):
                until = f"[red]expired[/] {until}"
            elif not pin.lease:
                until += ", not kept from vacuum"
            table.add_row(use.name, pin.dataset, str(pin.version), until)
    out = shared.console()
    out.print()
    out.print(table)


@env_app.command("new")
def env_new(name: NameArgument, lake: shared.LakeOption = None) -> None:
    """Make an environment, which reads what prod has and keeps what is written in it."""
    from ..files import make_folder
    from ..names import env_name, environments_of

    settings = shared.settings_of(lake)
    out = shared.console()
    if env_name(name) in environments_of(settings.lake):
        out.print(f"the environment {name} is there already")
        return
    make_folder(settings.lake / name)
    out.print(f"the environment {name} is there: lakebook run --env {name}, lab --env {name}")


@env_app.command("refresh")
def env_refresh(
    name: NameArgument,
    datasets: Annotated[
        list[str] | None, typer.Argument(metavar="[DATASET]...", help="Default: all pins.")
    ] = None,
    give_up: Annotated[
        bool, typer.Option("--discard", help="Give up what it wrote of them itself.")
    ] = False,
    lake: shared.LakeOption = None,
) -> None:
    """Move an environment's pins to the newest versions of prod. What it wrote itself stays."""
    from ..run.refresh import refresh

    out = shared.console()
    if give_up and not datasets:
        raise UserError("--discard needs the datasets to give up", fix="name them, or: env drop")
    moved = refresh(shared.settings_of(lake), name, datasets or [], give_up=give_up)
    for before, after in moved:
        same = before.version == after.version
        what = "stays at" if same else f"from version {before.version} to"
        out.print(f"{after.dataset}: {what} version {after.version}, until {after.until:%Y-%m-%d}")
    if not moved:
        out.print(f"the environment {name} has no pins")


@env_app.command("drop")
def env_drop(
    name: NameArgument,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do it, without asking.")] = False,
    keep_runs: Annotated[
        bool, typer.Option("--keep-runs", help="Keep its archived runs and their reports.")
    ] = False,
    lake: shared.LakeOption = None,
) -> None:
    """Show what an environment holds, then delete it for good. prod is never dropped."""
    from dataclasses import replace

    from ..names import env_name
    from ..run.drop import apply_drop, plan_drop

    settings = shared.settings_of(lake)
    if keep_runs:
        shared.adopt_debris(replace(settings, env=env_name(name)))
    plan = plan_drop(settings, name, keep_runs=keep_runs)
    _print_drop(plan, name)
    shared.confirm("Delete it for good?", "nothing was deleted", yes=yes)
    apply_drop(plan)
    freed = size_text(plan.size_bytes)
    shared.console().print(f"dropped the environment {name}; {freed} freed")


def _print_drop(plan: DropPlan, name: str) -> None:
    out = shared.console()
    if plan.use is not None:
        out.print(f"environment {name}, {size_text(plan.size_bytes)} to delete:")
        for table in plan.use.tables:
            what = f"{plural(table.partitions, 'partition')}, {plural(table.rows, 'row')}"
            what += f", {size_text(table.size_bytes)}"
            out.print(f"  {table.dataset}: {table.problem or what}", markup=False, soft_wrap=True)
        out.print(f"  {plural(len(plan.use.pins), 'pin')}")
        kept = "kept, with their reports" if plan.keep_runs else "deleted, with their reports"
        out.print(f"  {plural(plan.use.runs, 'archived run')}: {kept}")
    if plan.leftovers:
        out.print(f"  what an earlier drop of {name} has left")
