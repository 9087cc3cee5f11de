"""`lakebook tier plan | apply | status | restore | promote | verify` over a small lake."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from small_lake import SmallLake
from typer.testing import CliRunner, Result

from lakebook import delta
from lakebook.archive.record import read_records
from lakebook.cards.words import money
from lakebook.catalog.outbox import list_files, outbox_folder
from lakebook.catalog.status import status_of
from lakebook.cli.main import app
from lakebook.cli.telling import telling
from lakebook.contract.lookup import find_table
from lakebook.delta.faults import VARIABLE
from lakebook.errors import LakebookError, StorageError
from lakebook.names import Dataset, TierTables, tier_tables
from lakebook.run.debris import adopt_debris
from lakebook.settings import load_settings
from lakebook.tiers.move import move_to_warm

TOML = """\
[tiers]
restore_days = 3
[tiers.silver]
hot = "2d"
warm = "4d"
"""
AS_OF = ("--as-of", "2013-01-06")
DAYS = [f"2013-01-0{day}" for day in range(1, 6)]


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SmallLake:
    """`silver.events` by day, 1 to 5 January: the first is old enough for cold, two for warm."""
    monkeypatch.setenv("LAKEBOOK_ROOT", str(tmp_path))
    monkeypatch.delenv("LAKEBOOK_LAKE", raising=False)
    monkeypatch.setenv("COLUMNS", "200")
    (tmp_path / "lakebook.toml").write_text(TOML)
    made = SmallLake(tmp_path)
    made.contract("replace")
    made.write([(n, day, n * 10) for n, day in enumerate(DAYS)], "2013-01-01", "2013-01-06")
    return made


def tables(lake: SmallLake) -> TierTables:
    return tier_tables(load_settings(lake.root).roots, Dataset("silver", "events"))


def tiers(lake: SmallLake) -> list[str]:
    hot = delta.open_snapshot(tables(lake).hot)
    return [hot.place(day).tier for day in DAYS]


def tier(*arguments: str, code: int = 0) -> Result:
    done = CliRunner().invoke(app, ["tier", *arguments])
    assert done.exit_code == code, (done.output, done.exception)
    return done


def words(done: Result) -> str:
    return " ".join(done.output.split())


def of_json(*arguments: str, code: int = 0) -> Any:
    return json.loads(tier(*arguments, "--json", code=code).stdout)


def refused(*arguments: str) -> str:
    """The sentence that `main` prints; it exits with 2."""
    done = CliRunner().invoke(app, ["tier", *arguments])
    assert isinstance(done.exception, LakebookError), (done.output, done.exception)
    assert done.exception.exit_code == 2
    return done.exception.sentence


def killed_at(lake: SmallLake, point: str, *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "lakebook.cli.main", *arguments],
        cwd=lake.root,
        env={**os.environ, VARIABLE: point},
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr


def test_what_a_killed_command_had_done_is_told_by_the_next(lake: SmallLake) -> None:
    killed_at(lake, "archive.after_rename", "tier", "apply", *AS_OF)
    assert tiers(lake) == ["hot", "warm", "warm", "hot", "hot"]
    settings = load_settings(lake.root)
    assert not read_records(settings.runs)

    done = tier("apply", *AS_OF)
    assert "note archived the run" in done.stderr
    told, again = sorted(read_records(settings.runs), key=lambda record: record.began)
    assert (told.status, told.error) == ("failed", "lakebook tier apply: the command was killed")
    (move,) = told.operations
    assert (move["kind"], move["partitions"], move["from"], move["to"], move["files"]) == (
        "move",
        DAYS[1:3],
        "hot",
        "warm",
        2,
    )
    assert [one["kind"] for one in again.operations] == ["archive"]
    assert again.status == "ok" and tiers(lake) == ["cold", "warm", "warm", "hot", "hot"]
    emitted = {file.name for file in list_files(outbox_folder(settings)) if file.kind == "run"}
    assert emitted >= {told.run_id}
    tier("apply", *AS_OF)
    assert len(read_records(settings.runs)) == len({told.run_id, again.run_id})


def test_a_killed_run_that_cannot_be_archived_is_kept_for_the_next_try(
    lake: SmallLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed_at(lake, "archive.after_rename", "tier", "apply", *AS_OF)
    settings = load_settings(lake.root)

    def full(*given: object) -> None:
        raise OSError("No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("lakebook.catalog.tiers.write_record", full)
        with pytest.raises(StorageError, match="not archived: OSError: No space left"):
            adopt_debris(settings)
    (run_id,) = adopt_debris(settings)
    assert [record.run_id for record in read_records(settings.runs)] == [run_id]


@pytest.mark.parametrize("raises", [True, False])
def test_what_was_committed_and_not_said_is_told_with_an_error(
    lake: SmallLake, raises: bool
) -> None:
    settings = load_settings(lake.root)
    contract = find_table(settings, Dataset("silver", "events"))
    with suppress(KeyboardInterrupt), telling(settings, "tier apply") as told:
        done = move_to_warm(tables(lake), contract, DAYS[:2], run=told.run_id)
        told.add([done.operation("move", tables(lake), "hot", "warm", "old").to_json()])
        move_to_warm(tables(lake), contract, DAYS[2:4], run=told.run_id)
        told.error = "one failed"
        if raises:
            told.error = ""
            raise KeyboardInterrupt
    (record,) = read_records(settings.runs)
    assert [one["partitions"] for one in record.operations] == [DAYS[:2], DAYS[2:4]]
    assert record.error == ("it was stopped by Ctrl-C" if raises else "one failed")


def test_a_plan_says_what_where_and_why(lake: SmallLake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    text = words(tier("plan", *AS_OF))
    assert (
        "silver.events 2013-01-02 … 2013-01-03 (2) hot warm "
        "older than 2 d in hot: ended 2013-01-03 … 2013-01-04 2" in text
    )
    assert "silver.events 2013-01-01 hot cold older than 4 d in hot: ended 2013-01-02 1" in text
    monkeypatch.setenv("COLUMNS", "80")
    narrow = words(tier("plan", *AS_OF))
    assert "silver.events 2013-01-02 … 2013-01-03 (2): hot → warm, 2 files, " in narrow
    assert " a month older than 2 d in hot: ended 2013-01-03 … 2013-01-04 " in narrow
    assert "3 partitions, 3 files" in text and "USD a month" in text and "~ estimated" in text
    assert set(tiers(lake)) == {"hot"}


def test_a_plan_for_machines_has_reason_and_cost(lake: SmallLake) -> None:
    made = of_json("plan", "silver.events", *AS_OF)
    assert [a["partition"] for a in made["actions"]] == [DAYS[1], DAYS[2], DAYS[0]]
    assert made["actions"][2]["reason"] == "older than 4 d in hot: ended 2013-01-02"
    assert made["actions"][2]["monthly_cost_before"] > made["actions"][2]["monthly_cost_after"]
    assert made["sums"]["actions"] == 3 and made["as_of"] == "2013-01-06"


def test_a_written_plan_is_applied_exactly(lake: SmallLake, tmp_path: Path) -> None:
    file = str(tmp_path / "plan.json")
    assert f"apply it: lakebook tier apply {file}" in words(tier("plan", *AS_OF, "--out", file))
    lake.write([(9, DAYS[1], 90)], DAYS[1], DAYS[2])
    text = words(tier("apply", file))
    assert "silver.events 2013-01-03 moved from hot to warm: 1 file" in text
    assert "silver.events 2013-01-01 archived from hot to cold: 1 file" in text
    assert "note silver.events 2013-01-02 left as it is: someone wrote or moved it" in text
    assert "2 partitions" in text and "1 skipped" in text
    assert tiers(lake) == ["cold", "hot", "warm", "hot", "hot"]


def test_apply_without_a_file_plans_and_applies(lake: SmallLake) -> None:
    done = of_json("apply", "silver.events", *AS_OF)
    assert [(o["kind"], o["partitions"]) for o in done["operations"]] == [
        ("move", DAYS[1:3]),
        ("archive", DAYS[:1]),
    ]
    assert done["skipped"] == done["failed"] == []
    assert "nothing to move as of 2013-01-06; 1 dataset looked at" in words(tier("apply", *AS_OF))


def test_an_error_of_an_action_is_told_and_ends_with_1(lake: SmallLake) -> None:
    (file,) = delta.open_snapshot(tables(lake).hot).files_in(DAYS[:1])
    path = tables(lake).hot / file.path
    path.write_bytes(path.read_bytes()[:-30] + bytes(30))
    text = words(tier("apply", *AS_OF, code=1))
    assert "failed archive silver.events 2013-01-01:" in text and "1 failed" in text
    assert tiers(lake) == ["hot", "warm", "warm", "hot", "hot"]


def test_retention_is_asked_for_unless_a_plan_was_written(lake: SmallLake, tmp_path: Path) -> None:
    (tmp_path / "lakebook.toml").write_text(TOML + 'retention = "5d"\n')
    file = str(tmp_path / "plan.json")
    text = words(tier("plan", "--as-of", "2013-01-07", "--out", file))
    assert "2013-01-01 hot deleted past its retention of 5 d: ended 2013-01-02" in text
    sentence = refused("apply", "--as-of", "2013-01-07")
    assert (
        "1 partition would be deleted for good, and there is nobody to ask; add --yes" in sentence
    )
    assert set(tiers(lake)) == {"hot"}
    assert "silver.events 2013-01-01 deleted: 1 file" in words(tier("apply", file))
    assert tiers(lake) == ["deleted", "cold", "warm", "warm", "hot"]
    assert "nothing to move" in words(tier("apply", "--as-of", "2013-01-07", "--yes"))


def test_status_shows_tiers_cost_and_what_waits(lake: SmallLake) -> None:
    text = words(tier("status", *AS_OF))
    assert "silver.events hot 5 5 6" in text and " 3 now" in text
    tier("apply", *AS_OF)
    text = words(tier("status", "silver.events", *AS_OF))
    assert "hot 2 2 " in text and "warm 2 2 " in text and "cold 1 1 " in text
    assert "2013-01-07" in text
    (one,) = of_json("status", *AS_OF)["datasets"]
    assert [use["rows"] for use in one["tiers"]] == [2, 2, 1]
    assert one["tiers"][0]["waiting_files"] == 3 and one["next_change"] == "2013-01-07"


def test_restore_for_a_time_and_back(lake: SmallLake) -> None:
    tier("apply", *AS_OF)
    assert "1 partition in cold" in words(tier("restore", "silver.events", *january(), "--dry-run"))
    assert tiers(lake)[0] == "cold"
    text = words(tier("restore", "silver.events", *january()))
    soon = datetime.now(UTC) + timedelta(days=3)
    assert f"restored 2013-01-01 to warm, until {soon:%Y-%m-%d}" in text
    assert "note 2013-01-02 … 2013-01-03 (2): it lies in warm and needs no restore" in text
    assert tiers(lake)[0] == "warm"
    raw = of_json("restore", "silver.events", *january(), "--until", "2095-01-01")
    assert raw["prolonged"] == ["2013-01-01"] and raw["until"] == "2095-01-01T00:00:00+00:00"
    assert "as asked for" in words(tier("plan", *AS_OF))
    assert "silver.events 2013-01-01: a copy for a time, until 2095-01-01 00:00 UTC" in words(
        tier("status", *AS_OF)
    )
    lake.write([], DAYS[0], DAYS[1])  # a write ends its time
    assert tiers(lake)[0] == "hot"


def test_restore_to_hot(lake: SmallLake) -> None:
    tier("apply", *AS_OF)
    raw = of_json("restore", "silver.events", *january(), "--to", "hot", "--days", "1")
    assert (raw["to"], raw["partitions"]) == ("hot", ["2013-01-01"])
    assert tiers(lake)[0] == "hot"


def test_promote_by_hand(lake: SmallLake) -> None:
    tier("apply", *AS_OF)
    text = words(tier("promote", "silver.events", *january(), "--days", "2"))
    assert "promoted 2013-01-02 … 2013-01-03 (2) to hot, until" in text
    assert "note 2013-01-01: it lies in cold" in text
    assert tiers(lake) == ["cold", "hot", "hot", "hot", "hot"]
    # Each command is a run for the archive, with its operations, and the catalog has it.
    settings = load_settings(lake.root)
    records = sorted(read_records(settings.runs), key=lambda record: record.began)
    told = [(one.step, one.note, {o["kind"] for o in one.operations}) for one in records]
    assert told == [
        ("ops.tiering", "lakebook tier apply", {"move", "archive"}),
        ("ops.restore", "lakebook tier promote", {"promote"}),
    ]
    assert status_of(settings, {})["not_emitted"] == []
    assert delta.open_snapshot(tables(lake).warm).partitions == ()
    assert "nothing to move" in words(tier("plan", *AS_OF))


def test_verify_names_what_is_damaged(lake: SmallLake) -> None:
    tier("apply", *AS_OF)
    assert "5 partitions" in words(tier("verify")) and "all as it must be" in words(tier("verify"))
    (path,) = tables(lake).warm.glob("_partition=2013-01-02/*.parquet")
    content = bytearray(path.read_bytes())
    content[10] ^= 1
    path.write_bytes(content)
    text = words(tier("verify", "silver.events", "--tier", "warm", code=1))
    assert "2 partitions" in text and "1 finding" in text
    assert "damaged silver.events 2013-01-02 in warm:" in text and path.name in text.replace(
        " ", ""
    )
    raw = of_json("verify", code=1)
    assert [one["partition"] for one in raw["findings"]] == ["2013-01-02"]
    assert "all as it must be" in words(tier("verify", "--tier", "cold"))


def january() -> tuple[str, ...]:
    return ("--start", "2013-01-01", "--end", "2013-01-04")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ("plan", "silver.event"),
            "no contract promises silver.event (did you mean 'silver.events'",
        ),
        (("plan", "--as-of", "2013-13-01"), "--as-of '2013-13-01' is not a date"),
        (("status", "slver.events"), "unknown layer 'slver'"),
        (("apply", "none.json"), "none.json: no such plan file; make it anew: lakebook tier plan"),
        (("apply", "lakebook.toml"), "lakebook.toml: the plan file cannot be read"),
        (("apply", "a.json", "silver.events"), "a.json stands beside other arguments"),
        (("apply", "a.json", "--as-of", "2013-01-06"), "--as-of beside a plan"),
        (("restore", "silver.events", *january()), "2013-01-01 was never archived as it is now"),
        (
            ("restore", "silver.events", "--start", "2012-01-01", "--end", "2012-01-03"),
            "has no partition 2012-01-01 … 2012-01-02; it has 2013-01-01 to 2013-01-05",
        ),
        (
            ("promote", "silver.events", "--start", "2013-02-01", "--end", "2013-02-02"),
            "silver.events has no partition 2013-02-01",
        ),
        (("restore", "silver.events", *january(), "--days", "0"), "--days 0 is no time to stay"),
        (("restore", "silver.events", *january(), "--until", "2013-01-01"), "2013-01-01 is over"),
        (
            ("restore", "silver.events", *january(), "--days", "1", "--until", "2095-01-01"),
            "--days and --until are given; give one of them",
        ),
    ],
)
def test_bad_input_is_one_sentence(
    lake: SmallLake, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], sentence: str
) -> None:
    monkeypatch.chdir(lake.root)
    found = refused(*arguments)
    assert sentence in found and "\n" not in found


def test_a_dataset_without_time_or_table_cannot_be_restored(lake: SmallLake) -> None:
    lake.step = "silver.others"
    lake.contract("replace")
    assert "silver.others was never written" in refused("restore", "silver.others", *january())
    lake.contract("snapshot", time=False)
    assert "has no time column" in refused("restore", "silver.others", *january())


@pytest.mark.parametrize("command", ["plan", "apply", "status", "restore", "verify"])
def test_only_prod_has_tiers(lake: SmallLake, command: str) -> None:
    done = CliRunner().invoke(app, ["tier", command, "--env", "ana"])
    assert done.exit_code == 2 and "No such option" in done.output


def test_an_environment_of_the_shell_does_not_hide_prod(
    lake: SmallLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAKEBOOK_ENV", "ana")
    tier("apply", *AS_OF)
    assert tiers(lake) == ["cold", "warm", "warm", "hot", "hot"]


def test_money_shows_two_digits_that_say_something() -> None:
    amounts = (0, 1250, 3.4, 0.034, 0.000123, 1.234e-12)
    assert [money(a) for a in amounts] == [
        "0", "1,250.00", "3.40", "0.034", "0.00012", "0.000000000",
    ]  # fmt: skip
