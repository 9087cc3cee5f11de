"""Where tables and columns come from: upstream lineage of datasets, inputs and outputs of a step.

What is known of a step comes from `lakebook.lineage` (cells and dbt models compiled without data);
of a step that was never compiled, from what its run read.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from ..archive.record import RunRecord
from ..contract.model import Contract
from ..lineage.model import ColumnEdge, StepLineage
from ..names import PROD
from . import urns
from .proposals import Proposal, proposal, proposals, stamp


def step(contract: Contract, found: StepLineage, env: str = PROD) -> list[Proposal]:
    """A step as a job: what it reads and writes, and how its columns come about."""
    from datahub.metadata.schema_classes import (
        DataJobInfoClass,
        DataJobInputOutputClass,
        StatusClass,
    )

    outputs = [str(dataset) for dataset in contract.datasets]
    inputs = _unique(source for source, target in found.tables if source not in outputs)
    job = urns.job_urn(contract.step, env)
    made = [one for name in inputs if "://" in name for one in source(name)]
    made += proposals(
        job,
        DataJobInfoClass(
            name=str(contract.step),
            type="COMMAND",
            description=contract.description or None,
            flowUrn=urns.flow_urn(env),
            customProperties={"contract_version": contract.version},
        ),
        DataJobInputOutputClass(
            inputDatasets=[urns.place_urn(name, env) for name in inputs],
            outputDatasets=[urns.place_urn(name, env) for name in outputs],
            fineGrainedLineages=_fine(found.columns, env) or None,
        ),
        StatusClass(removed=False),
    )
    for output in outputs:
        made += dataset(output, found, env)
    return made


def dataset(name: str, found: StepLineage, env: str = PROD) -> list[Proposal]:
    """Upstream tables of one dataset, and of each of its columns as far as they are known."""
    from datahub.metadata.schema_classes import UpstreamClass, UpstreamLineageClass

    sources = _unique(source for source, target in found.tables if target == name)
    edges = tuple(edge for edge in found.columns if edge.target == name)
    if not sources:
        return []
    lineage = UpstreamLineageClass(
        upstreams=[
            UpstreamClass(dataset=urns.place_urn(one, env), type="TRANSFORMED", auditStamp=stamp())
            for one in sources
        ],
        fineGrainedLineages=_fine(edges, env) or None,
    )
    return [proposal(urns.dataset_urn(name, env), lineage)]


def source(uri: str) -> list[Proposal]:
    """A file or another source outside the lake, so that lineage does not end in a bare name."""
    from datahub.metadata.schema_classes import DatasetPropertiesClass, StatusClass, SubTypesClass

    platform, name = urns.source_name(uri)
    scheme = uri.partition("://")[0]
    return proposals(
        urns.source_urn(uri),
        DatasetPropertiesClass(
            name=name.rpartition("/")[2] or name,
            qualifiedName=name,
            description=f"A source outside the lake, landed from {scheme}://{name}.",
            customProperties={"scheme": scheme},
        ),
        SubTypesClass(typeNames=["File" if platform == "file" else "Source"]),
        StatusClass(removed=False),
    )


def read_by(record: RunRecord) -> StepLineage:
    """Edges between tables alone, from what a run read and wrote."""
    outputs = _unique(str(output["dataset"]) for output in record.outputs)
    inputs = _unique(str(one.get("dataset") or one.get("source")) for one in record.inputs)
    return StepLineage(
        tuple((one, output) for output in outputs for one in inputs if one not in outputs)
    )


def _fine(edges: tuple[ColumnEdge, ...], env: str) -> list[Any]:
    """One entry per column and kind: what it copies, what it is made of."""
    from datahub.metadata.schema_classes import FineGrainedLineageClass

    groups: dict[tuple[str, str, bool], list[str]] = defaultdict(list)
    for edge in sorted(edges):
        field = urns.field_urn(urns.place_urn(edge.source, env), edge.source_column)
        groups[edge.target, edge.target_column, edge.is_copy].append(field)
    return [
        FineGrainedLineageClass(
            upstreamType="FIELD_SET",
            upstreams=_unique(fields),
            downstreamType="FIELD",
            downstreams=[urns.field_urn(urns.place_urn(target, env), column)],
            transformOperation="COPY" if is_copy else "TRANSFORM",
        )
        for (target, column, is_copy), fields in sorted(groups.items())
    ]


def _unique(names: Any) -> list[str]:
    return list(dict.fromkeys(names))
