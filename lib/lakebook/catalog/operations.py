"""What a maintenance run did to datasets: one operation for each that its record names.

A move, an archive or a restore changes no row, so they are operations of a kind of their own
(`MOVE`, `ARCHIVE`, …) and never an UPDATE, which would make a dataset look fresh.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from ..archive.record import RunRecord
from ..cards.words import plural
from ..names import PROD, QUARANTINE_SUFFIX
from . import urns
from .proposals import Proposal, millis, proposal, proposals
from .window import spans_of, window_of

Operation = Mapping[str, Any]
"""`kind` (move, archive, restore, promote, fall_back, delete, erase, compact …), `dataset`,
`partitions`, and what is known of `from`, `to` (tiers), `files`, `rows`, `size_bytes`, `reason`,
and `env`, if it is another environment than the run's."""

_ERASURE = "erase"
_COMMANDS = {
    "ops.rollback": "rollback",
    "ops.migrate": "migrate",
    "ops.drop": "drop",
    "ops.rename": "rename",
}
"""Jobs that have a command and no notebook."""


def job(name: str, env: str = PROD) -> list[Proposal]:
    """What a maintenance run is an instance of: a job in a flow beside that of the steps."""
    from datahub.metadata.schema_classes import DataFlowInfoClass, DataJobInfoClass, StatusClass

    flow = urns.flow_urn(env, maintenance=True)
    command = _COMMANDS.get(name, f"run {name}")
    info = DataFlowInfoClass(
        name="Lakebook maintenance" if env == PROD else f"Lakebook maintenance ({env})",
        description="The jobs that keep this lake: they move, archive, restore and delete.",
        customProperties={"environment": env},
    )
    return [
        proposal(flow, info),
        *proposals(
            urns.job_urn(name, env),
            DataJobInfoClass(
                name=name,
                type="COMMAND",
                description=f"Maintenance of this lake: lakebook {command}",
                flowUrn=flow,
            ),
            StatusClass(removed=False),
        ),
    ]


def operations(record: RunRecord) -> list[Proposal]:
    """An operation aspect for each operation of a run, at the time at which the run ended."""
    found: list[Proposal] = []
    same: Counter[tuple[str, ...]] = Counter()
    for one in record.operations:
        key = (str(one["kind"]), str(one["dataset"]), _tier(one, "from"), _tier(one, "to"))
        same[key] += 1
        found.append(_operation(record, one, (*key, str(same[key]))))
    return found


def touched(record: RunRecord) -> list[str]:
    """The datasets that a run's operations are about, each once; a quarantine's is its dataset."""
    return list(dict.fromkeys(_dataset(one) for one in record.operations))


def in_words(record: RunRecord) -> dict[str, str]:
    """What a run's operations come to: `move of silver.flights` -> `3 partitions, hot to warm`."""
    counts: dict[tuple[str, str], Counter[str]] = {}
    for one in record.operations:
        tiers = dict.fromkeys(filter(None, (_tier(one, "from"), _tier(one, "to"))))
        found = counts.setdefault(
            (f"{one['kind']} of {one['dataset']}", " to ".join(tiers)), Counter()
        )
        found["partition"] += len(one.get("partitions") or ())
        found["row"] += int(one.get("rows") or 0)
        found["file"] += int(one.get("files") or 0)
    said: dict[str, list[str]] = {}
    for (what, way), found in counts.items():
        # The first that it has: an erasure counts rows, a vacuum files.
        unit = next((word for word in ("partition", "row", "file") if found[word]), "partition")
        words = plural(found[unit], unit)
        said.setdefault(what, []).append(f"{words}, {way}" if way else words)
    return {what: "; ".join(words) for what, words in said.items()}


def _operation(record: RunRecord, one: Operation, key: tuple[str, ...]) -> Proposal:
    from datahub.metadata.schema_classes import (
        OperationClass,
        OperationSourceTypeClass,
        OperationTypeClass,
    )

    at_ms = millis(record.began, record.elapsed_s)
    partitions = [str(name) for name in one.get("partitions") or ()]
    return proposal(
        urns.dataset_urn(_dataset(one), record.env),
        OperationClass(
            timestampMillis=at_ms,
            lastUpdatedTimestamp=at_ms,
            operationType=OperationTypeClass.CUSTOM,
            customOperationType=str(one["kind"]).upper(),
            # A server keeps one operation per dataset and time, unless these differ.
            messageId=urns.guid(run=record.run_id, env=record.env, operation=key),
            partitionSpec=window_of(partitions),
            numAffectedRows=one.get("rows"),
            actor=urns.ACTOR,
            sourceType=OperationSourceTypeClass.DATA_PROCESS,
            customProperties=_custom(record, one, partitions),
        ),
    )


def _custom(record: RunRecord, one: Operation, partitions: list[str]) -> dict[str, str]:
    found = {"run": record.run_id, "job": record.step}
    if str(one["dataset"]) != _dataset(one):
        found["table"] = str(one["dataset"])
    if partitions:
        found |= {"partitions": spans_of(partitions), "partition_count": str(len(partitions))}
    known = {"from": "from", "to": "to", "files": "files", "bytes": "size_bytes"}
    known["environment"] = "env"
    if one["kind"] != _ERASURE:  # whose reason may name the person
        known["reason"] = "reason"
    found |= {name: str(one[key]) for name, key in known.items() if one.get(key) not in (None, "")}
    return found


def _dataset(one: Operation) -> str:
    """The catalog knows no quarantine: what is done to one is said of its dataset."""
    return str(one["dataset"]).removesuffix(QUARANTINE_SUFFIX)


def _tier(one: Operation, end: str) -> str:
    return str(one.get(end) or "")
