"""`lakebook datahub`: fill the catalog's outbox, deliver it, look at it without a server."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from . import shared

app = typer.Typer(help="Metadata for DataHub: the outbox, its delivery, a local catalog.")
lite_app = typer.Typer(help="A local catalog without a server (DataHub Lite).")
app.add_typer(lite_app, name="lite")


@app.command()
def emit(
    all_: Annotated[
        bool, typer.Option("--all", help="Go through all archived runs, not only missing ones.")
    ] = False,
    env: shared.EnvOption = None,
    lake: shared.LakeOption = None,
    as_json: shared.JsonOption = False,
) -> None:
    """Fill the outbox from contracts and archived runs; what it has already is not added again."""
    from ..catalog.emit import emit_all

    settings = shared.settings_of(lake, env)
    done = emit_all(settings, again=all_)
    if as_json:
        shared.print_json(done.to_json())
    else:
        out = shared.console()
        out.print(f"{done.runs} runs, {done.files} new files")
        for trouble in done.troubles:
            out.print(f"left out: {trouble}", markup=False, soft_wrap=True)
    if done.troubles:
        raise typer.Exit(1)


@app.command()
def push(
    batch: Annotated[int, typer.Option(min=1, max=200, help="Proposals in one request.")] = 100,
    attempts: Annotated[
        int, typer.Option(min=1, help="Attempts for one request while the server is away.")
    ] = 6,
    env: shared.EnvOption = None,
    lake: shared.LakeOption = None,
    as_json: shared.JsonOption = False,
) -> None:
    """Deliver the outbox to the server that DATAHUB_GMS_URL and DATAHUB_GMS_TOKEN name."""
    from ..catalog import push as pushing
    from ..catalog.server import Patience

    settings = shared.settings_of(lake, env)
    address, token = pushing.server_of(os.environ)
    done = pushing.push(settings, address, token, patience=Patience(attempts=attempts), batch=batch)
    if as_json:
        shared.print_json(done.to_json())
        return
    out = shared.console()
    out.print(f"{done.proposals} proposals of {done.files} files delivered")
    for one in done.set_aside:
        out.print(f"set aside: {one}", markup=False, soft_wrap=True)


@app.command()
def status(
    env: shared.EnvOption = None,
    lake: shared.LakeOption = None,
    as_json: shared.JsonOption = False,
) -> None:
    """Show what the outbox holds, what waits for delivery, and what is wrong."""
    from ..catalog.status import status_of

    found = status_of(shared.settings_of(lake, env), os.environ)
    if as_json:
        shared.print_json(found)
        return
    out = shared.console()
    out.print(f"outbox: {found['files']} files in {found['folder']}", markup=False, soft_wrap=True)
    if found["waiting"] is not None:
        out.print(f"waiting for the server: {found['waiting']} files")
        out.print(f"set aside: {found['set_aside']} proposals")
    for key in found["incidents"]:
        out.print(f"open incident: {key}", markup=False)


@lite_app.callback(invoke_without_command=True)
def lite(
    context: typer.Context,
    env: shared.EnvOption = None,
    lake: shared.LakeOption = None,
) -> None:
    """Load the outbox into the local catalog; without a command, that is all."""
    from ..catalog.lite import lite_folder, load

    settings = shared.settings_of(lake, env)
    context.obj = settings
    count = load(settings)
    if context.invoked_subcommand is None:
        place = shared.relative(lite_folder(settings))
        shared.console().print(f"{count} proposals loaded into {place}", soft_wrap=True)


@lite_app.command()
def search(context: typer.Context, words: str, as_json: shared.JsonOption = False) -> None:
    """Find entities by their name or URN."""
    from ..catalog import lite as local

    found = local.search(context.obj, words)
    if as_json:
        shared.print_json(found)
        return
    for urn in dict.fromkeys(one["urn"] for one in found):
        typer.echo(urn)


@lite_app.command()
def get(
    context: typer.Context,
    urn: str,
    aspect: Annotated[
        list[str] | None, typer.Option("--aspect", "-a", help="Only this aspect.")
    ] = None,
) -> None:
    """Print what the catalog knows of one entity, as JSON. A dataset's name will do as well."""
    from ..catalog import lite as local
    from ..catalog.urns import dataset_urn

    found = urn if urn.startswith("urn:") else dataset_urn(urn, context.obj.env)
    shared.print_json(local.get(context.obj, found, aspect))


@lite_app.command()
def ls(context: typer.Context, path: Annotated[str, typer.Argument()] = "/") -> None:
    """List the catalog's tree, from platforms to datasets."""
    from ..catalog import lite as local

    for name in local.ls(context.obj, path):
        typer.echo(name)
