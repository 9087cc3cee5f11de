"""`lakebook report`: open, serve, build, export and prune what runs have left."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from . import shared

report_app = typer.Typer(help="Reports of runs.", no_args_is_help=True)
RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="A run's id, or its beginning.")]
MaybeRun = Annotated[
    str | None, typer.Argument(metavar="[RUN]", help="A run's id, or its beginning.")
]


@report_app.command("open")
def report_open(
    run_id: MaybeRun = None, env: shared.EnvOption = None, lake: shared.LakeOption = None
) -> None:
    """Print the place of a run's page, or of the index, and open it in a browser."""
    import webbrowser

    from ..catalog.pending import tell_site
    from ..site.build import build_site
    from ..site.export import find_run
    from ..site.places import page_name

    settings = shared.settings_to_read(lake, env)
    page = build_site(settings).index
    tell_site(settings)
    if run_id:
        page = settings.site / page_name(find_run(settings, run_id).run_id)
    shared.console().print(shared.relative(page), markup=False, soft_wrap=True)
    webbrowser.open(page.as_uri())


@report_app.command("serve")
def report_serve(
    port: Annotated[int, typer.Option(help="A port of this machine (0: any free one).")] = 8765,
    env: shared.EnvOption = None,
    lake: shared.LakeOption = None,
) -> None:
    """Serve the site to browsers on this machine, until Ctrl-C."""
    from ..catalog.pending import tell_site
    from ..site.build import build_site
    from ..site.serve import HOST, server

    settings = shared.settings_to_read(lake, env)
    build_site(settings)
    tell_site(settings)
    with server(settings.site, port) as running:
        shared.console().print(f"http://{HOST}:{running.server_port}/index.html  (Ctrl-C ends it)")
        running.serve_forever()


@report_app.command("build")
def report_build(
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Write every page anew.")] = False,
    env: shared.EnvOption = None,
    lake: shared.LakeOption = None,
) -> None:
    """Bring the site up to date; column lineage that is not known yet is compiled."""
    from ..catalog.pending import tell_site
    from ..site.build import build_site

    settings = shared.settings_to_read(lake, env)
    shared.adopt_debris(settings)
    built = build_site(settings, rebuild=rebuild, compile_lineage=True)
    tell_site(settings)
    out = shared.console()
    if built.problem:
        shared.error_console().print(f"the graph could not be read: {built.problem}", markup=False)
    out.print(f"{built.new_runs} new runs, {built.pages} pages written; {built.elapsed_s:.1f} s")
    out.print(shared.relative(built.index), markup=False, soft_wrap=True)


@report_app.command("export")
def report_export(
    run_id: RunArgument,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File or folder (default: here).")
    ] = None,
    env: shared.EnvOption = None,
    lake: shared.LakeOption = None,
) -> None:
    """Write one run as one file that needs no other, to send or to keep."""
    from ..site.export import export_run

    place = export_run(shared.settings_to_read(lake, env), run_id, output)
    shared.console().print(shared.relative(place), markup=False, soft_wrap=True)


@report_app.command("prune")
def report_prune(
    run: Annotated[
        list[str] | None,
        typer.Option("--run", metavar="RUN", help="This run, and not by age. May be repeated."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    env: shared.EnvOption = None,
    lake: shared.LakeOption = None,
    as_json: shared.JsonOption = False,
) -> None:
    """Remove runs that are older than [archive] in lakebook.toml allows; a note of each stays."""
    from ..site.build import build_site
    from ..site.retention import ASKED_FOR, apply_prune, plan_prune, plan_removal

    settings = shared.settings_to_read(lake, env)
    plan = plan_removal(settings, run, ASKED_FOR) if run else plan_prune(settings)
    if not dry_run:
        apply_prune(settings, plan)
        build_site(settings)
    if as_json:
        shared.print_json(
            {
                "removed" if not dry_run else "would_remove": [
                    {"run_id": one.record.run_id, "step": one.record.step, "why": one.why}
                    for one in plan.doomed
                ],
                "kept": plan.kept,
                "bytes": plan.size_bytes,
            }
        )
        return
    out = shared.console()
    for one in plan.doomed:
        out.print(f"{one.record.run_id}  {one.record.status}  {one.why}", soft_wrap=True)
    verb = "would be removed" if dry_run else "removed"
    size = plan.size_bytes / 1e6
    out.print(f"{len(plan.doomed)} runs {verb} ({size:.1f} MB), {plan.kept} kept")
    if not run and not settings.archive.keep_days and not settings.archive.keep_failed_days:
        words = "[archive] in lakebook.toml has keep_days = 0 and keep_failed_days = 0: for good"
        out.print(words, markup=False, soft_wrap=True)


@report_app.command("docs")
def report_docs(
    dataset: Annotated[str, typer.Argument(metavar="DATASET")],
    env: shared.EnvOption = None,
    lake: shared.LakeOption = None,
) -> None:
    """Write Great Expectations' Data Docs of a dataset's last audit; print their place."""
    from ..names import Dataset
    from ..run.data_docs import render_data_docs

    page = render_data_docs(shared.settings_to_read(lake, env), Dataset.parse(dataset))
    shared.console().print(shared.relative(page), markup=False, soft_wrap=True)
