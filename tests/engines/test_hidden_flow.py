"""What stays hidden of SQL, against what changes when a hidden column does."""

from __future__ import annotations

import pytest
import sampling
from value_flow import SCHEMA, TABLES, Column, connect, observe, read_cases

from lakebook.engines.sql_origin import Source, hidden_outputs

pytestmark = [pytest.mark.slow, pytest.mark.soak]

# No macro and no view is there where masked SQL is computed.
CASES = {
    name: case
    for name, case in read_cases().items()
    if not any(made in case.sql for made in ("twice", "doubled", "seen"))
}
COUNTS = {"distinct in an aggregate": {"n"}}
"""Outputs that tell how many rows there are, which is not masked."""
SEEDS = [sampling.seed("hidden flow") % 10**6 + turn for turn in range(sampling.examples(2, 40))]


@pytest.fixture(scope="module")
def shown() -> dict[str, list[tuple[frozenset[Column], str]]]:
    """Of each case the outputs that tell of a column or of one of several, with these."""
    seen = observe(CASES, SEEDS)
    return {
        name: sorted(
            {(frozenset({column}), output) for column, output in found.values} | found.of_groups,
            key=lambda one: (sorted(one[0]), one[1]),
        )
        for name, found in seen.items()
    }


@pytest.mark.parametrize("name", CASES)
def test_an_output_that_changes_with_a_hidden_column_is_hidden(
    shown: dict[str, list[tuple[frozenset[Column], str]]], name: str
) -> None:
    sql = CASES[name].sql
    counts = COUNTS.get(name, set())
    names = [entry[0] for entry in connect().execute(sql).description or ()]
    for columns in {columns for columns, _ in shown[name]}:
        tables = {
            f"{SCHEMA}.{table}": Source(list(kinds), {c for t, c in columns if t == table})
            for table, kinds in TABLES.items()
        }
        verdicts = hidden_outputs(sql, names, tables, {})
        hidden = {output for output, is_hidden in zip(names, verdicts, strict=True) if is_hidden}
        telling = {output for other, output in shown[name] if other == columns} - counts
        assert telling - hidden == set(), f"hidden: {sorted(columns)}"
