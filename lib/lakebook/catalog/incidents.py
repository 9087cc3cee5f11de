"""Incidents: raised when a rule with the action `fail`, or the inspection of the files, stops a
run; resolved when it holds again.

It holds again when the partitions of the failed run have all passed it; a later day that is well
does not mend an earlier one. What is open is kept beside the outbox (`outbox.State`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ..archive.record import RunRecord
from ..intervals import WHOLE
from ..names import Dataset
from . import urns
from .assertions import SCHEMA, Promise, promise_of
from .inspected import inspections
from .proposals import Proposal, proposal, stamp
from .runs import Contracts, ended_ms


@dataclass(frozen=True)
class Incident:
    """An open one. `partitions` still have to pass; `opened_ms` is the end of the run `run_id`."""

    dataset: str
    rule: str
    run_id: str
    opened_ms: int
    partitions: tuple[str, ...]

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Incident:
        return cls(**{**raw, "partitions": tuple(raw["partitions"])})

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


Open = dict[str, Incident]
"""Open incidents by `dataset/rule`, those of a schema by `dataset schema`."""


def incidents(
    record: RunRecord, contracts: Contracts, before: Mapping[str, Incident]
) -> tuple[list[Proposal], Open]:
    """Proposals of one run, and what is open after it. The same run again gives the same."""
    after = dict(before)
    made = []
    for check in (*inspections(record), *record.checks):
        if check["action"] != "fail":
            continue
        is_schema = check["expectation"] == SCHEMA  # its name may be a rule's as well
        key = f"{check['dataset']}{' ' if is_schema else '/'}{check['name']}"
        known = after.get(key)
        promise, _ = promise_of(check, contracts.get(Dataset.parse(check["dataset"])))
        if not check["success"]:
            after[key] = _opened(record, check, known)
            made.append(_proposal(record, after[key], promise, check))
        elif known is not None and record.status == "ok":
            rest = _left(known, record)
            if rest:
                after[key] = Incident(**{**known.__dict__, "partitions": rest})
            else:
                del after[key]
            made.append(_proposal(record, known, promise, None, rest))
    return made, after


def _opened(record: RunRecord, check: Mapping[str, Any], known: Incident | None) -> Incident:
    names = record.partitions or (WHOLE,)
    if known is None:
        return Incident(
            check["dataset"], check["name"], record.run_id, ended_ms(record), tuple(names)
        )
    return Incident(**{**known.__dict__, "partitions": tuple(sorted({*known.partitions, *names}))})


def _left(known: Incident, record: RunRecord) -> tuple[str, ...]:
    passed = set(record.partitions or (WHOLE,))
    return () if WHOLE in passed else tuple(n for n in known.partitions if n not in passed)


def _proposal(
    record: RunRecord,
    incident: Incident,
    promise: Promise,
    failed: Mapping[str, Any] | None,
    rest: tuple[str, ...] = (),
) -> Proposal:
    from datahub.metadata.schema_classes import (
        IncidentInfoClass,
        IncidentSourceClass,
        IncidentSourceTypeClass,
        IncidentStageClass,
        IncidentStateClass,
        IncidentStatusClass,
        IncidentTypeClass,
    )

    table = urns.dataset_urn(incident.dataset, record.env)
    is_over = failed is None and not rest
    if failed is not None:
        message = _count(record, failed)
    elif rest:
        message = f"Run {record.run_id} passed; {_several(rest)} still to be run."
    else:
        message = f"Run {record.run_id} passed."
    kind = IncidentTypeClass.FIELD if promise.columns else IncidentTypeClass.CUSTOM
    title = f"{incident.dataset}: rule {incident.rule} does not hold"
    if promise.expectation == SCHEMA:
        kind, title = IncidentTypeClass.DATA_SCHEMA, f"{incident.dataset}: not the promised schema"
    return proposal(
        urns.incident_urn(table, incident.rule, incident.run_id),
        IncidentInfoClass(
            type=kind,
            customType="QUALITY_GATE" if kind == IncidentTypeClass.CUSTOM else None,
            title=title,
            description=promise.reason or None,
            entities=[table],
            source=IncidentSourceClass(
                type=IncidentSourceTypeClass.ASSERTION_FAILURE, sourceUrn=promise.urn(table)
            ),
            created=stamp(incident.opened_ms),
            startedAt=incident.opened_ms,
            status=IncidentStatusClass(
                state=IncidentStateClass.RESOLVED if is_over else IncidentStateClass.ACTIVE,
                stage=IncidentStageClass.FIXED if is_over else IncidentStageClass.TRIAGE,
                message=message,
                lastUpdated=stamp(ended_ms(record)),
            ),
        ),
    )


def _count(record: RunRecord, check: Mapping[str, Any]) -> str:
    """How many rows, never which."""
    found, of = check.get("unexpected"), check.get("evaluated")
    rows = f" on {found:,} of {of:,} rows" if found and of else ""
    where = _several(record.partitions or (WHOLE,))
    return f"Run {record.run_id} failed{rows} ({where}); nothing was published."


def _several(names: tuple[str, ...]) -> str:
    if names == (WHOLE,):
        return "the whole table"
    return names[0] if len(names) == 1 else f"{len(names)} partitions, {names[0]} to {names[-1]}"
