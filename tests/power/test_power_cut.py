"""After a power cut at any moment of a change, whatever of it was not synced: a reader sees the
table before or after it, and the same command ends it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import sampling
from power.cuts import Cut
from power.judging import SUBJECT, AtOnce, Judge
from power.recording import record_all
from tiers import tier_checks as c
from tiers import tier_lake as t
from tiers import tier_starts as starts

pytestmark = [pytest.mark.slow, pytest.mark.soak]

Scenario = tuple[Callable[[Path], None], t.Spec]

ERASE: t.Spec = {"op": "erase", "keys": (f"v={SUBJECT}",)}


def near_a_checkpoint(folder: Path) -> None:
    """The next commit is the twentieth version, of which a checkpoint is made."""
    for number in range(1, 20):
        t.write(t.tables_at(folder), t.MONTHS, number)


SCENARIOS: list[Scenario] = [
    (t.settings_at, {"op": "write", "number": 1}),  # which makes the table
    (near_a_checkpoint, {"op": "write", "months": starts.FIRST, "number": 20}),
    (starts.in_hot, {"op": "write", "months": starts.FIRST, "number": 2}),
    *starts.SCENARIOS,
    *((prepare, ERASE) for prepare in (starts.everywhere, starts.restored_to_hot)),
    (starts.stale_in_cold, ERASE),
]
NAMES = [f"{number:02}-{spec['op']}-{how.__name__}" for number, (how, spec) in enumerate(SCENARIOS)]
SAMPLE = 12

Judged = Mapping[str, tuple[Judge, list[Cut]]]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Judged:
    """Every scenario with its states."""
    root = tmp_path_factory.mktemp("power")
    before = {}
    for name, (prepare, _) in zip(NAMES, SCENARIOS, strict=True):
        prepare(root / name)
        before[name] = c.state(t.tables_at(root / name))
    specs = {name: spec for name, (_, spec) in zip(NAMES, SCENARIOS, strict=True)}
    found = {}
    for name, made in record_all(root, specs).items():
        after = c.state(t.tables_at(root / name))
        found[name] = Judge(root / name, specs[name], before[name], after), made.cuts
    return found


@pytest.mark.parametrize("name", NAMES)
def test_readers_see_before_or_after_and_the_same_command_goes_on(
    recorded: Judged, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lakebook.tiers.verify.Decoder", AtOnce)
    monkeypatch.setattr("os.fsync", lambda handle: None)  # nothing is cut here any more
    judge, found = recorded[name]
    assert len(found) > 5
    taken = sampling.chosen(found, SAMPLE, f"power {name}")
    said = judge.complaints(taken)
    assert not said, f"wrong in {len(said)} of {len(taken)} states:\n" + "\n".join(said[:10])
