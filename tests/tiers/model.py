"""The protocol of hot and warm, as small as it can be: the world and what each actor does to it.

A world holds what the two Delta logs hold. Rows are the number of the write that made them, so
that a read is right if its rows were current at some moment between its begin and its end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from tiers.explore import Actor, Memory, Next, WrongError

HOT, WARM, COLD, DELETED = "hot", "warm", "cold", "deleted"
_CODES = {HOT: 0, WARM: 1, COLD: 2, DELETED: 3}


class Hot(NamedTuple):
    """What the hot log says of a partition."""

    fence: int = 1
    generation: int = 0
    tier: str = HOT
    rows: int | None = 1  # what its files in hot hold; None: it has no file there
    current: int = 1  # `data/`: the last write, wherever its rows are now
    archive: int = 0


class Warm(NamedTuple):
    """What the warm log says of a partition."""

    fence: int = 0
    rows: int | None = None
    value: int = -1  # the placement that the copy was made for


class World(NamedTuple):
    """Both logs and the archives; each by partition."""

    hot: tuple[Hot, ...]
    warm: tuple[Warm, ...]
    cold: tuple[frozenset[tuple[int, int]], ...] = ()  # (id, rows)


@dataclass(frozen=True)
class Rules:
    """The protocol; a test takes one of its rules away, to see that it is needed."""

    hot_fence: bool = True  # a commit to hot checks that the fence stands as noted
    warm_fence: bool = True  # so does a commit to warm
    sweeper_raises: bool = True  # the sweep of warm raises hot's fence before it removes
    reader_compares: bool = True  # the copy in warm must be the one that hot means
    reader_opens_warm_again: bool = True  # after hot was opened again, warm is too
    mover_always_puts: bool = True  # also over a copy that is there and right
    archives_are_new: bool = True  # no two archives, not even of the same rows, share their id
    cold_sweeper_raises: bool = True
    archiver_clears_warm: bool = True  # only engines that cannot read tokens need it


def start(partitions: int = 1) -> World:
    """Write 1 in hot, nothing elsewhere."""
    return World((Hot(),) * partitions, (Warm(),) * partitions, (frozenset(),) * partitions)


def placement(generation: int, tier: str) -> int:
    return generation * 8 + _CODES[tier]


def then(hot: Hot, tier: str) -> int:
    """The placement that follows when a partition changes its place."""
    return placement(hot.generation + 1, tier)


def is_placed(hot: Hot, warm: Warm) -> bool:
    """True if the copy in warm is the one that the hot log means."""
    return hot.tier == WARM and warm.value == placement(hot.generation, WARM)


def set_hot(world: World, changes: dict[int, Hot]) -> World:
    """One commit to the hot log; every partition in it gets its fence raised."""
    hot = list(world.hot)
    for p, new in changes.items():
        hot[p] = new._replace(fence=world.hot[p].fence + 1)
    return world._replace(hot=tuple(hot))


def set_warm(world: World, changes: dict[int, tuple[int | None, int]]) -> World:
    """One commit to the warm log: (rows, value) of copies, rows None: removed."""
    warm = list(world.warm)
    for p, (rows, value) in changes.items():
        warm[p] = Warm(world.warm[p].fence + 1, rows, value if rows is not None else -1)
    return world._replace(warm=tuple(warm))


def mover(rules: Rules, name: str = "mover", partitions: tuple[int, ...] = (0,)) -> Actor:
    """hot -> warm."""

    def note_warm(world: World, _: Memory) -> Next:
        return Next("note hot", (tuple((p, world.warm[p]) for p in partitions),), world)

    def note_hot(world: World, memory: Memory) -> Next:
        (warm,) = memory
        noted = tuple((p, w, world.hot[p]) for p, w in warm if world.hot[p].tier == HOT)
        if not rules.mover_always_puts and noted and all(map(_is_there, noted)):
            return Next("commit hot", noted, world)
        return Next("commit warm" if noted else "", noted, world)

    def commit_warm(world: World, memory: Memory) -> Next:
        put = tuple(
            (p, warm, hot)
            for p, warm, hot in memory
            if world.warm[p].fence == warm.fence or not rules.warm_fence
        )
        copies = {p: (hot.rows, then(hot, WARM)) for p, _, hot in put}
        return Next("commit hot" if put else "", put, set_warm(world, copies))

    def commit_hot(world: World, memory: Memory) -> Next:
        changes = {
            p: world.hot[p]._replace(tier=WARM, generation=hot.generation + 1, rows=None)
            for p, _, hot in memory
            if world.hot[p].fence == hot.fence or not rules.hot_fence
        }
        return Next("", (), set_hot(world, changes))

    steps = {
        "note warm": note_warm,
        "note hot": note_hot,
        "commit warm": commit_warm,
        "commit hot": commit_hot,
    }
    return Actor(name, "note warm", steps)


def _is_there(noted: tuple[int, Warm, Hot]) -> bool:
    """True if warm holds these rows already, as after a move that died before its second commit."""
    _, warm, hot = noted
    return (warm.rows, warm.value) == (hot.rows, then(hot, WARM))


def promoter(rules: Rules, name: str = "promoter", partitions: tuple[int, ...] = (0,)) -> Actor:
    """warm -> hot."""

    def note_hot(world: World, _: Memory) -> Next:
        noted = tuple((p, world.hot[p]) for p in partitions if world.hot[p].tier == WARM)
        return Next("note warm" if noted else "", noted, world)

    def note_warm(world: World, memory: Memory) -> Next:
        noted = tuple(
            (p, hot, world.warm[p].rows) for p, hot in memory if is_placed(hot, world.warm[p])
        )
        return Next("commit hot" if noted else "", noted, world)

    def commit_hot(world: World, memory: Memory) -> Next:
        changes = {
            p: world.hot[p]._replace(tier=HOT, generation=hot.generation + 1, rows=rows)
            for p, hot, rows in memory
            if world.hot[p].fence == hot.fence or not rules.hot_fence
        }
        return Next("", (), set_hot(world, changes))

    steps = {"note hot": note_hot, "note warm": note_warm, "commit hot": commit_hot}
    return Actor(name, "note hot", steps)


def writer(
    rules: Rules, name: str = "writer", partitions: tuple[int, ...] = (0,), *, times: int = 1
) -> Actor:
    """Replaces its partitions in one commit, all or none; computes anew when one was touched."""

    def note_hot(world: World, memory: Memory) -> Next:
        done = memory[0] if memory else 0
        return Next("commit hot", (done, tuple(world.hot[p].fence for p in partitions)), world)

    def commit_hot(world: World, memory: Memory) -> Next:
        done, fences = memory
        stands = fences == tuple(world.hot[p].fence for p in partitions)
        if rules.hot_fence and not stands:
            return Next("note hot", (done,), world)
        number = max(hot.current for hot in world.hot) + 1
        changes = {}
        for p in partitions:
            away = world.hot[p].tier != HOT
            changes[p] = world.hot[p]._replace(
                tier=HOT,
                generation=world.hot[p].generation + away,
                rows=number,
                current=number,
                archive=0,
            )
        again = "note hot" if done + 1 < times else ""
        return Next(again, (done + 1,), set_hot(world, changes))

    return Actor(name, "note hot", {"note hot": note_hot, "commit hot": commit_hot})


def compactor(rules: Rules, name: str = "compactor", partition: int = 0) -> Actor:
    """Other files in hot, the same rows."""

    def note_hot(world: World, _: Memory) -> Next:
        noted = world.hot[partition]
        return Next("commit hot" if noted.tier == HOT else "", (noted,), world)

    def commit_hot(world: World, memory: Memory) -> Next:
        (noted,) = memory
        if world.hot[partition].fence != noted.fence and rules.hot_fence:
            return Next("", (), world)
        return Next("", (), set_hot(world, {partition: world.hot[partition]}))

    return Actor(name, "note hot", {"note hot": note_hot, "commit hot": commit_hot})


def sweeper(rules: Rules, name: str = "sweeper", partition: int = 0) -> Actor:
    """Removes a copy from warm that the hot log does not mean."""
    p = partition

    def note_warm(world: World, _: Memory) -> Next:
        noted = world.warm[p]
        return Next("raise fence" if noted.rows is not None else "", (noted,), world)

    def raise_fence(world: World, memory: Memory) -> Next:
        (noted,) = memory
        if is_placed(world.hot[p], noted):
            return Next("", (), world)
        after = set_hot(world, {p: world.hot[p]}) if rules.sweeper_raises else world
        return Next("remove", memory, after)

    def remove(world: World, memory: Memory) -> Next:
        (noted,) = memory
        if world.warm[p].fence != noted.fence and rules.warm_fence:
            return Next("", (), world)
        return Next("", (), set_warm(world, {p: (None, -1)}))

    steps = {"note warm": note_warm, "raise fence": raise_fence, "remove": remove}
    return Actor(name, "note warm", steps)


def reader(rules: Rules, name: str = "reader", partitions: tuple[int, ...] = (0,)) -> Actor:
    """Reads partitions that are only ever written together, as one table."""

    def open_hot(world: World, memory: Memory) -> Next:
        begun = memory[0] if memory else world.hot[partitions[0]].current
        seen = tuple(world.hot[p] for p in partitions)
        if all(hot.tier != WARM for hot in seen):
            return _end(world, begun, [hot.rows for hot in seen if hot.tier == HOT])
        warm = memory[1] if len(memory) > 1 else None
        if warm is not None and not rules.reader_opens_warm_again:
            return compare(world, begun, seen, warm)
        return Next("open warm", (begun, seen), world)

    def open_warm(world: World, memory: Memory) -> Next:
        begun, seen = memory
        return compare(world, begun, seen, tuple(world.warm[p] for p in partitions))

    def compare(world: World, begun: int, seen: tuple[Hot, ...], warm: tuple[Warm, ...]) -> Next:
        pairs = list(zip(seen, warm, strict=True))
        if not all(matches(hot, copy) for hot, copy in pairs if hot.tier == WARM):
            again = (begun,) if rules.reader_opens_warm_again else (begun, warm)
            return Next("open hot", again, world)
        return _end(world, begun, [_rows(*pair) for pair in pairs if pair[0].tier in (HOT, WARM)])

    def matches(hot: Hot, copy: Warm) -> bool:
        return is_placed(hot, copy) if rules.reader_compares else copy.rows is not None

    return Actor(name, "open hot", {"open hot": open_hot, "open warm": open_warm})


def _rows(hot: Hot, copy: Warm) -> int | None:
    return hot.rows if hot.tier == HOT else copy.rows


def _end(world: World, begun: int, rows: list[int | None]) -> Next:
    """The end of a read; a partition in cold or deleted has no rows to judge."""
    newest = max(hot.current for hot in world.hot)
    for each in rows:
        if each is None or not begun <= each <= newest:
            raise WrongError(f"a read from write {begun} to {newest} returned {each}")
    if len(set(rows)) > 1:
        raise WrongError(f"a read returned halves of two writes: {rows}")
    return Next("", (), world)


def judge(world: World) -> None:
    """Whatever dies now: the rows of the last write can be reached, in one place, and no others."""
    for hot, warm, cold in zip(world.hot, world.warm, world.cold, strict=True):
        if (hot.tier == HOT) != (hot.rows is not None):
            raise WrongError(f"placed in {hot.tier}, with rows {hot.rows} in hot")
        if hot.tier == HOT:
            reached = hot.rows
        elif hot.tier == WARM:
            reached = warm.rows if is_placed(hot, warm) else None
        elif hot.tier == COLD:
            reached = dict(cold).get(hot.archive)
        else:
            reached = hot.current
        if reached != hot.current:
            raise WrongError(f"write {hot.current} is lost: {hot.tier} has {reached}")
        if hot.archive and dict(cold).get(hot.archive) != hot.current:
            raise WrongError(f"archive {hot.archive} does not hold write {hot.current}")


def judge_files(world: World) -> None:
    """What an engine sees that cannot read tokens: hot, and warm where hot has no file.

    It may go on seeing rows of now that were moved to cold, never those of an older write.
    """
    judge(world)
    for hot, warm in zip(world.hot, world.warm, strict=True):
        if hot.tier == COLD and warm.rows not in (None, hot.current):
            raise WrongError(f"write {hot.current} is in cold, and warm shows {warm.rows}")
