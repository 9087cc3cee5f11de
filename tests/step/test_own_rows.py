"""What an environment merged stands over the prod into which it was merged, or not at all."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
import sampling
from dying import Killed, die_at
from small_checkout import POSITIVE
from small_lake import Row, SmallLake

from lakebook.delta.faults import DISCARD_POINTS
from lakebook.errors import LakebookError, UserError
from lakebook.names import Dataset, table_path
from lakebook.run import own_rows
from lakebook.run.environments import DROPPED
from lakebook.run.own_rows import discard
from lakebook.run.refresh import refresh
from lakebook.settings import Settings, load_settings

D1, D2, D3 = DAYS = ("2013-01-01", "2013-01-02", "2013-01-03")
ALL = (D1, "2013-01-04")
NAME = "silver.events"


def settings_of(lake: SmallLake, env: str = "ana") -> Settings:
    return load_settings(lake.root, env=env)


def in_env(lake: SmallLake, env: str) -> SmallLake:
    return SmallLake(lake.root, env=env)


def merge(lake: SmallLake, env: str, given: Sequence[Row]) -> None:
    in_env(lake, env).write(given, *ALL)


def seen(lake: SmallLake, env: str) -> list[Row]:
    one = in_env(lake, env)
    one.open(*ALL)
    return one.rows()


@pytest.fixture
def merged(lake: SmallLake) -> SmallLake:
    """Key 1 goes from day 1 to day 3 in ana, then key 3 from day 3 to day 2 in prod."""
    lake.contract("merge")
    merge(lake, "prod", [(1, D1, 1), (2, D2, 2), (3, D3, 3)])
    merge(lake, "ana", [(1, D3, 10)])
    merge(lake, "prod", [(3, D2, 300)])
    return lake


def test_no_key_is_shown_twice_after_a_refresh(merged: SmallLake) -> None:
    before = seen(merged, "ana")
    with pytest.raises(UserError) as caught:
        refresh(settings_of(merged), "ana", [NAME])
    assert "lakebook env refresh ana silver.events --discard" in caught.value.sentence
    assert seen(merged, "ana") == before == [(1, D3, 10), (2, D2, 2), (3, D3, 3)]
    ((old, new),) = refresh(settings_of(merged), "ana", [NAME], give_up=True)
    assert old.version < new.version
    assert seen(merged, "ana") == seen(merged, "prod") == [(1, D1, 1), (2, D2, 2), (3, D2, 300)]
    merge(merged, "ana", [(1, D3, 10)])
    assert seen(merged, "ana") == [(1, D3, 10), (2, D2, 2), (3, D2, 300)]


@pytest.mark.parametrize("then", ["nothing", "a replace"])
def test_what_was_merged_before_the_contract_said_replace_is_not_mixed_either(
    merged: SmallLake, then: str
) -> None:
    merged.contract("replace")
    before = [(1, D3, 10), (2, D2, 2), (3, D3, 3)]
    if then != "nothing":
        in_env(merged, "ana").write([(2, D2, 2)], D2, D3)
    with pytest.raises(UserError, match="a key would be shown twice"):
        refresh(settings_of(merged), "ana", [NAME])
    assert seen(merged, "ana") == before


def test_where_prod_has_the_same_rows_a_pin_moves(merged: SmallLake) -> None:
    refresh(settings_of(merged), "ana", [NAME], give_up=True)
    merge(merged, "ana", [(1, D3, 10)])
    before = seen(merged, "ana")
    in_env(merged, "prod").code = "two"
    merge(merged, "prod", [(3, D2, 300)])  # the same
    refresh(settings_of(merged), "ana")
    assert seen(merged, "ana") == before


def test_own_partitions_of_a_replaced_table_stay_over_another_prod(lake: SmallLake) -> None:
    lake.contract("replace")
    lake.write([(1, D1, 1), (2, D2, 2)], *ALL)
    in_env(lake, "ana").write([(1, D1, 10)], D1, D2)
    lake.write([(1, D1, 1), (2, D2, 20)], *ALL)
    refresh(settings_of(lake), "ana")
    assert seen(lake, "ana") == [(1, D1, 10), (2, D2, 20)]


@pytest.mark.parametrize("seed", range(sampling.examples(6, 200)))
def test_by_chance(lake: SmallLake, seed: int) -> None:
    """Merges here and there and refreshes in between: an environment shows what its own merges
    make of the prod that it had when it first looked, each key once; a plain recomputation by key
    is the oracle."""
    draw = random.Random(sampling.seed(f"own rows {seed}"))
    lake.contract("merge")
    prod: dict[int, Row] = {}
    mine: dict[int, Row] | None = None
    pinned: dict[int, Row] = {}

    def batch() -> list[Row]:
        keys = draw.sample(range(6), draw.randint(1, 3))
        return [(key, draw.choice(DAYS), draw.randint(0, 9)) for key in keys]

    for rows in [batch() for _ in range(2)]:
        merge(lake, "prod", rows)
        prod |= {row[0]: row for row in rows}
    for _ in range(12):
        rows, what = batch(), draw.choice(("prod", "ana", "refresh", "discard"))
        if what == "prod":
            merge(lake, "prod", rows)
            prod |= {row[0]: row for row in rows}
        elif what == "ana":
            if mine is None:
                mine, pinned = dict(prod), dict(prod)
            merge(lake, "ana", rows)
            mine |= {row[0]: row for row in rows}
        elif mine is not None:
            own = mine != pinned or _wrote(lake)
            is_refused = what == "refresh" and own and pinned != prod
            try:
                refresh(settings_of(lake), "ana", [NAME], give_up=what == "discard")
                assert not is_refused
            except UserError:
                assert is_refused
                continue
            if what == "discard" or not own:
                mine = dict(prod)
            pinned = dict(prod)
        if mine is not None:
            assert seen(lake, "ana") == sorted(mine.values())
        assert seen(lake, "prod") == sorted(prod.values())


def _wrote(lake: SmallLake) -> bool:
    return table_path(lake.root / ".lake", Dataset.parse(NAME), env="ana").is_dir()


def test_killed_while_it_gives_up_the_same_command_ends_it(
    merged: SmallLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    merged.contract("merge", quality=POSITIVE)
    settings = settings_of(merged)
    (point,) = DISCARD_POINTS
    with monkeypatch.context() as patch:
        reached = die_at(patch, point, own_rows)
        with pytest.raises(Killed):
            discard(settings, [NAME])
    assert reached and not list((merged.root / ".lake/ana/hot").rglob("*.parquet"))
    refresh(settings, "ana", [NAME], give_up=True)
    assert seen(merged, "ana") == seen(merged, "prod")
    assert not list((merged.root / ".lake" / DROPPED).rglob("*.parquet"))


def test_a_run_that_goes_on_is_not_robbed(merged: SmallLake) -> None:
    from lakebook.run.workspace import hold_environment

    settings = settings_of(merged)
    with hold_environment(settings), pytest.raises(LakebookError, match="is going on"):
        refresh(settings, "ana", [NAME], give_up=True)
    assert seen(merged, "ana") == [(1, D3, 10), (2, D2, 2), (3, D3, 3)]
