"""`lakebook new` and `lakebook lab`."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import Annotated

import typer

from ..errors import UserError
from ..names import Dataset
from ..settings import own_env
from . import shared


def new(
    name: Annotated[str, typer.Argument(metavar="LAYER.NAME")],
    reads: Annotated[
        list[str] | None, typer.Option("--reads", metavar="DATASET", help="A dataset it reads.")
    ] = None,
    source: Annotated[
        str | None, typer.Option(metavar="URI", help="A source to land (bronze).")
    ] = None,
) -> None:
    """Write a notebook, its contract and a golden case to start from."""
    from ..contract.lookup import find_table
    from ..run.scaffold import scaffold

    settings = shared.settings_of(None)
    upstream = [Dataset.parse(text) for text in reads or []]
    for dataset in upstream:  # a step that reads what nobody writes would break every command
        find_table(settings, dataset)
    written = scaffold(settings.root, Dataset.parse(name), upstream, source)
    out = shared.console()
    for path in written:
        out.print(f"wrote {shared.relative(path)}", markup=False, soft_wrap=True)
    out.print(f"next: fill in the contract's columns, then lakebook check {name}")


def lab(
    env: shared.EnvOption = None,
    lake: shared.LakeOption = None,
    extra: Annotated[
        list[str] | None, typer.Argument(metavar="[-- OPTION]...", help="Options of jupyter lab.")
    ] = None,
) -> None:
    """Open JupyterLab in your own environment: reads fall through to prod, writes stay."""
    settings = shared.settings_to_make(lake, own_env() if env is None else env, writes=False)
    try:
        import jupyterlab  # noqa: F401
    except ImportError:
        raise UserError("JupyterLab is not installed", fix="use make lab") from None
    from ..files import make_folder
    from ..runtime.kernelspec import install
    from ..runtime.warm import WarmUnavailable, hold

    # What only reads then takes the name for no slip of the keys. In a lake of others a write says.
    with contextlib.suppress(OSError):
        make_folder(settings.lake / settings.env)
    with contextlib.suppress(
        OSError
    ):  # somebody else's environment: it is there, or JupyterLab says
        install()
    environ = {
        **os.environ,
        "LAKEBOOK_ROOT": str(settings.root),
        "LAKEBOOK_LAKE": str(settings.lake),
        "LAKEBOOK_ENV": settings.env,
    }
    with contextlib.suppress(WarmUnavailable):  # a kernel starts slowly then, and says why
        _held = hold(settings, environ)  # open until JupyterLab ends
    shared.console().print(f"environment {settings.env}; lake {shared.relative(settings.lake)}")
    command = [sys.executable, "-m", "jupyterlab", f"--notebook-dir={settings.root}"]
    os.execve(sys.executable, [*command, *(extra or [])], environ)
