"""What the check says of dbt models: rows of other partitions, what is not run, what asks rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from lakebook.errors import GraphError
from lakebook.lineage import CheckReport, check
from lakebook.step.sql_reach import Times, reaching

from .conftest import Project

pytestmark = pytest.mark.timeout(240)

EVENTS = "{{ source('bronze', 'events') }}"
FILES = {
    "dbt_project.yml": "name: t\nversion: '1.0'\nprofile: t\n",
    "profiles.yml": (
        "t: {target: l, outputs: {l: {type: duckdb, path: ':memory:', schema: gold, "
        "plugins: [{module: lakebook.step.dbt_plugin, alias: lakebook}]}}}\n"
    ),
    "models/s.yml": "version: 2\nsources: [{name: bronze, tables: [{name: events}]}]\n",
}


def write(project: Project, **models: str) -> None:
    files = FILES | {f"models/{name}.sql": text for name, text in models.items()}
    for name, text in files.items():
        path = project.root / "dbt" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.fixture
def timed(project: Project) -> Project:
    """`bronze.events (id, day)` by month; a gold step is added by each test."""
    project.contract("bronze.events", {"events": "id int64, day date!"}, "day")
    project.notebook(
        "bronze.events", [_step("bronze.events", 'step.write(step.ingest("file://f.csv"))')]
    )
    return project


def _step(name: str, rest: str, *, timed: bool = True) -> str:
    interval = ', start="2013-01-01", end="2013-02-01"' if timed else ""
    return f'from lakebook import Step\nstep = Step("{name}"{interval})\n{rest}'


def gold(project: Project, columns: str, call: str) -> None:
    project.contract("gold.m", {"m": columns}, "day")
    project.notebook("gold.m", [_step("gold.m", call)])


def said(report: CheckReport) -> list[str]:
    return [finding.sentence for finding in report.findings if finding.is_error]


def test_a_window_over_the_edge_is_refused_until_the_call_says_how_far(timed: Project) -> None:
    lag = f"select id, lag(day) over (partition by id order by day) as day from {EVENTS}"
    write(timed, m=lag)
    gold(timed, "id int64, day date!", 'step.dbt("m")')
    [sentence] = said(check(timed.settings, timed.graph()))
    assert "gold.m: the model may need rows of other months for LAG(day) OVER" in sentence
    assert 'dbt/models/m.sql; say how far it reaches: step.dbt("m", before=…' in sentence

    for words in ("before=6", "after=1", "whole=True", "before=0"):
        gold(timed, "id int64, day date!", f'step.dbt("m", {words})')
        assert said(check(timed.settings, timed.graph())) == []
    [read] = next(s for s in timed.graph().steps.values() if s.models).reads
    assert (read.before_days, read.after_days, read.whole) == (0, 0, False)
    gold(timed, "id int64, day date!", 'step.dbt("m", before=6, after=1)')
    [read] = next(s for s in timed.graph().steps.values() if s.models).reads
    assert (read.before_days, read.after_days, read.whole) == (6, 1, False)


STAYING = [
    "select day, row_number() over (partition by day order by n) from silver.e",
    "select day, row_number() over (partition by date_trunc('month', day)) from silver.e",
    "select day, count(*) from silver.e group by day",
    "select day, count(*) filter (n > 1) from silver.e group by 1",
    "select day, count(*) from silver.e group by all",
    "select date_trunc('month', day) as m, count(*) from silver.e group by m",
    "select a.day from silver.e a join silver.e b on a.id = b.id and b.day = a.day",
    "with t as (select id, max(n) n from silver.d group by id) from silver.e join t using (id)",
    "select day, n from silver.e qualify row_number() over (partition by id, day order by n) = 1",
    "select day from silver.e a where exists (from silver.e b where b.day = a.day and b.n < a.n)",
    "select day from silver.e where (id, day) in (select id, day from silver.e where n > 1)",
    "select day from silver.e where id in (select id from silver.d)",
    "select day from (select day, n from silver.e where n > 1)",
    "select a.day from silver.e a, (select day, n from silver.e) b where a.day = b.day",
    "with t as (select day, max(n) n from silver.e group by day) from silver.e join t using (day)",
    "select day, n from silver.e except select day, n + 1 from silver.e",
    "select day, n from silver.e union all select day + 31, n from silver.e",
    "select * from silver.e intersect select * from silver.e",
    "with t as (select date_trunc('month', day) as day from silver.e) select count(*) from t "
    "group by day",
]
REACHING = [
    "select day, sum(n) over (order by day) from silver.e",
    "select day, row_number() over (partition by date_trunc('year', day)) from silver.e",
    "select id, min(day) as day from silver.e group by id",
    "with t as (select id, max(n) n from silver.e group by id) from silver.e join t using (id)",
    "select day, (select max(n) from silver.e) from silver.e",
    "select a.day from silver.e a join silver.e b on b.day between a.day - 6 and a.day",
    "select a.day from silver.d a asof join silver.e b on a.id = b.id and a.day >= b.day",
    "with e as (from silver.e) select day from e order by n limit 5",
    "select distinct on (id) day from silver.e order by day",
    "select day, n from silver.e qualify row_number() over (partition by id order by n) = 1",
    "select day from silver.e a where not exists (from silver.e b where b.day < a.day)",
    "select day from silver.e a where not exists (select 1 from silver.e b where b.id = a.id)",
    "select day from silver.e where id in (select id from silver.e where n > 1)",
    "select day from silver.e where n >= all (select n from silver.e)",
    # the same table by another name
    "select a.day from silver.e a join (select day, n from silver.e) b on b.day < a.day",
    "select a.day from silver.e a, (select day, n from silver.e) b where b.day = a.day - 31",
    "with b as (select day, n from silver.e) select a.day from silver.e a join b on b.n = a.n",
    "with x as (from silver.e), y as (from x) select x.day from x join y on y.day < x.day",
    # another day by the same name
    "with t as (select day + 31 as day from silver.e) select day, count(*) from t group by day",
    "with t as (select n % 2 as day from silver.e) select count(*) over (partition by day) from t",
    "with t(n, day) as (select day, n from silver.e) select count(*) from t group by day",
    "select a.day from silver.e a join (select day + 31 as day from silver.e) b using (day)",
    "select day, n from silver.e except select day + 31, n from silver.e",
    "select n from silver.e union select n from silver.e",
    "select day from silver.e order by n offset 2",
]


@pytest.mark.parametrize("sql", [*STAYING, *REACHING])
def test_what_may_reach_over_the_edge(sql: str) -> None:
    times = Times({"day"}, {"day", "month"}, [("silver", "e")])
    assert bool(reaching(sql, times)) == (sql in REACHING)


def test_a_month_is_more_than_a_partition_of_a_day(timed: Project) -> None:
    sql = "select count(*) from silver.e group by date_trunc('month', day)"
    assert reaching(sql, Times({"day"}, {"day"}, [("silver", "e")])) == "COUNT(*)"
    assert reaching("select day::date, count(*) from silver.e group by 1",
                    Times({"day"}, (), [("silver", "e")])) == "COUNT(*)"  # fmt: skip


def test_a_model_that_does_not_compile_is_said_of_its_own_step_alone(timed: Project) -> None:
    write(
        timed,
        m=f"select id, day from {EVENTS}",
        other="{{ exceptions.raise_compiler_error('no luck') if execute }} select 1 as id",
        upon="select id from {{ ref('other') }}",
    )
    gold(timed, "id int64, day date!", 'step.dbt("m")')
    for name in ("other", "upon"):
        timed.contract(f"gold.{name}", {name: "id int64"})
        timed.notebook(f"gold.{name}", [_step(f"gold.{name}", f'step.dbt("{name}")', timed=False)])
    sentences = said(check(timed.settings, timed.graph()))
    assert len(sentences) == 2
    assert "gold.other: dbt cannot compile it: " in sentences[0] and "no luck" in sentences[0]
    assert "gold.upon: dbt cannot compile it: a model that it is made of" in sentences[1]


def test_macros_that_ask_the_database_see_the_columns_of_contracts(timed: Project) -> None:
    star = "select {{ adapter.get_columns_in_relation(source('bronze', 'events')) "
    star += "| map(attribute='name') | join(', ') }} from " + EVENTS + " -- end"
    rowwise = """
{% set asked = 'select day from ' ~ source('bronze', 'events') %}
{% set days = run_query(asked).columns[0].values() if execute else ['2013-01-01'] %}
{% if not days %}{{ exceptions.raise_compiler_error('no day') }}{% endif %}
select '{{ days[0] }}'::date as day from {{ source('bronze', 'events') }};
"""
    again = "{% if is_incremental() %} nonsense {% endif %} select 1::bigint as id"
    write(timed, m=star, rowwise=rowwise, again=again)
    gold(timed, "id int64, day date!", 'step.dbt("m")')
    timed.contract("gold.rowwise", {"rowwise": "day date"})
    timed.notebook("gold.rowwise", [_step("gold.rowwise", 'step.dbt("rowwise")', timed=False)])
    timed.contract("gold.again", {"again": "id int64"})
    timed.notebook("gold.again", [_step("gold.again", 'step.dbt("again")', timed=False)])

    report = check(timed.settings, timed.graph())
    assert said(report) == []
    [note] = report.findings
    assert "gold.rowwise: dbt cannot compile it without rows" in note.sentence
    timed.contract("bronze.events", {"events": "id int64, day date!, more string"}, "day")
    assert any(
        "column 'more' of the model is not in" in s
        for s in said(check(timed.settings, timed.graph()))
    )


def test_columns_that_rows_decide_are_no_error_of_a_check_without_rows(timed: Project) -> None:
    """As `dbt_utils.pivot` over `get_column_values` has them."""
    asked = f"{{% set found = run_query('select id from ' ~ {EVENTS[3:-3]}) %}}"
    wide = asked + "select max(id) as top{% for row in found %}, 1::bigint as of_{{ row[0] }}"
    write(timed, wide=wide + "{% endfor %} from " + EVENTS, plain="select 1::bigint as other")
    for name in ("wide", "plain"):
        timed.contract(f"gold.{name}", {name: "top int64, of_1 int64"})
        timed.notebook(f"gold.{name}", [_step(f"gold.{name}", f'step.dbt("{name}")', timed=False)])
    report = check(timed.settings, timed.graph())
    notes = [finding.sentence for finding in report.findings if not finding.is_error]
    assert (
        len(notes) == 1 and "'of_1' of the contract is not in the model, without rows" in notes[0]
    )
    assert "its columns are others without rows" in report.opaque["gold.wide"]
    assert [sentence.split(":")[0] for sentence in said(report)] == ["gold.plain"] * 3


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("select id, day from E where random() > 0.5", "throws dice by rand"),
        ("select id, current_date as day from E", "asks for the clock by current_date"),
        ("select id, day from E, read_csv('x.csv')", r"reads read_csv\(…\)"),
        ("select id, '{{ run_started_at }}'::date as day from E", "clock by run_started_at"),
    ],
)
def test_clock_dice_and_files_are_refused_as_in_sql_of_a_step(
    timed: Project, sql: str, found: str
) -> None:
    (timed.root / "x.csv").write_text("c\n1\n")
    write(timed, m=sql.replace("E", EVENTS).replace("x.csv", str(timed.root / "x.csv")))
    gold(timed, "id int64, day date!", 'step.dbt("m")')
    findings = check(timed.settings, timed.graph()).findings
    assert any(found.replace("\\", "") in one.message for one in findings), findings


@pytest.mark.parametrize(
    ("macro", "said"),
    [
        ("{{ modules.datetime.datetime.now().date() }}", "modules.datetime.datetime.now"),
        ("{{ run_started_at.date() }}", "run_started_at"),
        ("{# run_started_at #}2013-01-01", ""),
    ],
)
def test_a_clock_of_a_macro_of_a_macro_is_found(timed: Project, macro: str, said: str) -> None:
    macros = timed.root / "dbt" / "macros"
    macros.mkdir(parents=True, exist_ok=True)
    (macros / "day.sql").write_text(
        "{% macro today() %}'{{ inner() }}'::date{% endmacro %}"
        f"{{% macro inner() %}}{macro}{{% endmacro %}}"
    )
    write(timed, m=f"select id, {{{{ today() }}}} as day from {EVENTS}")
    gold(timed, "id int64, day date!", 'step.dbt("m")')
    found = [one.message for one in check(timed.settings, timed.graph()).findings]
    clock = f"the macro inner asks for the clock by {said}, so that no two runs agree"
    assert (clock in found) == bool(said), found


def test_a_test_that_no_step_runs_is_an_error(timed: Project) -> None:
    write(timed, m=f"select id, day from {EVENTS}", lone="select 1 as id")
    tests = timed.root / "dbt" / "tests"
    tests.mkdir()
    (tests / "t.sql").write_text("select * from {{ ref('lone') }} where id > 1")
    gold(timed, "id int64, day date!", 'step.dbt("m")')
    graph = timed.graph()
    assert said(check(timed.settings, graph)) == [
        "dbt: the test t is run by no step, since none builds or reads lone; dbt/tests/t.sql; "
        "let a step build it (step.dbt), or disable the test (enabled: false)"
    ]
    some = [step for step in graph.order() if step.models]
    assert said(check(timed.settings, graph, some)) == []


def test_what_is_not_run_is_refused_by_its_file(timed: Project, tmp_path: Path) -> None:
    write(timed, m="{{ config(materialized='incremental') }} select id, day from " + EVENTS)
    gold(timed, "id int64, day date!", 'step.dbt("m")')
    with pytest.raises(GraphError, match=r"^dbt/models/m\.sql: .*'incremental'.*; materialize it"):
        timed.graph()


PYTHON = "def model(dbt, session):\n    dbt.config(materialized='table')\n    return 1\n"


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        (
            "m.sql",
            "{{ config(materialized='incremental') }} select 1 as id",
            "'incremental': a run",
        ),
        ("m.py", PYTHON, "written in Python, which Lakebook does not run; write it in SQL"),
    ],
)
def test_what_is_not_run_is_refused_where_contracts_are_enforced_too(
    timed: Project, file: str, text: str, said: str
) -> None:
    write(timed, m="select 1 as id")
    dbt = timed.root / "dbt"
    (dbt / "models" / "m.sql").unlink()
    (dbt / "models" / file).write_text(text)
    (dbt / "models" / "m.yml").write_text(
        "version: 2\nmodels:\n  - name: m\n    config: {contract: {enforced: true}}\n"
        "    columns: [{name: id, data_type: integer}]\n"
    )
    gold(timed, "id int64, day date!", 'step.dbt("m")')
    with pytest.raises(GraphError) as refused:
        timed.graph()
    assert str(refused.value).startswith(f"dbt/models/{file}: the dbt model m is ")
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        (
            "{% set found = run_query('select epoch_ms(now())') %}"
            "{% set at = found.columns[0].values()[0] if execute else 0 %}"
            "select id, day from E where id <> {{ at }}",
            "the model asks the database for now, so that no two runs agree",
        ),
        (
            '{{ config(pre_hook="create temp table t as select RANDOM() as r") }}'
            "select id, day from E",
            "a pre-hook asks for RANDOM, so that no two runs agree",
        ),
    ],
)
def test_clock_and_dice_in_sql_beside_the_models_own_are_found(
    timed: Project, sql: str, said: str
) -> None:
    write(timed, m=sql.replace("E", EVENTS))
    gold(timed, "id int64, day date!", 'step.dbt("m")')
    assert said in [one.message for one in check(timed.settings, timed.graph()).findings]


def test_a_dataset_that_is_made_twice_is_refused(timed: Project) -> None:
    write(timed, m=f"select id, day from {EVENTS}")
    columns = "id int64, day date!"
    gold(timed, columns, 'step.dbt("m")\nstep.dbt("m")')
    with pytest.raises(GraphError, match="dbt model m is built twice, in cells 2 and 2; build it"):
        timed.graph()
    frame = 'step.read("bronze.events").select("id", "day")'
    gold(timed, columns, f'step.dbt("m")\nstep.write({frame}, table="gold.m")')
    with pytest.raises(GraphError, match=r"writes gold\.m, which the dbt model m makes as well"):
        timed.graph()
    gold(timed, columns, f'step.dbt("m")\nstep.write({frame})')
    [sentence] = said(check(timed.settings, timed.graph()))
    assert "writes gold.m, which the dbt model m makes as well" in sentence
