"""A whole contract as text, and a way to change one part of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lakebook.contract.load import load_contract
from lakebook.contract.model import Contract

FLIGHTS = """\
apiVersion: v3.1.0
kind: DataContract
id: silver.flights
name: silver.flights
version: 1.2.0
status: active
domain: aviation
tags: [flights]
description: {purpose: One row per scheduled flight., limitations: One year.}
team:
  name: flight-data
  members:
    - {username: flight-data@example.org, role: owner}
    - {username: ana@example.org, role: steward}
slaProperties:
  - {property: latency, value: 1, unit: d, schedule: "0 6 * * *"}
  - {property: retention, value: 7, unit: y}
schema:
  - name: flights
    logicalType: object
    physicalType: table
    description: Flights from New York.
    tags: [core]
    customProperties:
      - {property: write, value: replace}
      - {property: timeColumn, value: flight_date}
      - {property: timeZone, value: America/New_York}
      - {property: partitionUnit, value: month}
      - {property: tier, value: {hot: 30d, warm: 365d}}
    quality:
      - name: enough_rows
        metric: rowCount
        mustBeGreaterThan: 0
        description: A month without a flight is a lost file.
        dimension: completeness
    properties:
      - name: flight_date
        logicalType: date
        physicalType: date
        required: true
        primaryKey: true
        primaryKeyPosition: 2
      - name: carrier
        logicalType: string
        physicalType: string
        required: true
        primaryKey: true
        primaryKeyPosition: 1
        classification: public
        description: IATA code.
        relationships:
          - to: airlines.carrier
      - name: dep_delay_min
        logicalType: integer
        physicalType: int32
        customProperties: [{property: unit, value: min}]
        quality:
          - name: plausible_delay
            type: custom
            engine: greatExpectations
            implementation:
              type: expect_column_values_to_be_between
              kwargs: {min_value: -120, max_value: 2880}
            description: No flight leaves two days late.
            customProperties: [{property: action, value: quarantine}]
      - name: fare
        logicalType: number
        physicalType: decimal(10, 2)
"""


@pytest.fixture
def flights_text() -> str:
    return FLIGHTS


@pytest.fixture
def write_contract(tmp_path: Path) -> Callable[..., Path]:
    """Write the flights contract with texts replaced; each text must be there."""

    def write(*changes: tuple[str, str], name: str = "flights") -> Path:
        text = FLIGHTS
        for old, new in changes:
            assert old in text, old
            text = text.replace(old, new, 1)
        path = tmp_path / "notebooks" / "silver" / f"{name}.contract.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def load(write_contract: Callable[..., Path], tmp_path: Path) -> Callable[..., Contract]:
    """Load the flights contract with texts replaced."""
    return lambda *changes: load_contract(write_contract(*changes), root=tmp_path)
