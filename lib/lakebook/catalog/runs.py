"""A run as a process instance of its step: inputs, outputs, times, result; and what it did to each
output: an operation, a profile, the results of its checks. Incidents stand in `incidents`, what a
maintenance run did in `operations`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..archive.record import NO_KERNEL, RunRecord
from ..contract.classified import touches_classified
from ..contract.model import TableContract
from ..names import Dataset, is_job
from ..site.places import page_name
from . import urns
from .assertions import SCHEMA, assertion, promise_of, result
from .inspected import inspections
from .operations import in_words, operations, touched
from .profile import profile
from .proposals import Proposal, millis, proposal, proposals, stamp
from .window import window

Contracts = Mapping[Dataset, TableContract]
"""Of what a run wrote and read, as far as they still exist."""

_LONGEST = 500  # characters of an error


def run(
    record: RunRecord, contracts: Contracts, arrivals: Mapping[str, Any] | None = None
) -> list[Proposal]:
    """Everything that one archived run says, but for incidents and freshness.

    `arrivals`: of each dataset, in words, whether it came in time.
    """
    made = _instance(record, contracts)
    for output in record.outputs:
        made += _output(record, output, contracts, (arrivals or {}).get(output["dataset"]))
    made += operations(record)
    for check in (*inspections(record), *record.checks):
        made += _check(record, check, contracts)
    return made


def ended_ms(record: RunRecord) -> int:
    return millis(record.began, record.elapsed_s)


def cause(record: RunRecord, contracts: Contracts) -> str:
    """Why a run failed; the error itself only where it can hold no value of a classified column."""
    if not record.error:
        return ""
    named = {record.step, *(one["dataset"] for one in record.inputs if "dataset" in one)}
    is_known = not is_job(record.step) and all(Dataset.parse(name) in contracts for name in named)
    if not is_known or touches_classified(contracts.values()):
        cell = f" in cell {record.error_cell}" if record.error_cell else ""
        return f"failed{cell}; the run report has the reason"
    return record.error[:_LONGEST]


def _instance(record: RunRecord, contracts: Contracts) -> list[Proposal]:
    from datahub.metadata.schema_classes import (
        DataProcessInstanceInputClass,
        DataProcessInstanceOutputClass,
        DataProcessInstancePropertiesClass,
        DataProcessInstanceRelationshipsClass,
        DataProcessInstanceRunEventClass,
        DataProcessInstanceRunResultClass,
        DataProcessRunStatusClass,
        DataProcessTypeClass,
    )

    began, env = millis(record.began), record.env
    inputs = dict.fromkeys(_input(one, env) for one in record.inputs)
    changed = [*(one["dataset"] for one in record.outputs), *touched(record)]
    outputs = dict.fromkeys(urns.dataset_urn(name, env) for name in changed)
    status = "SUCCESS" if record.status == "ok" else "FAILURE"
    return proposals(
        urns.run_urn(record.run_id, env),
        DataProcessInstancePropertiesClass(
            name=record.run_id,
            created=stamp(began),
            type=(
                DataProcessTypeClass.BATCH_AD_HOC
                if record.kernel == NO_KERNEL
                else DataProcessTypeClass.BATCH_SCHEDULED
            ),
            customProperties=_custom(record, contracts),
        ),
        DataProcessInstanceRelationshipsClass(
            upstreamInstances=[], parentTemplate=urns.job_urn(record.step, env)
        ),
        DataProcessInstanceInputClass(inputs=list(inputs)) if inputs else None,
        DataProcessInstanceOutputClass(outputs=list(outputs)) if outputs else None,
        DataProcessInstanceRunEventClass(
            timestampMillis=began, status=DataProcessRunStatusClass.STARTED
        ),
        DataProcessInstanceRunEventClass(
            timestampMillis=ended_ms(record),
            status=DataProcessRunStatusClass.COMPLETE,
            result=DataProcessInstanceRunResultClass(
                type=status, nativeResultType=urns.ORCHESTRATOR
            ),
            durationMillis=round(record.elapsed_s * 1000),
        ),
    )


def _input(one: Mapping[str, Any], env: str) -> str:
    return (
        urns.source_urn(one["source"]) if "source" in one else urns.dataset_urn(one["dataset"], env)
    )


def _custom(record: RunRecord, contracts: Contracts) -> dict[str, str]:
    found = {
        "step": record.step,
        "environment": record.env,
        "status": record.status,
        "report": f"site/{page_name(record.run_id)}",
        "kernel": record.kernel,
        "peak_memory_mb": f"{record.peak_rss_mb:.0f}",
    }
    if not is_job(record.step):
        found["interval"] = f"{record.start} to {record.end}" if record.start else "*"
        found["partitions"] = str(len(record.partitions))
    for one in record.inputs:
        if "dataset" in one:
            found[f"version of {one['dataset']}"] = str(one.get("version"))
    for one in record.outputs:
        rows = (one.get(f"rows_{kind}") for kind in ("audited", "published", "quarantined"))
        found[f"rows of {one['dataset']}"] = "{} audited = {} published + {} quarantined".format(
            *rows
        )
    found |= in_words(record)
    if record.note and record.kernel == NO_KERNEL:
        found["command"] = record.note
    if reason := cause(record, contracts):
        found["error"] = reason
    return found


def _output(
    record: RunRecord, output: Mapping[str, Any], contracts: Contracts, arrival: Any
) -> list[Proposal]:
    from datahub.metadata.schema_classes import OperationClass, OperationSourceTypeClass

    table = contracts.get(Dataset.parse(output["dataset"]))
    urn, at_ms = urns.dataset_urn(output["dataset"], record.env), ended_ms(record)
    made = []
    if output.get("committed"):
        made.append(
            proposal(
                urn,
                OperationClass(
                    timestampMillis=at_ms,
                    lastUpdatedTimestamp=at_ms,
                    operationType="INSERT" if table and table.write == "append" else "UPDATE",
                    numAffectedRows=output.get("rows_published"),
                    actor=urns.ACTOR,
                    sourceType=OperationSourceTypeClass.DATA_PROCESS,
                    partitionSpec=window(record, table),
                    customProperties={
                        "run": record.run_id,
                        "version": str(output.get("version")),
                        "partitions": str(len(output["committed"])),
                        **({"freshness": str(arrival)} if arrival else {}),
                    },
                ),
            )
        )
    if (found := profile(record, output, table)) is not None:
        made.append(proposal(urn, found))
    return made


def _check(record: RunRecord, check: Mapping[str, Any], contracts: Contracts) -> list[Proposal]:
    table = contracts.get(Dataset.parse(check["dataset"]))
    urn = urns.dataset_urn(check["dataset"], record.env)
    promise, is_stated = promise_of(check, table)
    made = [] if is_stated else [assertion(promise, urn)]
    is_refused = check["expectation"] == SCHEMA and not check["success"]
    made.append(
        result(
            check,
            promise,
            table=urn,
            contract=table,
            run_id=record.run_id,
            at_ms=ended_ms(record),
            error=cause(record, contracts) if is_refused else "",
        )
    )
    return made
