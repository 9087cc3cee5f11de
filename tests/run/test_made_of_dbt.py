"""Fresh means made of exactly what is there, for dbt: one thing of a project is changed at a time,
and what a run then leaves is what a forced run leaves."""

from __future__ import annotations

import json

import pytest
import sampling
from changes import Change, edit, put
from small_checkout import COLUMNS, Checkout
from small_dbt import REPO

MODEL = """\
{#- of no matter -#}
select
    events.id,
    events.seen,
    cast(
        {{ twice("events.amount") }}
        + {{ var("plus") }}
        + {{ env_var("LAKEBOOK_TEST_PLUS", "0") }}
        + {{ shared.one() }}
        + coalesce(extras.extra, 0)
        + {{ call(name_of="thr" ~ "ice") }}
    as bigint) as amount
from {{ ref("kept") }} as events
left join {{ ref("extras") }} as extras on extras.id = events.id
"""
FILES = {
    "dbt/models/models.yml": "version: 2\nsources: [{name: bronze, schema: bronze, tables: "
    "[{name: events}]}]\nmodels:\n  - name: sums\n    description: Sums.\n    columns:\n"
    "      - {name: id, data_type: bigint, data_tests: [not_null]}\n"
    "      - {name: seen, data_type: timestamp}\n      - {name: amount, data_type: bigint}\n"
    "  - name: other\n    columns: [{name: id, data_type: integer}]\n",
    "dbt/models/sums.sql": MODEL,
    "dbt/models/kept.sql": "{{ config(materialized='ephemeral') }}\n"
    "select id, seen, amount from {{ source('bronze', 'events') }} where amount > 0\n",
    "dbt/models/other.sql": "select 1 as id\n",
    "dbt/seeds/extras.csv": "id,extra\n1,100\n3,300\n",
    "dbt/seeds/unused.csv": "id,extra\n1,100\n",
    "dbt/macros/own.sql": "{% macro twice(x) %}(2 * {{ deeper(x) }}){% endmacro %}\n"
    "{% macro deeper(x) %}{{ x }}{% endmacro %}\n"
    "{% macro thrice() %}3{% endmacro %}\n"
    "{% macro call(name_of) %}{{ context[name_of]() }}{% endmacro %}\n",
    "shared/dbt_project.yml": "name: shared\nversion: '1.0'\nprofile: lakebook\n",
    "shared/macros/one.sql": "{% macro one() %}1{% endmacro %}\n",
    "dbt/tests/none_is_zero.sql": "select * from {{ ref('sums') }} where amount = 0\n",
}
VARIABLE = "LAKEBOOK_TEST_PLUS"


MATTERS: dict[str, Change] = {
    "the model": edit("dbt/models/sums.sql", "coalesce(extras.extra, 0)", "1"),
    "an ephemeral model": edit("dbt/models/kept.sql", "amount > 0", "amount > 10"),
    "a macro": edit("dbt/macros/own.sql", "(2 *", "(5 *"),
    "a macro of a macro": edit("dbt/macros/own.sql", "{{ x }}{%", "({{ x }} + 1){%"),
    "a macro by a name that is put together": edit("dbt/macros/own.sql", "}3{", "}4{"),
    "a macro of a local package": edit("shared/macros/one.sql", "}1{", "}7{"),
    "a seed": edit("dbt/seeds/extras.csv", "1,100", "1,101"),
    "a variable of the project": edit("dbt/dbt_project.yml", "plus: 1", "plus: 2"),
    "a variable of the environment": lambda root: None,
}
TESTS: dict[str, Change] = {
    "a test": edit("dbt/tests/none_is_zero.sql", "= 0", "= -1"),
    "a test more": put("dbt/tests/ids.sql", "select * from {{ ref('sums') }} where id < 0\n"),
    "a test of a column": edit("dbt/models/models.yml", "[not_null]", "[not_null, unique]"),
}
"""What decides whether rows are published, and not what they are."""
DOES_NOT: dict[str, Change] = {
    "words": edit("dbt/models/models.yml", "description: Sums.", "description: Other words."),
    "another model": edit("dbt/models/other.sql", "1 as id", "2 as id"),
    "a seed that nothing reads": edit("dbt/seeds/unused.csv", "1,100", "1,1"),
    "a file that is no dbt's": put("dbt/README.md", "words\n"),
}
ALL = MATTERS | TESTS | DOES_NOT


@pytest.fixture
def made(checkout: Checkout) -> Checkout:
    for name in ("dbt_project.yml", "profiles.yml", "macros/lakebook.sql"):
        FILES.setdefault(f"dbt/{name}", (REPO / "dbt" / name).read_text())
    for name, text in FILES.items():
        (checkout.root / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout.root / name).write_text(text)
    packages = checkout.root / "dbt" / "dbt_packages"
    packages.mkdir()
    (packages / "shared").symlink_to("../../shared")
    (checkout.root / "dbt/packages.yml").write_text("packages: [{local: ../shared}]\n")
    project = checkout.root / "dbt/dbt_project.yml"
    project.write_text(project.read_text() + "\nvars: {plus: 1}\n")
    checkout.contract("gold.sums", COLUMNS)
    checkout.notebook(
        "gold.sums",
        [
            'from lakebook import Step\nstep = Step("gold.sums", start=start, end=end)',
            'step.dbt("sums")',
        ],
    )
    steps = checkout.run("bronze.events", "gold.sums")
    assert steps["gold.sums"]["status"] == "ok", steps["gold.sums"]["error"]
    return checkout


INTERVAL = ("--start", "2013-01-01", "--end", "2013-01-04")


def ask(checkout: Checkout, *args: str, **env: str) -> str:
    found = checkout.lakebook(*args, *INTERVAL, "--json", **env)
    assert found.returncode == 0, found.stderr + found.stdout
    return found.stdout


def is_stale(checkout: Checkout, **env: str) -> bool:
    found = json.loads(ask(checkout, "plan", "gold.sums", **env))
    return any(one["stale"] for one in found)


def sums(checkout: Checkout) -> list[dict[str, object]]:
    return checkout.query("select id, amount from gold.sums order by id")


@pytest.mark.slow
@pytest.mark.soak
@pytest.mark.parametrize("what", sampling.chosen(list(ALL), 4, "made of dbt"))
def test_a_run_leaves_what_a_forced_run_leaves(made: Checkout, what: str) -> None:
    before = sums(made)
    assert before and not is_stale(made)
    ALL[what](made.root)
    env = {VARIABLE: "50"} if what == "a variable of the environment" else {}
    assert is_stale(made, **env) == (what not in DOES_NOT)
    ask(made, "run", "gold.sums", **env)
    after = sums(made)
    ask(made, "run", "gold.sums", "--force", **env)
    assert sums(made) == after
    assert (after != before) == (what in MATTERS)
    assert not is_stale(made, **env)
