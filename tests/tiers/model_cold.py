"""The same world with the cold archive: archive, restore, fall back, retention, sweep of cold.

Archives stand outside both logs and have no fence: only the hot log's token says which one counts.
"""

from __future__ import annotations

from tiers.explore import Actor, Memory, Next
from tiers.model import (
    COLD,
    DELETED,
    HOT,
    WARM,
    Hot,
    Rules,
    World,
    is_placed,
    set_hot,
    set_warm,
    then,
)

P = 0  # the partition that all of this is about


def archiver(rules: Rules, name: str = "archiver", number: int = 1) -> Actor:
    """hot or warm -> cold. `number` goes into the archive's identity, which must be new.

    What lies in warm beside a partition of hot is cleared after hot was noted, as by a sweep, also
    when there is nothing: a mover that still holds older rows then finds warm's fence moved.
    """

    def note_warm(world: World, _: Memory) -> Next:
        return Next("note hot", (world.warm[P],), world)

    def note_hot(world: World, memory: Memory) -> Next:
        (warm,), hot = memory, world.hot[P]
        if is_placed(hot, warm):
            return Next("put archive", (hot, warm.rows), world)
        if hot.tier != HOT:
            return Next("", (), world)
        if not rules.archiver_clears_warm:
            return Next("put archive", (hot, hot.rows), world)
        after = set_hot(world, {P: hot})
        return Next("clear warm", (warm, after.hot[P]), after)

    def clear_warm(world: World, memory: Memory) -> Next:
        warm, hot = memory
        if world.warm[P].fence != warm.fence:
            return Next("", (), world)
        return Next("put archive", (hot, hot.rows), set_warm(world, {P: (None, -1)}))

    def put_archive(world: World, memory: Memory) -> Next:
        hot, rows = memory
        identity = 10 * rows + (number if rules.archives_are_new else 0)
        after = _set_cold(world, world.cold[P] | {(identity, rows)})
        return Next("commit hot", (hot, identity), after)

    def commit_hot(world: World, memory: Memory) -> Next:
        hot, identity = memory
        placed = hot._replace(tier=COLD, archive=identity)
        return Next("", (), _commit(world, hot, placed, rules))

    steps = {
        "note warm": note_warm,
        "note hot": note_hot,
        "clear warm": clear_warm,
        "put archive": put_archive,
        "commit hot": commit_hot,
    }
    return Actor(name, "note warm", steps)


def restorer(rules: Rules, name: str = "restorer", to: str = WARM) -> Actor:
    """cold -> warm or hot; the archive keeps its name in the hot log, and so do its rows."""

    def note_warm(world: World, _: Memory) -> Next:
        return Next("note hot", (world.warm[P],), world)

    def note_hot(world: World, memory: Memory) -> Next:
        hot, cold = world.hot[P], dict(world.cold[P])
        if hot.tier != COLD or hot.archive not in cold:
            return Next("", (), world)
        return Next("commit warm" if to == WARM else "commit hot", (*memory, hot), world)

    def commit_warm(world: World, memory: Memory) -> Next:
        warm, hot = memory
        if world.warm[P].fence != warm.fence and rules.warm_fence:
            return Next("", (), world)
        copy = (hot.current, then(hot, WARM))
        return Next("commit hot", memory, set_warm(world, {P: copy}))

    def commit_hot(world: World, memory: Memory) -> Next:
        _, hot = memory
        placed = hot._replace(tier=to, rows=hot.current if to == HOT else None)
        return Next("", (), _commit(world, hot, placed, rules))

    steps = {
        "note warm": note_warm,
        "note hot": note_hot,
        "commit warm": commit_warm,
        "commit hot": commit_hot,
    }
    return Actor(name, "note warm", steps)


def falling_back(rules: Rules, name: str = "fall back") -> Actor:
    """A restored copy goes back to the archive that still holds its rows: one commit."""

    def note_hot(world: World, _: Memory) -> Next:
        hot = world.hot[P]
        restored = hot.archive and hot.tier in (HOT, WARM)
        return Next("commit hot" if restored else "", (hot,), world)

    def commit_hot(world: World, memory: Memory) -> Next:
        (hot,) = memory
        return Next("", (), _commit(world, hot, hot._replace(tier=COLD), rules))

    return Actor(name, "note hot", {"note hot": note_hot, "commit hot": commit_hot})


def deleter(rules: Rules, name: str = "retention") -> Actor:
    """Deletes what has expired; like a write, one whose rows are none."""

    def note_hot(world: World, _: Memory) -> Next:
        hot = world.hot[P]
        return Next("commit hot" if hot.tier != DELETED else "", (hot,), world)

    def commit_hot(world: World, memory: Memory) -> Next:
        (hot,) = memory
        gone = hot._replace(tier=DELETED, archive=0, current=world.hot[P].current + 1)
        return Next("", (), _commit(world, hot, gone, rules))

    return Actor(name, "note hot", {"note hot": note_hot, "commit hot": commit_hot})


def cold_sweeper(rules: Rules, name: str = "cold sweeper") -> Actor:
    """Takes archives away that the hot log does not name, once nobody can still name them."""

    def note_cold(world: World, _: Memory) -> Next:
        return Next("raise fence" if world.cold[P] else "", (world.cold[P],), world)

    def raise_fence(world: World, memory: Memory) -> Next:
        (cold,) = memory
        stale = frozenset(each for each in cold if each[0] != world.hot[P].archive)
        after = set_hot(world, {P: world.hot[P]}) if rules.cold_sweeper_raises else world
        return Next("remove", (stale,), after) if stale else Next("", (), world)

    def remove(world: World, memory: Memory) -> Next:
        (stale,) = memory
        return Next("", (), _set_cold(world, world.cold[P] - stale))

    steps = {"note cold": note_cold, "raise fence": raise_fence, "remove": remove}
    return Actor(name, "note cold", steps)


def _set_cold(world: World, archives: frozenset[tuple[int, int]]) -> World:
    return world._replace(cold=(*world.cold[:P], archives, *world.cold[P + 1 :]))


def _commit(world: World, noted: Hot, placed: Hot, rules: Rules) -> World:
    """The hot commit that changes the place, if the fence stands."""
    placed = placed._replace(
        generation=noted.generation + 1, rows=placed.rows if placed.tier == HOT else None
    )
    if world.hot[P].fence != noted.fence and rules.hot_fence:
        return world
    return set_hot(world, {P: placed})
