"""The protocol of the tiers, every interleaving of it; and that each of its rules is needed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tiers import model as m
from tiers import model_cold as c
from tiers.explore import Actor, alone, explore

Cast = Callable[[m.Rules], list[Actor]]
PAIR = (0, 1)


def hot_and_warm(rules: m.Rules) -> list[Actor]:
    return [
        m.mover(rules, "mover 1"),
        m.mover(rules, "mover 2"),
        m.promoter(rules),
        m.writer(rules),
        m.sweeper(rules),
        m.reader(rules),
    ]


def crowd(rules: m.Rules) -> list[Actor]:
    return [*hot_and_warm(rules), m.writer(rules, "writer 2"), m.compactor(rules)]


def pair(rules: m.Rules) -> list[Actor]:
    """The writer replaces two partitions in one commit, and they lie in different tiers."""
    return [
        m.mover(rules, "mover 1", (0,)),
        m.mover(rules, "mover 2", PAIR),
        m.promoter(rules, partitions=(0,)),
        m.writer(rules, partitions=PAIR),
        m.sweeper(rules),
        m.reader(rules, partitions=PAIR),
    ]


def pair_written_twice(rules: m.Rules) -> list[Actor]:
    return [
        m.mover(rules, "mover 1"),
        m.mover(rules, "mover 2"),
        m.writer(rules, partitions=PAIR, times=2),
        m.sweeper(rules),
        m.reader(rules, partitions=PAIR),
    ]


def archiving_twice(rules: m.Rules) -> list[Actor]:
    return [
        c.archiver(rules, "archiver 1", 1),
        c.archiver(rules, "archiver 2", 2),
        c.restorer(rules),
        c.cold_sweeper(rules),
        m.writer(rules),
        m.reader(rules),
    ]


def falling_back(rules: m.Rules) -> list[Actor]:
    return [
        m.mover(rules),
        c.archiver(rules),
        c.restorer(rules),
        c.falling_back(rules),
        m.sweeper(rules),
        m.writer(rules),
    ]


def retention(rules: m.Rules) -> list[Actor]:
    return [
        m.mover(rules),
        c.archiver(rules),
        c.deleter(rules),
        c.cold_sweeper(rules),
        m.writer(rules),
        m.reader(rules),
    ]


def everyone(rules: m.Rules) -> list[Actor]:
    return [
        m.mover(rules),
        m.promoter(rules),
        c.archiver(rules),
        c.restorer(rules, to=m.HOT),
        c.falling_back(rules),
        m.sweeper(rules),
        c.cold_sweeper(rules),
        m.writer(rules),
    ]


IN_HOT = m.start()
TWO_IN_HOT = m.start(2)
ONE_IN_WARM = alone(m.start(2), m.mover(m.Rules()))  # the other in hot

CASES: list[tuple[Cast, m.World, int]] = [  # and the least number of states
    (hot_and_warm, IN_HOT, 15_407),
    (pair, TWO_IN_HOT, 21_256),
    (pair, ONE_IN_WARM, 46_544),
    (pair_written_twice, ONE_IN_WARM, 15_252),
    (archiving_twice, IN_HOT, 37_585),
    (falling_back, IN_HOT, 22_736),
    (retention, IN_HOT, 24_323),
]
LARGE: list[tuple[Cast, m.World, int]] = [
    (crowd, IN_HOT, 915_229),
    (everyone, IN_HOT, 195_365),
]


def ids(cases: list[tuple[Cast, m.World, int]]) -> list[str]:
    where = {IN_HOT: "", TWO_IN_HOT: " in hot", ONE_IN_WARM: " one in warm"}
    return [f"{cast.__name__}{where[world]}" for cast, world, _ in cases]


@pytest.mark.parametrize(("cast", "world", "states"), CASES, ids=ids(CASES))
def test_nothing_is_lost_or_read_twice_whatever_comes_first_and_whoever_dies(
    cast: Cast, world: m.World, states: int
) -> None:
    found = explore(world, cast(m.Rules()), m.judge_files)
    assert not found.wrong, str(found)
    assert found.states >= states, found.states
    for each in found.worlds:
        check_that_a_rerun_converges(each)


@pytest.mark.slow
@pytest.mark.parametrize(("cast", "world", "states"), LARGE, ids=ids(LARGE))
def test_nor_with_more_actors(cast: Cast, world: m.World, states: int) -> None:
    test_nothing_is_lost_or_read_twice_whatever_comes_first_and_whoever_dies(cast, world, states)


def check_that_a_rerun_converges(world: m.World) -> None:
    """What a crash left, and then one actor of each kind with nobody beside it."""
    rules = m.Rules()
    swept = alone(world, m.sweeper(rules))
    assert swept.warm[0].rows is None or m.is_placed(swept.hot[0], swept.warm[0])
    if world.hot[0].tier == m.HOT:
        warm = alone(world, m.mover(rules))
        assert m.is_placed(warm.hot[0], warm.warm[0])
        m.judge_files(warm)
        assert alone(warm, m.promoter(rules)).hot[0].tier == m.HOT
    if world.hot[0].tier in (m.HOT, m.WARM):
        cold = alone(world, c.archiver(rules, number=9))
        assert cold.hot[0].tier == m.COLD
        m.judge_files(cold)
        for tier in (m.HOT, m.WARM):
            back = alone(cold, c.restorer(rules, to=tier))
            assert back.hot[0].tier == tier
            m.judge_files(back)
            m.judge_files(alone(back, c.falling_back(rules)))
        swept = alone(cold, c.cold_sweeper(rules))
        assert len(swept.cold[0]) == 1
        m.judge_files(swept)


# What must be found when one rule is taken away; and where.
NEEDED: list[tuple[str, Cast, m.World, str]] = [
    ("hot_fence", hot_and_warm, IN_HOT, "write 2 is lost"),
    ("warm_fence", hot_and_warm, IN_HOT, "write 2 is lost"),
    ("sweeper_raises", hot_and_warm, IN_HOT, "write 1 is lost"),
    ("mover_always_puts", hot_and_warm, IN_HOT, "write 1 is lost"),
    ("reader_compares", pair, TWO_IN_HOT, "halves of two writes"),
    ("reader_opens_warm_again", pair_written_twice, ONE_IN_WARM, "halves of two writes"),
    ("hot_fence", archiving_twice, IN_HOT, "write 1 is lost"),
    ("cold_sweeper_raises", archiving_twice, IN_HOT, "write 1 is lost"),
    ("archives_are_new", archiving_twice, IN_HOT, "write 1 is lost"),
]


@pytest.mark.parametrize(
    ("rule", "cast", "world", "wrong"), NEEDED, ids=[f"{n[0]} {n[1].__name__}" for n in NEEDED]
)
def test_without_one_rule_there_is_a_way_to_a_fault(
    rule: str, cast: Cast, world: m.World, wrong: str
) -> None:
    found = explore(world, cast(m.Rules(**{rule: False})), m.judge)
    assert wrong in found.wrong, str(found)
    assert found.trace


def test_an_archive_beside_an_older_copy_in_warm_misleads_only_what_cannot_read_tokens() -> None:
    actors = falling_back(m.Rules(archiver_clears_warm=False))
    assert not explore(IN_HOT, actors, m.judge).wrong
    assert "warm shows 1" in explore(IN_HOT, actors, m.judge_files).wrong


def test_the_way_to_a_fault_is_the_shortest_and_can_be_read() -> None:
    found = explore(IN_HOT, hot_and_warm(m.Rules(sweeper_raises=False)), m.judge)
    assert found.trace == (
        "mover 1: note warm",
        "mover 1: note hot",
        "mover 1: commit warm",
        "sweeper: note warm",
        "sweeper: raise fence",
        "mover 1: commit hot",
        "sweeper: remove",
    )
    assert "7  sweeper: remove" in str(found)
