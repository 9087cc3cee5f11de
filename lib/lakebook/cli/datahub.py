"""`lakebook datahub`: fill the catalog's outbox, deliver it, look at it without a server."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

from . import shared

if TYPE_CHECKING:
    from ..settings import Settings

app = typer.Typer(help="Metadata for DataHub: the outbox, its delivery, a local catalog.")
lite_app = typer.Typer(help="A local catalog without a server (DataHub Lite).")
app.add_typer(lite_app, name="lite")
_SHOWN = 10


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

    settings = shared.settings_to_read(lake, env)
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

    settings = shared.settings_to_read(lake, env)
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

    found = status_of(shared.settings_to_read(lake, env), os.environ)
    if as_json:
        shared.print_json(found)
        return
    out = shared.console()
    out.print(f"outbox: {found['files']} files in {found['folder']}", markup=False, soft_wrap=True)
    for run_id in found["not_emitted"][:_SHOWN]:
        out.print(f"not emitted: {run_id}", markup=False)
    if (rest := len(found["not_emitted"]) - _SHOWN) > 0:
        out.print(f"and {rest} more")
    if found["not_emitted"]:
        out.print("lakebook datahub emit catches up")
    if found["problem"]:
        out.print(f"the last emission: {found['problem']}", markup=False, soft_wrap=True)
    if found["waiting"] is not None:
        out.print(f"waiting for the server: {found['waiting']} files")
        out.print(f"set aside: {len(found['set_aside'])} proposals")
        for one in found["set_aside"][:_SHOWN]:
            out.print(f"  {one}", markup=False, soft_wrap=True)
    for key in found["incidents"]:
        out.print(f"open incident: {key}", markup=False)


@lite_app.callback(invoke_without_command=True)
def lite(
    context: typer.Context,
    env: shared.EnvOption = None,
    lake: shared.LakeOption = None,
) -> None:
    """Load the outbox into the local catalog; the commands below do so first."""
    if context.invoked_subcommand is not None:
        context.obj = (env, lake)  # given before the command or after it
        return
    from ..catalog.lite import lite_folder

    settings, count = _loaded(context, env, lake)
    place = shared.relative(lite_folder(settings))
    shared.console().print(f"{count} proposals loaded into {place}", soft_wrap=True)


@lite_app.command()
def search(
    context: typer.Context,
    words: str,
    env: shared.EnvOption = None,
    lake: shared.LakeOption = None,
    as_json: shared.JsonOption = False,
) -> None:
    """Find entities by their name or URN."""
    from ..catalog import lite as local

    settings, _ = _loaded(context, env, lake)
    found = local.search(settings, words)
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
    env: shared.EnvOption = None,
    lake: shared.LakeOption = None,
) -> None:
    """Print what the catalog knows of one entity, as JSON. A dataset's name will do as well."""
    from ..catalog import lite as local
    from ..catalog.urns import dataset_urn

    settings, _ = _loaded(context, env, lake)
    wanted = urn if urn.startswith("urn:") else dataset_urn(urn, settings.env)
    shared.print_json(local.get(settings, wanted, aspect))


@lite_app.command()
def ls(
    context: typer.Context,
    path: Annotated[str, typer.Argument()] = "/",
    env: shared.EnvOption = None,
    lake: shared.LakeOption = None,
) -> None:
    """List the catalog's tree, from platforms to datasets."""
    from ..catalog import lite as local

    settings, _ = _loaded(context, env, lake)
    for name in local.ls(settings, path):
        typer.echo(name)


def _loaded(context: typer.Context, env: str | None, lake: str | None) -> tuple[Settings, int]:
    """The settings, once what is new is in the local catalog, and how much that was."""
    from ..catalog.lite import load

    earlier_env, earlier_lake = context.obj or (None, None)
    settings = shared.settings_to_read(lake or earlier_lake, env or earlier_env)
    return settings, load(settings)
