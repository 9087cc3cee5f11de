"""`[tiers]` of lakebook.toml: how the partitions of a layer age, and what storage costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..ages import age_days, contradiction
from ..errors import UserError
from ..names import LAYERS
from .file import Where

GB = 10**9
"""Bytes in the gigabyte that storage is priced by."""


@dataclass(frozen=True)
class LayerAges:
    """Default ages of a layer, in days after a partition's end; None: not given, which is never.

    `places`: age -> file and line.
    """

    hot_days: float | None = None
    warm_days: float | None = None
    retention_days: float | None = None
    places: Mapping[str, str] = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class Prices:
    """Storage per GB and month, and a restore from cold per GB, in one currency."""

    currency: str = "USD"
    hot: float = 0.023
    warm: float = 0.0125
    cold: float = 0.0036
    restore: float = 0.01

    def monthly(self, tier: str, size_bytes: float) -> float:
        """What so many bytes in hot, warm or cold cost a month."""
        return float(getattr(self, tier)) * size_bytes / GB


@dataclass(frozen=True)
class TierSettings:
    """`archive_level`: zstd's, of files in cold. `restore_mb_per_s`: for estimates, 10^6 bytes.

    On flights of 2013, level 9 takes half the time of 15 for files 3 % larger, and 19 twice the
    time for files 0.5 % smaller.
    `restore_days`: how long a copy stays that was restored or promoted without a word on that.
    """

    layers: Mapping[str, LayerAges] = field(default_factory=dict)
    prices: Prices = field(default_factory=Prices)
    archive_level: int = 15
    restore_mb_per_s: float = 100.0
    restore_days: float = 7.0

    def ages_of(self, layer: str) -> LayerAges:
        return self.layers.get(layer, LayerAges())


def read_tiers(raw: Mapping[str, Any], where: Where) -> TierSettings:
    """Read the section, whose keys were checked. Raises UserError for ages that contradict."""
    own = {key: value for key, value in raw.items() if not isinstance(value, dict)}
    layers = {layer: _layer(layer, raw[layer], where) for layer in LAYERS if layer in raw}
    return TierSettings(layers=layers, prices=Prices(**raw.get("prices", {})), **own)


def _layer(layer: str, raw: Mapping[str, str], where: Where) -> LayerAges:
    section = f"tiers.{layer}"
    places = {key: where(section, key) for key in raw}
    ages = {key: _age(section, key, text, places[key]) for key, text in raw.items()}
    if clash := contradiction(ages):
        raise UserError(
            f"[{section}]: {clash.found}, {clash.so}", where=places[clash.later], fix=clash.fix
        )
    return LayerAges(ages.get("hot"), ages.get("warm"), ages.get("retention"), places)


def _age(section: str, key: str, text: str, place: str) -> float:
    days = age_days(text)
    assert days is not None, text
    if key == "retention" and days < 1:
        raise UserError(
            f"{section}.retention = {text!r} is less than a day",
            where=place,
            fix="write never to keep the data for good",
        )
    return days
