"""The structured properties of datasets: what they mean, and the values of one dataset.

They are one aspect, so that one file says all of them: a dataset's promises and where it lies.
"""

from __future__ import annotations

from ..contract.model import TableContract
from ..names import LAYERS
from ..settings import Settings
from ..tiers.policy import Policy, policy_of
from . import urns
from .expiry import next_expiry
from .held import STORED, Held
from .proposals import Proposal, proposal

PROPERTIES: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "layer": ("string", "bronze: as it came; silver: clean; gold: for consumption.", LAYERS),
    "tier": ("string", "How long a partition stays in which storage tier.", ()),
    "retention_days": ("number", "Age in days after which a partition is deleted.", ()),
    "legal_hold": ("string", "yes: nothing is deleted, however old it is.", ("yes", "no")),
    "partition_unit": ("string", "The unit of write, identity and age.", ("day", "month", "none")),
    "contract_version": ("string", "Version of the data contract.", ()),
    "main_tier": ("string", "The storage tier where most bytes lie.", STORED),
    **{f"bytes_{tier}": ("number", f"Bytes of the files in {tier}.", ()) for tier in STORED},
    **{f"partitions_{tier}": ("number", f"Partitions that lie in {tier}.", ()) for tier in STORED},
    "partitions_deleted": ("number", "Partitions that retention has deleted.", ()),
    "next_expiry": ("date", "When the next partition changes its tier; past: it is due.", ()),
    "next_expiry_action": ("string", "What happens at the next expiry.", ()),
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


def inputs(settings: Settings, table: TableContract) -> str:
    """All that the properties are made of beside the tables, as a digest."""
    unit = table.time.unit if table.time else None
    policy = repr(policy_of(settings, table))
    return urns.guid(policy=policy, unit=unit, version=table.version)[:8]


def structured(settings: Settings, table: TableContract, found: Held | None) -> list[Proposal]:
    """The properties of one dataset. `found`: what its tiers hold; None: nobody knows."""
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
        "legal_hold": "yes" if policy.legal_hold else "no",
        "partition_unit": table.time.unit if table.time else "none",
        "contract_version": table.version,
    }
    if policy.retention_days is not None:
        values["retention_days"] = float(policy.retention_days)
    if found is not None:
        values |= _stored(policy, found)
    aspect = StructuredPropertiesClass(
        properties=[
            StructuredPropertyValueAssignmentClass(
                propertyUrn=urns.property_urn(name), values=[value]
            )
            for name, value in values.items()
        ]
    )
    return [proposal(urns.dataset_urn(table.dataset, settings.env), aspect)]


def _stored(policy: Policy, found: Held) -> dict[str, str | float]:
    values: dict[str, str | float] = {"main_tier": found.main_tier} if found.main_tier else {}
    values |= {f"bytes_{tier}": float(size) for tier, size in found.size_bytes.items()}
    values |= {f"partitions_{tier}": float(count) for tier, count in found.partitions.items()}
    if expiry := next_expiry(policy, found.snapshot):
        values |= {"next_expiry": expiry.day.isoformat(), "next_expiry_action": expiry.what}
    return values
