"""Maintenance jobs as far as they can be checked without running them: their cells parse."""

from __future__ import annotations

import time
from collections.abc import Iterable

from ..errors import GraphError
from ..graph import job_names, load_job
from ..names import Job
from ..settings import Settings
from .model import CheckReport, Finding, StepCheck, StepLineage


def check_jobs(settings: Settings, names: Iterable[str] | None = None) -> CheckReport:
    """Check the named jobs, all if None. Raises UserError for a job that there is not."""
    began = time.perf_counter()
    jobs = job_names(settings) if names is None else map(Job.parse, dict.fromkeys(names))
    checks = tuple(_check(settings, job) for job in jobs)
    return CheckReport(checks, time.perf_counter() - began)


def _check(settings: Settings, job: Job) -> StepCheck:
    began = time.perf_counter()
    findings: list[Finding] = []
    try:
        load_job(settings, job)
    except GraphError as broken:
        findings.append(Finding(str(job), broken.found, broken.where, fix=broken.fix))
    return StepCheck(
        str(job), tuple(findings), StepLineage(), round(time.perf_counter() - began, 4)
    )
