"""A dataset's page counts over tiers, and shows where its partitions lie."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from aged_lake import AgedLake
from small_checkout import Checkout

from lakebook.settings import Settings
from lakebook.site.build import build_site

DAYS = [f"2013-01-0{n}" for n in range(1, 7)]


@pytest.fixture
def aged(tmp_path: Path) -> AgedLake:
    made = AgedLake(tmp_path)
    made.contract("replace")
    step = 'Step("silver.events", start=start, end=end)'
    cells = [f"from lakebook import Step\nstep = {step}", "step.write(None)"]
    Checkout(tmp_path).notebook("silver.events", cells)
    made.write([(n, day, n) for n, day in enumerate(DAYS)], DAYS[0], "2013-01-07")
    return made


def page(settings: Settings) -> str:
    build_site(settings)
    return (settings.site / "datasets" / "silver.events.html").read_text()


def test_a_page_over_tiers(aged: AgedLake):
    assert 'id="tiers"' not in page(aged.settings), "all is hot"
    aged.warm(*DAYS[1:5])
    aged.cold(DAYS[1], DAYS[2])
    aged.delete(DAYS[0])
    text = page(aged.settings)
    assert re.search(r'<dt>Rows</dt><dd class="big">5</dd>', text)
    assert (
        'aria-label="where the days lie: deleted 2013-01-01; cold 2013-01-02 to 2013-01-03; '
        'warm 2013-01-04 to 2013-01-05; hot 2013-01-06"'
    ) in text
    rows = re.findall(r"</i> (\w+)</th><td>([^<]*)</td><td class=.num.>(\d+)", text)
    assert rows == [
        ("hot", "2013-01-06", "1"),
        ("warm", "2013-01-04 to 2013-01-05", "2"),
        ("cold", "2013-01-02 to 2013-01-03", "2"),
        ("deleted", "2013-01-01", "1"),
    ]
    assert "5 files, " in text
    # The same in the environment of somebody who has pinned nothing.
    aged.env = "ana"
    assert 'id="tiers"' in page(aged.settings)


def test_a_damaged_archive_is_said_on_the_page(aged: AgedLake):
    aged.warm(DAYS[1])
    aged.cold(DAYS[1])
    (manifest,) = aged.tables.cold.glob("*/*/manifest.json")
    manifest.chmod(0o600)
    manifest.write_text("{}")
    text = page(aged.settings)
    assert '<dd class="big">not known</dd>' in text and "manifest" in text
