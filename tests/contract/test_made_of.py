"""What was made of a column before that was classified is hidden once it is."""

from __future__ import annotations

import pytest
from small_checkout import Checkout

_EMAIL = "      - {name: email, logicalType: string, physicalType: string}\n"
_SECRET = _EMAIL.replace(
    "physicalType: string}", "physicalType: string, classification: restricted}"
)


@pytest.fixture
def shop(checkout: Checkout) -> Checkout:
    """bronze.people lands addresses; silver.people keeps them under other names, gold counts."""
    (checkout.root / "people.csv").write_text("id,email\n1,ana@example.org\n2,bo@example.org\n")
    for layer in ("bronze", "silver"):
        for file in (checkout.root / "notebooks" / layer).iterdir():
            file.unlink()
    landing = (
        "      - {name: _source, logicalType: string, physicalType: string}\n"
        "      - {name: _source_digest, logicalType: string, physicalType: string}\n"
        "      - {name: _source_modified, logicalType: timestamp, physicalType: timestamp}\n"
    )
    checkout.contract("bronze.people", _EMAIL + landing, time=False)
    checkout.notebook(
        "bronze.people",
        ['from lakebook import Step\nstep = Step("bronze.people")',
         'step.write(step.ingest("file://people.csv"))'],
        time=False,
    )  # fmt: skip
    words = ("contact", "host", "length")
    columns = "".join(
        f"      - {{name: {name}, logicalType: {kind}, physicalType: {own}}}\n"
        for name, (kind, own) in zip(
            words, [("string", "string"), ("string", "string"), ("integer", "int64")], strict=True
        )
    )
    checkout.contract("silver.people", columns, time=False)
    checkout.notebook(
        "silver.people",
        ['import narwhals as nw\nfrom lakebook import Step\nstep = Step("silver.people")',
         'people = step.read("bronze.people")',
         'step.write(people.select("id", contact=nw.col("email").str.to_lowercase(),'
         ' host=nw.lit("example.org"), length=nw.col("id") * 2))'],
        time=False,
    )  # fmt: skip
    said = "      - {name: said, logicalType: string, physicalType: string}\n"
    checkout.contract("gold.people", said, time=False)
    checkout.notebook(
        "gold.people",
        ['import narwhals as nw\nfrom lakebook import Step\nstep = Step("gold.people")',
         'people = step.read("silver.people")',
         'step.write(people.select("id", said=nw.concat_str(nw.lit("to "), nw.col("contact"))))'],
        time=False,
    )  # fmt: skip
    done = checkout.lakebook("run")
    assert done.returncode == 0, done.stdout + done.stderr
    return checkout


def _classify(shop: Checkout) -> None:
    path = shop.root / "notebooks" / "bronze" / "people.contract.yaml"
    path.write_text(path.read_text().replace(_EMAIL, _SECRET))


def test_it_is_hidden_without_another_run(shop: Checkout) -> None:
    assert shop.lakebook("check").returncode == 0
    assert shop.query("select contact from silver.people order by id")[0]["contact"] == (
        "ana@example.org"
    )
    _classify(shop)
    assert [row["contact"] for row in shop.query("select contact from silver.people")] == [
        "•••"
    ] * 2
    assert [row["said"] for row in shop.query("select said from gold.people")] == ["•••"] * 2
    open_ones = shop.query("select host, length from silver.people order by id")
    assert open_ones == [
        {"host": "example.org", "length": 2},
        {"host": "example.org", "length": 4},
    ]
    assert shop.query("select contact from silver.people order by id", "--unmask")[0] == {
        "contact": "ana@example.org"
    }


def test_the_contract_may_say_that_it_is_open(shop: Checkout) -> None:
    shop.lakebook("check")
    _classify(shop)
    path = shop.root / "notebooks" / "silver" / "people.contract.yaml"
    text = path.read_text()
    path.write_text(text.replace("{name: contact, ", "{name: contact, classification: internal, "))
    assert shop.query("select contact from silver.people order by id")[0]["contact"] == (
        "ana@example.org"
    )
    # And so is what is made of it.
    assert shop.query("select said from gold.people order by id")[0]["said"] == "to ana@example.org"


def test_where_nobody_could_follow_a_step_all_that_it_writes_is_hidden(shop: Checkout) -> None:
    shop.notebook(
        "silver.people",
        ['import polars as pl\nfrom lakebook import Step\nstep = Step("silver.people")',
         'rows = step.read("bronze.people").collect().to_native()',
         'rows = pl.DataFrame([{"id": r["id"], "contact": r["email"], "host": "x",'
         ' "length": 1} for r in rows.iter_rows(named=True)], schema={"id": pl.Int64,'
         ' "contact": pl.String, "host": pl.String, "length": pl.Int64})',
         'step.write(rows)'],
        time=False,
    )  # fmt: skip
    assert shop.lakebook("run").returncode == 0
    shop.lakebook("check")
    _classify(shop)
    assert shop.query("select contact, host from silver.people")[0] == {
        "contact": "•••",
        "host": "•••",
    }
