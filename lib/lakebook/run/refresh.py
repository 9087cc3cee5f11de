"""Moves an environment's pins to the newest versions of prod."""

from __future__ import annotations

from collections.abc import Sequence

from ..delta import Pin
from ..errors import UserError, did_you_mean
from ..names import PROD, Dataset, env_name
from ..settings import Settings
from ..step.view import pins_of
from .environments import existing


def refresh(
    settings: Settings, name: str, datasets: Sequence[str] = ()
) -> tuple[tuple[Pin, Pin], ...]:
    """Move pins of an environment (all, if none is named) to prod's newest versions.

    Gives each pin before and after. Raises UserError for a dataset that is not pinned.
    """
    if env_name(name) == PROD:
        raise UserError("prod has no pins: it reads what is there")
    pins = pins_of(existing(settings, name))
    known = [pin.dataset for pin in pins.all()]
    for dataset in datasets:
        if dataset not in known:
            raise UserError(
                f"the environment {name!r} has no pin of {dataset}{did_you_mean(dataset, known)}",
                fix="a pin is made when a dataset is read; lakebook env list shows them",
            )
    return tuple(pins.move(Dataset.parse(dataset)) for dataset in datasets or known)
