"""Notebooks of maintenance jobs, as far as their text says what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_checkout import Checkout

from lakebook.errors import GraphError, UserError
from lakebook.graph import Graph, job_names, load_job, load_jobs, select
from lakebook.names import Dataset, Job
from lakebook.settings import Settings, load_settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "lakebook.toml").touch()
    cells = ['job = Maintenance("tidy", days)', "job.plan()"]
    Checkout(tmp_path).notebook("ops.tidy", cells, parameters="days = 1\nstart: str = ''")
    return load_settings(tmp_path)


def test_a_job_has_its_notebook_and_all_of_its_parameters(settings: Settings):
    (job,) = load_jobs(settings, ["ops.tidy", "ops.tidy"])
    assert str(job.name) == "ops.tidy" and job.parameters == ("days", "start")
    assert job.notebook == settings.root / "notebooks/ops/tidy.ipynb"
    assert job_names(settings) == (Job("tidy"),)


def test_an_unknown_job_has_a_suggestion(settings: Settings):
    with pytest.raises(UserError, match=r"no maintenance job ops.tdy \(did you mean 'ops.tidy'"):
        load_jobs(settings, ["ops.tdy"])
    with pytest.raises(UserError, match=r"'ops\.' is not the name of a maintenance job"):
        load_jobs(settings, ["ops."])


@pytest.mark.parametrize(
    ("cell", "found"),
    [
        ("x = (", "cell 1, line 1: Python does not parse"),
        ('Maintenance("tydi")', r"cell 1: Maintenance\('tydi'\) does not have the notebook's name"),
        ("Maintenance(name)", r"cell 1: Maintenance\(name\) does not name its target as text"),
        ('lakebook.Step("gold.x")', r"cell 1: Step\(…\) in a maintenance job"),
    ],
)
def test_a_notebook_that_cannot_run(settings: Settings, cell: str, found: str):
    Checkout(settings.root).notebook("ops.tidy", [cell], time=False)
    with pytest.raises(GraphError, match=found):
        load_job(settings, Job("tidy"))


@pytest.mark.parametrize("text", ["ops.tidy", "+ops.tidy", "ops.tidy+"])
def test_a_job_is_no_selector_of_steps(text: str):
    with pytest.raises(
        UserError, match=r"'ops\.tidy' is a maintenance job, which makes no dataset"
    ):
        select(Graph.of([]), [text])


def test_jobs_are_no_layer():
    with pytest.raises(UserError, match="maintenance jobs are no layer"):
        select(Graph.of([]), ["layer:ops"])
    with pytest.raises(UserError, match="unknown layer 'opa'"):
        Dataset.parse("opa.tidy")
