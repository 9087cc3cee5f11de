"""The figures that people know of this data come out of the tables, and so does what Polars counts
in the CSV files without any of our code."""

from __future__ import annotations

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from .conftest import Table

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.mark.parametrize(
    ("dataset", "rows"),
    [
        ("bronze.flights", 336_776), ("bronze.weather", 26_115), ("bronze.planes", 3_322),
        ("bronze.airports", 1_458), ("bronze.airlines", 16),
        ("silver.flights", 336_776), ("silver.weather", 26_114), ("silver.planes", 3_322),
        ("silver.airports", 1_455), ("silver.airlines", 16),
        ("gold.fct_flights", 336_776), ("gold.dim_plane", 3_323), ("gold.dim_airport", 1_456),
        ("gold.dim_airline", 16), ("gold.dim_date", 365), ("gold.airport_delay", 3 * 365),
        ("gold.punctuality", 16), ("gold.punctuality_by_month", 185),
    ],
)  # fmt: skip
def test_a_table_has_as_many_rows_as_are_true(table: Table, dataset: str, rows: int) -> None:
    assert table(dataset).height == rows


def test_bronze_holds_the_source_cell_by_cell(table: Table, source: Table) -> None:
    for name in ("flights", "weather", "planes", "airports", "airlines"):
        raw = source(name)
        if "time_hour" in raw.columns:
            raw = raw.with_columns(pl.col("time_hour").str.to_datetime("%Y-%m-%dT%H:%M:%SZ"))
        landed = table(f"bronze.{name}")
        assert landed["_source_digest"].n_unique() == 1
        landed = landed.select(pl.col(c).cast(raw.schema[c]) for c in raw.columns)
        assert_frame_equal(landed, raw, check_row_order=False)


def test_8255_flights_have_no_departure_time(table: Table) -> None:
    assert table("bronze.flights")["dep_time"].null_count() == 8_255
    assert table("silver.flights")["is_cancelled"].sum() == 8_255
    assert table("gold.punctuality")["cancelled_flights"].sum() == 8_255


def test_52606_flights_have_no_known_plane(table: Table) -> None:
    flights, planes = table("silver.flights"), table("silver.planes")
    assert flights["tailnum"].null_count() == 2_512
    assert flights.filter(pl.col("tailnum").is_null())["is_cancelled"].all()
    assert flights.join(planes, on="tailnum", how="anti").height == 52_606
    assert table("gold.fct_flights").filter(plane_key="unknown").height == 52_606


def test_7602_flights_go_to_an_airport_in_no_row(table: Table) -> None:
    unknown = table("silver.flights").join(
        table("silver.airports"), left_on="dest", right_on="faa", how="anti"
    )
    assert unknown.height == 7_602
    assert set(unknown["dest"]) == {"BQN", "PSE", "SJU", "STT"}
    assert table("gold.fct_flights").filter(dest_key="unknown").height == 7_602


def test_what_cannot_be_true_is_set_aside_and_nothing_else(table: Table) -> None:
    assert table("silver.weather__quarantine").select(
        "origin", pl.col("observed_hour_utc").cast(pl.String), "wind_speed_mph", "_failed_rules"
    ).rows() == [("EWR", "2013-02-12 08:00:00.000000", 1048.36058, "possible_wind")]
    assert sorted(table("silver.airports__quarantine").select("faa", "_failed_rules").rows()) == [
        ("DVT", "possible_offset"),
        ("EEN", "possible_latitude"),
        ("MYF", "possible_offset"),
    ]


def test_the_hour_that_comes_twice_is_two_hours_for_three_stations(table: Table) -> None:
    weather = table("silver.weather")
    twins = weather.filter(weather.select("origin", "observed_hour_local").is_duplicated())
    assert (twins.height, twins["observed_hour_utc"].n_unique()) == (6, 2)
    assert not weather.select("origin", "observed_hour_utc").is_duplicated().any()


@pytest.mark.parametrize("moment", ["scheduled_departure", "departure"])
def test_local_and_utc_are_the_same_moment_by_the_time_zone_database(
    table: Table, moment: str
) -> None:
    flights = table("silver.flights").filter(pl.col(f"{moment}_local").is_not_null())
    converted = (
        flights[f"{moment}_utc"]
        .dt.replace_time_zone("UTC")
        .dt.convert_time_zone("America/New_York")
        .dt.replace_time_zone(None)
    )
    assert (converted == flights[f"{moment}_local"]).all()


def test_the_clocks_of_silver_are_those_of_the_source(table: Table, source: Table) -> None:
    def hhmm(column: str) -> pl.Expr:
        at = pl.col(column)
        return at.dt.hour().cast(pl.Int64) * 100 + at.dt.minute()

    key = ["flight_date", "carrier", "flight", "origin"]
    raw = source("flights").with_columns(flight_date=pl.date("year", "month", "day"))
    both = table("silver.flights").join(raw, on=key, validate="1:1")
    assert both.height == 336_776
    for column, clock in (("departure_local", "dep_time"), ("arrival_local", "arr_time")):
        known = both.filter(pl.col(clock).is_not_null())
        assert known.select((hhmm(column) == pl.col(clock) % 2400).all()).item()
        assert both[column].null_count() == both[clock].null_count()


def test_arrivals_lie_between_departure_and_a_day_after_it(table: Table) -> None:
    flights = table("silver.flights").filter(pl.col("arrival_local").is_not_null())
    wall = flights["arrival_local"] - flights["departure_local"]
    assert wall.dt.total_minutes().min() > 0 and wall.dt.total_minutes().max() < 1440


def test_punctuality_is_what_polars_counts_in_the_csv(table: Table, source: Table) -> None:
    measures = [
        pl.len().cast(pl.Int64).alias("flights"),
        pl.col("dep_time").null_count().cast(pl.Int64).alias("cancelled_flights"),
        pl.col("dep_delay").mean().alias("mean_dep_delay_min"),
        ((pl.col("arr_delay") < 15).sum() / pl.len()).alias("on_time_ratio"),
        ((pl.col("dep_delay") >= 15).sum() / pl.len()).alias("delayed_ratio"),
    ]
    flights = source("flights").with_columns(
        airline_key="carrier", month_start=pl.date("year", "month", 1)
    )
    for name, key in (
        ("gold.punctuality", ["airline_key"]),
        ("gold.punctuality_by_month", ["airline_key", "month_start"]),
    ):
        counted = flights.group_by(key).agg(measures)
        assert_frame_equal(
            table(name).select(counted.columns), counted, check_row_order=False, rel_tol=1e-12
        )


def test_airport_delay_is_what_polars_counts_in_the_csv(table: Table, source: Table) -> None:
    counted = (
        source("flights")
        .group_by(flight_date=pl.date("year", "month", "day"), origin_key="origin")
        .agg(
            pl.len().cast(pl.Int64).alias("flights"),
            pl.col("dep_delay").mean().alias("mean_dep_delay_min"),
            pl.col("dep_delay").max().alias("max_dep_delay_min"),
        )
    )
    assert_frame_equal(
        table("gold.airport_delay").select(counted.columns), counted, check_row_order=False
    )


def test_every_flight_is_in_one_band_of_each_weather_factor(table: Table, source: Table) -> None:
    bands = table("gold.weather_delay")
    assert (
        bands.group_by("factor").agg(pl.col("flights").sum())["flights"].to_list() == [336_776] * 4
    )
    weather = source("weather").filter(
        pl.col("wind_speed").is_null() | (pl.col("wind_speed") < 1000)
    )
    windy = (
        source("flights")
        .join(weather, on=["origin", "time_hour"])
        .filter(pl.col("wind_speed") >= 30)
    )
    (found,) = bands.filter(factor="wind", band_order=4).to_dicts()
    assert (found["flights"], found["mean_dep_delay_min"]) == (
        windy.height,
        pytest.approx(windy["dep_delay"].mean()),
    )
