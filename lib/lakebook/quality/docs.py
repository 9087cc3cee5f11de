"""Great Expectations' Data Docs of audits: a static site, made from the results that runs keep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import RunError
from .results import AuditResult
from .suite import import_gx

SITE = "lakebook"


def data_docs(results: Sequence[AuditResult | Mapping[str, Any]], folder: Path) -> Path:
    """Write the site of these results (or of their `gx` documents); return its index page."""
    gx = import_gx()
    from .gx_own import register_classes

    register_classes()
    documents = [dict(r.gx) if isinstance(r, AuditResult) else dict(r) for r in results]
    documents = [document for document in documents if document]  # an audit without rules has none
    context = gx.get_context(mode="ephemeral")
    folder = folder.resolve()
    context.add_data_docs_site(site_name=SITE, site_config=_site(folder))
    for site in context.get_site_names():
        if site != SITE:
            context.delete_data_docs_site(site_name=site)
    for number, document in enumerate(documents):
        _store(context, document, number)
    context.build_data_docs(site_names=[SITE])
    index = folder / "index.html"
    if not index.is_file():
        raise RunError("Great Expectations wrote no Data Docs", where=str(folder))
    return index


def _site(folder: Path) -> dict[str, Any]:
    return {
        "class_name": "SiteBuilder",
        "show_how_to_buttons": False,
        "store_backend": {
            "class_name": "TupleFilesystemStoreBackend",
            "base_directory": str(folder),
        },
        "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
    }


def _store(context: Any, document: dict[str, Any], number: int) -> None:
    from great_expectations.core import ExpectationSuite, ExpectationSuiteValidationResult
    from great_expectations.core.run_identifier import RunIdentifier
    from great_expectations.data_context.types.resource_identifiers import (
        ExpectationSuiteIdentifier,
        ValidationResultIdentifier,
    )

    name = document["suite_name"]
    markers = (document.get("meta") or {}).get("batch_markers") or {}
    key = ValidationResultIdentifier(
        expectation_suite_identifier=ExpectationSuiteIdentifier(name=name),
        run_id=RunIdentifier(run_name=str(markers.get("ge_load_time", number))),
        batch_identifier=f"{name}-{number}",
    )
    result = ExpectationSuiteValidationResult(**document)
    context.validation_results_store.set(key, result)
    expectations = [one["expectation_config"] for one in document["results"]]
    context.suites.add_or_update(ExpectationSuite(name=name, expectations=expectations))
