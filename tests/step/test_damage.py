"""What is damaged is found, named by whoever meets it, and mended by the command that they name.

Each case: a file is damaged; plan, read and verification say so; the command is done as it stands;
then everything is as it was before.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest
from aged_lake import AgedLake
from old_files import forget_checksums
from sampling import chosen
from small_checkout import COLUMNS, POSITIVE, Checkout

from lakebook.delta import open_snapshot
from lakebook.delta.checksums import named_checksum
from lakebook.errors import DamageError, StorageError
from lakebook.intervals import NULL, Interval
from lakebook.names import tier_tables
from lakebook.run.query import run_query
from lakebook.step import Step
from lakebook.step.context import ReadRequest, use_context
from lakebook.step.lake import LakeContext
from lakebook.step.run_context import RunContext
from lakebook.step.view import open_view
from lakebook.tiers import verify as verifying
from lakebook.tiers.cold.archive import archive
from lakebook.tiers.cold.named import named_files
from lakebook.tiers.cold.restore import restore
from lakebook.tiers.move import move_to_warm
from lakebook.tiers.verify import Verified, verify

D1, D2, D3 = (f"2013-01-0{n}" for n in range(1, 4))
SPAN = (D1, "2013-01-04")
ROWS = [(1, D1, 10), (2, D2, 20), (22, D2, 21), (3, D3, 30)]
NULLS = [*ROWS, (9, None, 90)]
ASIDE = [*ROWS, (7, D2, -7)]


def page(path: Path) -> int:
    """A place in the values of a data page."""
    chunk = pq.read_metadata(path).row_group(0).column(0)
    return int(chunk.data_page_offset + chunk.total_compressed_size - 12)


def flip(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 4
    path.write_bytes(content)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "missing": Path.unlink,
    "empty": lambda path: path.write_bytes(b""),
    "half": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "page": lambda path: flip(path, page(path)),
    "footer": lambda path: flip(path, path.stat().st_size - 200),
    "magic": lambda path: flip(path, path.stat().st_size - 2),
}
FLIPS = ("page", "footer", "magic")


@dataclass(frozen=True)
class Case:
    """`rot`: the file's time is as it was, as a disk that forgets leaves it."""

    write: str
    where: str  # hot, warm, cold, restored, null, quarantine
    damage: str
    rot: bool = False

    def __str__(self) -> str:
        return f"{self.write}-{self.where}-{self.damage}{'-rot' if self.rot else ''}"


PLACES = (
    *itertools.product(("replace", "merge"), ("hot", "warm", "cold", "restored")),
    ("replace", "null"),
    ("replace", "quarantine"),
    ("snapshot", "hot"),
)
CASES = [
    Case(write, where, damage, rot)
    for (write, where), damage in itertools.product(PLACES, DAMAGES)
    for rot in ((False, True) if damage in FLIPS else (False,))
]


class Damaged:
    """A lake with one damaged file, and what commands do to it, in this process."""

    def __init__(self, root: Path, case: Case) -> None:
        self.lake, self.case = AgedLake(root), case
        timed = case.write != "snapshot"
        quality = POSITIVE if case.where == "quarantine" else ""
        self.lake.contract(case.write, quality=quality, time=timed)
        Checkout(root).contract("gold.daily", COLUMNS)
        self.given = {"null": NULLS, "quarantine": ASIDE}.get(case.where, ROWS)
        self.lake.write(self.given, *(SPAN if timed else (None, None)))
        if case.where in ("warm", "cold", "restored"):
            self.lake.warm(D2)
        if case.where in ("cold", "restored"):
            self.lake.cold(D2)
        if case.where == "restored":
            self.lake.restore(D2)
        self.rows, self.data = self.content(), dict(self.lake.view.data)
        self.path = self._victim()
        was = self.path.stat()
        self.path.chmod(0o644)
        DAMAGES[case.damage](self.path)
        if case.rot:
            os.utime(self.path, ns=(was.st_atime_ns, was.st_mtime_ns))

    @property
    def partition(self) -> str:
        return {"snapshot": "*"}.get(self.case.write, NULL if self.case.where == "null" else D2)

    def content(self) -> list[object]:
        view = self.lake.view
        cold = view.in_cold(view.present)
        paths = view.paths([p for p in view.present if p not in cold])
        table = [*self.lake.quarantined(), *pl.read_parquet(paths, hive_partitioning=False).rows()]
        return sorted(table, key=repr)

    def _victim(self) -> Path:
        case, tables = self.case, self.lake.tables
        if case.where == "cold":
            return named_files(tables.cold, open_snapshot(tables.hot), D2)[0]
        if case.where == "quarantine":
            roots = self.lake.settings.roots
            aside = tier_tables(roots, self.lake.promised.dataset.quarantine).hot
            return Path(open_snapshot(aside).paths()[0])
        return Path(self.lake.view.paths([self.partition])[0])

    def verify(self) -> Verified:
        return verify(self.lake.settings, [self.lake.promised])

    def do(self, command: str) -> None:
        """A command as a message has it."""
        words = shlex.split(command)
        given = dict(itertools.pairwise(words))
        start, end = given.get("--start"), given.get("--end")
        if words[:3] == ["lakebook", "tier", "restore"]:
            assert start and end
            names = Interval.parse(start, end).partitions("day")
            restore(self.lake.tables, self.lake.promised, names)
            return
        assert words[:3] == ["lakebook", "run", "silver.events"] and words[-1] == "--force", command
        self.lake.force = True
        rows = [r for r in self.given if start is None or r[1] is None or start <= r[1] < str(end)]
        self.lake.write(rows, start, end)


@pytest.fixture(scope="module")
def decoders() -> Iterator[object]:
    """Shared, as starting a process for each test would take most of the time."""
    shared = verifying._Decoders()
    yield shared
    shared.close()


@pytest.fixture(autouse=True)
def share(decoders: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifying, "closing", contextlib.nullcontext)
    monkeypatch.setattr(verifying, "_Decoders", lambda: decoders)


def reader(lake: AgedLake, known: bool = True) -> Step:
    """A step that reads silver.events, in a run or in a notebook."""
    run = RunContext("run", lake.settings, static={"code": "one"} if known else {})
    with use_context(lambda name, span, engine: LakeContext(run, name, span, engine)):
        return Step("gold.daily", start=D1, end="2013-01-04")


@pytest.mark.soak
@pytest.mark.parametrize("case", chosen(CASES, 16, "damage"), ids=str)
def test_the_command_that_is_named_mends(tmp_path: Path, case: Case) -> None:
    damaged = Damaged(tmp_path, case)
    lake, name = damaged.lake, damaged.path.name
    if (
        case.where != "quarantine"
        and not case.rot
        and not (case.where == "cold" and case.damage in FLIPS)
    ):
        assert lake.view.damage(damaged.partition).startswith(f"damaged: {name}: ")
    if case.where not in ("quarantine", "cold"):
        with pytest.raises(DamageError) as met:
            reader(lake).read("silver.events", whole=case.write == "snapshot")
        for word in (str(damaged.path), "silver.events ", damaged.partition, "lakebook "):
            assert word in met.value.sentence
        assert met.value.exit_code == 1
    elif case.where == "quarantine" and not case.rot:
        with pytest.raises(DamageError, match=r"silver\.events__quarantine 2013-01-02/"):
            lake.quarantined()
    found = damaged.verify().findings
    assert {finding.file for finding in found} == {str(damaged.path)}
    (command,) = {finding.command for finding in found}
    damaged.do(command)
    assert damaged.verify().findings == ()
    assert dict(lake.view.data) == damaged.data
    if case.where != "cold":
        assert damaged.content() == damaged.rows
    else:
        assert lake.places()[D2] == "hot" and lake.view.rows() == len(ROWS)


@pytest.mark.parametrize("damage", ["missing", "page"])
def test_equal_rows_are_not_unchanged_where_a_file_is_damaged(tmp_path: Path, damage: str) -> None:
    damaged = Damaged(tmp_path, Case("replace", "hot", damage, rot=damage == "page"))
    output = damaged.lake.write(ROWS, *SPAN)
    assert (output.committed, output.unchanged) == ((D2,), (D1, D3))
    assert damaged.lake.write(ROWS, *SPAN).unchanged == (D1, D2, D3)


def test_every_file_of_hot_is_named_by_its_checksum(tmp_path: Path) -> None:
    lake = AgedLake(tmp_path)
    lake.contract("replace", quality=POSITIVE)
    lake.write([*ROWS[:3], (5, D1, -5)], *SPAN)  # the third day is empty
    aside = tier_tables(lake.settings.roots, lake.promised.dataset.quarantine).hot
    files = [*lake.snapshot.files, *open_snapshot(aside).files]
    assert len(files) == 4 and all(named_checksum(file.path) for file in files)


def test_a_file_without_a_checksum_is_written_anew_by_equal_rows(tmp_path: Path) -> None:
    lake = AgedLake(tmp_path)
    lake.contract("replace")
    lake.write(ROWS, *SPAN)
    forget_checksums(lake.table)
    assert lake.view.damage(D2) == ""
    assert lake.write(ROWS, *SPAN).committed == (D1, D2, D3)
    assert all(named_checksum(file.path) for file in lake.snapshot.files)


def test_a_copy_in_warm_that_its_log_has_lost_is_made_anew(tmp_path: Path) -> None:
    from lakebook.delta.transaction import Change, transact

    lake = AgedLake(tmp_path)
    lake.contract("replace")
    Checkout(tmp_path).contract("gold.daily", COLUMNS)
    lake.write(ROWS, *SPAN)
    lake.warm(D2)
    transact(lake.tables.warm, lambda now: Change(removes=now.files_in([D2])))
    assert "names no file that holds them" in lake.view.damage(D2)
    with pytest.raises(DamageError, match=r"silver\.events 2013-01-02 in warm: .* lakebook run"):
        reader(lake).read("silver.events")
    assert lake.write(ROWS, *SPAN).committed == (D2,)
    assert verify(lake.settings, [lake.promised]).findings == ()


@pytest.mark.parametrize("way", ["read", "sql", "files", "result", "query", "diff"])
def test_whoever_reads_a_damaged_file_names_it(tmp_path: Path, way: str) -> None:
    damaged = Damaged(tmp_path, Case("replace", "hot", "missing"))
    lake = damaged.lake
    with pytest.raises(DamageError) as met:
        if way == "query":
            run_query(lake.settings, "select count(*) from silver.events")
        elif way == "result":
            lake.open(*SPAN).result()
        elif way == "diff":
            lake.open(*SPAN).diff(pl.LazyFrame(schema={"id": pl.Int64}))
        elif way == "files":
            step = reader(lake)
            asked = ReadRequest(lake.promised.dataset, step.interval)
            step._context.dataset_files(asked)  # type: ignore[attr-defined]
        elif way == "sql":
            reader(lake, known=False).sql("select * from silver.events")
        else:
            reader(lake, known=False).read("silver.events")
    assert met.value.sentence == (
        f"{damaged.path}: silver.events 2013-01-02 in hot: the file is missing; make it anew: "
        "lakebook run silver.events --start 2013-01-02 --end 2013-01-03 --force"
    )


def test_a_query_that_needs_another_partition_is_answered(tmp_path: Path) -> None:
    lake = Damaged(tmp_path, Case("replace", "hot", "missing")).lake
    sql = "select id from silver.events where seen < '2013-01-02'"
    assert run_query(lake.settings, sql).fetchall() == [(1,)]


def test_a_file_that_is_lost_while_it_is_read_is_named_instead_of_the_engines_error(
    tmp_path: Path,
) -> None:
    from lakebook.step.told import told

    lake = AgedLake(tmp_path)
    lake.contract("replace")
    Checkout(tmp_path).contract("gold.daily", COLUMNS)
    lake.write(ROWS, *SPAN)
    (path,) = map(Path, lake.view.paths([D2]))
    step = reader(lake, known=False)
    frame = step.read("silver.events")
    rows = run_query(lake.settings, "select * from silver.events")
    path.unlink()
    with pytest.raises(DamageError, match=f"{path.name}: silver.events 2013-01-02 in hot"):
        step.write(frame)
    with pytest.raises(FileNotFoundError) as raised:
        frame.collect()
    assert isinstance(told(raised.value, [step]), DamageError)
    with pytest.raises(DamageError, match="the file is missing; make it anew"):
        rows.fetchall()


@pytest.mark.parametrize(
    ("damage", "named"),
    # Rows do not tell of a bit that none of them depends on.
    [*((one, True) for one in DAMAGES), ("missing", False), ("half", False), ("magic", False)],
)
def test_no_copy_and_no_archive_is_made_of_a_damaged_file(
    tmp_path: Path, damage: str, named: bool
) -> None:
    lake = AgedLake(tmp_path)
    lake.contract("replace")
    lake.write(ROWS, *SPAN)
    if not named:
        forget_checksums(lake.table)
    (path,) = map(Path, lake.view.paths([D2]))
    DAMAGES[damage](path)
    for move in (move_to_warm, archive):
        with pytest.raises(DamageError) as met:
            move(lake.tables, lake.promised, [D2])
        assert str(path) in met.value.sentence and "silver.events 2013-01-02 in hot" in str(
            met.value
        )
        assert met.value.fix.endswith("--start 2013-01-02 --end 2013-01-03 --force")
    assert lake.places()[D2] == "hot"


def test_a_merge_that_is_not_forced_gives_up_no_rows(tmp_path: Path) -> None:
    damaged = Damaged(tmp_path, Case("merge", "hot", "missing"))
    lake = damaged.lake
    with pytest.raises(DamageError) as met:
        lake.write([(2, D2, 20)], *SPAN)
    assert met.value.fix == (
        "make it anew: lakebook run silver.events --start 2013-01-02 --end 2013-01-04 --force "
        "(what only earlier batches held is lost, and the run says how much)"
    )
    lake.force = True
    lake.write([(2, D2, 20)], *SPAN)
    assert lake.contexts[-1].outcome.notes == [
        "the old rows of 2013-01-02 could not be read: it had 2 and has the 1 of this batch now; "
        "rows that only earlier batches held are lost"
    ]
    assert lake.rows() == [(1, D1, 10), (2, D2, 20), (3, D3, 30)]


def test_a_merge_whose_keys_may_lie_in_a_damaged_partition_elsewhere_stops(tmp_path: Path) -> None:
    damaged = Damaged(tmp_path, Case("merge", "hot", "half"))
    damaged.lake.force = True
    with pytest.raises(DamageError, match=r"silver\.events 2013-01-02 in hot: it has"):
        damaged.lake.write([(22, D3, 1)], D3, "2013-01-04")


def test_rows_that_were_appended_say_that_nobody_can_make_them_again(tmp_path: Path) -> None:
    from lakebook.tiers.remedy import remedy_of

    lake = AgedLake(tmp_path)
    lake.contract("replace")
    lake.write(ROWS, *SPAN)
    lake.contract("append")
    remedy = remedy_of(lake.promised, D2, lake.snapshot)
    assert remedy.command == "" and "cannot be made again: put the file back" in remedy.advice


def test_what_an_earlier_version_set_aside_and_is_damaged_goes(tmp_path: Path) -> None:
    damaged = Damaged(tmp_path, Case("replace", "quarantine", "half"))
    lake = damaged.lake
    lake.code = "two"
    lake.write(ROWS, *SPAN)  # nothing breaks a rule any more
    assert damaged.verify().findings == ()
    assert lake.rows() == sorted(ROWS)


def test_a_damaged_file_of_an_environment_is_made_anew_there(tmp_path: Path) -> None:
    lake = AgedLake(tmp_path)
    lake.contract("replace")
    lake.write(ROWS, *SPAN)
    lake.env = "ana"
    lake.write([(2, D2, 99)], D2, D3)
    (path,) = map(Path, lake.view.paths([D2]))
    path.unlink()
    with pytest.raises(DamageError, match=r"in the environment 'ana': .* --force --env ana$"):
        lake.view.paths([D2])
    assert lake.write([(2, D2, 99)], D2, D3).committed == (D2,)
    (prod,) = map(Path, lake.view.paths([D1]))
    prod.unlink()
    with pytest.raises(StorageError, match=r"--force && lakebook env refresh ana silver.events$"):
        lake.view.paths([D1])
    lake.env = "prod"
    lake.write(ROWS, *SPAN)
    lake.env = "ana"
    with pytest.raises(StorageError, match=r"move the pin: lakebook env refresh ana silver.events"):
        lake.view.paths([D1])


def test_rows_of_whose_writing_nothing_is_known_are_not_left_out(tmp_path: Path) -> None:
    """Another program has added them, or the log has lost the token of their partition."""
    lake = AgedLake(tmp_path)
    lake.contract("replace")
    lake.write(ROWS, *SPAN)
    table = lake.tables.hot
    entry = max((table / "_delta_log").glob("*.json"))
    entry.write_text(entry.read_text().replace(f'"data/{D3}"', f'"dama/{D3}"'))

    (found,) = run_query(
        lake.settings, "select count(*), sum(amount) from silver.events"
    ).fetchall()
    assert found == (4, 81)
    assert open_view(lake.settings, lake.promised).rows() == 4
