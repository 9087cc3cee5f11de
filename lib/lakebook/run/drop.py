"""Takes an environment away: first the plan, which can be shown, then the doing.

What goes is renamed aside at once, into `<lake>/.dropped`, and deleted from there: a reader sees
the environment as it was or not at all, and files that it holds open stay readable. Killed at any
moment, the same command goes on.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ..delta import Pins, fault_point, living_stages
from ..errors import UserError, storage_errors
from ..files import make_folder, sync, sync_all
from ..names import PROD, Dataset, Roots, env_name, environments_of, table_path, tables_of
from ..settings import Settings
from .environments import DROPPED, EnvironmentUse, existing, size_of, use_of
from .workspace import hold_environment, living

_REPORTS = ("runs", "site")


@dataclass(frozen=True)
class DropPlan:
    """`use`: what there is, None where an earlier drop has begun and only its rest is left.

    `leftovers`: folders that an earlier drop has moved aside and not deleted.
    """

    settings: Settings
    use: EnvironmentUse | None
    keep_runs: bool
    size_bytes: int
    leftovers: tuple[Path, ...]


def plan_drop(settings: Settings, name: str, *, keep_runs: bool = False) -> DropPlan:
    """What dropping an environment would delete. Nothing is touched.

    Raises UserError for prod, for an environment that is not there, and for one that is written to.
    """
    if env_name(name) == PROD:
        raise UserError("prod is nobody's environment and is never dropped")
    aside = settings.lake / DROPPED
    leftovers = tuple(sorted(aside.glob(f"{name}.*"))) if aside.is_dir() else ()
    rest = sum(map(size_of, leftovers))
    if leftovers and name not in environments_of(settings.lake):
        return DropPlan(settings, None, keep_runs, rest, leftovers)
    mine = existing(settings, name)
    refuse_if_used(mine, tables_of(mine.lake, env=mine.env))
    use = use_of(settings, name)
    kept = sum(size_of(mine.lake / name / each) for each in _REPORTS) if keep_runs else 0
    return DropPlan(mine, use, keep_runs, use.size_bytes - kept + rest, leftovers)


def apply_drop(plan: DropPlan) -> None:
    """Do what the plan says. Raises UserError if a run has begun since."""
    settings = plan.settings
    with storage_errors("dropping an environment", settings.lake):
        if plan.use is not None:
            with hold_environment(settings, alone=True) as is_ours:
                tables = tables_of(settings.lake, env=settings.env)
                refuse_if_used(settings, tables, runs_there=not is_ours)
                _move_aside(settings, keep_runs=plan.keep_runs)
        for folder in (settings.lake / DROPPED).glob(f"{_name(plan)}.*"):
            Pins(Roots.at(settings.lake / DROPPED), folder.name).release_all(settings.roots)
            delete_folder(folder)


def _name(plan: DropPlan) -> str:
    return plan.use.name if plan.use else plan.leftovers[0].name.rpartition(".")[0]


def refuse_if_used(
    settings: Settings, datasets: Iterable[Dataset], *, runs_there: bool = False
) -> None:
    """Raise UserError if something would lose its work: a command that runs there, or a notebook
    that is writing one of the datasets."""
    runs = living(settings)
    for dataset in () if runs else datasets:
        runs += living_stages(table_path(settings.lake, dataset, env=settings.env))
    if runs or runs_there:
        which = f" ({', '.join(dict.fromkeys(runs))})" if runs else ""
        raise UserError(
            f"a run of the environment {settings.env!r} is going on{which}",
            fix="wait for its end, or stop it",
        )


def _move_aside(settings: Settings, *, keep_runs: bool) -> None:
    """One rename; with the reports kept, one for each of the other folders."""
    folder = settings.lake / settings.env
    target = settings.lake / DROPPED / f"{settings.env}.{secrets.token_hex(4)}"
    make_folder(target.parent)
    if not keep_runs:
        folder.rename(target)
    else:
        target.mkdir()
        for entry in sorted(folder.iterdir()):
            if entry.name not in _REPORTS:
                entry.rename(target / entry.name)
                fault_point("drop.after_folder")
        sync_all((folder, target))
    # Nothing goes from there before a power cut can no longer bring its folder back.
    sync_all((target.parent, folder.parent))
    fault_point("drop.after_rename")


def delete_folder(folder: Path, point: str = "drop.after_part") -> None:
    """Delete what was moved aside, a part after the other; `point`: of a fault, after each."""
    for entry in sorted(folder.iterdir()):
        if entry.is_dir():
            shutil.rmtree(entry)
        else:
            entry.unlink()
        fault_point(point)
    folder.rmdir()
    sync(folder.parent)
