"""Moves an environment's pins to the newest versions of prod."""

from __future__ import annotations

from collections.abc import Sequence

from ..delta import Pin
from ..errors import UserError, did_you_mean
from ..names import PROD, Dataset, env_name
from ..settings import Settings
from ..step.view import pins_of
from .environments import existing
from .own_rows import discard, refuse_mixture


def refresh(
    settings: Settings, name: str, datasets: Sequence[str] = (), *, give_up: bool = False
) -> tuple[tuple[Pin, Pin], ...]:
    """Move pins of an environment (all, if none is named) to prod's newest versions.

    Gives each pin before and after. `give_up`: what it wrote of the datasets itself goes before.
    Raises UserError for a dataset that is not pinned, and for rows that it merged into a version of
    prod that is no more.
    """
    if env_name(name) == PROD:
        raise UserError("prod has no pins: it reads what is there")
    mine = existing(settings, name)
    pins = pins_of(mine)
    known = [pin.dataset for pin in pins.all()]
    for dataset in datasets:
        if dataset not in known:
            raise UserError(
                f"the environment {name!r} has no pin of {dataset}{did_you_mean(dataset, known)}",
                fix="a pin is made when a dataset is read; lakebook env list shows them",
            )
    if give_up:
        discard(mine, datasets or known)
    else:
        refuse_mixture(mine, pins, datasets or known)
    return tuple(pins.move(Dataset.parse(dataset)) for dataset in datasets or known)
