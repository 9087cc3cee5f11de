"""The structured properties of datasets: what they mean, and the values of one dataset."""

from __future__ import annotations

from typing import Any

from ..contract.model import TableContract
from ..names import LAYERS
from ..settings import Settings
from ..tiers.policy import policy_of
from . import urns
from .proposals import Proposal, proposal

PROPERTIES: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "layer": ("string", "bronze: as it came; silver: clean; gold: for consumption.", LAYERS),
    "tier": ("string", "How long a partition stays in which storage tier.", ()),
    "retention_days": ("number", "Age in days after which a partition is deleted.", ()),
    "partition_unit": ("string", "The unit of write, identity and age.", ("day", "month", "none")),
    "contract_version": ("string", "Version of the data contract.", ()),
}


def definition(name: str) -> Proposal:
    """What a property means and which values it has."""
    from datahub.metadata.schema_classes import (
        PropertyCardinalityClass,
        PropertyValueClass,
        StructuredPropertyDefinitionClass,
    )

    kind, words, allowed = PROPERTIES[name]
    return proposal(
        urns.property_urn(name),
        StructuredPropertyDefinitionClass(
            qualifiedName=f"lakebook.{name}",
            displayName=name.replace("_", " ").capitalize(),
            description=words,
            valueType=f"urn:li:dataType:datahub.{kind}",
            entityTypes=["urn:li:entityType:datahub.dataset"],
            cardinality=PropertyCardinalityClass.SINGLE,
            allowedValues=[PropertyValueClass(value=value) for value in allowed] or None,
        ),
    )


def structured(settings: Settings, table: TableContract) -> Any:
    """The properties of one dataset."""
    from datahub.metadata.schema_classes import (
        StructuredPropertiesClass,
        StructuredPropertyValueAssignmentClass,
    )

    policy = policy_of(settings, table)
    ages = [
        f"{name} {days} d"
        for name, days in (("hot", policy.hot_days), ("warm", policy.warm_days))
        if days is not None
    ]
    values: dict[str, str | float] = {
        "layer": table.dataset.layer,
        "tier": ", ".join(ages) or "hot",
        "partition_unit": table.time.unit if table.time else "none",
        "contract_version": table.version,
    }
    if policy.retention_days is not None:
        values["retention_days"] = float(policy.retention_days)
    return StructuredPropertiesClass(
        properties=[
            StructuredPropertyValueAssignmentClass(
                propertyUrn=urns.property_urn(name), values=[value]
            )
            for name, value in values.items()
        ]
    )
