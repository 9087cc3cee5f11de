"""After a power cut at any moment of a step's write, its rows and what it set aside are those of
before or of after, and the same write ends as if nothing had been."""

from __future__ import annotations

import traceback
from collections.abc import Mapping

import pytest
import sampling
from power.disk import write_tree
from power.recording import Recorded, record_all
from power.steps import STEPS, Seen, see

pytestmark = [pytest.mark.slow, pytest.mark.soak]

SAMPLE = 12


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, tuple[Recorded, Seen, Seen]]:
    """Each write with what is seen before and after it."""
    root = tmp_path_factory.mktemp("steps")
    before = {}
    for name, (prepare, _) in STEPS.items():
        prepare(root / name)
        before[name] = see(root / name)
    made = record_all(root, {name: {"step": name} for name in STEPS})
    return {name: (made[name], before[name], see(root / name)) for name in STEPS}


@pytest.mark.parametrize("name", STEPS)
def test_rows_and_what_is_set_aside_are_of_before_or_after_and_the_same_write_ends(
    recorded: Mapping[str, tuple[Recorded, Seen, Seen]], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.fsync", lambda handle: None)  # nothing is cut here any more
    change, before, after = recorded[name]
    assert before != after and after[1], "rows are published and set aside"
    said = []
    taken = sampling.chosen(change.cuts, SAMPLE, f"step {name}")
    for cut in taken:
        write_tree(change.folder, cut.tree)
        try:
            assert see(change.folder) in ((after,) if cut.moment < 0 else (before, after))
            STEPS[name][1](change.folder)
            assert see(change.folder) == after
        except Exception as wrong:
            where = traceback.extract_tb(wrong.__traceback__)[-1]
            said.append(f"{type(wrong).__name__} in {where.name}: {wrong} <- {cut.how}")
    assert not said, f"wrong in {len(said)} of {len(taken)} states:\n" + "\n".join(said[:10])
