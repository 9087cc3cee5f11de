"""Parts of records made by hand, and what an outbox says of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from small_checkout import rule

from lakebook.settings import Settings

STRICT = rule("small", "expect_column_values_to_be_between", "fail", column="amount", max_value=20)
OUTPUT = {
    "dataset": "silver.events",
    "version": 3,
    "committed": ["2013-01-01"],
    "unchanged": [],
    "rows_audited": 4,
    "rows_published": 3,
    "rows_quarantined": 1,
    "profile": {
        "rows": 3,
        "columns": {
            "id": {"nulls": 0, "distinct": 3, "min": 1, "max": 4},
            "amount": {"nulls": 1, "distinct": 2, "min": 10, "max": 40},
            "secret": {"nulls": 0, "distinct": 3, "min": "ana", "max": "zoe"},
        },
    },
}
SECRET = """\
      - name: secret
        logicalType: string
        physicalType: string
        classification: restricted
"""


def check(name: str = "small", *, success: bool, **more: Any) -> dict[str, Any]:
    """One check of a record, as `quality.CheckResult` has it."""
    return {
        "dataset": "silver.events",
        "name": name,
        "expectation": "expect_column_values_to_be_between",
        "column": "amount",
        "action": "fail",
        "scope": "row",
        "success": success,
        "observed": None,
        "unexpected": 0 if success else 2,
        "evaluated": 4,
        "sample": [] if success else [{"id": 2, "amount": 777_777}],
        "reason": "because small",
        "dimension": "",
        **more,
    }


def proposals(settings: Settings, kind: str = "") -> list[dict[str, Any]]:
    """All proposals of the outbox, or of its files of one kind, in the order of delivery."""
    files = sorted((settings.lake / settings.env / "outbox").glob(f"0*-{kind}*.json"))
    return [one for file in files for one in json.loads(file.read_text())]


def aspects(found: list[dict[str, Any]], name: str, urn: str = "") -> list[Mapping[str, Any]]:
    """The aspects of a name, of entities whose URN contains a text."""
    return [
        one["aspect"]["json"]
        for one in found
        if one["aspectName"] == name and urn in one["entityUrn"]
    ]
