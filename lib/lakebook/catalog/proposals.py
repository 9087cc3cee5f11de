"""One change proposal as JSON, in the form that DataHub's files have; times as DataHub counts them.

Proposals hold nothing that differs from one making to the next (no clock, no random id), so that
equal metadata gives equal files.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from .urns import ACTOR

Proposal = dict[str, Any]


def proposal(urn: str, aspect: Any) -> Proposal:
    """The proposal that sets one aspect (an object of `datahub.metadata.schema_classes`).

    It is what DataHub's own MetadataChangeProposalWrapper writes, without its second round through
    Avro, which takes longer than all else here.
    """
    from datahub.emitter.serialization_helper import pre_json_transform

    return {
        "entityType": urn.split(":", 3)[2],
        "entityUrn": urn,
        "changeType": "UPSERT",
        "aspectName": aspect.get_aspect_name(),
        "aspect": {"json": pre_json_transform(aspect.to_obj())},
    }


def proposals(urn: str, *aspects: Any) -> list[Proposal]:
    """Proposals for the aspects of one entity that are not None, in their order."""
    return [proposal(urn, aspect) for aspect in aspects if aspect is not None]


def millis(moment: str, after_s: float = 0.0) -> int:
    """Milliseconds since 1970 of an ISO 8601 time with zone, and some seconds after it."""
    return round((datetime.fromisoformat(moment).timestamp() + after_s) * 1000)


def stamp(at_ms: int = 0) -> Any:
    """Who and when; 0: not known."""
    from datahub.metadata.schema_classes import AuditStampClass

    return AuditStampClass(time=at_ms, actor=ACTOR)
