"""What a parent prepares is found ready by its children."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import os, sys
from lakebook.runtime.preload import preload
missing = preload(["dbt.cli.main", "dbt.task.build", "dbt.adapters.duckdb", "no_such_module"])
assert list(missing) == ["no_such_module"], missing
from dbt.contracts.project import Project
pid = os.fork()
if pid == 0:
    before = Project.json_schema.cache_info()
    Project.json_schema()
    os._exit(0 if Project.json_schema.cache_info().hits == before.hits + 1 else 3)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), "lark" in sys.modules)
"""


def test_children_find_the_schemas_of_dbt_ready() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)
    assert done.stdout.split() == ["0", "False"], done.stderr
