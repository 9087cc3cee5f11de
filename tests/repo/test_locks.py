"""pyproject.toml, both lock files and environment.yml name one and the same set of packages."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Pin:
    """One entry of a lock: a package may have several, for different platforms."""

    version: Version
    hashes: frozenset[str]


def read_lock(name: str) -> dict[str, set[Pin]]:
    text = (ROOT / name).read_text(encoding="utf-8").replace("\\\n", " ")
    pins: dict[str, set[Pin]] = {}
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        package, version = re.match(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^ ;]+)", line).groups()
        hashes = frozenset(re.findall(r"--hash=(sha256:[0-9a-f]{64})", line))
        pins.setdefault(canonicalize_name(package), set()).add(Pin(Version(version), hashes))
    return pins


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def core_requirements() -> list[Requirement]:
    return [Requirement(text) for text in project()["dependencies"]]


def all_requirements() -> list[Requirement]:
    extras = project()["optional-dependencies"].values()
    return core_requirements() + [Requirement(text) for extra in extras for text in extra]


def unmet(requirements: list[Requirement], lock: dict[str, set[Pin]]) -> list[str]:
    return [
        str(wanted)
        for wanted in requirements
        if not (pins := lock.get(canonicalize_name(wanted.name)))
        or not all(wanted.specifier.contains(pin.version, prereleases=True) for pin in pins)
    ]


def test_the_full_lock_keeps_every_bound_of_pyproject_extras_included() -> None:
    assert unmet(all_requirements(), read_lock("requirements.lock")) == []


def test_the_core_lock_keeps_every_bound_of_the_core_dependencies() -> None:
    assert unmet(core_requirements(), read_lock("requirements-core.lock")) == []


def test_the_full_environment_contains_the_core_one_pin_by_pin() -> None:
    full, core = read_lock("requirements.lock"), read_lock("requirements-core.lock")
    assert {name: pins for name, pins in core.items() if full.get(name) != pins} == {}
    assert len(core) < len(full)


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-core.lock"])
def test_every_locked_package_has_its_hashes(name: str) -> None:
    bare = [package for package, pins in read_lock(name).items() for p in pins if not p.hashes]
    assert bare == []


def test_every_dependency_has_a_lower_bound() -> None:
    # Without one a resolver may go back to a release of ten years ago.
    unbounded = [
        str(wanted)
        for wanted in all_requirements()
        if not any(spec.operator in (">=", "==", "~=") for spec in wanted.specifier)
    ]
    assert unbounded == []


def test_conda_installs_exactly_the_full_lock() -> None:
    spec = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    plain = [entry for entry in spec["dependencies"] if isinstance(entry, str)]
    (pip,) = [entry["pip"] for entry in spec["dependencies"] if isinstance(entry, dict)]
    assert pip == ["-r requirements.lock"]
    # Anything else from conda would be a version that no lock knows of.
    assert {re.split("[=<>]", entry)[0] for entry in plain} == {"python", "pip"}


def test_conda_brings_the_python_that_the_lock_was_resolved_for() -> None:
    spec = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    (python,) = [e for e in spec["dependencies"] if isinstance(e, str) and e.startswith("python=")]
    version = python.removeprefix("python=")
    assert SpecifierSet(project()["requires-python"]).contains(version)
    for name in ("requirements.lock", "requirements-core.lock"):
        head = (ROOT / name).read_text(encoding="utf-8").splitlines()[1]
        assert head.endswith(f"-p {version}")
