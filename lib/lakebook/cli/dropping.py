"""`lakebook drop` and `rename`: tables that no contract promises any more by their name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..cards.words import plural, size_text
from ..names import Dataset
from . import shared

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..run.drop_dataset import DatasetDrop
    from ..run.environments import TableUse


def drop(
    dataset: Annotated[str, typer.Argument(metavar="DATASET")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do it, without asking.")] = False,
    lake: shared.LakeOption = None,
    as_json: shared.JsonOption = False,
) -> None:
    """Show what the lake holds of a dataset that no contract promises any more; then delete it.

    All tiers, all environments, and what was set aside. Its archived runs stay.
    """
    from ..run.drop_dataset import apply_dataset_drop, plan_dataset_drop
    from .telling import telling

    settings = shared.settings_of(lake, "prod", writes=True)
    plan = plan_dataset_drop(settings, Dataset.parse(dataset))
    if not as_json:
        _print_plan(plan)
    shared.confirm(f"Delete {dataset} for good?", "nothing was deleted", yes=yes, err=as_json)
    done: list[dict[str, Any]] = []
    with telling(settings, "drop", job="drop") as told:
        done = [one.to_json() for one in apply_dataset_drop(plan)]
        told.add(done)
    if as_json:
        shared.print_json(
            {
                "dataset": dataset,
                "operations": done,
                "size_bytes": plan.size_bytes,
                "pins": list(plan.pins),
            }
        )
        return
    shared.console().print(f"{dataset} is gone: {size_text(plan.size_bytes)}")


def rename(
    old: Annotated[str, typer.Argument(metavar="OLD", help="As the tables are named.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="As the contract says now.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do it, without asking.")] = False,
    lake: shared.LakeOption = None,
    as_json: shared.JsonOption = False,
) -> None:
    """Give a dataset's tables the name that its notebook and contract have by now.

    Rows, versions, tiers and what was set aside stay as they are, in every environment.
    """
    from ..run.rename import apply_rename, plan_rename
    from .telling import telling

    settings = shared.settings_of(lake, "prod", writes=True)
    plan = plan_rename(settings, Dataset.parse(old), Dataset.parse(new))
    if not as_json:
        _print_tables(plan.tables)
    question = f"Call the tables of {old} {new}?"
    shared.confirm(question, "nothing was renamed", yes=yes, err=as_json)
    with telling(settings, "rename", job="rename") as told:
        done = [one.to_json() for one in apply_rename(plan)]
        told.add(done)
    if as_json:
        shared.print_json({"old": old, "new": new, "operations": done})
        return
    shared.console().print(
        f"{old} is {new} now. Its code has changed by that, so the next run makes it anew: "
        f"lakebook plan {new}+ shows what"
    )


def _print_tables(tables: Sequence[tuple[str, TableUse]]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("environment", "table"):
        table.add_column(name, overflow="fold")
    for name in ("partitions", "rows", "size"):
        table.add_column(name, justify="right", no_wrap=True)
    for env, use in tables:
        figures = (f"{use.partitions:,}", f"{use.rows:,}", size_text(use.size_bytes))
        table.add_row(env, str(use.dataset), *(("damaged", "", "") if use.problem else figures))
    if tables:
        shared.console().print(table)


def _print_plan(plan: DatasetDrop) -> None:
    out = shared.console()
    _print_tables(plan.tables)
    if plan.leftovers:
        out.print(f"{plural(len(plan.leftovers), 'folder')} of an earlier drop that was stopped")
    if plan.pins:
        out.print(f"versions that environments hold: {', '.join(plan.pins)}")
    out.print(f"In all {size_text(plan.size_bytes)}, old versions and files too")
