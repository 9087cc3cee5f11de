"""Explores every interleaving of a few actors on one world, breadth first, each state once.

An actor makes one atomic step at a time. That it may crash between two steps needs no step of its
own: it is the same as never being asked again, and every state is judged as if all had just died.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Mapping
from typing import Any, NamedTuple

Memory = tuple[Hashable, ...]
Step = Callable[[Any, Memory], "Next"]  # (world, memory of the actor) -> what follows


class Next(NamedTuple):
    """World and memory after a step, and the name of the actor's next one; empty: it is done."""

    step: str
    memory: Memory
    world: Any


class WrongError(Exception):
    """What an actor saw, or what the world has become, must not be."""


class Actor(NamedTuple):
    """A program: steps by name. The memory of an actor is what it noted, and dies with it."""

    name: str
    first: str
    steps: Mapping[str, Step]


class Found(NamedTuple):
    """wrong: the first state that must not be, empty if there is none; trace: the way to it."""

    states: int
    worlds: frozenset[Any]
    wrong: str = ""
    trace: tuple[str, ...] = ()

    def __str__(self) -> str:
        lines = [f"{n:3}  {line}" for n, line in enumerate(self.trace, 1)]
        return "\n".join([f"{self.states} states; {self.wrong or 'nothing wrong'}", *lines])


def explore(world: Any, actors: list[Actor], judge: Callable[[Any], None]) -> Found:
    """Every state that can be reached; ends at the first that `judge` or an actor finds wrong."""
    start = (world, tuple((actor.first, ()) for actor in actors))
    came: dict[Any, tuple[Any, str]] = {start: (None, "")}
    queue = deque([start])
    judged = {world}
    judge(world)
    while queue:
        state = queue.popleft()
        here, positions = state
        for n, (step, memory) in enumerate(positions):
            if not step:
                continue
            label = f"{actors[n].name}: {step}"
            try:
                after = actors[n].steps[step](here, memory)
                if after.world not in judged:
                    judged.add(after.world)
                    judge(after.world)
            except WrongError as wrong:
                trace = (*_way(came, state), label)
                return Found(len(came), frozenset(judged), str(wrong), trace)
            place = (after.step, after.memory if after.step else ())
            reached = (after.world, (*positions[:n], place, *positions[n + 1 :]))
            if reached not in came:
                came[reached] = (state, label)
                queue.append(reached)
    return Found(len(came), frozenset(judged))


def alone(world: Any, actor: Actor, limit: int = 50) -> Any:
    """The world after one actor has run from beginning to end with nobody beside it."""
    step, memory = actor.first, ()
    for _ in range(limit):
        if not step:
            return world
        step, memory, world = actor.steps[step](world, memory)
    raise WrongError(f"{actor.name} does not end, alone")


def _way(came: Mapping[Any, tuple[Any, str]], state: Any) -> tuple[str, ...]:
    labels: list[str] = []
    while state is not None:
        state, label = came[state]
        labels.append(label)
    return tuple(reversed(labels[:-1]))
