"""A trivial step with a lakehouse's imports: warm, by `execute`, against plain Papermill.

Prints JSON. Bytecode is cached for both sides (PYTHONPYCACHEPREFIX), and the first run of each,
which fills the cache and starts the parent, is told apart.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

IMPORTS = "import polars, narwhals, pyarrow, deltalake, duckdb, great_expectations, dbt.cli.main"
CELLS = ('start = "2013-01-01"', IMPORTS, "polars.DataFrame({'day': [start]}).lazy().collect()")


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--repeat", type=int, default=5)
    repeat = options.parse_args().repeat
    with tempfile.TemporaryDirectory() as folder:
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.environ["PYTHONPYCACHEPREFIX"] = f"{folder}/bytecode"
        notebook = _notebook(Path(folder) / "trivial.ipynb")
        plain = _times(lambda: _plain(notebook), repeat)
        warm = _times(lambda: _warm(notebook), repeat)
    report = {
        "what": "a trivial step with the imports of a lakehouse",
        "plain_papermill_s": plain,
        "warm_execute_s": warm,
        "times_faster": round(plain["median"] / warm["median"], 1),
        "load_average": os.getloadavg()[0],
    }
    print(json.dumps(report, indent=1))
    return 0


def _times(run: Any, repeat: int) -> dict[str, float]:
    seconds = []
    for _ in range(repeat + 1):
        began = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - began)
    first, *others = seconds
    return {
        "first": round(first, 3),
        "median": round(statistics.median(others), 3),
        "best": round(min(others), 3),
    }


def _plain(notebook: Path) -> None:
    done = notebook.with_name("plain.ipynb")
    command = [sys.executable, "-m", "papermill", "-k", "python3", "--no-progress-bar"]
    parameters = ["-p", "start", "2013-02-01"]
    subprocess.run([*command, *parameters, notebook, done], check=True, capture_output=True)


def _warm(notebook: Path) -> None:
    from lakebook.runtime.job import JobRequest, execute

    parameters = {"start": "2013-02-01"}
    out = notebook.with_name("out")
    result = execute(JobRequest("bench", notebook, parameters, {}, out, env=dict(os.environ)))
    if result.status != "ok" or result.kernel != "warm":
        raise SystemExit(
            f"no figure: {result.status}, {result.kernel}: {result.error or result.note}"
        )


def _notebook(path: Path) -> Path:
    import nbformat

    cells = [nbformat.v4.new_code_cell(source) for source in CELLS]
    cells[0].metadata["tags"] = ["parameters"]
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    made = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": spec})
    nbformat.write(made, str(path))
    return path


if __name__ == "__main__":
    sys.exit(main())
