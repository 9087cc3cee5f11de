"""A sample is drawn by the commit; a soak takes all."""

from __future__ import annotations

import pytest
import sampling


def test_a_commit_always_draws_the_same_and_another_draws_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("LAKEBOOK_SOAK", raising=False)
    drawn = []
    for commit in ("aa", "aa", "bb"):
        monkeypatch.setenv("LAKEBOOK_SEED", commit)
        sampling._commit.cache_clear()
        drawn.append(sampling.chosen(range(1000), 20, "suite"))
    sampling._commit.cache_clear()
    assert drawn[0] == drawn[1] != drawn[2]
    assert drawn[0] == sorted(drawn[0])


def test_a_soak_takes_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKEBOOK_SOAK", "1")
    assert sampling.chosen(range(10), 2, "suite") == list(range(10))
    assert sampling.examples(5, 500) == 500
