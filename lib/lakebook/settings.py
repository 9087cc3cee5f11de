"""Where the checkout, the lake and the environment are. Read once at the edge and passed in.

The file is `lakebook.toml` in the checkout; `LAKEBOOK_LAKE`, `LAKEBOOK_ENV` and `LAKEBOOK_PROFILE`
override it, and the command line overrides those.
"""

from __future__ import annotations

import getpass
import math
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from .errors import UserError, did_you_mean
from .names import PROD, Roots, env_name

FILE = "lakebook.toml"

ENGINE_NAMES = ("polars", "duckdb")
"""The engines that there are; `engines.registry` makes them."""

_TEXT, _SECONDS, _COUNT = "a text", "a number of 0 or more", "a whole number of 0 or more"
_ROOTS = "texts named warm and cold, each a folder"
_NAMES, _ABOVE_0 = "a list of names", "a number above 0"
_KNOWN: dict[str, dict[str, str]] = {
    "lakebook": {"lake": _TEXT, "profile": _TEXT},
    "profiles": {},  # checked one level deeper: any name, keys of _PROFILE
    "runtime": {
        "linger_s": _SECONDS,
        "jobs": _COUNT,
        "cell_timeout_s": _SECONDS,
        "run_timeout_s": _SECONDS,
        "memory_limit_mb": _COUNT,
    },
    "check": {"timeout_s": _SECONDS},
    "catalog": {"emit": _NAMES},
    "environments": {"pin_days": _ABOVE_0},
    "archive": {"keep_days": _COUNT, "keep_failed_days": _COUNT},
}
_PROFILE = {"engine": _TEXT, "roots": _ROOTS}


@dataclass(frozen=True)
class RuntimeSettings:
    """Limits of a run; 0 means no limit. `linger_s`: how long an idle warm parent stays."""

    linger_s: float = 300.0
    jobs: int = 0  # 0: one per processor
    cell_timeout_s: float = 0.0
    run_timeout_s: float = 0.0
    memory_limit_mb: int = 0


@dataclass(frozen=True)
class CheckSettings:
    """`timeout_s`: how long the check of one step may take; 0 means no limit."""

    timeout_s: float = 30.0


@dataclass(frozen=True)
class CatalogSettings:
    """`emit`: the environments whose runs go to the catalog's outbox by themselves."""

    emit: tuple[str, ...] = (PROD,)


@dataclass(frozen=True)
class ArchiveSettings:
    """How many days runs and failed runs are kept (0: for good)."""

    keep_days: int = 0
    keep_failed_days: int = 0


@dataclass(frozen=True)
class EnvironmentSettings:
    """`pin_days`: how long a pin of prod's version lasts in an environment that does not use it."""

    pin_days: float = 7.0


@dataclass(frozen=True)
class Settings:
    """`root`: the checkout; `lake`: where tables and runs are; both absolute.

    `warm_root` and `cold_root`: where those tiers are, if not in the lake; hot is the lake.
    """

    root: Path
    lake: Path
    env: str = PROD
    profile: str = "local"
    engine: str = "polars"
    warm_root: Path | None = None
    cold_root: Path | None = None
    runtime: RuntimeSettings = field(default_factory=RuntimeSettings)
    check: CheckSettings = field(default_factory=CheckSettings)
    catalog: CatalogSettings = field(default_factory=CatalogSettings)
    archive: ArchiveSettings = field(default_factory=ArchiveSettings)
    environments: EnvironmentSettings = field(default_factory=EnvironmentSettings)

    @property
    def roots(self) -> Roots:
        return Roots(self.lake, self.warm_root or self.lake, self.cold_root or self.lake)

    @property
    def notebooks(self) -> Path:
        return self.root / "notebooks"

    @property
    def dbt(self) -> Path:
        return self.root / "dbt"

    @property
    def lib(self) -> Path:
        return Path(__file__).resolve().parent

    @property
    def runs(self) -> Path:
        return self.lake / self.env / "runs"

    @property
    def site(self) -> Path:
        """The report site, made from the runs; it may be deleted and built again."""
        return self.lake / self.env / "site"

    @property
    def state(self) -> Path:
        """Caches that may be deleted at any time."""
        return self.lake / ".cache"


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
    raw = _read(root / FILE)
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


def own_env(environ: Mapping[str, str] | None = None) -> str:
    """The environment of whoever works here: `LAKEBOOK_ENV`, else the person's."""
    environ = os.environ if environ is None else environ
    return environ.get("LAKEBOOK_ENV") or person()


def person() -> str:
    """The user's name as the name of an environment, which is never prod's."""
    try:
        user = getpass.getuser().lower()
    except (KeyError, OSError):  # a user id that the system has no name for
        user = f"uid-{os.getuid()}"
    name = re.sub(r"[^a-z0-9_-]", "-", user).strip("-_")[:40]
    return name if name and name != PROD else "me"


def _linger_s(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not _is(seconds, _SECONDS):
        raise UserError(f"LAKEBOOK_LINGER_S is {text!r}", fix=f"set it to {_SECONDS}")
    return seconds


def _read(path: Path) -> dict[str, Any]:
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
        else:
            _check(text, section, values, _KNOWN[section])
    return raw


def _check(text: str, section: str, values: Any, known: Mapping[str, str]) -> None:
    if not isinstance(values, dict):
        raise UserError(f"{section} is no section", where=FILE, fix=f"write [{section}]")
    for key, value in values.items():
        where = _place(text, section, key)
        if key not in known:
            raise UserError(
                f"unknown key {key!r} in [{section}]{did_you_mean(key, known)}", where=where
            )
        if not _is(value, known[key]):
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


def _is(value: Any, kind: str) -> bool:
    if kind == _TEXT:
        return isinstance(value, str) and bool(value)
    if kind == _ROOTS:
        known = isinstance(value, dict) and not value.keys() - {"warm", "cold"}
        return known and all(_is(folder, _TEXT) for folder in value.values())
    if kind == _NAMES:
        return isinstance(value, list) and all(_is(name, _TEXT) for name in value)
    if isinstance(value, bool) or not isinstance(value, int if kind == _COUNT else (int, float)):
        return False
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
