"""`lakebook erase`: takes a subject's rows away for good. `lakebook audit`: what was deleted."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..cards.words import plural, size_text
from . import shared

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ..run.erasure import Erasure
    from ..run.erasure_report import Held, Report
    from ..run.related import Related

_FILES = 3  # of a group that are named, without --json


def erase(
    dataset: Annotated[str, typer.Argument(metavar="DATASET", help="Such as silver.customers.")],
    key: Annotated[
        list[str],
        typer.Option(
            "--key",
            metavar="COLUMN=VALUE",
            help="All that are given must hold. COLUMN alone asks for the value, or reads it as a "
            "line of the standard input: it is then in no history of commands.",
        ),
    ],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do it, without asking.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what there is.")] = False,
    downstream: Annotated[
        bool,
        typer.Option("--downstream", help="Also from datasets made of it with these columns."),
    ] = False,
    reports: Annotated[
        bool,
        typer.Option("--reports", help="Also remove the runs whose reports hold a value."),
    ] = False,
    lake: shared.LakeOption = None,
    as_json: shared.JsonOption = False,
) -> None:
    """Erase a subject's rows from all tiers, quarantines and environments, and prove it."""
    from ..names import Dataset
    from ..run.erasure import erase as carry_out
    from ..run.erasure import held_rows, plan_erasure, rows_elsewhere
    from ..runtime.warm import spawner
    from ..tiers.erasure.search import Search
    from .telling import telling

    settings = shared.settings_of(lake, "prod", writes=not dry_run)
    keys = [_with_value(text) for text in key]
    planned = plan_erasure(
        settings, Dataset.parse(dataset), keys, downstream=downstream, spawn=spawner(settings)
    )
    if dry_run or not as_json:
        search = Search(planned.subject)
        held, elsewhere = held_rows(planned, search), rows_elsewhere(planned, search)
        if as_json:
            shared.print_json(_plan_json(planned, held, elsewhere))
        else:
            _print_plan(planned, held, elsewhere)
    if dry_run:
        return
    shared.confirm("Erase them for good?", "nothing was erased", yes=yes, err=True)
    with telling(settings, "erase", job="erase", run_id=planned.run) as told:
        report = carry_out(planned, lambda what: None if as_json else _say(what), reports=reports)
        told.add(report.operations(planned.subject.columns))
        if not report.is_clean:
            told.error = "the erasure is not complete: " + (report.problems or ["rows are left"])[0]
    if as_json:
        columns = list(planned.subject.columns)
        shared.print_json({"run": planned.run, "columns": columns, **report.to_json()})
    else:
        _print_report(report)
    if not report.is_clean:
        raise typer.Exit(1)


def audit(lake: shared.LakeOption = None, as_json: shared.JsonOption = False) -> None:
    """List what retention and erasures deleted: when, by whom, of which dataset, and why."""
    from rich.table import Table

    from ..tiers.audit import read_audit

    records = read_audit(shared.settings_of(lake).lake)
    if as_json:
        shared.print_json(list(records))
        return
    if not records:
        shared.console().print("nothing was deleted yet")
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("when (UTC)", "by", "what"):
        table.add_column(name, no_wrap=True)
    table.add_column("dataset", overflow="fold", min_width=10)
    table.add_column("of", no_wrap=True)
    for name in ("rows", "size"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("state", overflow="fold", min_width=12)  # and why
    for one in records:
        told = (one["state"], one.get("waiting"), one.get("reason"), one.get("policy"))
        reason = ", ".join(filter(None, told))
        table.add_row(
            *(one["at"][:16].replace("T", " "), one["who"], one["event"], _few(one["dataset"])),
            one.get("partition") or ", ".join(one.get("columns", ())),
            f"{one['rows']:,}" if one.get("rows") is not None else "",
            size_text(one["bytes"]) if one.get("bytes") is not None else "",
            reason,
        )
    shared.console().print(table)


def _few(datasets: str) -> str:
    first, *more = datasets.split(", ")
    return f"{first} +{len(more)}" if more else first


def _with_value(text: str) -> str:
    """COLUMN=VALUE; the value asked for where only the column is given."""
    if "=" in text:
        return text
    if sys.stdin.isatty():
        return f"{text}={typer.prompt(f'value of {text}', hide_input=True, err=True)}"
    return f"{text}={sys.stdin.readline().rstrip(chr(10))}"


def _say(what: str) -> None:
    shared.error_console().print(f"[dim]{what}[/]", soft_wrap=True)


def _print_plan(planned: Erasure, held: tuple[Held, ...], elsewhere: Mapping[Related, int]) -> None:
    out = shared.console()
    names = " and ".join(str(contract.dataset) for contract in planned.datasets)
    columns = " and ".join(planned.subject.columns)
    out.print(f"{names}: rows with the given {columns}", soft_wrap=True)
    for one in held:
        where = f"{one.env}: {one.dataset} in {one.tier}"
        what = f"{plural(one.rows, 'row')} of {plural(one.partitions, 'partition')}"
        out.print(f"  {where}, {what}", soft_wrap=True, markup=False)
    if not held:
        out.print("  no reader sees one; old files, logs and caches are searched all the same")
    _print_elsewhere(elsewhere)
    for note in planned.notes:
        out.print(f"note {note}", soft_wrap=True, markup=False)
    out.print("Leases and pins are overridden: who reads an old version with such rows fails.")


def _print_elsewhere(elsewhere: Mapping[Related, int]) -> None:
    advice = {
        "upstream": "erase there too, and at the source, or a run may bring them back",
        "downstream": "its next run leaves them out, but not its old versions: add --downstream",
        "": "it has the same columns",
    }
    for one, rows in elsewhere.items():
        said = " ".join(filter(None, [one.direction, str(one.dataset)]))
        shared.console().print(
            f"  not erased: {plural(rows, 'row')} of {said}; {advice[one.direction]}",
            soft_wrap=True,
            markup=False,
        )


def _print_report(report: Report) -> None:
    out = shared.console()
    size = size_text(report.size_bytes)
    out.print(
        f"erased {plural(report.rows, 'row')}; deleted {plural(report.files, 'old file')} ({size}) "
        f"and {plural(report.caches, 'cache file')}; took bounds out of "
        f"{plural(report.entries, 'log entry')}",
        soft_wrap=True,
    )
    if not (report.rows or report.files or report.entries or report.caches):
        out.print("there was nothing to erase any more")
    for env, datasets in report.pins.items():
        out.print(f"the environment {env} now reads the newest {', '.join(datasets)} of prod")
    if report.outbox.files:
        again = " and are sent again to who had them" if report.outbox.again else ""
        files = plural(report.outbox.files, "file")
        out.print(f"took values out of {files} of the catalog's outbox, which change{again}")
    for env, runs in report.removed.items():
        out.print(f"removed the reports of {', '.join(runs)} in {env}", soft_wrap=True)
    for reader in report.overridden:
        out.print(f"overridden: {reader}", soft_wrap=True, markup=False)
    _print_elsewhere(report.elsewhere)
    for column in report.unsearched:
        out.print(f"note the value of {column} is too short to be searched as text")
    for note in report.notes:
        out.print(f"note {note}", soft_wrap=True, markup=False)
    _print_review(report)
    for problem in report.problems:
        out.print(f"[red]not done[/] {_plain(problem)}", soft_wrap=True)
    _print_undecoded(report)
    searched = f"{plural(report.searched_files, 'file')} ({size_text(report.searched_bytes)})"
    decoded = f"{searched} searched, {report.searched_files - len(report.undecoded):,} decoded"
    if report.is_proved:
        but = ", but for the files that cannot be decoded" if report.undecoded else ""
        out.print(f"[green]proved[/]: {decoded}; no such row, bound or value is left{but}")
        return
    if report.is_clean:
        but = "what is named above is left to you"
        if not report.review and not report.elsewhere:
            but = "other values than the key are not known any more, so that nobody looked for them"
        out.print(
            f"[yellow]not proved[/]: {decoded}; rows, bounds and old files are gone, but {but}",
            soft_wrap=True,
        )
        return
    for path, why in report.found.items():
        out.print(f"[red]left[/] {_plain(shared.relative(path))}: {_plain(why)}", soft_wrap=True)
    if report.kept:
        out.print(
            f"note the values that the proof searches for are kept in {report.kept} of the lake, "
            "for you alone, until the same command ends clean",
            soft_wrap=True,
        )
    out.print(f"[red]not proved[/]: {decoded}; mend this and run the same again")


def _print_review(report: Report) -> None:
    out = shared.console()
    if report.review:
        out.print("for review, as it still holds a value and is not touched:")
    for group in report.review:
        where = " ".join(filter(None, [group.env, group.kind, group.name]))
        names = ", ".join(shared.relative(path) for path in group.files[:_FILES])
        more = f" … ({len(group.files)})" if len(group.files) > _FILES else ""
        out.print(f"  {where}: {names}{more}", soft_wrap=True, markup=False)
    for env in dict.fromkeys(group.env for group in report.review if group.kind == "run"):
        of_env = [one for one in report.review if (one.kind, one.env) == ("run", env)]
        runs = [one.name for one in of_env if not one.name.startswith(".")]
        if not runs:
            continue
        named = " ".join(f"--run {run}" for run in runs)
        within = "" if env == "prod" else f" --env {env}"
        out.print(
            f"  remove these runs, and what the site and the Data Docs have of them: lakebook "
            f"report prune {named}{within}",
            soft_wrap=True,
            markup=False,
        )
    for name in dict.fromkeys(one.name for one in report.review if one.kind == "table"):
        out.print(f"  rows of {name} that have such a value: lakebook erase {name} --key COLUMN")


def _print_undecoded(report: Report) -> None:
    reasons: dict[str, list[Path]] = {}
    for path, why in report.undecoded.items():
        reasons.setdefault(why, []).append(path)
    for why, paths in reasons.items():
        names = ", ".join(shared.relative(path) for path in paths[:_FILES])
        more = f" … ({len(paths)})" if len(paths) > _FILES else ""
        shared.console().print(
            f"cannot be decoded, {why}: {names}{more}", soft_wrap=True, markup=False
        )


def _plan_json(
    planned: Erasure, held: tuple[Held, ...], elsewhere: Mapping[Related, int]
) -> dict[str, Any]:
    return {
        "datasets": [str(contract.dataset) for contract in planned.datasets],
        "columns": list(planned.subject.columns),
        "held": [one.__dict__ for one in held],
        "elsewhere": [
            {"dataset": str(one.dataset), "direction": one.direction, "rows": rows}
            for one, rows in elsewhere.items()
        ],
        "notes": list(planned.notes),
    }


def _plain(text: str) -> str:
    from rich.markup import escape

    return escape(text)
