"""What a check finds in a step without data, and what it does not hold against it."""

from __future__ import annotations

import contextlib
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lakebook.lineage import check
from lakebook.lineage.processes import Passes
from lakebook.processes import spawn_plain
from lakebook.settings import CheckSettings

from .conftest import Checked, Project


def test_a_step_that_keeps_its_contract_has_no_findings(checked: Checked) -> None:
    for step in ("silver.good", "silver.widened", "silver.shaped", "silver.monthly"):
        assert checked.sentences(step) == []


def test_looks_at_frames_are_no_findings_and_no_lineage(checked: Checked) -> None:
    assert checked.sentences("silver.looked") == []
    assert checked.edges("silver.looked", "carrier") == {"bronze.flights.carrier"}
    tables = checked.of("silver.looked").lineage.tables
    assert not [edge for edge in tables if "silver.looked" in str(edge[0])]


def test_a_misspelt_column_is_named_with_its_table_notebook_and_cell(checked: Checked) -> None:
    assert checked.sentences("silver.misspelt") == [
        "silver.misspelt: column 'dep_tme' is not in bronze.flights (did you mean 'dep_time'?); "
        "notebooks/silver/misspelt.ipynb, cell 4"
    ]


def test_a_column_that_an_earlier_cell_left_out_is_said_to_be_so(checked: Checked) -> None:
    (sentence,) = checked.sentences("silver.dropped")
    assert "column 'dist' of bronze.flights is no longer in the frame here" in sentence
    assert "cell 5" in sentence


def test_a_type_that_no_lossless_cast_connects_is_a_finding(checked: Checked) -> None:
    (finding,) = checked.of("silver.retyped").findings
    assert (finding.expected, finding.found, finding.cell) == ("string", "int64", 4)
    assert finding.fix == "cast it to string in the notebook, or correct the contract"


def test_a_missing_column_suggests_the_one_that_was_meant(checked: Checked) -> None:
    first, second = checked.sentences("silver.missing")
    assert (
        "column 'distance' of the contract is not in the result (did you mean 'distnce'?)" in first
    )
    assert "column 'distnce' of the result is not in the contract" in second


def test_sql_that_does_not_bind_is_named_with_its_table_notebook_and_cell(
    checked: Checked,
) -> None:
    assert checked.sentences("silver.sql_misspelt") == [
        "silver.sql_misspelt: column 'carier' is not in bronze.flights (did you mean 'carrier'?); "
        "notebooks/silver/sql_misspelt.ipynb, cell 3"
    ]


def test_the_types_of_sql_are_held_against_the_contract(checked: Checked) -> None:
    (sentence,) = checked.sentences("silver.sql_retyped")
    assert "column 'dist' is int64 in the result and string in the contract" in sentence


def test_an_extra_column_is_a_finding(checked: Checked) -> None:
    (finding,) = checked.of("silver.extra").findings
    assert finding.message == "column 'dist' of the result is not in the contract"
    assert finding.expected == "nothing"


def test_a_required_column_that_is_always_null_is_a_finding(checked: Checked) -> None:
    (finding,) = checked.of("silver.empty").findings
    assert finding.message == "column 'note' is always null, and required in the contract"


def test_an_output_that_no_cell_writes_is_a_finding(checked: Checked) -> None:
    (sentence,) = checked.sentences("silver.unwritten")
    assert "no cell writes silver.unwritten, which the contract promises" in sentence


def test_a_table_that_is_written_twice_is_a_finding(checked: Checked) -> None:
    (sentence,) = checked.sentences("silver.twice")
    assert "cell 4" in sentence
    assert "writes silver.twice a second time (first in cell 4)" in sentence


def test_a_cell_that_raises_is_named_with_its_line(checked: Checked) -> None:
    (finding,) = checked.of("silver.raising").findings
    assert finding.message == "ZeroDivisionError: division by zero"
    assert (finding.cell, finding.line) == (4, 1)


def test_a_step_that_ends_the_process_costs_itself_only(checked: Checked) -> None:
    sentences = checked.sentences("silver.ending")
    assert sentences
    assert all("ended with code 3" in sentence for sentence in sentences)
    assert checked.of("silver.ending").lineage.tables == (("bronze.flights", "silver.ending"),)
    assert len(checked.report.steps) == len(checked.project.graph().steps)


def test_the_report_is_plain_values_for_json(checked: Checked) -> None:
    raw = checked.report.to_json()
    assert {step["step"] for step in raw["steps"]} >= {"bronze.flights", "silver.good"}
    assert any("dep_tme" in finding["sentence"] for finding in raw["findings"])


def test_what_was_found_is_recalled_until_something_it_depends_on_changes(
    checked: Checked, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, graph = checked.project.settings, checked.project.graph()
    compiled: list[str] = []

    def compile_steps(_: object, jobs: list, __: object) -> dict:  # of Passes
        compiled.extend(str(job.step) for job in jobs)
        raise RuntimeError("compiled")

    monkeypatch.setattr("lakebook.lineage.processes.Passes.compile_steps", compile_steps)
    again = check(settings, graph)
    assert all(step.is_cached for step in again.steps)
    assert again.findings == checked.report.findings
    assert set(again.columns) == set(checked.report.columns)

    path = checked.project.root / "notebooks/bronze/airlines.contract.yaml"
    before = path.read_text()
    try:
        path.write_text(before.replace("name: name", "name: title"))
        with pytest.raises(RuntimeError, match="compiled"):
            check(settings, checked.project.graph())
    finally:
        path.write_text(before)
    assert sorted(compiled) == [
        "bronze.airlines",
        "silver.shaped",
        "silver.sql",
        "silver.sql_mixed",
    ]


def test_a_recalled_check_imports_nothing_heavy(checked: Checked) -> None:
    import subprocess

    code = (
        "import sys; from pathlib import Path; from lakebook.graph import load_graph;"
        "from lakebook.lineage import check; from lakebook.settings import Settings;"
        "s = Settings(root=Path(sys.argv[1]), lake=Path(sys.argv[1]) / '.lake');"
        "assert all(step.is_cached for step in check(s, load_graph(s)).steps);"
        "print(*{m.split('.')[0] for m in sys.modules})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(checked.project.root)],
        capture_output=True,
        text=True,
        check=True,
        env=dict(os.environ),
    )
    heavy = {"polars", "narwhals", "duckdb", "datahub", "sqlglot", "pyarrow", "pandas", "dbt"}
    assert set(done.stdout.split()) & heavy == set()


def test_only_the_selected_steps_are_checked(checked: Checked) -> None:
    graph = checked.project.graph()
    nodes = [node for node in graph.order() if node.name.name == "good"]
    assert [s.step for s in check(checked.project.settings, graph, nodes).steps] == ["silver.good"]


def test_dbt_models_are_bound_against_contracts_and_followed(project: Project) -> None:
    project.step(
        "bronze.flights", "carrier string!, dist int64", 'step.write(step.ingest("file://f.csv"))'
    )
    project.contract(
        "gold.marts",
        {
            "far": "carrier string!, dist int64",
            "reach": "carrier string!, dist int64, wrong int64",
            "broken": "carrier string!",
        },
    )
    begin = 'from lakebook import Step\nstep = Step("gold.marts")\nstep.dbt("far reach broken")'
    project.notebook("gold.marts", [begin])
    flights = "{{ source('bronze', 'flights') }}"
    files = {
        "dbt_project.yml": "name: t\nversion: '1.0'\nprofile: t\n",
        "profiles.yml": "t: {target: l, outputs: {l: {type: duckdb, path: ':memory:'}}}\n",
        "models/s.yml": "version: 2\nsources: [{name: bronze, tables: [{name: flights}]}]\n",
        "models/far.sql": f"select carrier, dist * 2 as dist from {flights}",
        "models/reach.sql": "select carrier, max(dist) as dist, 'x' as wrong "
        "from {{ ref('far') }} group by 1",
        "models/broken.sql": f"select\n  carier\nfrom {flights}",
    }
    for name, text in files.items():
        path = project.root / "dbt" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    report = check(project.settings, project.graph())
    assert sorted(finding.sentence for finding in report.findings) == [
        "gold.broken: column 'carier' is not in bronze.flights (did you mean 'carrier'?); "
        "dbt/models/broken.sql",
        "gold.reach: column 'wrong' is varchar in the model and int64 in the contract; "
        'dbt/models/reach.sql; cast it: "wrong"::bigint',
    ]
    into = {
        (edge.source, edge.source_column, edge.target, edge.target_column)
        for edge in report.columns
        if edge.target_column == "dist"
    }
    assert into == {
        ("file://f.csv", "dist", "bronze.flights", "dist"),
        ("bronze.flights", "dist", "gold.far", "dist"),
        ("gold.far", "dist", "gold.reach", "dist"),
    }
    assert ("gold.far", "gold.reach") in report.tables


def test_processes_that_were_started_ahead_end_when_nothing_is_asked(project: Project) -> None:
    started = []

    def spawn(*args: Any, **options: Any) -> Any:
        started.append(spawn_plain(*args, **options))
        return started[-1]

    with Passes(project.settings, spawn) as passes:
        passes.start()
        passes.start()
        assert [process.poll() for process in started] == [None, None]
    assert all(process.poll() is not None for process in started)


@pytest.mark.slow
def test_a_cell_that_never_ends_is_named_and_costs_itself_only(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = 'ok = step.read("bronze.ok")'
    stuck = {
        "silver.looping": "while True: pass",
        "silver.sleeping": "import subprocess, time\n"
        f"subprocess.Popen(['tail', '-f', '{__file__}'])\ntime.sleep(1e6)",
    }
    project.step("bronze.ok", "a int64", 'step.write(step.ingest("file://a.csv"))')
    for name, cell in stuck.items():
        project.step(name, "a int64", begin, cell, "step.write(ok)")
    project.step("silver.well", "b int64", begin, "step.write(ok.select('a'))")
    settings = replace(project.settings, check=CheckSettings(timeout_s=12))

    report = check(settings, project.graph())

    said = {step.step: [f.sentence for f in step.findings] for step in report.steps}
    for name in stuck:
        assert said[name] == [
            f"{name}: its check did not end in 12 s; "
            f"notebooks/{name.replace('.', '/')}.ipynb, cell 4; tag the cell `view` if it only "
            "waits or shows, take out the loop or the wait, or allow more in lakebook.toml "
            "([check] timeout_s; 0: no limit)"
        ]
        assert ("bronze.ok", name) in report.tables
    assert any("column 'a' of the result is not in" in text for text in said["silver.well"])
    assert said["bronze.ok"] == []
    assert commands_with(f"tail\0-f\0{__file__}") == []

    # What was too slow now may be quick enough later; the rest is remembered.
    compiled: list[str] = []

    def compile_steps(_: object, jobs: list, __: object) -> dict:
        compiled.extend(str(job.step) for job in jobs)
        raise RuntimeError("compiled")

    monkeypatch.setattr("lakebook.lineage.processes.Passes.compile_steps", compile_steps)
    with pytest.raises(RuntimeError, match="compiled"):
        check(settings, project.graph())
    assert sorted(compiled) == sorted(stuck)


def commands_with(text: str) -> list[str]:
    """Command lines of running processes that contain a text."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # it has just ended
            command = entry.read_bytes().decode(errors="replace")
            if text in command:
                found.append(command)
    return found


def test_without_a_limit_a_step_may_take_its_time(project: Project) -> None:
    ingest = 'step.write(step.ingest("file://a.csv"))'
    project.step("bronze.slow", "a int64", "import time\ntime.sleep(1)", ingest)
    for timeout_s, expected in ((0.5, 1), (0.0, 0)):
        settings = replace(project.settings, check=CheckSettings(timeout_s=timeout_s))
        assert len(check(settings, project.graph()).findings) == expected


def test_a_dataset_that_a_model_names_itself_is_a_finding(project: Project) -> None:
    for name in ("flights", "planes"):
        project.step(
            f"bronze.{name}", "carrier string!", f'step.write(step.ingest("file://{name}.csv"))'
        )
    names = ("seen", "raw", "upper", "own", "with_named")
    project.contract("gold.marts", dict.fromkeys(names, "carrier string!"))
    begin = f'from lakebook import Step\nstep = Step("gold.marts")\nstep.dbt("{" ".join(names)}")'
    project.notebook("gold.marts", [begin])
    seen = "{{ source('bronze', 'flights') }}"
    files = {
        "dbt_project.yml": "name: t\nversion: '1.0'\nprofile: t\n",
        "profiles.yml": "t: {target: l, outputs: {l: {type: duckdb, path: ':memory:'}}}\n",
        "models/s.yml": "version: 2\nsources: [{name: bronze, tables: [{name: flights}]}]\n",
        "models/seen.sql": f"select f.carrier from {seen} f -- not bronze.planes",
        "models/raw.sql": f"select carrier from {seen} where carrier in "
        "(select carrier from bronze.planes)",
        "models/upper.sql": 'select carrier from "Bronze".FLIGHTS',
        "models/own.sql": "select carrier from gold.seen",
        "models/with_named.sql": f"with planes as (from {seen}) select carrier from planes",
    }
    for name, text in files.items():
        path = project.root / "dbt" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    said = "itself, so that dbt does not know that it reads it; dbt/models"
    found = [one.sentence for one in check(project.settings, project.graph()).findings]
    assert sorted(one for one in found if "itself" in one) == [
        f"gold.own: the model names gold.seen {said}/own.sql; write {{{{ ref('seen') }}}}",
        f"gold.raw: the model names bronze.planes {said}/raw.sql; "
        "write {{ source('bronze', 'planes') }}",
        f"gold.upper: the model names bronze.flights {said}/upper.sql; "
        "write {{ source('bronze', 'flights') }}",
    ]


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("s3://bucket/f.csv", "source 's3://bucket/f.csv' has no known scheme"),
        ("https://example.org/f.csv", "source 'https://example.org/f.csv' has no known scheme"),
        ("fil://f.csv", "source 'fil://f.csv' has no known scheme (did you mean 'file'?)"),
        ("f.csv", "source 'f.csv' has no known scheme"),
    ],
)
def test_a_source_that_no_connector_serves_is_a_finding(
    project: Project, uri: str, said: str
) -> None:
    project.step("bronze.flights", "carrier string!", f'step.write(step.ingest("{uri}"))')
    (finding,) = check(project.settings, project.graph()).findings

    assert finding.message == said
    assert (finding.is_error, finding.cell, finding.line) == (True, 3, 1)
    assert "known are file://, package://" in finding.fix
    if "://" not in uri:
        assert finding.fix.startswith("write file://f.csv; ")


def test_a_connector_that_is_installed_later_ends_the_finding(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import journal_source

    project.step("bronze.flights", "id int64", 'step.write(step.ingest("journal://orders"))')
    assert len(check(project.settings, project.graph()).findings) == 1

    folder = tmp_path / "installed"
    journal_source.install(folder)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("PYTHONPATH", str(folder))

    assert check(project.settings, project.graph()).findings == ()


MADE = "x = step.ingest('file://f.csv').with_columns(dist=nw.lit(1))\nstep.write(x)"


def test_a_column_that_neither_a_file_nor_the_notebook_has_is_a_finding(project: Project) -> None:
    project.step(
        "bronze.flights", "carrier string, dist int64", 'step.write(step.ingest("file://f.csv"))'
    )
    assert check(project.settings, project.graph()).findings == ()  # the data is elsewhere

    (project.root / "f.csv").write_text("carrier,distance\nUA,1\n")
    found = [one.message for one in check(project.settings, project.graph()).findings]
    assert found[0] == (
        "column 'dist' of the contract is not in the result (did you mean 'distance'?)"
    )

    project.step("bronze.flights", "carrier string, dist int64", MADE)
    (project.root / "f.csv").write_text("carrier\nUA\n")
    assert check(project.settings, project.graph()).findings == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("carrier;dist\nUA;1\n", "line 1: ';' stands between the names, not a comma"),
        ("carrier,Carrier\nUA,1\n", "line 1: fields 1 and 2 are both named 'carrier'"),
        ("", "file://f.csv"),
    ],
)
def test_a_header_that_gives_no_columns_is_a_finding(
    project: Project, text: str, said: str
) -> None:
    project.step("bronze.flights", "carrier string, dist int64", MADE)
    (project.root / "f.csv").write_text(text)
    (finding,) = check(project.settings, project.graph()).findings

    assert said in finding.message
    assert finding.cell == 3


def test_cells_run_in_the_notebooks_folder_with_the_modules_beside_it(project: Project) -> None:
    """As a kernel runs them: what stands beside the notebook comes before the team's `lib`."""
    (project.root / "lib").mkdir()
    (project.root / "lib" / "same.py").write_text("WANTED = 'silver'\n")
    (project.root / "lib" / "team.py").write_text("import same\nWANTED = same.WANTED\n")
    (project.root / "rates.csv").write_text("carrier\nAA\n")
    land = 'raw = step.ingest("file://rates.csv")\nstep.write(raw.select("carrier"))'
    project.step("bronze.flights", "carrier string", land)
    for step in ("silver.first", "gold.second", "silver.third"):
        wanted = {step.split(".")[0]}
        project.step(
            step,
            "carrier string",
            f"import polars as pl\nimport same, team\nassert {{same.WANTED, team.WANTED}} == "
            f"{wanted}, team.WANTED\nassert pl.read_csv('../../rates.csv').height == 1",
            'step.write(step.read("bronze.flights").select("carrier"))',
        )
    (project.root / "notebooks" / "gold" / "same.py").write_text("WANTED = 'gold'\n")
    report = check(project.settings, project.graph())
    assert [one.sentence for one in report.findings] == []
