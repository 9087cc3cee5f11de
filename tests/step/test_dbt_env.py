"""Which variables of the environment dbt files ask for, and which of them a model depends on."""

from __future__ import annotations

from pathlib import Path

import pytest

from lakebook.errors import GraphError
from lakebook.settings import Settings
from lakebook.step.dbt_env import files_that_decide, variables_digest
from lakebook.step.dbt_project import kept_folder


def write(root: Path, **texts: str) -> dict[str, Path]:
    files = {}
    for name, text in texts.items():
        files[name] = root / "dbt" / f"{name}.sql"
        files[name].parent.mkdir(exist_ok=True)
        files[name].write_text(text, encoding="utf-8")
    return files


def test_a_value_changes_the_digest_and_a_file_without_one_has_none(tmp_path, monkeypatch):
    monkeypatch.delenv("LEAST", raising=False)
    files = write(tmp_path, asks="{{ env_var( 'LEAST', '1') }}", silent="select 1")
    seen = [variables_digest(tmp_path, files.values())]
    for value in ("", "1", "2"):
        monkeypatch.setenv("LEAST", value)
        seen.append(variables_digest(tmp_path, files.values()))
    assert len(set(seen)) == 4
    assert variables_digest(tmp_path, [files["silent"]]) == ""


def test_comments_and_secrets_ask_for_nothing(tmp_path):
    text = "{# env_var(name) #} {{ env_var('DBT_ENV_SECRET_TOKEN') }}"
    assert variables_digest(tmp_path, write(tmp_path, quiet=text).values()) == ""


@pytest.mark.parametrize("name", ["name", "'LE' ~ 'AST'", 'var("x")'])
def test_a_name_that_is_not_written_out_is_refused_with_its_place(tmp_path, name):
    files = write(tmp_path, asks=f"select\n {{{{ env_var({name}) }}}}")
    with pytest.raises(GraphError, match=r"^dbt/asks\.sql:2: env_var\(.* not written out"):
        variables_digest(tmp_path, files.values())


def test_macros_count_for_every_model_and_other_models_only_if_one_is_ephemeral(tmp_path):
    files = write(tmp_path, mine="select 1", other="select 2", late="{% macro late() %}")
    found = files_that_decide(list(files.values()), [files["mine"]])
    assert found == [files["mine"], files["late"]]
    files |= write(tmp_path, part="{{ config(materialized='ephemeral') }} select 3")
    assert files_that_decide(list(files.values()), [files["mine"]]) == list(files.values())


def test_what_dbt_said_under_other_variables_is_not_recalled(tmp_path, monkeypatch):
    write(tmp_path, asks="{{ env_var('LEAST', '1') }}")
    settings = Settings(root=tmp_path, lake=tmp_path / "lake")
    before = kept_folder(settings)
    assert kept_folder(settings) == before
    monkeypatch.setenv("LEAST", "2")
    assert kept_folder(settings) != before
