"""Looking at a frame changes nothing, and shows nothing that must stay hidden."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import narwhals as nw
import polars as pl
import pytest
from small_lake import SmallLake, rows

from lakebook.errors import UserError
from lakebook.step.lake import LakeContext

DAYS = ("2013-01-01", "2013-01-03")
ROWS = [(1, "2013-01-01", 10), (2, "2013-01-02", 20), (3, "2013-01-02T10:00:00", 84711)]


def classify(lake: SmallLake, column: str) -> None:
    path = lake.root / "notebooks/silver/events.contract.yaml"
    text = path.read_text()
    secret = f"{{name: {column}, classification: confidential, "
    path.write_text(text.replace(f"{{name: {column}, ", secret))


@pytest.fixture
def published(lake: SmallLake) -> SmallLake:
    lake.contract("replace")
    lake.write(ROWS, *DAYS)
    return lake


def all_looks(lake: SmallLake, frame: Any, **options: Any) -> dict[str, str]:
    step = lake.open(*DAYS)
    looks = {
        "preview": step.preview(frame, **options),
        "profile": step.profile(frame, **options),
        "diff": step.diff(frame, **options),
    }
    return {name: repr(shown) + shown._repr_html_() for name, shown in looks.items()}


def test_no_look_is_a_read_a_fence_or_a_part_of_the_record(published: SmallLake) -> None:
    before = published.snapshot
    step = published.open(*DAYS)
    step.preview(rows(*ROWS))
    step.profile(step.result())
    step.diff(rows(*ROWS[:2]))
    step.diff(step.result())
    context = published.contexts[-1]
    assert (context.inputs, context.outcome.inputs, context.outcome.outputs) == ([], [], [])
    assert context.views_read == ()
    assert (published.snapshot.version, published.snapshot.tokens) == (
        before.version,
        before.tokens,
    )
    assert not list((published.root / ".lake/.cache").glob("look-*")), "nothing is left behind"


def test_looks_do_not_change_the_fingerprint_of_what_is_written(lake: SmallLake) -> None:
    lake.contract("replace")
    plain = lake.write(ROWS, *DAYS).fingerprints
    step = lake.open(*DAYS)
    step.diff(rows(*ROWS[:1]))
    step.profile(rows(*ROWS))
    assert step.write(rows(*ROWS)).output.fingerprints == plain
    step.diff()


def test_values_of_classified_columns_are_on_no_card(published: SmallLake) -> None:
    classify(published, "amount")
    frame = rows(*ROWS, (4, "2013-01-01", 84712)).with_columns(made=pl.col("amount") + 1)
    changed = frame.with_columns(pl.when(id=1).then(84713).otherwise("amount").alias("amount"))
    for name, shown in all_looks(published, changed).items():
        assert not [n for n in ("84711", "84712", "84713", "84714") if n in shown], name
        assert re.search("hidden: (id, seen, )?amount", shown), name
    assert "made" in repr(published.open(*DAYS).preview(changed)).splitlines()[-1]


def test_a_session_may_unmask_and_a_run_may_not(published: SmallLake, tmp_path: Path) -> None:
    classify(published, "amount")
    step = published.open(*DAYS)
    assert "84711" in repr(step.preview(rows(*ROWS), unmask=True))
    context = published.contexts[-1]
    context.run = replace(context.run, out=tmp_path)
    for shown in (
        step.preview(rows(*ROWS), unmask=True),
        step.profile(rows(*ROWS), unmask=True),
        step.diff(rows((1, "2013-01-01", 84711)), unmask=True),
    ):
        assert "84711" not in repr(shown) + shown._repr_html_()
        assert "values stay hidden" in repr(shown)


def test_without_a_classified_column_nothing_is_hidden(published: SmallLake) -> None:
    frame = rows(*ROWS).with_columns(made=pl.col("amount") + 1)
    assert "84712" in repr(published.open(*DAYS).preview(frame))


def test_what_an_input_classifies_is_hidden_too(published: SmallLake) -> None:
    classify(published, "amount")
    other = SmallLake(published.root, step="gold.sums")
    other.contract("replace")
    step = other.open(*DAYS)
    read = step.read("silver.events")
    assert "84711" not in repr(step.preview(read)), "the reader's own contract calls it public"


@pytest.mark.parametrize("kind", ["lazy", "frame", "narwhals", "relation", "pandas", "arrow"])
def test_every_kind_of_frame_can_be_looked_at(published: SmallLake, kind: str) -> None:
    made = rows(*ROWS, (4, "2013-01-01", 5)).collect()
    arrow = made.to_arrow()
    connection = duckdb.connect()
    frame = {
        "lazy": made.lazy(),
        "frame": made,
        "narwhals": nw.from_native(made.lazy()),
        "relation": nw.from_native(connection.from_arrow(arrow)),
        "pandas": made.to_pandas(),
        "arrow": arrow,
    }[kind]
    shown = all_looks(published, frame)
    assert "All of 4 rows" in shown["preview"]
    assert "4 rows, 3 columns" in shown["profile"]
    assert "Rows: 1 added." in shown["diff"] or kind == "pandas"


def test_what_is_no_frame_is_one_sentence(published: SmallLake) -> None:
    step = published.open(*DAYS)
    for look in (step.preview, step.profile, step.diff):
        with pytest.raises(UserError, match="a list is no frame"):
            look([1, 2])
    with pytest.raises(UserError, match="rows=-1"):
        step.preview(rows(*ROWS), rows=-1)


def test_a_look_is_the_lakes(published: SmallLake) -> None:
    published.open(*DAYS)
    assert isinstance(published.contexts[-1], LakeContext)
    assert json.dumps(published.contexts[-1].outcome.timings) == "{}"
