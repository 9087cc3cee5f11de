"""Great Expectations' Data Docs of a dataset's last audit, rendered from the archive."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from ..archive.record import newest_audit
from ..contract.classified import classified_columns
from ..contract.lookup import find_table
from ..errors import UserError
from ..graph import StepNode, load_graph
from ..names import Dataset
from ..settings import Settings
from ..site.removed import SOURCE


def render_data_docs(settings: Settings, dataset: Dataset) -> Path:
    """Write the site to `<lake>/<env>/docs/<dataset>` and return its index page.

    Raises UserError for a dataset that is not there, has not been audited yet, or has classified
    columns.
    """
    step = load_graph(settings).producer(dataset)
    if hidden := sorted(_classified(settings, step, dataset)):
        # Also where an audit is kept of a time before they were.
        raise UserError(
            f"there are no Data Docs of {dataset}: Great Expectations' documents hold rows, and "
            f"{', '.join(hidden)} {'is' if len(hidden) == 1 else 'are'} classified",
            fix="the verdicts, without values, stand in the run report: lakebook report open",
        )
    audit = newest_audit(settings.runs, str(dataset))
    if audit is None:
        raise UserError(
            f"the archive has no audit of {dataset} in the environment {settings.env}",
            fix=f"run it first: lakebook run {step.name}; a contract without rules has no audit",
        )
    document = json.loads(audit.read_text(encoding="utf-8"))
    from ..quality import data_docs

    target = settings.lake / settings.env / "docs" / str(dataset)
    partial = target.with_name(f".{dataset}.{os.getpid()}.partial")
    try:
        page = data_docs([document], partial).relative_to(partial.resolve())
        (partial / SOURCE).write_text(json.dumps({"run": audit.parent.name}), encoding="utf-8")
        shutil.rmtree(target, ignore_errors=True)
        partial.rename(target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return target / page


def _classified(settings: Settings, step: StepNode, dataset: Dataset) -> frozenset[str]:
    if step.contract is None or dataset not in step.contract.datasets:
        return frozenset()
    return classified_columns(find_table(settings, dataset))
