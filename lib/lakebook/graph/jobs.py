"""Maintenance jobs, `notebooks/ops/*.ipynb`: run by name, and no part of the graph."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ..errors import GraphError, UserError, did_you_mean
from ..names import OPS, Job, notebook_path
from ..settings import Settings
from .nodes import first_text, is_call, is_step
from .notebook import assigned, parse, read_cells


@dataclass(frozen=True)
class OpsJob:
    """One notebook without a dataset. `parameters` are the names in its cell of parameters."""

    name: Job
    notebook: Path
    parameters: tuple[str, ...] = ()


def job_names(settings: Settings) -> tuple[Job, ...]:
    """The jobs that the checkout has, in order."""
    folder = settings.notebooks / OPS
    return tuple(sorted(Job(path.stem) for path in folder.glob("*.ipynb")))


def load_jobs(settings: Settings, names: Iterable[str]) -> tuple[OpsJob, ...]:
    """Read the notebooks of the named jobs, in the order given; a name counts once.

    Raises UserError for a job that there is not, GraphError for a notebook that cannot be run.
    """
    return tuple(load_job(settings, Job.parse(name)) for name in dict.fromkeys(names))


def load_job(settings: Settings, name: Job) -> OpsJob:
    """Read one job's notebook, whose every cell must parse. Raises as `load_jobs`."""
    path = notebook_path(settings.root, name)
    where = path.relative_to(settings.root).as_posix()
    if not path.is_file():
        known = [str(each) for each in job_names(settings)]
        raise UserError(
            f"there is no maintenance job {name}{did_you_mean(str(name), known)}",
            fix=f"there are {', '.join(known)}" if known else f"write {where}",
        )
    parameters: list[str] = []
    for cell in read_cells(path, where=where):
        tree = parse(cell, where=where)
        for node in ast.walk(tree):
            _check(node, name, f"{where}, cell {cell.number}")
        if cell.is_parameters:
            parameters += [each for node in tree.body for each in assigned(node)]
    return OpsJob(name, path, tuple(parameters))


def _check(node: ast.AST, name: Job, where: str) -> None:
    if is_step(node):
        raise GraphError(
            "Step(…) in a maintenance job, which makes no dataset",
            where=where,
            fix="give the dataset a step of its own under notebooks/<layer>",
        )
    if isinstance(node, ast.Call) and is_call(node, "Maintenance"):
        given = first_text(node, "Maintenance", f'Maintenance("{name.name}")', where=where)
        if given != name.name:
            raise GraphError(
                f"Maintenance({given!r}) does not have the notebook's name",
                where=where,
                fix=f'write Maintenance("{name.name}"), or rename the notebook',
            )
