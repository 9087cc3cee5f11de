"""dbt's own commands in the checkout's `dbt/` see the lake and leave it as it is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from small_checkout import Checkout
from small_dbt import REPO
from small_lake import SmallLake

PROFILE = ("dbt_project.yml", "profiles.yml", "macros/lakebook.sql")
YAML = """\
version: 2
sources: [{name: silver, tables: [{name: events, columns: [{name: id, data_tests: [unique]}]}]}]
models:
  - name: total
    columns: [{name: amount, data_type: bigint, data_tests: [not_null]}]
"""


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_commands_see_the_lake_and_publish_nothing(tmp_path: Path) -> None:
    lake = SmallLake(tmp_path)
    lake.contract("replace")
    lake.write([(1, "2013-01-01", 5), (2, "2013-01-01", 7)], "2013-01-01", "2013-01-02")
    amount = "      - {name: amount, logicalType: integer, physicalType: int64}\n"
    Checkout(tmp_path).contract("gold.total", amount, time=False)
    for name in PROFILE:
        target = tmp_path / "dbt" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text((REPO / "dbt" / name).read_text())
    models = tmp_path / "dbt" / "models"
    models.mkdir()
    (models / "m.yml").write_text(YAML)
    (models / "total.sql").write_text(
        "select sum(amount)::bigint as amount from {{ source('silver', 'events') }}"
    )
    before = files_of(tmp_path / ".lake")

    def run(*command: str, env: str = "prod") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [Path(sys.executable).with_name("dbt"), "--no-use-colors", *command],
            cwd=tmp_path / "dbt",
            env={**os.environ, "LAKEBOOK_ENV": env, "LAKEBOOK_ROOT": ""},
            capture_output=True,
            text=True,
            check=False,
        )

    def dbt(*command: str) -> str:
        done = run(*command)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert "PASS=3" in dbt("build")
    assert "PASS=1" in dbt("test", "--select", "source:silver")
    assert "12" in dbt("show", "--select", "total", "--output", "json")
    dbt("docs", "generate")
    catalog = json.loads((tmp_path / "dbt" / "target" / "catalog.json").read_text())
    found = {key: [*entry["columns"]] for key, entry in catalog["sources"].items()}
    assert found == {"source.lakebook.silver.events": ["id", "seen", "amount"]}
    after = files_of(tmp_path / ".lake")
    assert {name for name in before if before[name] != after.get(name)} == set()
    assert {name.split("/")[0] for name in after.keys() - before.keys()} <= {".cache"}

    mistyped = run("show", "--select", "total", env="prd")
    said = "LAKEBOOK_ENV: the lake has no environment 'prd' (did you mean 'prod'?)"
    assert mistyped.returncode != 0 and said in mistyped.stdout
    assert "Traceback" not in mistyped.stdout + mistyped.stderr
