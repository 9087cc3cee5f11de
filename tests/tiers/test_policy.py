"""How partitions age: contract and layer put together, the edges of ages, contradictions."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import delta_worker as w
import pytest
from small_checkout import COLUMNS, Checkout

from lakebook.ages import NEVER
from lakebook.contract.lookup import find_table
from lakebook.contract.model import TierPolicy
from lakebook.errors import ContractError
from lakebook.graph import load_graph
from lakebook.names import Dataset
from lakebook.settings import LayerAges, Settings, TierSettings, load_settings
from lakebook.tiers.policy import Policy, policy_of

ROOT = Path(__file__).parents[2]
NEW_YEAR = date(2014, 1, 1)


def merged(own: TierPolicy, layer: LayerAges) -> Policy:
    settings = Settings(Path(), Path(), tiers=TierSettings(layers={"silver": layer}))
    return policy_of(settings, replace(w.make_contract(), tier=own))


@pytest.mark.parametrize(
    ("own", "layer", "wanted"),
    [
        (TierPolicy(), LayerAges(), Policy()),
        (TierPolicy(), LayerAges(30, 365, 2555), Policy(30, 365, 2555)),
        (TierPolicy(10), LayerAges(30, 365, 2555), Policy(10, 365, 2555)),
        (TierPolicy(None, 100, 200), LayerAges(30, 365), Policy(30, 100, 200)),
        (TierPolicy(NEVER), LayerAges(30, 365, 2555), Policy(None, None, 2555)),
        (TierPolicy(30, NEVER), LayerAges(10, 20), Policy(30, None)),
        (TierPolicy(30, 60), LayerAges(NEVER), Policy(30, 60)),
        (TierPolicy(30, 30), LayerAges(), Policy(30, 30)),
        (TierPolicy(0, legal_hold=True), LayerAges(), Policy(0, legal_hold=True)),
        (TierPolicy(), LayerAges(retention_days=NEVER), Policy()),
    ],
)
def test_the_contract_comes_before_its_layer(
    own: TierPolicy, layer: LayerAges, wanted: Policy
) -> None:
    assert merged(own, layer) == wanted


def test_a_partition_ages_from_its_end() -> None:
    policy = Policy(30, 365, 730)
    ends = [
        (date(2012, 12, 1), "hot"),  # before it has begun
        (date(2013, 3, 2), "hot"),
        (date(2013, 3, 3), "warm"),
        (date(2014, 1, 31), "warm"),
        (date(2014, 2, 1), "cold"),
        (date(2015, 1, 31), "cold"),
        (date(2015, 2, 1), "deleted"),
    ]
    assert [policy.tier_at("2013-01", day) for day, _ in ends] == [tier for _, tier in ends]
    assert Policy(0).tier_at("2013-01-31", date(2013, 1, 31)) == "hot"
    assert Policy(0).tier_at("2013-01-31", date(2013, 2, 1)) == "warm"


def test_what_has_no_time_stays_hot() -> None:
    policy = Policy(0, 0, 1)
    for partition in ("null", "*"):
        assert policy.tier_at(partition, date(2030, 1, 1)) == "hot"
        assert policy.next_change(partition, date(2030, 1, 1)) is None


def test_a_hold_deletes_nothing_and_equal_ages_make_one_step() -> None:
    assert Policy(30, 365, 730, legal_hold=True).tier_at("2013-01", date(2030, 1, 1)) == "cold"
    assert Policy(30, 30).tier_at("2013-01", date(2013, 3, 3)) == "cold"
    assert Policy(30, 30).next_change("2013-01", date(2013, 1, 1)) == (date(2013, 3, 3), "cold")


def test_the_next_change_is_the_first_day_in_another_tier() -> None:
    policy = Policy(30, 365)
    assert policy.next_change("2013-01", date(2013, 3, 2)) == (date(2013, 3, 3), "warm")
    assert policy.next_change("2013-01", date(2013, 3, 3)) == (date(2014, 2, 1), "cold")
    assert policy.next_change("2013-01", date(2014, 2, 1)) is None
    assert Policy(10**9).next_change("2013-01", NEW_YEAR) is None  # beyond the calendar


def checkout(root: Path, toml: str, tier: str = "", retention: str = "") -> Dataset:
    (root / "lakebook.toml").write_text(toml)
    made = Checkout(root)
    path = made.contract("silver.events", COLUMNS)
    text = path.read_text()
    if tier:
        line = f"      - {{property: tier, value: {tier}}}\n"
        text = text.replace("    properties:\n", f"{line}    properties:\n", 1)
    if retention:
        text = text.replace("unit: h}]", f"unit: h}}, {{property: retention, {retention}}}]")
    path.write_text(text)
    made.notebook("silver.events", ['from lakebook import Step\nstep = Step("silver.events")'])
    return Dataset("silver", "events")


CONTRACT = "notebooks/silver/events.contract.yaml"
CLASHES = [
    (
        '[tiers.silver]\nwarm = "100d"',
        "{hot: 200d}",
        "",
        f"{CONTRACT}:22: silver.events: warm 100d is shorter than hot 200d "
        "(warm stands in lakebook.toml:2), so that a partition would leave warm before it left hot",
    ),
    (
        '[tiers.silver]\nhot = "1y"\nwarm = "2y"',
        "",
        "value: 100, unit: d",
        f"{CONTRACT}:11: silver.events: retention 100d is shorter than hot 1y "
        "(hot stands in lakebook.toml:2), so that a partition would be deleted before it left hot",
    ),
    (
        '[tiers.silver]\nhot = "never"',
        "{warm: 1y}",
        "",
        f"{CONTRACT}:22: silver.events: warm 1y is shorter than hot never "
        "(hot stands in lakebook.toml:2)",
    ),
    (
        "",
        "{warm: 1y}",
        "",
        f"{CONTRACT}:22: silver.events: warm 1y is shorter than hot never (the default)",
    ),
    (
        '[tiers.silver]\nwarm = "1y"',
        "",
        "",
        "lakebook.toml:2: silver.events: warm 1y is shorter than hot never (the default)",
    ),
]


@pytest.mark.parametrize(("toml", "tier", "retention", "said"), CLASHES)
def test_a_clash_with_the_layer_names_both_places(
    tmp_path: Path, toml: str, tier: str, retention: str, said: str
) -> None:
    name = checkout(tmp_path, toml, tier, retention)
    settings = load_settings(tmp_path, environ={})
    with pytest.raises(ContractError) as found:
        policy_of(settings, find_table(settings, name))
    assert found.value.sentence.startswith(said), found.value.sentence
    with pytest.raises(ContractError, match="is shorter than"):  # so `lakebook check` tells, too
        load_graph(settings).whole()


def test_the_year_2013_as_this_repository_ages_it() -> None:
    settings = load_settings(ROOT, environ={})

    def tiers(dataset: str, as_of: date) -> set[str]:
        policy = policy_of(settings, find_table(settings, Dataset.parse(dataset)))
        return {policy.tier_at(f"2013-{month:02}", as_of) for month in range(1, 13)}

    for name in ("bronze.flights", "bronze.weather"):
        assert tiers(name, NEW_YEAR) == {"hot", "warm", "cold"}
    for name in ("silver.flights", "silver.weather"):
        assert tiers(name, NEW_YEAR) == {"hot", "warm"}
    for name in ("gold.fct_flights", "gold.airport_delay"):
        assert tiers(name, NEW_YEAR) == {"hot"}
    for name in ("bronze.flights", "silver.weather", "gold.fct_flights"):
        assert "deleted" not in tiers(name, date(2030, 1, 1))
