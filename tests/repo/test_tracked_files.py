"""What git holds works on any machine: no registry's host, no path of somebody's computer."""

from __future__ import annotations

import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Written in pieces, so that this file does not find itself.
REGISTRIES = "|".join(
    head + tail
    for head, tail in (
        ("python", r"hosted\.org"),
        ("py", r"pi\.(org|python)"),
        ("registry", r"\.(npm|yarn)"),
        ("repo", r"1?\.maven"),
        ("jfr", "og"),
        ("arti", "factory"),
        ("conda", r"\.anaconda"),
        ("proxy", r"\.golang"),
    )
)
INDEX_OPTIONS = (
    r"--(extra-)?index" + r"-url|--find" + r"-links|--trusted" + r"-host|^\s*index" + "-url"
)
MACHINE_PATHS = (
    r"(?<![\w.~])/(ro" + r"ot/|ho" + r"me/[a-z]|Us" + r"ers/[A-Za-z]|wo" + r"rk/[a-z]|mnt/|opt/)"
)


@cache
def tracked() -> dict[str, str]:
    """Text of every tracked file; binary ones are left out."""
    try:
        names = subprocess.run(
            ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True
        ).stdout.split("\0")
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    texts = {}
    for name in filter(None, names):
        path = ROOT / name
        if not path.is_file():
            continue  # deleted, not committed yet
        data = path.read_bytes()
        if b"\0" not in data[:8192]:
            texts[name] = data.decode("utf-8", errors="replace")
    return texts


def places(pattern: str, *, flags: int = re.IGNORECASE) -> list[str]:
    wanted = re.compile(pattern, flags)
    return [
        f"{name}:{number}: {line.strip()[:100]}"
        for name, text in tracked().items()
        for number, line in enumerate(text.splitlines(), start=1)
        if wanted.search(line)
    ]


def test_no_tracked_file_names_a_package_registry() -> None:
    assert places(REGISTRIES) == []


def test_no_tracked_file_sets_a_package_index() -> None:
    assert places(INDEX_OPTIONS) == []


def test_no_tracked_file_has_a_path_of_one_machine() -> None:
    assert places(MACHINE_PATHS, flags=0) == []


def test_what_a_run_leaves_behind_is_not_tracked() -> None:
    left = re.compile(
        r"(^|/)(\.lake|\.cache|\.venv|__pycache__|\.ipynb_checkpoints|target)/|\.duckdb$"
    )
    assert [name for name in tracked() if left.search(name)] == []


def test_no_python_package_hides_dbt() -> None:
    # A dbt/__init__.py would shadow the installed `dbt` for whoever stands in the checkout.
    assert [name for name in tracked() if re.match(r"dbt/(.*/)?__init__\.py$", name)] == []
