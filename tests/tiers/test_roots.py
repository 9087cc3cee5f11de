"""A storage root belongs to one lake."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lakebook.errors import StorageError, UserError
from lakebook.settings import Settings, load_settings
from lakebook.tiers.roots import MARKER, claim_roots


def settings(tmp_path: Path, roots: str) -> Settings:
    (tmp_path / "lakebook.toml").write_text(f"[profiles.local.roots]\n{roots}")
    return load_settings(tmp_path, environ={})


def test_roots_are_the_lake_unless_the_profile_says_otherwise(tmp_path: Path) -> None:
    found = settings(tmp_path, 'warm = "slow"\ncold = "/vault"\n')
    assert found.roots.hot == found.lake == tmp_path / ".lake"
    assert found.roots.warm == tmp_path / ".lake" / "slow"
    assert found.roots.cold == Path("/vault")
    other = load_settings(tmp_path, lake=tmp_path / "other", environ={})
    assert other.roots.warm == tmp_path / "other" / "slow"
    (tmp_path / "lakebook.toml").write_text("")
    assert set(vars(load_settings(tmp_path, environ={}).roots).values()) == {tmp_path / ".lake"}


@pytest.mark.parametrize("roots", ['hot = "x"', "warm = 3", 'warm = ""', 'cool = "x"'])
def test_a_root_that_makes_no_sense_is_refused(tmp_path: Path, roots: str) -> None:
    with pytest.raises(UserError, match=r"lakebook\.toml"):
        settings(tmp_path, roots)


def test_a_root_is_claimed_once_and_by_one_lake(tmp_path: Path) -> None:
    mine = settings(tmp_path, f'warm = "{tmp_path / "slow"}"\n')
    claim_roots(mine)
    claim_roots(mine)
    assert (tmp_path / "slow" / MARKER).is_file() and (mine.lake / MARKER).is_file()
    with pytest.raises(UserError, match="the root of warm belongs to another lake"):
        claim_roots(replace(mine, lake=tmp_path / "other"))


def test_without_roots_of_their_own_nothing_is_claimed(tmp_path: Path) -> None:
    mine = settings(tmp_path, "")
    claim_roots(mine)
    assert not mine.lake.exists()


def test_a_damaged_mark_is_named(tmp_path: Path) -> None:
    mine = settings(tmp_path, 'warm = "slow"\n')
    claim_roots(mine)
    (mine.roots.warm / MARKER).write_text("{}")
    with pytest.raises(StorageError, match=MARKER):
        claim_roots(mine)
