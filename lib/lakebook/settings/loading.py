"""lakebook.toml, the environment and the arguments into `Settings`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..errors import UserError, did_you_mean
from ..names import PROD, env_name
from .file import FILE, SECONDS, is_kind, read_file
from .model import (
    ArchiveSettings,
    CatalogSettings,
    CheckSettings,
    EnvironmentSettings,
    RuntimeSettings,
    Settings,
)
from .tiers import read_tiers


def find_root(start: Path | None = None) -> Path:
    """The nearest folder at or above `start` that has a lakebook.toml."""
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / FILE).is_file():
            return folder
    raise UserError(
        f"no {FILE} in {here} or above", fix="run the command inside a Lakebook checkout"
    )


def load_settings(
    root: Path | None = None,
    *,
    lake: str | Path | None = None,
    env: str | None = None,
    environ: Mapping[str, str] | None = None,
) -> Settings:
    """Read lakebook.toml and the environment; arguments win. Raises UserError for unknown keys."""
    environ = os.environ if environ is None else environ
    if root is None and environ.get("LAKEBOOK_ROOT"):
        root = Path(environ["LAKEBOOK_ROOT"])
    root = find_root(root)
    raw, where = read_file(root / FILE)
    main = raw.get("lakebook", {})
    profile = environ.get("LAKEBOOK_PROFILE") or main.get("profile", "local")
    profiles = raw.get("profiles", {"local": {}})
    if profile not in profiles:
        raise UserError(
            f"profile {profile!r} is not in {FILE}{did_you_mean(profile, profiles)}",
            fix=f"its profiles are {', '.join(sorted(profiles))}",
        )
    if lake is not None and not str(lake):
        raise UserError("the lake is an empty text", fix="name a folder, or leave --lake away")
    chosen = lake or environ.get("LAKEBOOK_LAKE") or main.get("lake", ".lake")
    runtime = RuntimeSettings(**raw.get("runtime", {}))
    if environ.get("LAKEBOOK_LINGER_S"):
        runtime = replace(runtime, linger_s=_linger_s(environ["LAKEBOOK_LINGER_S"]))
    # A relative lake of the command line is meant from where the person stands.
    place = (Path.cwd() / chosen).resolve() if lake else (root / chosen).resolve()
    roots = profiles[profile].get("roots", {})
    return Settings(
        root=root,
        lake=place,
        warm_root=_root(place, roots, "warm"),
        cold_root=_root(place, roots, "cold"),
        env=env_name((environ.get("LAKEBOOK_ENV") or PROD) if env is None else env),
        profile=profile,
        engine=profiles[profile].get("engine", "polars"),
        runtime=runtime,
        check=CheckSettings(**raw.get("check", {})),
        catalog=_catalog(raw.get("catalog", {})),
        tiers=read_tiers(raw.get("tiers", {}), where),
        archive=ArchiveSettings(**raw.get("archive", {})),
        environments=EnvironmentSettings(**raw.get("environments", {})),
    )


def _root(lake: Path, roots: Mapping[str, str], tier: str) -> Path | None:
    """A storage root; one that is relative lies in the lake, so that another lake has its own."""
    return (lake / Path(roots[tier]).expanduser()).resolve() if tier in roots else None


def _catalog(raw: Mapping[str, Any]) -> CatalogSettings:
    if "emit" not in raw:
        return CatalogSettings()
    return CatalogSettings(emit=tuple(env_name(str(name)) for name in raw["emit"]))


def _linger_s(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not is_kind(seconds, SECONDS):
        raise UserError(f"LAKEBOOK_LINGER_S is {text!r}", fix=f"set it to {SECONDS}")
    return seconds
