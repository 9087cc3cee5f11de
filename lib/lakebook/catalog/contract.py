"""A contract as a data contract of DataHub: its schema, its freshness, its rules and references."""

from __future__ import annotations

from typing import Any

from ..contract.model import TableContract
from ..names import PROD
from . import urns
from .assertions import SCHEMA, assertion, promises
from .dataset import schema
from .proposals import Proposal, proposal, proposals

FRESHNESS = "freshness"


def schema_urn(table: str) -> str:
    """The assertion that files have the contract's columns, which every run's inspection checks."""
    return urns.assertion_urn(table, SCHEMA, SCHEMA)


def freshness_urn(table: str) -> str:
    return urns.assertion_urn(table, FRESHNESS, FRESHNESS)


def data_contract(table: TableContract, env: str = PROD) -> list[Proposal]:
    """The assertions of a contract, then the contract that names them."""
    from datahub.metadata.schema_classes import (
        DataContractPropertiesClass,
        DataContractStateClass,
        DataContractStatusClass,
        DataQualityContractClass,
        FreshnessContractClass,
        SchemaContractClass,
        StatusClass,
    )

    urn = urns.dataset_urn(table.dataset, env)
    stated = promises(table)
    is_timed = table.sla.freshness_hours is not None
    made = [proposal(schema_urn(urn), _schema(table, urn, env))]
    if is_timed:
        made.append(proposal(freshness_urn(urn), _freshness(table, urn)))
    made += [assertion(one, urn) for one in stated]
    made += proposals(
        urns.contract_urn(urn),
        DataContractPropertiesClass(
            entity=urn,
            schema=[SchemaContractClass(assertion=schema_urn(urn))],
            freshness=[FreshnessContractClass(assertion=freshness_urn(urn))] if is_timed else None,
            dataQuality=[DataQualityContractClass(assertion=one.urn(urn)) for one in stated]
            or None,
            rawContract=table.path.read_text(encoding="utf-8"),
        ),
        DataContractStatusClass(
            state=DataContractStateClass.ACTIVE, customProperties={"version": table.version}
        ),
        StatusClass(removed=False),
    )
    return made


def _schema(table: TableContract, urn: str, env: str) -> Any:
    from datahub.metadata.schema_classes import (
        AssertionInfoClass,
        AssertionTypeClass,
        SchemaAssertionCompatibilityClass,
        SchemaAssertionInfoClass,
    )

    return AssertionInfoClass(
        type=AssertionTypeClass.DATA_SCHEMA,
        schemaAssertion=SchemaAssertionInfoClass(
            entity=urn,
            schema=schema(table, env),
            compatibility=SchemaAssertionCompatibilityClass.EXACT_MATCH,
        ),
        source=_external(),
        description="Names, types, order and nulls of the files are those of the contract.",
    )


def _freshness(table: TableContract, urn: str) -> Any:
    from datahub.metadata.schema_classes import (
        AssertionInfoClass,
        AssertionTypeClass,
        CalendarIntervalClass,
        FixedIntervalScheduleClass,
        FreshnessAssertionInfoClass,
        FreshnessAssertionScheduleClass,
        FreshnessAssertionScheduleTypeClass,
        FreshnessAssertionTypeClass,
    )

    hours = table.sla.freshness_hours or 0.0
    # The longest that the table may stay as it is: an interval, and what the contract allows.
    longest_h = hours + 24 * (31 if table.time and table.time.unit == "month" else 1)
    return AssertionInfoClass(
        type=AssertionTypeClass.FRESHNESS,
        freshnessAssertion=FreshnessAssertionInfoClass(
            type=FreshnessAssertionTypeClass.DATASET_CHANGE,
            entity=urn,
            schedule=FreshnessAssertionScheduleClass(
                type=FreshnessAssertionScheduleTypeClass.FIXED_INTERVAL,
                fixedInterval=FixedIntervalScheduleClass(
                    unit=CalendarIntervalClass.MINUTE, multiple=round(longest_h * 60)
                ),
            ),
        ),
        source=_external(),
        description=f"There {hours:g} hours after the end of the interval; history is not judged."
        if table.time
        else f"Looked at again within a day and {hours:g} hours.",
    )


def _external() -> Any:
    from datahub.metadata.schema_classes import AssertionSourceClass, AssertionSourceTypeClass

    return AssertionSourceClass(type=AssertionSourceTypeClass.EXTERNAL)
