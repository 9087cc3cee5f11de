"""Values of a source that do not fit: with `misfits: quarantine` their rows are set aside, with the
texts, and nothing of them is lost or null in silence."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
import sampling
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_checkout import COLUMNS, LANDING, POSITIVE, Checkout, in_prod, rule
from value_oracle import REFUSED, oracle, texts

from lakebook import Step
from lakebook.contract.fingerprint import fingerprint_of
from lakebook.contract.lookup import find_table
from lakebook.errors import ContractError, SourceError
from lakebook.names import Dataset
from lakebook.quality import quarantine
from lakebook.run.quarantine import shown
from lakebook.settings import load_settings

EVENTS = Dataset("bronze", "events")
URI = "file://events.csv"
ASIDE = "      - {property: misfits, value: quarantine}\n"
PRICE = "      - {name: price, logicalType: number, physicalType: 'decimal(10,2)'%s}\n"
SOURCE = """id,seen,amount,price
1,2013-01-01T10:00:00Z,10,1.50
2,2013-01-01T11:00:00Z,ten,1.50
3,2013-01-02T10:00:00Z,"1 ""0"" \\",1.505
x,2013-01-02T11:00:00Z,40,
5,2013-01-02T12:00:00Z,,2
"""


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    made = in_prod(tmp_path, monkeypatch)
    contract(made)
    made.source(SOURCE)
    return made


def contract(
    checkout: Checkout, columns: str = COLUMNS + PRICE % "" + LANDING, own: str = ASIDE, **how: Any
) -> Path:
    path = checkout.contract("bronze.events", columns, **how)
    write = re.compile(r"( *- \{property: write, value: \w+\}\n)")
    path.write_text(write.sub(lambda found: found[1] + own, path.read_text(), count=1))
    return path


def land(start: str = "2013-01-01", end: str = "2013-01-04") -> tuple[Step, Any]:
    step = Step("bronze.events", start=start, end=end)
    return step, step.write(step.ingest(URI))


def aside() -> dict[int | None, tuple[dict[str, str], str]]:
    """Rows of the quarantine by id: texts that do not fit, and the rules that fail."""
    settings = load_settings()
    rows = quarantine.show(settings, find_table(settings, EVENTS)).collect().rows(named=True)
    return {row["id"]: (json.loads(row["_misfit"] or "{}"), row["_failed_rules"]) for row in rows}


def test_rows_with_a_value_that_does_not_fit_are_set_aside_with_the_texts(checkout: Checkout):
    step, card = land()
    assert sorted(step.result().collect()["id"].to_list()) == [1, 5]
    assert "_misfit" not in step.result().collect_schema().names()
    assert aside() == {
        2: ({"amount": "ten"}, "fits_its_type"),
        3: ({"amount": '1 "0" \\', "price": "1.505"}, "fits_its_type"),
        None: ({"id": "x"}, "fits_its_type"),  # required, and yet set aside
    }
    (output,) = step._context.outcome.outputs
    assert (output.rows_audited, output.rows_published, output.rows_quarantined) == (5, 2, 3)
    assert "5 rows, 5 landed" in repr(card)
    assert (
        "note: 3 rows have a value that does not fit its column's type and were set aside "
        "(id in 1, amount in 2, price in 1): lakebook quarantine show bronze.events" in repr(card)
    )


def test_a_mended_source_leaves_nothing_aside(checkout: Checkout):
    land()
    checkout.source("id,seen,amount,price\n2,2013-01-01T11:00:00Z,10,1.50\n")
    step, card = land()
    assert step.result().collect()["id"].to_list() == [2]
    assert aside() == {}
    assert "does not fit" not in repr(card)


def test_rules_judge_the_rows_that_fit_and_both_are_set_aside(checkout: Checkout):
    filled = rule("filled", "expect_column_values_to_not_be_null", "fail", column="price")
    contract(checkout, quality=POSITIVE + filled)
    checkout.source(
        "id,seen,amount,price\n1,2013-01-01T10:00:00Z,-1,1\n2,2013-01-01T11:00:00Z,2,1.505\n"
        "3,2013-01-01T12:00:00Z,3,3\n"
    )
    step, _ = land()  # the price of 2 is null in no row that a rule sees
    assert aside() == {1: ({}, "amount_positive"), 2: ({"price": "1.505"}, "fits_its_type")}
    assert step.result().collect()["id"].to_list() == [3]


def test_a_partition_of_misfits_alone_is_written_and_stays_unchanged(checkout: Checkout):
    checkout.source("id,seen,amount,price\n1,2013-01-02T10:00:00Z,ten,1\n")
    land()
    assert list(aside()) == [1]
    step, _ = land()
    (output,) = step._context.outcome.outputs
    assert (output.committed, list(aside())) == ((), [1])


def test_rows_without_a_time_are_the_same_for_every_interval(checkout: Checkout):
    columns = COLUMNS.replace(", required: true", "") + PRICE % "" + LANDING
    contract(checkout, columns)
    checkout.source(
        "id,seen,amount,price\n1,2013-01-01T10:00:00Z,1,1\n2,,two,1\n3,,3,1\n"
        "4,2013-01-02T10:00:00Z,four,1\n"
    )
    for start, end in (("2013-01-01", "2013-01-02"), ("2013-01-02", "2013-01-03")):
        land(start, end)
    assert set(aside()) == {2, 4}
    step, _ = land()
    assert set(aside()) == {2, 4}
    assert sorted(step.result().collect()["id"].to_list()) == [1, 3]


def test_other_columns_and_the_time_still_stop_the_step(checkout: Checkout):
    with_price = PRICE % ", customProperties: [{property: misfits, value: quarantine}]"
    contract(checkout, COLUMNS + with_price + LANDING, own="")
    checkout.source(SOURCE.replace("x,", "4,"))
    with pytest.raises(SourceError, match="line 3: column 'amount' has 'ten', which is no int64"):
        land()
    contract(checkout)
    checkout.source("id,seen,amount,price\n1,01/02/2013,1,1\n")
    with pytest.raises(SourceError, match="line 2: column 'seen' has '01/02/2013'"):
        land()


@pytest.mark.parametrize(
    ("own", "columns", "how", "said"),
    [
        ("maybe", COLUMNS, {}, "misfits 'maybe' is unknown"),
        ("quarantine", COLUMNS, {"write": "merge"}, "'events' is written by merge"),
        ("quarantine", COLUMNS, {"write": "append"}, "'events' is written by append"),
        (
            "fail",
            COLUMNS.replace(
                "required: true}",
                "customProperties: [{property: misfits, value: quarantine}]}",
            ),
            {},
            "misfits of 'seen' cannot be set aside: it is the time column",
        ),
    ],
)
def test_what_cannot_be_set_aside_is_refused_when_the_contract_is_read(
    checkout: Checkout, own: str, columns: str, how: dict[str, Any], said: str
):
    contract(checkout, columns + LANDING, ASIDE.replace("quarantine", own), **how)
    with pytest.raises(ContractError, match=re.escape(said)):
        find_table(load_settings(), EVENTS)


def test_a_notebook_that_loses_the_column_of_texts_is_refused(checkout: Checkout):
    step = Step("bronze.events", start="2013-01-01", end="2013-01-04")
    with pytest.raises(ContractError, match="the result has no column '_misfit'"):
        step.write(step.ingest(URI).drop("_misfit"))


def test_the_check_asks_for_the_column_of_texts(checkout: Checkout):
    cell = "from lakebook import Step\nstep = Step('%s', start=start, end=end)\n%s"
    land_it = "step.write(step.ingest('file://events.csv')%s)"
    checkout.notebook("bronze.events", [cell % ("bronze.events", land_it % "")])
    done = checkout.lakebook("check")
    assert done.returncode == 0, done.stdout + done.stderr
    checkout.notebook("bronze.events", [cell % ("bronze.events", land_it % ".drop('_misfit')")])
    done = checkout.lakebook("check")
    assert done.returncode != 0
    assert "the contract sets misfits aside, and the result has no '_misfit'" in (
        done.stdout + done.stderr
    )


def test_texts_of_a_hidden_column_are_hidden(checkout: Checkout):
    contract(checkout, COLUMNS + PRICE % ", classification: restricted" + LANDING)
    step, card = land()
    found = shown(load_settings(), EVENTS, 10)
    at = found.columns.index("_misfit")
    assert "_misfit" in found.masked
    assert {row[at] for row in found.rows} == {"•••"}
    assert "1.505" not in repr(card) + card._repr_html_()
    preview = step.preview(step.ingest(URI))
    assert "1.505" not in repr(preview) + preview._repr_html_()


def test_a_contract_that_sets_nothing_aside_any_more_stops_and_shows_what_was(checkout: Checkout):
    land()
    contract(checkout, own="")
    with pytest.raises(SourceError, match="which is no int64"):
        land()
    assert set(aside()) == {2, 3, None}


def test_only_a_contract_that_sets_misfits_aside_has_another_fingerprint(checkout: Checkout):
    made = {
        own: fingerprint_of(find_table(load_settings(), EVENTS))
        for own in ("", ASIDE.replace("quarantine", "fail"), ASIDE)
        if contract(checkout, own=own)
    }
    assert made[""] == made[ASIDE.replace("quarantine", "fail")] != made[ASIDE]
    assert json.loads(made[ASIDE])["misfits"] == ["_source_modified", "amount", "id", "price"]


KINDS = {
    "n": "int64", "m": "int32", "x": "float64", "y": "float32", "d": "decimal(10,2)",
    "b": "boolean", "day": "date", "raw": "binary",
}  # fmt: skip
LOGICAL = {"int": "integer", "flo": "number", "dec": "number", "boo": "boolean", "dat": "date"}


@pytest.mark.soak
def test_exactly_the_texts_that_are_no_values_are_set_aside(checkout: Checkout):
    columns = "".join(
        f"      - {{name: {name}, logicalType: {LOGICAL.get(kind[:3], 'string')}, "
        f"physicalType: '{kind}'}}\n"
        for name, kind in KINDS.items()
    )
    contract(checkout, columns + LANDING, time=False)

    @settings(
        max_examples=sampling.examples(5, 300),
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(st.tuples(*(texts(kind, False) for kind in KINDS.values())), max_size=8))
    def holds(rows: list[tuple[str, ...]]) -> None:
        out = io.StringIO()
        written = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n")
        written.writerow(["id", *KINDS])
        written.writerows([str(at), *row] for at, row in enumerate(rows))
        checkout.source(out.getvalue())
        step = Step("bronze.events")
        step.write(step.ingest(URI))
        wrong = {
            at: bad
            for at, row in enumerate(rows)
            if (
                bad := {
                    name: text
                    for (name, kind), text in zip(KINDS.items(), row, strict=True)
                    if text and oracle(text, kind) is REFUSED
                }
            )
        }
        assert aside() == {at: (bad, "fits_its_type") for at, bad in wrong.items()}
        kept = step.result().collect()["id"].to_list()
        assert sorted(kept) == [at for at in range(len(rows)) if at not in wrong]

    holds()
