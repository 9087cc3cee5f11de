"""The one mapping from Lakebook's names to DataHub's URNs. They are stable: a rerun gives the same.

`datahub` is not needed here. DataHub: "URNs", https://docs.datahub.com/docs/what/urn.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any
from urllib.parse import quote, urlsplit

from ..names import PROD, Dataset, is_job

PLATFORM = "urn:li:dataPlatform:delta-lake"
ORCHESTRATOR = "lakebook"
ACTOR = "urn:li:corpuser:lakebook"
_SOURCE_PLATFORMS = {"file": "file", "package": "file", "seed": "dbt", "postgresql": "postgres"}
_RESERVED = re.compile(r"[(),\s%]")


def guid(**parts: Any) -> str:
    """32 hexadecimal digits of what identifies something."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def fabric(env: str) -> str:
    """DataHub's word for an environment; a person's own is a development one."""
    return "PROD" if env == PROD else "DEV"


def dataset_urn(dataset: Dataset | str, env: str = PROD) -> str:
    name = str(dataset) if env == PROD else f"{env}.{dataset}"
    return f"urn:li:dataset:({PLATFORM},{name},{fabric(env)})"


def source_urn(uri: str) -> str:
    """A source outside the lake. Credentials and queries of the URI are left out."""
    platform, name = source_name(uri)
    return f"urn:li:dataset:(urn:li:dataPlatform:{platform},{_plain(name)},PROD)"


def source_name(uri: str) -> tuple[str, str]:
    """Platform and name of a source, without credentials."""
    parts = urlsplit(uri)
    place = parts.netloc.rpartition("@")[2]
    return _SOURCE_PLATFORMS.get(parts.scheme, parts.scheme or "file"), place + parts.path


def place_urn(name: str, env: str = PROD) -> str:
    """URN of a table of the lineage: a dataset, or outside the lake a source's URI."""
    return source_urn(name) if "://" in name else dataset_urn(name, env)


def field_urn(table: str, column: str) -> str:
    return f"urn:li:schemaField:({table},{column})"


def flow_urn(env: str = PROD, *, maintenance: bool = False) -> str:
    """Of the steps, or of the maintenance jobs: these are no part of the steps' graph."""
    name = "maintenance" if maintenance else "steps"
    name = name if env == PROD else f"{name}-{env}"
    return f"urn:li:dataFlow:({ORCHESTRATOR},{name},{fabric(env)})"


def job_urn(step: Dataset | str, env: str = PROD) -> str:
    """Of a step or a maintenance job."""
    flow = flow_urn(env, maintenance=is_job(str(step)))
    return f"urn:li:dataJob:({flow},{step})"


def run_urn(run_id: str, env: str = PROD) -> str:
    instance = guid(orchestrator=ORCHESTRATOR, env=env, run=run_id)
    return f"urn:li:dataProcessInstance:{instance}"


def assertion_urn(table: str, rule: str, expectation: str, arguments: Any = None) -> str:
    """Of the dataset's URN, the rule and its arguments: a replay reports on the same assertion."""
    found = guid(dataset=table, rule=rule, expectation=expectation, arguments=arguments or {})
    return f"urn:li:assertion:{found}"


def incident_urn(table: str, rule: str, run_id: str) -> str:
    """Of the run that opened it, so that a later failure is a new incident."""
    return f"urn:li:incident:{guid(dataset=table, rule=rule, run=run_id)}"


def contract_urn(table: str) -> str:
    return f"urn:li:dataContract:{guid(dataset=table)}"


def owner_urn(owner: str) -> str:
    return f"urn:li:corpuser:{_plain(owner)}"


def tag_urn(tag: str) -> str:
    return f"urn:li:tag:{_plain(tag)}"


def domain_urn(domain: str) -> str:
    return f"urn:li:domain:{_plain(domain)}"


def term_urn(term: str) -> str:
    return f"urn:li:glossaryTerm:{_slug(term)}"


def classification_urn(classification: str) -> str:
    return f"urn:li:glossaryTerm:classification.{classification}"


def property_urn(name: str) -> str:
    return f"urn:li:structuredProperty:lakebook.{name}"


def _plain(text: str) -> str:
    """A part of a URN: brackets, commas and spaces would end it."""
    return _RESERVED.sub(lambda found: quote(found[0], safe=""), text)


def _slug(term: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", term.lower()).strip("_")
