"""What datasets refer to: platform, flow, structured properties, domains, tags, glossary terms.

The outbox keeps these before everything else, each emitted once (`describe.put_definitions`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..contract.model import TableContract
from ..contract.tables import CLASSIFICATIONS
from ..errors import UserError
from ..names import PROD
from . import urns
from .properties import PROPERTIES, definition
from .proposals import Proposal, proposal, proposals

GLOSSARY = "notebooks/glossary.yaml"
_NODE = "urn:li:glossaryNode:classification"
_CLASSIFICATION = {
    "public": "Anybody may see the values.",
    "internal": "Everybody who works here may see the values.",
    "confidential": "Only those who need them for their work may see the values.",
    "restricted": "Values are seen with a permission of their own only.",
}


def definitions(
    tables: Iterable[TableContract], glossary: Mapping[str, str], env: str = PROD
) -> list[Proposal]:
    """Everything that these tables refer to, in an order in which it can be applied."""
    tables = tuple(tables)
    found = [_platform(), _flow(env)]
    found += [definition(name) for name in PROPERTIES]
    found += [_domain(name) for name in sorted({t.domain for t in tables if t.domain})]
    found += [_tag(name) for name in sorted({tag for t in tables for tag in _tags(t)})]
    found.append(_classification_node())
    found += [_classification(name) for name in CLASSIFICATIONS]
    terms = {term for table in tables for term in _terms(table)}
    return [*found, *(_term(name, glossary) for name in sorted(terms))]


def read_glossary(root: Path) -> dict[str, str]:
    """Term -> definition of the checkout's glossary; empty where there is none."""
    path = root / GLOSSARY
    if not path.is_file():
        return {}
    import yaml  # type: ignore[import-untyped]

    try:
        found: Any = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except yaml.YAMLError as broken:
        raise UserError(f"not YAML: {' '.join(str(broken).split())}", where=GLOSSARY) from None
    if not isinstance(found, dict) or not all(isinstance(text, str) for text in found.values()):
        raise UserError(
            "the glossary is no mapping of terms to sentences",
            where=GLOSSARY,
            fix="write a line per term, such as `Departure delay: Minutes between …`",
        )
    return {str(term): text.strip() for term, text in found.items()}


def _tags(table: TableContract) -> set[str]:
    return {*table.tags, *(tag for column in table.columns for tag in column.tags)}


def _terms(table: TableContract) -> set[str]:
    return {*table.terms, *(term for column in table.columns for term in column.terms)}


def _platform() -> Proposal:
    from datahub.metadata.schema_classes import DataPlatformInfoClass, PlatformTypeClass

    return proposal(
        f"urn:li:dataPlatform:{urns.ORCHESTRATOR}",
        DataPlatformInfoClass(
            name=urns.ORCHESTRATOR,
            displayName="Lakebook",
            type=PlatformTypeClass.OTHERS,
            datasetNameDelimiter=".",
        ),
    )


def _flow(env: str) -> Proposal:
    from datahub.metadata.schema_classes import DataFlowInfoClass

    return proposal(
        urns.flow_urn(env),
        DataFlowInfoClass(
            name="Lakebook" if env == PROD else f"Lakebook ({env})",
            description="The steps of this lake: one notebook each, run in dependency order.",
            customProperties={"environment": env},
        ),
    )


def _domain(name: str) -> Proposal:
    from datahub.metadata.schema_classes import DomainPropertiesClass

    return proposal(urns.domain_urn(name), DomainPropertiesClass(name=name))


def _tag(name: str) -> Proposal:
    from datahub.metadata.schema_classes import TagPropertiesClass

    return proposal(urns.tag_urn(name), TagPropertiesClass(name=name))


def _classification_node() -> Proposal:
    from datahub.metadata.schema_classes import GlossaryNodeInfoClass

    words = "Who may see the values of a column."
    return proposal(_NODE, GlossaryNodeInfoClass(definition=words, name="Classification"))


def _classification(name: str) -> Proposal:
    from datahub.metadata.schema_classes import GlossaryTermInfoClass

    return proposal(
        urns.classification_urn(name),
        GlossaryTermInfoClass(
            definition=_CLASSIFICATION[name],
            termSource="INTERNAL",
            name=name.capitalize(),
            parentNode=_NODE,
        ),
    )


def _term(name: str, glossary: Mapping[str, str]) -> Proposal:
    from datahub.metadata.schema_classes import GlossaryTermInfoClass

    words = glossary.get(name, "A word of the contracts; the glossary does not define it yet.")
    return proposals(
        urns.term_urn(name),
        GlossaryTermInfoClass(definition=words, termSource="INTERNAL", name=name),
    )[0]
