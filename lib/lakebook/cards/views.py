"""From the plain values of a run's record to what the templates show: states, samples, shares.

A step has these values before the record is written, the site reads them from it.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from ..contract.classified import MASK
from . import charts
from .charts import Past

SAMPLES = 5
_CUT = 80  # characters of a value
# What a record of another version may lack; templates are strict about names.
_INPUT = {"version": "", "versions": {}, "partitions": (), "digest": "", "modified": ""}
_INPUT |= {"rows": {"said": ""}}
_OUTPUT = {"dataset": "", "version": "", "committed": (), "rows_audited": None}
_OUTPUT |= {"rows_published": None, "rows_quarantined": None}
_OPERATION: dict[str, Any] = {
    "kind": "",
    "dataset": "",
    "partitions": (),
    "from": "",
    "to": "",
    "reason": "",
}
_OPERATION |= {"files": None, "rows": None, "size_bytes": None}
_CHECK: dict[str, Any] = {"name": "", "column": None, "reason": "", "problem": ""}
_CHECK |= {"unexpected": None, "evaluated": None}
_BROKEN = {"failed": charts.BAD, "aside": charts.ASIDE, "warn": charts.WARN, "ok": charts.BAD}

Hides = Callable[[str | None], bool]
"""Whether values of a column must not be shown."""


@dataclass(frozen=True)
class Figure:
    """What a check found in one run."""

    value: float | None
    good: bool


def figure_of(check: Mapping[str, Any]) -> Figure:
    """The rows that broke a rule, or what it measured."""
    value = check.get("unexpected")
    if value is None and isinstance(check.get("observed"), int | float):
        value = check["observed"]
    return Figure(value, bool(check.get("success")))


def state_of(check: Mapping[str, Any]) -> str:
    if check.get("success"):
        return "ok"
    if check.get("problem"):  # rows that cannot be told apart are not published
        return "warn" if check.get("action") == "warn" else "failed"
    return {"fail": "failed", "quarantine": "aside"}.get(str(check.get("action")), "warn")


def ordered(checks: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """What did not hold first, the gravest first among it."""
    weight = {"fail": 0, "quarantine": 1, "warn": 2}
    return sorted(
        checks, key=lambda c: (bool(c.get("success")), weight.get(str(c.get("action")), 3))
    )


def check_view(check: Mapping[str, Any], hides: Hides, past: Sequence[Past]) -> dict[str, Any]:
    """A check with its history; `past` ends with this very run."""
    state, observed = state_of(check), check.get("observed")
    secret = hides(check.get("column"))
    return {
        **_CHECK,
        **check,
        "state": state,
        "observed": MASK if secret and observed is not None else short(observed),
        "sample": _sample(check, hides) if state != "ok" else [],
        "history": charts.sparkline(past, broken=_BROKEN[state]),
    }


def _sample(check: Mapping[str, Any], hides: Hides) -> list[dict[str, Any]]:
    """Some rows that broke a rule."""
    shown = []
    for row in list(check.get("sample") or ())[:SAMPLES]:
        if not isinstance(row, Mapping):
            row = {str(check.get("column") or "value"): row}
            hidden = hides(check.get("column"))
            shown.append({k: MASK if hidden else short(v) for k, v in row.items()})
        else:
            shown.append({k: MASK if hides(k) else short(v) for k, v in row.items()})
    return shown


def output_view(output: Mapping[str, Any]) -> dict[str, Any]:
    """Rows audited = published + quarantined, as figures and as a bar."""
    published = int(output.get("rows_published") or 0)
    aside = int(output.get("rows_quarantined") or 0)
    return {
        **_OUTPUT,
        **output,
        "bar": charts.shares([(charts.GOOD, published), (charts.ASIDE, aside)]),
        "balanced": int(output.get("rows_audited") or 0) == published + aside,
    }


def operation_view(entry: Mapping[str, Any]) -> dict[str, Any]:
    """What a maintenance job did to partitions of a dataset."""
    return {**_OPERATION, **entry}


def input_view(entry: Mapping[str, Any], known: Container[str] = ()) -> dict[str, Any]:
    """What was read; `known` are the datasets that have a page."""
    dataset = str(entry.get("dataset") or "")
    return {**_INPUT, **entry, "dataset": dataset, "page": dataset if dataset in known else ""}


def profile_view(output: Mapping[str, Any], hides: Hides) -> dict[str, Any] | None:
    """Columns of an output with nulls, distinct values and bounds; None without a profile."""
    given = output.get("profile") or {}
    rows = int(given.get("rows") or 0)
    columns = []
    for name, figures in (given.get("columns") or {}).items():
        nulls = int(figures.get("nulls") or 0)
        secret = hides(name)
        bounds = {
            k: MASK if secret and figures.get(k) is not None else short(figures.get(k))
            for k in ("min", "max")
        }
        bar = filled_bar(nulls, rows)
        columns.append(
            {"name": name, "nulls": nulls, "bar": bar, "distinct": figures.get("distinct")} | bounds
        )
    if not columns:
        return None
    return {"dataset": output.get("dataset"), "rows": rows, "columns": columns}


def filled_bar(nulls: int, rows: int) -> Any:
    filled = 1 - nulls / rows if rows else 1.0
    said = "no nulls" if not nulls else f"{100 * filled:.1f} % filled"
    return charts.shares([(charts.LINE, filled), (charts.REST, 1 - filled)], said)


def sample_view(output: Mapping[str, Any], hides: Hides) -> dict[str, Any] | None:
    """Some rows that were published, as the record keeps them; None without any."""
    kept = (output.get("profile") or {}).get("sample") or {}
    columns = list(kept.get("columns") or ())
    if not columns or not kept.get("rows"):
        return None
    hidden = [hides(column["name"]) for column in columns]
    rows = [
        [MASK if secret and value is not None else value for secret, value in zip(hidden, row)]  # noqa: B905 (a damaged record still shows)
        for row in kept["rows"]
    ]
    whole = output.get("rows_published")
    return {"dataset": output.get("dataset"), "columns": columns, "rows": rows, "whole": whole}


def shown_value(value: Any, *, masked: bool = False) -> str | None:
    """A value of a row as a card shows it; None for null, which is not the same as nothing."""
    if value is None:
        return None
    return MASK if masked else short(value)


def short(value: Any) -> str:
    """A value in at most 80 characters; null is nothing."""
    if value is None:
        return ""
    if isinstance(value, float):
        text = f"{value:.6g}"
    elif isinstance(value, datetime):
        text = value.isoformat(sep=" ").removesuffix("+00:00")
    elif isinstance(value, date):
        text = value.isoformat()
    else:
        text = str(value)
    return text if len(text) <= _CUT else f"{text[: _CUT - 1]}…"
