"""`[tiers]` of lakebook.toml: what it means, and one sentence for what it cannot mean."""

from __future__ import annotations

from pathlib import Path

import pytest

from lakebook.ages import NEVER
from lakebook.errors import UserError
from lakebook.settings import LayerAges, Prices, TierSettings, load_settings


def tiers(root: Path, text: str) -> TierSettings:
    (root / "lakebook.toml").write_text(text)
    return load_settings(root, environ={}).tiers


def test_without_the_section_nothing_ages(tmp_path: Path) -> None:
    found = tiers(tmp_path, "")
    assert found == TierSettings() and found.ages_of("bronze") == LayerAges(None, None, None)


def test_ages_prices_and_figures(tmp_path: Path) -> None:
    text = """
[tiers]
archive_level = 12
restore_mb_per_s = 250.5
restore_days = 14
[tiers.bronze]
hot = "4w"
warm = "1y"
retention = "7y"
[tiers.gold]
hot = "never"
[tiers.prices]
currency = "EUR"
hot = 0.02
"""
    found = tiers(tmp_path, text)
    assert (found.archive_level, found.restore_mb_per_s, found.restore_days) == (12, 250.5, 14)
    assert found.ages_of("bronze") == LayerAges(28, 365, 2555)
    assert found.ages_of("bronze").places["warm"] == "lakebook.toml:8"
    assert found.ages_of("gold") == LayerAges(NEVER) and found.ages_of("silver") == LayerAges()
    assert found.prices == Prices(currency="EUR", hot=0.02)


def test_a_price_is_per_gigabyte_of_ten_to_the_nine() -> None:
    assert Prices(warm=0.5).monthly("warm", 3_000_000_000) == pytest.approx(1.5)


BROKEN = [
    ('[tiers.bronze]\nhott = "3d"', "lakebook.toml:2: unknown key 'hott' in [tiers.bronze] (did"),
    ('[tiers.bronz]\nhot = "3d"', "lakebook.toml:1: unknown section [tiers.bronz] (did you mean"),
    ("[tiers]\nlevel = 3", "lakebook.toml:2: unknown key 'level' in [tiers]"),
    ("[tiers]\nbronze = 3", "lakebook.toml: tiers.bronze is no section; write [tiers.bronze]"),
    ('[tiers.bronze]\nhot = "30x"', "tiers.bronze.hot = '30x' makes no sense; set an age such as"),
    ('[tiers.bronze]\nhot = "-3d"', "tiers.bronze.hot = '-3d' makes no sense"),
    ('[tiers.bronze]\nhot = "³d"', "tiers.bronze.hot = '³d' makes no sense"),
    ("[tiers.bronze]\nhot = 30", "lakebook.toml:2: tiers.bronze.hot = 30 makes no sense; set an"),
    (
        '[tiers.bronze]\nhot = "30d"\nwarm = "20d"',
        "lakebook.toml:3: [tiers.bronze]: warm 20d is shorter than hot 30d, so that a partition "
        "would leave warm before it left hot; let the ages rise",
    ),
    (
        '[tiers.bronze]\nwarm = "1y"\nretention = "100d"',
        "lakebook.toml:3: [tiers.bronze]: retention 100d is shorter than warm 1y, so that a "
        "partition would be deleted before it left warm",
    ),
    ('[tiers.gold]\nhot = "never"\nwarm = "1y"', "warm 1y is shorter than hot never"),
    ('[tiers.gold]\nretention = "0d"', "lakebook.toml:2: tiers.gold.retention = '0d' is less than"),
    ("[tiers.prices]\nhot = -1", "tiers.prices.hot = -1 makes no sense; set a number of 0 or more"),
    ("[tiers.prices]\ncurrency = 3", "tiers.prices.currency = 3 makes no sense; set a text"),
    ("[tiers]\narchive_level = 23", "set a whole number from 1 to 22"),
    ("[tiers]\nrestore_mb_per_s = 0", "set a number above 0"),
    ("[tiers]\nrestore_days = -1", "set a number above 0"),
]


@pytest.mark.parametrize(("text", "said"), BROKEN)
def test_what_makes_no_sense_is_said_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UserError) as found:
        tiers(tmp_path, text)
    assert said in found.value.sentence and "\n" not in found.value.sentence
