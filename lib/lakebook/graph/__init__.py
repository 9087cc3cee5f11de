"""The graph of steps, read from the notebooks' syntax trees, the contracts and the dbt manifest."""

from __future__ import annotations

from .connect import Broken, Held
from .jobs import OpsJob, job_names, load_job, load_jobs
from .load import load_graph
from .model import Graph
from .select import Selection, select
from .state import save_state
from .step_node import Read, StepNode

__all__ = [
    "Broken",
    "Graph",
    "Held",
    "OpsJob",
    "Read",
    "Selection",
    "StepNode",
    "job_names",
    "load_graph",
    "load_job",
    "load_jobs",
    "save_state",
    "select",
]
