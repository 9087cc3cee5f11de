"""`lakebook tier`: plan what ages, apply it, see what each tier holds. Only prod has tiers."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..cards.words import plural
from . import shared, tier_copies, tier_files
from .tier_shared import (
    AsOf,
    contracts_of,
    print_unpromised,
    print_unreadable,
    prod_settings,
    unpromised,
)

if TYPE_CHECKING:
    from ..settings import Settings
    from ..tiers.actions import TierPlan

app = typer.Typer(
    help="Storage tiers of prod: partitions age from hot to warm to cold, and come back on demand.",
    no_args_is_help=True,
)


@app.command()
def plan(
    datasets: tier_files.Datasets = None,
    as_of: AsOf = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Write the plan, to apply it later."),
    ] = None,
    lake: shared.LakeOption = None,
    as_json: shared.JsonOption = False,
) -> None:
    """Show what would move where and why, with its size and cost. Nothing is changed."""
    from ..tiers.plan import write_plan
    from .tier_shown import plan_to_print, print_plan

    settings = prod_settings(lake)
    made = _plan(settings, datasets, as_of)
    if out is not None:
        write_plan(made, out)
    code = 0 if datasets else print_unreadable(settings)
    if as_json:
        shared.print_json(plan_to_print(made))
        raise typer.Exit(code)
    print_plan(made)
    if out is not None:
        place = shared.relative(out)
        shared.console().print(
            f"Plan {made.id}: {place}; apply it: lakebook tier apply {place}",
            markup=False,
            soft_wrap=True,
        )
    raise typer.Exit(code)


@app.command()
def apply(
    what: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[FILE | DATASET...]",
            help="A plan's file; or datasets (default: all), to plan and apply at once.",
        ),
    ] = None,
    as_of: AsOf = None,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Delete what is past its retention, without asking.")
    ] = False,
    vacuum: Annotated[
        bool, typer.Option("--vacuum", help="Then delete files that only old versions show.")
    ] = False,
    lake: shared.LakeOption = None,
    as_json: shared.JsonOption = False,
) -> None:
    """Do what a plan says, and no more. What others changed meanwhile is left and named."""
    from ..tiers.apply import apply_plan
    from ..tiers.plan import read_plan
    from .telling import telling
    from .tier_shown import moving, print_applied, print_plan

    settings = prod_settings(lake, writes=True)
    file = _plan_file(what, as_of)
    made = read_plan(settings, file) if file else _plan(settings, what, as_of)
    if not as_json:
        print_plan(made)
    if file is None and not yes:
        _ask_for_deletions(made)
    what_moves = plural(len(made.actions), "partition")
    with moving(made.size_bytes, what_moves) as advance, telling(settings, "tier apply") as told:
        done = apply_plan(
            settings,
            made,
            run=told.run_id,
            on_progress=lambda action: advance(action.size_bytes),
            vacuum=vacuum,
        )
        told.add(operation.to_json() for operation in done.operations)
        told.error = done.failed[0].sentence if done.failed else ""
    if as_json:
        shared.print_json(done.to_json())
    else:
        print_applied(done)
    code = 0 if what else print_unreadable(settings)
    if done.failed or code:
        raise typer.Exit(1 if done.failed else code)


@app.command()
def status(
    datasets: tier_files.Datasets = None,
    as_of: AsOf = None,
    lake: shared.LakeOption = None,
    as_json: shared.JsonOption = False,
) -> None:
    """Show what each tier holds and costs a month, what waits to be deleted, what moves next."""
    from ..tiers.status import status as look
    from .tier_shown import print_status

    settings = prod_settings(lake)
    found = look(settings, contracts_of(settings, datasets), _day(as_of))
    prices = settings.tiers.prices
    if as_json:
        raw: dict[str, Any] = {"currency": prices.currency}
        shared.print_json({**raw, "datasets": [one.to_json() for one in found]})
    else:
        print_status(found, prices)
    if not datasets:
        print_unpromised(unpromised(settings))
        raise typer.Exit(print_unreadable(settings))


app.command()(tier_copies.restore)
app.command()(tier_copies.promote)
app.command()(tier_copies.verify)
app.command()(tier_files.compact)
app.command()(tier_files.vacuum)


def _plan(settings: Settings, datasets: Sequence[str] | None, as_of: str | None) -> TierPlan:
    from ..tiers.plan import plan_tiers

    return plan_tiers(settings, contracts_of(settings, datasets), _day(as_of))


def _day(text: str | None) -> date | None:
    from ..intervals import parse_day

    return None if text is None else parse_day(text, what="--as-of")


def _plan_file(what: Sequence[str] | None, as_of: str | None) -> Path | None:
    """The one argument, if it names a file and no dataset."""
    from ..errors import UserError

    files = [text for text in what or () if "/" in text or text.endswith(".json")]
    files += [text for text in what or () if text not in files and Path(text).is_file()]
    if not files:
        return None
    if what is None or len(what) > 1:
        raise UserError(f"{files[0]} stands beside other arguments", fix="apply one plan alone")
    if as_of is not None:
        raise UserError("--as-of beside a plan, which has its own day", fix="leave it away")
    return Path(files[0])


def _ask_for_deletions(made: TierPlan) -> None:
    from ..errors import UserError

    gone = [action for action in made.actions if action.kind == "delete"]
    if not gone:
        return
    if not sys.stdin.isatty():
        raise UserError(
            f"nothing was done: {plural(len(gone), 'partition')} would be deleted for good, and "
            "there is nobody to ask",
            fix="add --yes, or apply a plan that was written with lakebook tier plan --out FILE",
        )
    if not typer.confirm(f"Delete {plural(len(gone), 'partition')} for good?"):
        shared.console().print("nothing was done")
        raise typer.Exit(1)
