"""lakebook.toml as plain values, checked: an unknown key is an error with its line."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from ..ages import AGES, HOW_TO_WRITE, age_days
from ..errors import UserError, did_you_mean
from ..names import LAYERS

FILE = "lakebook.toml"

Where = Callable[[str, str], str]
"""Section and key -> file and line."""

ENGINE_NAMES = ("polars", "duckdb")
"""The engines that there are; `engines.registry` makes them."""

_TEXT, SECONDS, _COUNT = "a text", "a number of 0 or more", "a whole number of 0 or more"
_ROOTS = "texts named warm and cold, each a folder"
_AGE, _LEVEL = f"an age such as {HOW_TO_WRITE}", "a whole number from 1 to 22"
_NAMES, _ABOVE_0 = "a list of names", "a number above 0"
_KNOWN: dict[str, dict[str, str]] = {
    "lakebook": {"lake": _TEXT, "profile": _TEXT},
    "profiles": {},  # any name, with the keys of _PROFILE
    "runtime": {
        "linger_s": SECONDS,
        "jobs": _COUNT,
        "cell_timeout_s": SECONDS,
        "run_timeout_s": SECONDS,
        "memory_limit_mb": _COUNT,
    },
    "check": {"timeout_s": SECONDS},
    "catalog": {"emit": _NAMES},
    "environments": {"pin_days": _ABOVE_0},
    "tiers": {"archive_level": _LEVEL, "restore_mb_per_s": _ABOVE_0, "restore_days": _ABOVE_0},
    "archive": {"keep_days": _COUNT, "keep_failed_days": _COUNT},
}
_PROFILE = {"engine": _TEXT, "roots": _ROOTS}
_AGES = dict.fromkeys(AGES, _AGE)
_TIERS: dict[str, dict[str, str]] = {
    **dict.fromkeys(LAYERS, _AGES),
    "prices": {"currency": _TEXT} | dict.fromkeys(("hot", "warm", "cold", "restore"), SECONDS),
}
"""The sections below [tiers]."""


def read_file(path: Path) -> tuple[dict[str, Any], Where]:
    """The values of a lakebook.toml, and where each stands. UserError for what makes no sense."""
    text = path.read_text(encoding="utf-8")
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as broken:
        raise UserError(f"not TOML: {broken}", where=FILE) from None
    for section, values in raw.items():
        if section not in _KNOWN:
            raise UserError(
                f"unknown section [{section}]{did_you_mean(section, _KNOWN)}",
                where=_place(text, section),
            )
        if section == "profiles" and isinstance(values, dict):
            for name, profile in values.items():
                _check(text, f"profiles.{name}", profile, _PROFILE)
        elif section == "tiers" and isinstance(values, dict):
            _check_tiers(text, values)
        else:
            _check(text, section, values, _KNOWN[section])
    return raw, partial(_place, text)


def _check_tiers(text: str, values: Mapping[str, Any]) -> None:
    for name, inner in values.items():
        if name in _TIERS:
            _check(text, f"tiers.{name}", inner, _TIERS[name])
        elif isinstance(inner, dict):
            raise UserError(
                f"unknown section [tiers.{name}]{did_you_mean(name, _TIERS)}",
                where=_place(text, f"tiers.{name}"),
                fix=f"known below [tiers]: {', '.join(_TIERS)}",
            )
        else:
            _check(text, "tiers", {name: inner}, _KNOWN["tiers"])


def _check(text: str, section: str, values: Any, known: Mapping[str, str]) -> None:
    if not isinstance(values, dict):
        raise UserError(f"{section} is no section", where=FILE, fix=f"write [{section}]")
    for key, value in values.items():
        where = _place(text, section, key)
        if key not in known:
            raise UserError(
                f"unknown key {key!r} in [{section}]{did_you_mean(key, known)}", where=where
            )
        if not is_kind(value, known[key]):
            raise UserError(
                f"{section}.{key} = {value!r} makes no sense", where=where, fix=f"set {known[key]}"
            )
        if key == "engine" and value not in ENGINE_NAMES:
            raise UserError(
                f"{section}.engine: there is no engine {value!r}"
                f"{did_you_mean(value, ENGINE_NAMES)}",
                where=where,
                fix=f"use one of {', '.join(ENGINE_NAMES)}",
            )


def is_kind(value: Any, kind: str) -> bool:
    if kind == _TEXT:
        return isinstance(value, str) and bool(value)
    if kind == _ROOTS:
        known = isinstance(value, dict) and not value.keys() - {"warm", "cold"}
        return known and all(is_kind(folder, _TEXT) for folder in value.values())
    if kind == _NAMES:
        return isinstance(value, list) and all(is_kind(name, _TEXT) for name in value)
    if kind == _AGE:
        return isinstance(value, str) and age_days(value) is not None
    whole = kind in (_COUNT, _LEVEL)
    if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
        return False
    if kind == _LEVEL:
        return 1 <= value <= 22
    return 0 <= value < math.inf and (value > 0 or kind != _ABOVE_0)


def _place(text: str, section: str, key: str = "") -> str:
    """The file with the line of a section's head or key, as far as a search finds it."""
    at = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if head := re.match(r"\s*\[\s*([^\]]+?)\s*\]", line):
            at = head[1]
            if at == section and not key:
                return f"{FILE}:{number}"
        elif at == section and key and re.match(rf"""\s*["']?{re.escape(key)}["']?\s*=""", line):
            return f"{FILE}:{number}"
    return FILE
