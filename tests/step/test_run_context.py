"""Where a kernel reads and writes when nobody started it as a run."""

from __future__ import annotations

from pathlib import Path

import pytest

from lakebook.settings import person
from lakebook.step.run_context import RunContext


@pytest.mark.parametrize(("given", "env"), [({}, person()), ({"LAKEBOOK_ENV": "prod"}, "prod")])
def test_a_notebook_that_is_only_opened_writes_to_the_persons_environment(
    tmp_path: Path, given: dict[str, str], env: str
) -> None:
    (tmp_path / "lakebook.toml").write_text("")
    run = RunContext.current({"LAKEBOOK_ROOT": str(tmp_path), **given})
    assert run.settings.env == env != "" and run.declared is None
