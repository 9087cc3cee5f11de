"""A query opens only the partitions that it can need, and gives what it would give over all."""

from __future__ import annotations

import random
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest
from small_checkout import Checkout

from lakebook import Step
from lakebook.contract.lookup import find_table
from lakebook.engines.duckdb_input import Input
from lakebook.errors import UserError
from lakebook.intervals import Interval
from lakebook.names import Dataset
from lakebook.run.pruning import plan_scans
from lakebook.run.query import run_query
from lakebook.settings import Settings, load_settings
from lakebook.step.view import DatasetView, open_view

AT = "      - {name: seen, logicalType: timestamp, physicalType: timestamp}\n"
DAY = "      - {name: seen, logicalType: date, physicalType: date}\n"
MORE = "      - {name: amount, logicalType: integer, physicalType: int64}\n"


class Lake:
    """silver.events by day in New York, silver.bills by month of a date, both with null rows."""

    def __init__(self, root: Path) -> None:
        (root / "lakebook.toml").touch()
        checkout = Checkout(root)
        path = checkout.contract("silver.events", AT + MORE)
        path.write_text(path.read_text().replace("value: UTC", "value: America/New_York"))
        # The time column is not the second one here: a predicate must find it by its name.
        path = checkout.contract("silver.bills", MORE + DAY)
        path.write_text(path.read_text().replace("value: day", "value: month"))
        self.settings = load_settings(root)
        hours = [datetime(2013, 1, 1, 5) + timedelta(hours=3 * i) for i in range(8 * 10)]
        self._write("silver.events", pl.Datetime("us"), hours, "2013-01-01", "2013-01-11")
        days = [date(2013, 1, 1) + timedelta(days=5 * i) for i in range(24)]
        self._write("silver.bills", pl.Date(), days, "2013-01-01", "2013-05-01")
        self.opened: dict[str, set[str]] = {}

    def _write(self, name: str, kind: pl.DataType, times: list, start: str, end: str) -> None:
        given = [*times, None, None]
        frame = pl.LazyFrame(
            {"id": range(len(given)), "seen": given, "amount": [i % 7 for i in range(len(given))]},
            schema_overrides={"seen": kind},
        )
        step = Step(name, start=start, end=end)
        columns = ("id", "seen", "amount") if kind != pl.Date() else ("id", "amount", "seen")
        step.write(frame.select(columns))

    def query(self, sql: str, interval: Interval | None = None) -> list[tuple]:
        return sorted(run_query(self.settings, sql, interval).fetchall(), key=repr)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory):
    root = tmp_path_factory.mktemp("pruned")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAKEBOOK_ROOT", str(root))
        patch.setenv("LAKEBOOK_ENV", "prod")
        patch.delenv("LAKEBOOK_RUN", raising=False)
        made = Lake(root)
        paths = DatasetView.paths

        def noted(self: DatasetView, partitions=None):
            names = self.partitions if partitions is None else tuple(partitions)
            made.opened[str(self.dataset)] = set(names) & set(self.partitions)
            return paths(self, partitions)

        patch.setattr(DatasetView, "paths", noted)
        yield made


EVENTS = {f"2013-01-{day:02}" for day in range(1, 11)} | {"null"}
BILLS = {f"2013-{month:02}" for month in range(1, 5)} | {"null"}


def _days(*days: int) -> set[str]:
    return {f"2013-01-{day:02}" for day in days}


@pytest.mark.parametrize(
    ("sql", "events"),
    [
        ("SELECT * FROM silver.events WHERE seen >= '2013-01-09 05:00:00'", _days(9, 10)),
        ("SELECT * FROM silver.events WHERE '2013-01-02 05:00:00' > seen", _days(1)),
        # Midnight of New York is five o'clock in UTC, in which the column is.
        ("SELECT * FROM silver.events WHERE seen < '2013-01-02 05:00:00.000001'", _days(1, 2)),
        ("SELECT * FROM silver.events WHERE seen::DATE = '2013-01-05'", _days(4, 5)),
        ("SELECT * FROM silver.events e WHERE e.seen BETWEEN '2013-01-03' AND '2013-01-04'",
         _days(2, 3)),
        ("SELECT * FROM silver.events WHERE seen IS NULL", {"null"}),
        ("SELECT * FROM silver.events WHERE seen IS NULL OR seen < '2013-01-02'",
         {"null", *_days(1)}),
        ("SELECT * FROM silver.events WHERE NOT seen < '2013-01-10 05:00:00'", _days(10)),
        ("SELECT * FROM silver.events WHERE seen IN ('2013-01-03 05:00:00', '2013-01-06 08:00:00')",
         _days(3, 6)),
        ("SELECT * FROM (SELECT id, seen AS t FROM silver.events) WHERE t < '2013-01-02'",
         _days(1)),
        ("WITH e AS (SELECT * FROM silver.events) SELECT * FROM e a JOIN e b USING (id) "
         "WHERE a.seen < '2013-01-02' AND b.seen < '2013-01-03'", _days(1, 2)),
        ("SELECT * FROM silver.events WHERE amount > 3", EVENTS),
        ("SELECT * FROM silver.events WHERE seen > '2013-01-09' OR amount = 0", EVENTS),
        ("SELECT * FROM (SELECT * FROM silver.events ORDER BY id LIMIT 3) "
         "WHERE seen < '2013-01-02'", EVENTS),
        ("SELECT *, rank() OVER (ORDER BY seen) r FROM silver.events QUALIFY r > 3 "
         "AND seen < '2013-01-02'", EVENTS),
        ("EXPLAIN SELECT * FROM silver.events WHERE seen < '2013-01-02'", _days(1)),
        ("SELECT count(*) FROM silver.events WHERE seen >= '2013-01-09 05:00:00' AND "
         "seen < '2013-01-10 05:00:00' ORDER BY 1 LIMIT 3", _days(9)),
        ("SELECT * FROM silver.events WHERE seen = (SELECT max(seen) FROM silver.events)", EVENTS),
        ("SELECT * FROM silver.bills b LEFT JOIN silver.events e "
         "ON b.id = e.id AND e.seen < '2013-01-02'", _days(1)),
        ("SELECT * FROM silver.events e LEFT JOIN silver.bills b "
         "ON b.id = e.id AND e.seen < '2013-01-02'", EVENTS),
        ("SELECT * FROM silver.bills b ASOF JOIN silver.events e "
         "ON b.seen >= e.seen WHERE e.seen < '2013-01-02'", EVENTS),
        ("SELECT * FROM SILVER.Events WHERE Seen < DATE '2013-01-01' + INTERVAL 1 DAY", _days(1)),
    ],
)  # fmt: skip
def test_what_is_opened(lake: Lake, sql: str, events: set[str]):
    lake.query(sql)
    assert lake.opened["silver.events"] == events


def test_a_date_by_month(lake: Lake):
    for where, months in {
        "seen = '2013-02-10'": {"2013-02"},
        "seen > '2013-01-31' AND seen <= '2013-03-01'": {"2013-02", "2013-03"},
        "seen < '2013-02-01'": {"2013-01"},
        "seen <= '2013-02-01'": {"2013-01", "2013-02"},
        "date_trunc('month', seen) = '2013-03-01'": {"2013-03"},
        "year(seen) = 2013 AND month(seen) = 3": {"2013-03"},
        "extract(month FROM seen) IN (2, 4)": {"2013-02", "2013-04"},
        "year(seen) = 2012": set(),
        "quarter(seen) = 2 AND amount >= 0": {"2013-04"},
        "day(seen) = 30": {"2013-01", "2013-03", "2013-04"},
        "month(seen) = 3 OR amount = 1": BILLS,
        "seen::VARCHAR LIKE '2013-03%'": BILLS,
        "seen IS DISTINCT FROM '2013-03-01'": BILLS,
    }.items():
        lake.query(f"SELECT * FROM silver.bills WHERE {where}")
        assert lake.opened["silver.bills"] == months, where


def test_a_part_of_a_date_that_begins_anew_within_a_partition(lake: Lake):
    """The last day of 2012 in New York ends in 2013 of UTC, in which the column is."""
    contract = find_table(lake.settings, Dataset.parse("silver.events"))
    table = Input(contract.dataset, [], contract.arrow_schema())
    for where, may in {
        "year(seen) = 2012": True,
        "year(seen) = 2013": True,
        "year(seen) = 2014": False,
        "month(seen) = 1": True,
        "month(seen) < 12": True,
        "month(seen) = 6": True,  # it cannot, but that is not looked into
        "day(seen) = 1 AND year(seen) > 2013": False,
        "year(seen) IS NULL": True,
    }.items():
        with duckdb.connect(":memory:") as connection:
            sql = f"SELECT * FROM silver.events WHERE {where}"
            (wanted,) = plan_scans(connection, sql, [(contract, table)]).values()
        assert wanted.may_need("2012-12-31") is may, where
        assert wanted.may_need("null") is ("IS NULL" in where)


def test_an_interval_limits_every_dataset(lake: Lake):
    interval = Interval.parse("2013-01-02", "2013-01-04")
    found = lake.query("SELECT seen FROM silver.events", interval)
    seen = sorted(row[0] for row in found if row[0])
    assert (seen[0], seen[-1]) == (datetime(2013, 1, 2, 5), datetime(2013, 1, 4, 2))
    # As in Step.read, rows without a time are in every interval.
    assert lake.opened["silver.events"] == {*_days(2, 3), "null"} and (None,) in found
    found = lake.query("SELECT seen FROM silver.bills WHERE seen IS NOT NULL", interval)
    assert lake.opened["silver.bills"] == {"2013-01"} and found == []
    june = Interval.parse("2013-06-01", "2013-07-01")
    assert lake.query("SELECT 1 FROM silver.bills WHERE seen IS NOT NULL", june) == []


def _everything(settings: Settings, sql: str) -> list[tuple]:
    """What DuckDB gives over all files."""
    connection = duckdb.connect(":memory:")
    connection.execute("CREATE SCHEMA silver")
    for name in ("silver.events", "silver.bills"):
        view = open_view(settings, find_table(settings, Dataset.parse(name)))
        files = [file for p in view.partitions for file in view.holder(p).paths([p])]
        whole = Input(view.dataset, files, view.contract.arrow_schema())
        connection.execute(whole.view_sql())
    return sorted(connection.sql(sql).fetchall(), key=repr)


class Dice:
    """Predicates and queries, drawn."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)

    def value(self) -> str:
        day = date(2012, 12, 29) + timedelta(days=self.draw.randrange(20))
        if self.draw.random() < 0.3:
            day = date(2013, 1, 1) + timedelta(days=self.draw.randrange(130))
        hour = self.draw.choice(["", "", " 05:00:00", " 04:59:59.999999", " 17:00:00"])
        return self.draw.choice([f"'{day}{hour}'", f"DATE '{day}'", f"TIMESTAMP '{day}{hour}'"])

    def year(self) -> int:
        return self.draw.randrange(2012, 2015)

    def month(self) -> int:
        return self.draw.randrange(1, 6)

    def predicate(self, column: str, depth: int = 2) -> str:
        kind = self.draw.randrange(11 if depth else 8)
        one, two = self.value(), self.value()
        other = f"{column.rpartition('.')[0]}.amount".removeprefix(".")
        match kind:
            case 0 | 1 | 2:
                op = self.draw.choice(["<", "<=", ">", ">=", "=", "<>"])
                return f"{column} {op} {one}" if kind else f"{one} {op} {column}"
            case 3:
                return f"{column} {self.draw.choice(['', 'NOT'])} BETWEEN {one} AND {two}"
            case 4:
                return f"{column} {self.draw.choice(['', 'NOT'])} IN ({one}, {two})"
            case 5:
                return f"{column} IS {self.draw.choice(['', 'NOT'])} NULL"
            case 6:
                return f"{other} {self.draw.choice(['<', '='])} {self.draw.randrange(7)}"
            case 7:
                month = f"2013-0{self.draw.randrange(1, 6)}-01"
                return self.draw.choice([
                    f"date_trunc('month', {column}) = '{month}'",
                    f"{column}::DATE = {one}",
                    f"{column} IS DISTINCT FROM {one}",
                    f"coalesce({column}, {one}) >= {two}",
                    f"{column} + INTERVAL 1 DAY > {one}",
                    f"year({column}) {self.draw.choice(['=', '<>', '>='])} {self.year()}",
                    f"year({column}) = {self.year()} AND month({column}) = {self.month()}",
                    f"extract(month FROM {column}) BETWEEN 2 AND {self.month()}",
                    f"quarter({column}) IN (1, {self.month()})",
                    f"{self.month()} < date_part('day', {column})",
                    f"({column} < {one}) IS NULL",
                ])  # fmt: skip
            case 8:
                return f"NOT ({self.predicate(column, depth - 1)})"
        glue = " AND " if kind == 9 else " OR "
        several = [self.predicate(column, depth - 1) for _ in range(self.draw.randrange(2, 4))]
        return f"({glue.join(several)})"

    def query(self) -> str:
        p = self.predicate
        join = self.draw.choice(["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"])
        asof = self.draw.choice(["ASOF JOIN", "ASOF LEFT JOIN"])
        both = "a.id, a.seen, b.id AS other, b.seen AS other_seen"
        table = self.draw.choice(["silver.events", "silver.bills"])
        return self.draw.choice([
            f"SELECT * FROM {table} WHERE {p('seen')} AND {p('seen')}",
            f"SELECT {both} FROM silver.events a {join} silver.bills b ON a.id = b.id "
            f"AND {p('a.seen')} AND {p('b.seen')} WHERE {p('a.seen')} AND {p('b.seen')}",
            f"SELECT {both} FROM silver.events a {asof} silver.bills b ON a.amount = b.amount "
            f"AND a.seen >= b.seen WHERE {p('a.seen')} AND {p('b.seen')}",
            f"WITH x AS (SELECT id, seen AS t, amount FROM {table} WHERE {p('seen')}) "
            f"SELECT * FROM x WHERE {p('t')} UNION ALL SELECT * FROM x WHERE {p('t')}",
            f"SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY amount ORDER BY id) AS n, "
            f"count(*) OVER (PARTITION BY seen) AS m FROM {table}) WHERE {p('seen')}",
            f"SELECT seen, count(*), sum(amount) FROM {table} GROUP BY seen HAVING {p('seen')}",
            f"SELECT * FROM (SELECT * FROM {table} ORDER BY id LIMIT 9) WHERE {p('seen')}",
            f"SELECT * FROM silver.events a WHERE {p('seen')} AND "
            f"{self.draw.choice(['', 'NOT'])} EXISTS "
            f"(SELECT 1 FROM silver.bills b WHERE b.id = a.id AND {p('b.seen')})",
            f"SELECT *, (SELECT max(b.seen) FROM silver.bills b WHERE {p('b.seen')} AND "
            f"b.amount = a.amount) FROM silver.events a WHERE {p('a.seen')}",
            f"SELECT count(*), max(seen) FILTER (WHERE {p('seen')}) FROM {table} WHERE {p('seen')}",
            f"SELECT * FROM silver.events WHERE {p('seen')} EXCEPT SELECT * FROM silver.events "
            f"WHERE {p('seen')}",
            f"SELECT DISTINCT ON (amount) amount, id FROM {table} WHERE {p('seen')} "
            "ORDER BY amount, id",
            f"SELECT * FROM {table} WHERE {p('seen')} ORDER BY id LIMIT 5 OFFSET 2",
        ])  # fmt: skip


@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in range(1, 12))]
)
def test_pruning_changes_no_result(lake: Lake, seed: int):
    dice = Dice(seed)
    pruned = 0
    for _ in range(40):
        sql = dice.query()
        lake.opened.clear()
        try:
            expected = _everything(lake.settings, sql)
        except duckdb.Error:  # a query of the dice that means nothing
            with pytest.raises((UserError, duckdb.Error)):
                lake.query(sql)
            continue
        assert lake.query(sql) == expected, sql
        pruned += any(
            names < whole
            for names, whole in (
                (lake.opened.get("silver.events", EVENTS), EVENTS),
                (lake.opened.get("silver.bills", BILLS), BILLS),
            )
        )
    assert pruned > 8  # else this shows nothing
