"""After a power cut at any moment, what is written beside the tables is there or is not, never a
part of it; whatever was built on it stands, and the same command ends it."""

from __future__ import annotations

import traceback
from collections.abc import Mapping

import pytest
import sampling
from power.disk import write_tree
from power.marks import MARKS, no_parent
from power.recording import Recorded, record_all

pytestmark = [pytest.mark.slow, pytest.mark.soak]

SAMPLE = 20


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Recorded]:
    root = tmp_path_factory.mktemp("marks")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lakebook.run.archiving.call", no_parent)
        for name, mark in MARKS.items():
            mark.prepare(root / name)
    return record_all(root, {name: {"mark": name} for name in MARKS})


@pytest.mark.parametrize("name", MARKS)
def test_it_is_there_or_not_and_what_was_built_on_it_stands(
    recorded: Mapping[str, Recorded], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.fsync", lambda handle: None)  # nothing is cut here any more
    monkeypatch.setattr("lakebook.run.archiving.call", no_parent)
    folder, mark, said = recorded[name].folder, MARKS[name], []
    taken = sampling.chosen(recorded[name].cuts, SAMPLE, f"mark {name}")
    for cut in taken:
        write_tree(folder, cut.tree)
        try:
            mark.judge(folder, cut.moment < 0)
            if mark.again:
                mark.act(folder)
                mark.end(folder)
        except Exception as wrong:
            where = traceback.extract_tb(wrong.__traceback__)[-1]
            said.append(f"{type(wrong).__name__} in {where.name}: {wrong} <- {cut.how}")
    assert not said, f"wrong in {len(said)} of {len(taken)} states:\n" + "\n".join(said[:10])
