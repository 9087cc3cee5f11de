"""`lakebook migrate`: the rows of a dataset as its contract says now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..cards.words import plural, size_text
from ..errors import UserError
from ..names import Dataset
from . import shared

if TYPE_CHECKING:
    from ..run.migrate import Migration


def migrate(
    dataset: Annotated[str, typer.Argument(metavar="DATASET")],
    rename: Annotated[
        list[str] | None,
        typer.Option("--rename", metavar="OLD=NEW", help="A column's new name in the contract."),
    ] = None,
    drop: Annotated[
        list[str] | None, typer.Option("--drop", metavar="COLUMN", help="A column that goes.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be done.")] = (
        False
    ),
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do it, without asking.")] = False,
    env: shared.EnvOption = None,
    lake: shared.LakeOption = None,
    as_json: shared.JsonOption = False,
) -> None:
    """Write a dataset's rows anew as its contract says now: another cut, types, columns."""
    from ..run.migrate import plan_migration
    from ..run.migrating import apply_migration
    from .telling import telling

    settings = shared.settings_to_change(lake, env)
    plan = plan_migration(
        settings, Dataset.parse(dataset), rename=_pairs(rename), drop=tuple(drop or ())
    )
    if not as_json:
        _print_plan(plan)
    done: list[dict[str, Any]] = []
    if plan.is_needed and not dry_run:
        shared.confirm("Write it anew?", "nothing was changed", yes=yes)
        with telling(settings, "migrate", job="migrate") as told:
            done = [one.to_json() for one in apply_migration(plan, told.run_id)]
            told.add(done)
    if as_json:
        shared.print_json(
            {
                "dataset": str(plan.target.dataset),
                "changes": list(plan.changes),
                "unfinished": list(plan.rest),
                "rows": plan.rows,
                "files": len(plan.whole.files),
                "size_bytes": plan.size_bytes,
                "operations": done,
            }
        )
    elif plan.is_needed and not dry_run:
        _print_done(plan, done)


def _pairs(given: list[str] | None) -> dict[str, str]:
    found = {}
    for text in given or ():
        old, equals, new = text.partition("=")
        if not (old and equals and new):
            raise UserError(f"--rename {text!r} is not OLD=NEW")
        found[old] = new
    return found


def _print_plan(plan: Migration) -> None:
    name = str(plan.target.dataset)
    if not plan.is_needed:
        _say(f"{name} is as its contract says")
    elif plan.changes:
        what = f"{plural(plan.rows, 'row')} in {plural(len(plan.whole.files), 'file')}"
        _say(f"{name}, {what} ({size_text(plan.size_bytes)}), to be written anew:")
        for change in plan.changes:
            _say(f"  {change}")
    for rest in plan.rest:
        _say(f"{name}: an earlier migration has not come to {rest}")


def _print_done(plan: Migration, done: list[dict[str, Any]]) -> None:
    name = str(plan.target.dataset)
    for one in done:
        _say(f"{plural(one['rows'], 'row')} in {plural(len(one['partitions']), 'partition')}")
    if done:
        _say(f"its partitions are stale by the changed contract: lakebook plan {name}")
    else:
        _say(f"{name} is as its contract says now")


def _say(text: str) -> None:
    shared.console().print(text, markup=False, soft_wrap=True)
