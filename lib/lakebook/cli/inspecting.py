"""Commands that look and change nothing but the quarantine: check, graph, query, lineage, runs…"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..cards.words import plural
from ..names import Dataset, parse_notebook
from . import shared

if TYPE_CHECKING:
    from ..run.query import Rows

_BATCH = 10_000  # rows that are in memory at once


class Format(StrEnum):
    """How rows are printed."""

    table = "table"
    csv = "csv"
    json = "json"


class Direction(StrEnum):
    up = "up"
    down = "down"


quarantine_app = typer.Typer(help="Rows that a rule kept out.", no_args_is_help=True)


def check(
    selectors: shared.RunSelectors = None,
    env: shared.EnvOption = None,
    lake: shared.LakeOption = None,
    as_json: shared.JsonOption = False,
) -> None:
    """Check notebooks, contracts and models against each other without reading data."""
    from ..graph.manifest import is_kept
    from ..lineage import check as run_check
    from ..lineage import check_jobs, table_findings
    from ..lineage.processes import Passes
    from ..runtime.warm import spawner
    from .left_out import checks_of, note_elsewhere

    settings = shared.settings_to_read(lake, env)
    wanted, named = shared.split_jobs(selectors)
    report = check_jobs(settings, named if selectors else None)
    jobs = len(report.steps)
    count = 0
    if wanted or not named:
        with Passes(settings, spawner(settings)) as passes:
            if not is_kept(settings):  # dbt takes seconds: what compiles can import meanwhile
                passes.start()
            graph, chosen = shared.selected(settings, wanted)
            found = run_check(settings, graph, chosen.steps, passes=passes)
        found = found.with_steps(checks_of(chosen), map(str, graph.names))
        report = found.joined(report).with_others(table_findings(settings, chosen.steps))
        count = len(chosen.steps)
        note_elsewhere(graph, chosen)
    if as_json:
        shared.print_json(report.to_json())
    else:
        out = shared.console()
        from rich.markup import escape

        for finding in report.findings:
            mark = "[bold red]error[/]" if finding.is_error else "[yellow]note[/]"
            out.print(f"{mark} {escape(finding.sentence)}", soft_wrap=True)
        errors = sum(finding.is_error for finding in report.findings)
        what = [plural(count, "step")] if count else []
        what += [plural(jobs, "job")] if jobs else []
        words = f"{' and '.join(what) or 'nothing'} checked, {plural(errors, 'error')}"
        out.print(f"{words}; {report.elapsed_s:.1f} s")
    if any(finding.is_error for finding in report.findings):
        raise typer.Exit(2)


def graph(selectors: shared.Selectors = None, as_json: shared.JsonOption = False) -> None:
    """Show the steps and what each reads."""
    from .left_out import json_of, print_left_out

    settings = shared.settings_of(None)
    whole, chosen = shared.selected(settings, selectors)
    if as_json:
        shared.print_json(
            [
                {
                    "step": str(node.name),
                    "reads": sorted({str(read.dataset) for read in node.reads}),
                    "sources": list(node.sources),
                    "outputs": [str(output) for output in node.outputs],
                    "engine": node.engine or settings.engine,
                    "notebook": str(node.notebook.relative_to(settings.root)),
                }
                for node in chosen.steps
            ]
            + [entry for kind in json_of(chosen).values() for entry in kind]
        )
        raise typer.Exit(print_left_out(whole, chosen))
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("step", "reads", "writes"):
        table.add_column(name, overflow="fold")
    for node in chosen.steps:
        reads = sorted({str(read.dataset) for read in node.reads}) or list(node.sources)
        name = f"{node.name} ({node.engine})" if node.engine else str(node.name)
        table.add_row(name, ", ".join(reads), ", ".join(map(str, node.outputs)))
    shared.console().print(table)
    raise typer.Exit(print_left_out(whole, chosen))


def query(
    sql: Annotated[str, typer.Argument(help="A DuckDB query over datasets by name.")],
    output: Annotated[
        Format, typer.Option("--format", help="How rows are printed.")
    ] = Format.table,
    limit: Annotated[
        int, typer.Option(min=1, help="Rows of a printed table at most; csv and json give all.")
    ] = 1000,
    start: shared.StartOption = None,
    end: shared.EndOption = None,
    days: shared.DaysOption = None,
    restore: shared.RestoreOption = False,
    unmask: shared.UnmaskOption = False,
    env: shared.EnvOption = None,
    lake: shared.LakeOption = None,
) -> None:
    """Run SQL over all datasets: SELECT … FROM silver.flights.

    --start and --end limit every dataset that has a time to these days.
    """
    from ..run.query import run_query

    settings, interval = shared.settings_to_read(lake, env), shared.interval_of(start, end, days)
    rows = run_query(settings, sql, interval, restore=restore, unmask=unmask, say=shared.print_note)
    _print_relation(rows, output, limit)


def _print_relation(relation: Rows, output: Format, limit: int) -> None:
    columns = relation.columns
    if output is Format.table:
        rows = relation.fetchmany(limit + 1)
        _print_rows(columns, rows[:limit])
        if len(rows) > limit:
            more = f"there are more than {plural(limit, 'row')}"
            shared.error_console().print(f"{more}; raise --limit or use --format csv")
        return
    batches = iter(lambda: relation.fetchmany(_BATCH), [])
    if output is Format.csv:
        import csv

        writer = csv.writer(sys.stdout, lineterminator="\n")  # as what a shell reads line by line
        writer.writerow(columns)
        for batch in batches:
            writer.writerows(batch)
    else:
        shared.print_json_rows(
            dict(zip(columns, row, strict=True)) for batch in batches for row in batch
        )


def lineage(
    target: Annotated[str, typer.Argument(metavar="DATASET[.COLUMN]")],
    direction: Annotated[Direction, typer.Option(help="Towards sources or consumers.")] = (
        Direction.up
    ),
    as_json: shared.JsonOption = False,
) -> None:
    """Show where a dataset or column comes from, or what is made of it."""
    from ..lineage import lineage as walk
    from ..lineage import render_tree, to_json

    settings = shared.settings_of(None)
    whole = shared.whole_graph(settings)
    tree = walk(settings, whole, target, direction.value)
    if as_json:
        shared.print_json(to_json(tree))
    else:
        shared.console().print(render_tree(tree))


@quarantine_app.command("show")
def quarantine_show(
    dataset: Annotated[str, typer.Argument(metavar="DATASET")],
    limit: Annotated[int, typer.Option(min=0, help="Rows at most.")] = 20,
    unmask: shared.UnmaskOption = False,
    env: shared.EnvOption = None,
    lake: shared.LakeOption = None,
    as_json: shared.JsonOption = False,
) -> None:
    """Show the rows that rules of the published version kept out, with the rules."""
    from ..run.quarantine import shown

    settings = shared.settings_to_read(lake, env)
    found = shown(settings, Dataset.parse(dataset), limit, unmask=unmask)
    if as_json:
        shared.print_json([dict(zip(found.columns, row, strict=True)) for row in found.rows])
        return
    if found.rows:
        _print_rows(list(found.columns), found.rows)
    shared.console().print(f"{plural(found.total, 'row')} of {dataset} in quarantine")
    if found.masked and found.rows:
        names = ", ".join(found.masked)
        shared.console().print(f"hidden by classification: {names}; --unmask shows them")


@quarantine_app.command("replay")
def quarantine_replay(
    dataset: Annotated[str, typer.Argument(metavar="DATASET")],
    start: shared.StartOption = None,
    end: shared.EndOption = None,
    days: shared.DaysOption = None,
    restore: shared.RestoreOption = False,
    env: shared.EnvOption = None,
    lake: shared.LakeOption = None,
) -> None:
    """Run again the partitions that have rows in quarantine, or an interval, after a fix."""
    from ..run.plan import Planner
    from ..run.quarantine import quarantined_partitions
    from .progress import Watch, print_summary

    settings = shared.settings_to_change(lake, env)
    name = Dataset.parse(dataset)
    interval = shared.interval_of(start, end, days)
    whole = shared.whole_graph(settings)
    node = whole.producer(name)
    names = quarantined_partitions(settings, name)
    if not names:
        shared.console().print(f"{dataset} has no rows in quarantine")
        return
    from ..run.quarantine import replay
    from ..run.stopping import stopping

    with Watch([node.name]) as watch, stopping() as stop:
        planner = Planner(settings, whole, interval)
        reports, elapsed_s = replay(planner, node, names, watch.notify, stop, restore=restore)
    print_summary(settings, reports, elapsed_s)
    code = stop.exit_code or max((report.exit_code for report in reports), default=0)
    if code:
        raise typer.Exit(code)


def runs(
    step: Annotated[str | None, typer.Argument(metavar="[STEP]")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Runs at most, newest first.")] = 20,
    env: shared.EnvOption = None,
    lake: shared.LakeOption = None,
    as_json: shared.JsonOption = False,
) -> None:
    """List the newest runs."""
    from ..archive.record import read_records

    settings = shared.settings_to_read(lake, env)
    shared.adopt_debris(settings)
    wanted = str(parse_notebook(step)) if step else None
    records = [r for r in read_records(settings.runs) if wanted in (None, r.step)][:limit]
    if wanted is not None and not records:
        shared.check_step(settings, wanted)
    if as_json:
        shared.print_json([record.to_json() for record in records])
        return
    from .progress import print_runs

    print_runs(records)


def _print_rows(columns: list[str], rows: Sequence[tuple[Any, ...]]) -> None:
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in columns:
        table.add_column(column, no_wrap=True)
    for row in rows:
        table.add_row(*("[dim]null[/]" if value is None else escape(str(value)) for value in row))
    # Values are never cut: a row that is too wide is the terminal's to wrap.
    shared.console(width=100_000).print(table)
