"""Aspects of a dataset that its contract gives: schema, owner, domain, tags, terms.

Its promises stand in `contract`, where it comes from in `lineage`, where it lies in `properties`.
"""

from __future__ import annotations

import json
from typing import Any

from ..contract.model import Column, TableContract
from ..contract.tables import CLASSIFICATIONS
from ..names import PROD, Dataset, contract_path, notebook_path
from ..settings import Settings
from . import urns
from .proposals import Proposal, proposals, stamp

_TYPES = {
    "string": "StringTypeClass",
    "boolean": "BooleanTypeClass",
    "date": "DateTypeClass",
    "timestamp": "TimeTypeClass",
    "binary": "BytesTypeClass",
}


def dataset(settings: Settings, table: TableContract, step: Dataset) -> list[Proposal]:
    """Proposals that describe one dataset as its contract does."""
    from datahub.metadata.schema_classes import (
        DataPlatformInstanceClass,
        StatusClass,
        SubTypesClass,
    )

    return proposals(
        urns.dataset_urn(table.dataset, settings.env),
        DataPlatformInstanceClass(platform=urns.PLATFORM),
        _properties(settings, table, step),
        schema(table, settings.env),
        SubTypesClass(typeNames=["Table"]),
        _ownership(table),
        _domains(table),
        _tags(table.tags),
        _terms(table.terms, _highest(table)),
        StatusClass(removed=False),
    )


def removed(dataset: str, env: str = PROD) -> list[Proposal]:
    """Of a dataset that no contract promises any more."""
    from datahub.metadata.schema_classes import StatusClass

    return proposals(urns.dataset_urn(dataset, env), StatusClass(removed=True))


def schema(table: TableContract, env: str = PROD) -> Any:
    """The contract's columns as a schema; `isPartitioningKey` marks the time column."""
    from datahub.metadata.schema_classes import OtherSchemaClass, SchemaMetadataClass

    columns = [(c.name, c.type, c.nullable) for c in table.columns]
    return SchemaMetadataClass(
        schemaName=str(table.dataset),
        platform=urns.PLATFORM,
        version=0,
        hash=urns.guid(columns=columns),
        platformSchema=OtherSchemaClass(rawSchema=""),
        fields=[_field(table, column) for column in table.columns],
        primaryKeys=list(table.key) or None,
        foreignKeys=_foreign_keys(table, env) or None,
    )


def _field(table: TableContract, column: Column) -> Any:
    from datahub.metadata import schema_classes as classes

    kind = getattr(classes, _TYPES.get(column.type, "NumberTypeClass"))
    unit = f"Unit: {column.unit}." if column.unit else ""
    return classes.SchemaFieldClass(
        fieldPath=column.name,
        type=classes.SchemaFieldDataTypeClass(type=kind()),
        nativeDataType=column.type,
        nullable=column.nullable,
        description=" ".join(filter(None, (column.description, unit))),
        isPartOfKey=column.key_position is not None,
        isPartitioningKey=table.time is not None and table.time.column == column.name,
        globalTags=_tags(column.tags),
        glossaryTerms=_terms(column.terms, column.classification),
        jsonProps=json.dumps({"unit": column.unit}) if column.unit else None,
    )


def _foreign_keys(table: TableContract, env: str) -> list[Any]:
    from datahub.metadata.schema_classes import ForeignKeyConstraintClass

    own = urns.dataset_urn(table.dataset, env)
    made = []
    for relation in table.relationships:
        other = urns.dataset_urn(relation.to_dataset, env)
        made.append(
            ForeignKeyConstraintClass(
                name=relation.name,
                sourceFields=[urns.field_urn(own, name) for name in relation.columns],
                foreignFields=[urns.field_urn(other, name) for name in relation.to_columns],
                foreignDataset=other,
            )
        )
    return made


def _properties(settings: Settings, table: TableContract, step: Dataset) -> Any:
    from datahub.metadata.schema_classes import DatasetPropertiesClass

    root = settings.root
    custom = {
        "step": str(step),
        "write": table.write,
        "notebook": notebook_path(root, step).relative_to(root).as_posix(),
        "contract": contract_path(root, step).relative_to(root).as_posix(),
    }
    if table.time is not None:
        custom |= {"time_column": table.time.column, "time_zone": table.time.zone}
    if table.sla.freshness_hours is not None:
        custom["freshness_hours"] = f"{table.sla.freshness_hours:g}"
    if table.sla.schedule:
        custom["schedule"] = table.sla.schedule
    return DatasetPropertiesClass(
        name=str(table.dataset),
        qualifiedName=str(table.dataset),
        description=table.description,
        customProperties=custom,
    )


def _ownership(table: TableContract) -> Any:
    from datahub.metadata.schema_classes import OwnerClass, OwnershipClass, OwnershipTypeClass

    if not table.owner:
        return None
    owner = OwnerClass(owner=urns.owner_urn(table.owner), type=OwnershipTypeClass.TECHNICAL_OWNER)
    return OwnershipClass(owners=[owner], lastModified=stamp())


def _domains(table: TableContract) -> Any:
    from datahub.metadata.schema_classes import DomainsClass

    return DomainsClass(domains=[urns.domain_urn(table.domain)]) if table.domain else None


def _tags(tags: tuple[str, ...]) -> Any:
    from datahub.metadata.schema_classes import GlobalTagsClass, TagAssociationClass

    if not tags:
        return None
    return GlobalTagsClass(tags=[TagAssociationClass(tag=urns.tag_urn(tag)) for tag in tags])


def _terms(terms: tuple[str, ...], classification: str) -> Any:
    from datahub.metadata.schema_classes import GlossaryTermAssociationClass, GlossaryTermsClass

    found = [urns.term_urn(term) for term in terms]
    if classification:
        found.append(urns.classification_urn(classification))
    if not found:
        return None
    return GlossaryTermsClass(
        terms=[GlossaryTermAssociationClass(urn=urn) for urn in dict.fromkeys(found)],
        auditStamp=stamp(),
    )


def _highest(table: TableContract) -> str:
    """The strictest classification of the columns is the dataset's."""
    ranks = [
        CLASSIFICATIONS.index(column.classification)
        for column in table.columns
        if column.classification
    ]
    return CLASSIFICATIONS[max(ranks)] if ranks else ""
