"""`lakebook env` in a terminal, and the environment that each command takes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from small_checkout import COLUMNS, LANDING, Checkout
from typer.testing import CliRunner

from lakebook.cli.main import app
from lakebook.cli.shared import settings_of
from lakebook.errors import UserError
from lakebook.settings import person


def listed(checkout: Checkout) -> dict[str, dict]:
    done = checkout.lakebook("env", "list", "--json")
    assert done.returncode == 0, done.stderr
    return {use["name"]: use for use in json.loads(done.stdout)}


@pytest.mark.slow
def test_environments_are_listed_and_dropped(checkout: Checkout):
    assert "no environment yet" in checkout.lakebook("env", "list").stdout
    checkout.run()
    checkout.environment("ana")
    checkout.run("silver.events", "--env", "ana", "--force", end="2013-01-02")
    found = listed(checkout)
    assert list(found) == ["prod", "ana"]
    assert (found["ana"]["partitions"], found["ana"]["rows"], found["ana"]["runs"]) == (1, 1, 1)
    assert found["ana"]["datasets"][0]["dataset"] == "silver.events"
    text = checkout.lakebook("env", "list").stdout
    assert "last use (UTC)" in text and "ana" in text and "kB" in text and "…" not in text

    assert [pin["dataset"] for pin in found["ana"]["pins"]] == ["bronze.events", "silver.events"]
    assert "version of prod" in text and found["ana"]["pins"][0]["expired"] is False
    moved = checkout.lakebook("env", "refresh", "ana", "bronze.events")
    assert "bronze.events: stays at version 1" in moved.stdout

    asked = checkout.lakebook("env", "drop", "ana")
    assert asked.returncode == 2 and "add --yes" in asked.stderr
    assert "silver.events: 1 partition, 1 row" in asked.stdout
    assert "1 archived run: deleted" in asked.stdout
    assert list(listed(checkout)) == ["prod", "ana"]

    done = checkout.lakebook("env", "drop", "ana", "--yes")
    assert done.returncode == 0 and "dropped the environment ana" in done.stdout
    assert list(listed(checkout)) == ["prod"]
    again = checkout.lakebook("env", "drop", "ana", "--yes")
    assert again.returncode == 2 and "no environment 'ana'" in again.stderr
    refused = checkout.lakebook("env", "drop", "prod", "--yes")
    assert refused.returncode == 2 and refused.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "command",
    [
        ("run", "--start", "2013-01-01", "--end", "2013-01-02"),
        ("plan", "--start", "2013-01-01", "--end", "2013-01-02"),
        ("query", "SELECT 1"),
        ("runs",),
        ("quarantine", "show", "silver.events"),
        ("report", "build"),
        ("datahub", "status"),
        ("lab",),
    ],
    ids=lambda command: command[0],
)
def test_a_bad_name_is_refused_in_one_sentence(
    checkout: Checkout, command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(checkout.root)
    run = CliRunner().invoke
    found = [run(app, [*command, "--env", "A/../b"]), run(app, [*command, "--env", ""])]
    monkeypatch.setenv("LAKEBOOK_ENV", "A/../b")
    found.append(run(app, [*command]))
    for done in found:
        assert isinstance(done.exception, UserError), done.output
        assert "is not a name; use lower case letters" in done.exception.sentence
        assert "\n" not in done.exception.sentence


def test_the_variable_names_the_environment_and_the_option_wins(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(checkout.root)
    monkeypatch.delenv("LAKEBOOK_ENV", raising=False)
    assert settings_of(None).env == "prod"
    monkeypatch.setenv("LAKEBOOK_ENV", "ana")
    assert (settings_of(None).env, settings_of(None, "prod").env) == ("ana", "prod")


@pytest.mark.parametrize(
    ("user", "name"),
    [("Ana.Silva", "ana-silva"), ("prod", "me"), ("--", "me"), ("x" * 60, "x" * 40)],
)
def test_the_name_of_a_persons_environment_is_a_name_and_never_prod(
    monkeypatch: pytest.MonkeyPatch, user: str, name: str
):
    monkeypatch.setenv("LOGNAME", user)
    assert person() == name


@pytest.mark.parametrize(
    "command",
    [
        ("query", "select count(*) from bronze.events"),
        ("plan", "bronze.events", "--start", "2013-01-01", "--end", "2013-01-04"),
        ("runs",),
        ("diff", "bronze.events"),
        ("quarantine", "show", "bronze.events"),
        ("quarantine", "replay", "bronze.events"),
        ("migrate", "bronze.events"),
        ("report", "build"),
        ("datahub", "emit"),
        ("run", "bronze.events", "--start", "2013-01-01", "--end", "2013-01-04"),
        ("lab",),
    ],
    ids=lambda command: command[0],
)
def test_a_mistyped_environment_is_refused_and_nothing_is_made(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    made = Checkout(tmp_path)
    made.source()
    made.contract("bronze.events", COLUMNS + LANDING)
    made.notebook("bronze.events", ["from lakebook import Step"])
    (tmp_path / "lakebook.toml").touch()
    (tmp_path / ".lake" / "prod").mkdir(parents=True)
    (tmp_path / ".lake" / "ana").mkdir()
    named = made.lakebook(*command, "--env", "anna")
    for done in (named, made.lakebook(*command, LAKEBOOK_ENV="anna")):
        assert done.returncode == 2, done.stdout
        assert "the lake has no environment 'anna' (did you mean 'ana'?)" in done.stderr
    assert sorted(path.name for path in (tmp_path / ".lake").iterdir()) == ["ana", "prod"]


def test_an_environment_is_made_by_its_own_command_but_for_the_persons(checkout: Checkout) -> None:
    days = ("bronze.events", "--days", "2013-01-01")
    refused = checkout.lakebook("run", *days, "--env", "staging")
    assert (refused.returncode, "lakebook env new staging" in refused.stderr) == (2, True)
    assert not (checkout.root / ".lake").exists()
    assert checkout.lakebook("env", "new", "staging").returncode == 0
    for env in ("staging", person()):
        done = checkout.lakebook("run", *days, "--env", env)
        assert done.returncode == 0, done.stderr
    again = checkout.lakebook("env", "new", "staging")
    assert "is there already" in again.stdout
