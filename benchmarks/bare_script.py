"""The same gold tables by a plain script: Polars, DuckDB and delta-rs, from the same CSV files.

It is what somebody writes who needs the tables and nothing else: no contract, audit, quarantine,
fingerprint, record or report; rows that cannot be true are filtered out. With `--all-layers` it
also lands bronze and silver as Delta tables, as the job does.

    python benchmarks/bare_script.py DATA OUT
"""

from __future__ import annotations

import argparse
from itertools import pairwise
from pathlib import Path

import duckdb
import polars as pl
from deltalake import write_deltalake

NULLS = ["NA", ""]
STAMP = "%Y-%m-%dT%H:%M:%SZ"
FLIGHT_INTEGERS = [
    "year", "month", "day", "dep_time", "sched_dep_time", "dep_delay", "arr_time",
    "sched_arr_time", "arr_delay", "flight", "air_time", "distance", "hour", "minute",
]  # fmt: skip
MEASURES = """
    count(*) as flights,
    count(*) filter (is_cancelled) as cancelled_flights,
    count(*) filter (is_cancelled) / count(*)::double as cancelled_ratio,
    count(*) filter (dep_delay_min >= 15) / count(*)::double as delayed_ratio,
    avg(dep_delay_min) as mean_dep_delay_min"""
ON_TIME = "count(*) filter (is_on_time) / count(*)::double as on_time_ratio"
FACTORS = {
    "wind": ("wind_speed_mph", "mph", [10, 20, 30]),
    "precipitation": ("precip_in", "in", [0.01, 0.1]),
    "visibility": ("visibility_mi", "mi", [1, 3, 10]),
    "temperature": ("temp_f", "degF", [32, 50, 70, 90]),
}


# --- bronze: the files in their types -------------------------------------------------------------


def read(data: Path, name: str) -> pl.LazyFrame:
    types = dict.fromkeys(FLIGHT_INTEGERS, pl.Int64) if name == "flights" else None
    frame = pl.scan_csv(
        data / f"{name}.csv", null_values=NULLS, schema_overrides=types, infer_schema_length=30_000
    )
    if name in ("flights", "weather"):
        frame = frame.with_columns(pl.col("time_hour").str.to_datetime(STAMP, time_unit="us"))
    return frame


# --- silver ---------------------------------------------------------------------------------------


def minutes(clock: str) -> pl.Expr:
    return pl.col(clock) // 100 * 60 + pl.col(clock) % 100


def after(moment: str, by: pl.Expr | str) -> pl.Expr:
    amount = pl.col(by) if isinstance(by, str) else by
    return pl.col(moment) + pl.duration(minutes=amount)


def off(scheduled: str, delay: str, actual: str) -> pl.Expr:
    return (minutes(scheduled) + pl.col(delay) - minutes(actual) + 14400) % 1440


def silver_flights(raw: pl.LazyFrame) -> pl.LazyFrame:
    c = pl.col
    overnight = pl.when(minutes("sched_arr_time") < minutes("sched_dep_time")).then(1440)
    landed_overnight = pl.when(minutes("arr_time") < minutes("dep_time")).then(1440)
    flights = (
        raw.with_columns(midnight=pl.datetime("year", "month", "day"))
        .with_columns(
            flight_date=c("midnight").dt.date(),
            scheduled_departure_local=after("midnight", minutes("sched_dep_time")),
            scheduled_departure_utc=after("time_hour", "minute"),
            scheduled_arrival_local=after(
                "midnight", minutes("sched_arr_time") + overnight.otherwise(0)
            ),
        )
        .with_columns(
            departure_local=after("scheduled_departure_local", "dep_delay"),
            departure_utc=after("scheduled_departure_utc", "dep_delay"),
            elapsed=minutes("arr_time") - minutes("dep_time") + landed_overnight.otherwise(0),
        )
        .with_columns(
            arrival_local=pl.when(c("arr_delay").is_not_null())
            .then(after("scheduled_arrival_local", "arr_delay"))
            .otherwise(after("departure_local", "elapsed")),
            is_cancelled=c("dep_time").is_null(),
            is_incomplete=c("dep_time").is_not_null() & c("arr_delay").is_null(),
        )
        .rename({"time_hour": "scheduled_hour_utc"})
    )
    clocks = ("sched_dep_time", "sched_arr_time", "dep_time", "arr_time")
    on_the_dial = [(c(x) % 100 < 60) & c(x).is_between(0, 2400) for x in clocks]
    ahead = c("scheduled_departure_utc") - c("scheduled_departure_local")
    possible = [
        *on_the_dial,
        ahead.dt.total_minutes().is_in([240, 300]),  # hours between New York and UTC
        off("sched_dep_time", "dep_delay", "dep_time") == 0,
        off("sched_arr_time", "arr_delay", "arr_time") == 0,
        c("origin") != c("dest"),
        c("air_time").is_between(1, 1440),
        c("distance").is_between(1, 12451),
    ]
    return flights.filter(rule.fill_null(True) for rule in possible).select(
        "flight_date", "carrier", "flight", "origin", "dest", "tailnum",
        "scheduled_departure_local", "scheduled_departure_utc", "scheduled_hour_utc",
        "scheduled_arrival_local", "departure_local", "departure_utc", "arrival_local",
        c("dep_delay").alias("dep_delay_min"), c("arr_delay").alias("arr_delay_min"),
        c("air_time").alias("air_time_min"), c("distance").alias("distance_mi"),
        "is_cancelled", "is_incomplete",
    )  # fmt: skip


def silver_weather(raw: pl.LazyFrame) -> pl.LazyFrame:
    c = pl.col
    possible = [
        c("temp") >= c("dewp"),
        c("wind_gust") >= c("wind_speed"),
        c("temp").is_between(-40, 130),
        c("humid").is_between(0, 100),
        c("wind_dir").is_between(0, 360),
        c("wind_speed").is_between(0, 253),
        c("wind_gust").is_between(0, 253),
        c("precip").is_between(0, 12),
        c("pressure").is_between(870, 1085),
        c("visib").is_between(0, 10),
    ]
    return raw.filter(rule.fill_null(True) for rule in possible).select(
        pl.date("year", "month", "day").alias("observed_date"),
        "origin",
        c("time_hour").alias("observed_hour_utc"),
        c("temp").alias("temp_f"),
        c("wind_speed").alias("wind_speed_mph"),
        c("precip").alias("precip_in"),
        c("visib").alias("visibility_mi"),
    )


def silver_airports(raw: pl.LazyFrame) -> pl.LazyFrame:
    c = pl.col
    possible = [
        c("lat").is_between(-14.6, 71.5),
        c("lon").is_between(-180, 180),
        c("tz").is_in([-11, -10, -9, -8, -7, -6, -5, -4, 10]),
    ]
    return raw.filter(rule.fill_null(True) for rule in possible).select(
        "faa", c("name").str.strip_chars().alias("airport_name"), c("lat").alias("latitude_deg"),
        c("lon").alias("longitude_deg"), c("alt").alias("altitude_ft"),
        c("tz").alias("utc_offset_h"), c("tzone").alias("time_zone"),
    )  # fmt: skip


def silver_planes(raw: pl.LazyFrame) -> pl.LazyFrame:
    c = pl.col
    maker = c("manufacturer").str.strip_chars()
    possible = [
        c("year").is_between(1903, 2013),
        c("engines").is_between(1, 8),
        c("seats").is_between(1, 853),
        c("speed").is_between(30, 1400),
    ]
    return raw.filter(rule.fill_null(True) for rule in possible).select(
        "tailnum", c("year").alias("built_year"), c("type").alias("plane_type"),
        pl.when(maker == "AIRBUS INDUSTRIE").then(pl.lit("AIRBUS"))
        .when(maker.str.starts_with("MCDONNELL DOUGLAS")).then(pl.lit("MCDONNELL DOUGLAS"))
        .when(maker == "CANADAIR LTD").then(pl.lit("CANADAIR"))
        .otherwise(maker).alias("manufacturer"),
        "model", "engines", "seats", c("speed").alias("cruise_speed_mph"),
        c("engine").alias("engine_type"),
    )  # fmt: skip


def silver_airlines(raw: pl.LazyFrame) -> pl.LazyFrame:
    return raw.select("carrier", pl.col("name").str.strip_chars().alias("airline_name"))


SILVER = {
    "airlines": silver_airlines,
    "airports": silver_airports,
    "planes": silver_planes,
    "weather": silver_weather,
    "flights": silver_flights,
}


# --- gold -----------------------------------------------------------------------------------------


def weather_delay_sql() -> str:
    parts = []
    for factor, (column, unit, edges) in FACTORS.items():
        orders = [f"when {column} < {edge} then {n}" for n, edge in enumerate(edges, start=1)]
        bands = [f"when {column} < {edges[0]} then 'below {edges[0]} {unit}'"] + [
            f"when {column} < {high} then '{low} to {high} {unit}'" for low, high in pairwise(edges)
        ]
        parts.append(f"""select '{factor}' as factor,
            cast(case when {column} is null then 0 {" ".join(orders)} else {len(edges) + 1} end
                as integer) as band_order,
            case when {column} is null then 'not known' {" ".join(bands)}
                else '{edges[-1]} {unit} and more' end as band,
            {MEASURES} from joined group by all""")
    return f"""with joined as (
        select f.is_cancelled, f.dep_delay_min, w.wind_speed_mph, w.precip_in, w.visibility_mi,
            w.temp_f
        from fct_flights f left join weather w
            on f.origin = w.origin and f.scheduled_hour_utc = w.observed_hour_utc)
        {" union all ".join(parts)}"""


GOLD = {
    "dim_airline": "select carrier as airline_key, airline_name from airlines",
    "dim_airport": """select faa as airport_key, * exclude (faa) from airports
        union all select 'unknown', 'Unknown airport', null, null, null, null, null""",
    "dim_plane": """select tailnum as plane_key, * exclude (tailnum) from planes
        union all select 'unknown', null, 'Unknown', 'Unknown', 'Unknown', null, null, null,
            'Unknown'""",
    "dim_date": """with span as (
            select date_trunc('year', min(flight_date)) as a,
                date_trunc('year', max(flight_date)) + interval 1 year as b from flights),
        days as (select cast(unnest(range(a, b, interval 1 day)) as date) as date_key from span)
        select date_key, cast(year(date_key) as integer) as year,
            cast(quarter(date_key) as integer) as quarter,
            cast(month(date_key) as integer) as month, monthname(date_key) as month_name,
            cast(day(date_key) as integer) as day_of_month,
            cast(isodow(date_key) as integer) as weekday, dayname(date_key) as weekday_name,
            isodow(date_key) >= 6 as is_weekend from days""",
    "fct_flights": """select f.flight_date, f.carrier, f.flight, f.origin, f.dest, f.tailnum,
            f.carrier as airline_key, coalesce(o.airport_key, 'unknown') as origin_key,
            coalesce(d.airport_key, 'unknown') as dest_key,
            coalesce(p.plane_key, 'unknown') as plane_key, f.scheduled_departure_local,
            f.scheduled_hour_utc, f.departure_local, f.arrival_local, f.dep_delay_min,
            f.arr_delay_min, f.air_time_min, f.distance_mi, f.is_cancelled, f.is_incomplete,
            coalesce(f.arr_delay_min < 15, false) as is_on_time
        from flights f left join dim_airport o on f.origin = o.airport_key
        left join dim_airport d on f.dest = d.airport_key
        left join dim_plane p on f.tailnum = p.plane_key""",
    "airport_delay": f"""select flight_date, origin_key, {MEASURES},
            cast(max(dep_delay_min) as bigint) as max_dep_delay_min
        from fct_flights group by flight_date, origin_key""",
    "punctuality": f"""select f.airline_key, any_value(airline_name) as airline_name, {MEASURES},
            avg(arr_delay_min) as mean_arr_delay_min,
            median(arr_delay_min) as median_arr_delay_min, {ON_TIME}
        from fct_flights f join dim_airline a on f.airline_key = a.airline_key
        group by f.airline_key""",
    "punctuality_by_month": f"""select airline_key,
            cast(date_trunc('month', flight_date) as date) as month_start, {MEASURES}, {ON_TIME}
        from fct_flights group by airline_key, month_start""",
    "weather_delay": weather_delay_sql(),
}
MONTHLY = {"fct_flights": "flight_date", "airport_delay": "flight_date"}


def write_delta(path: Path, rows: duckdb.DuckDBPyRelation, time: str | None) -> None:
    """A Delta table; with a time column it is partitioned by month."""
    if time:
        rows = rows.project(f"*, strftime({time}, '%Y-%m') as _partition")
    write_deltalake(path, rows.to_arrow_reader(), partition_by=["_partition"] if time else None)


def build(data: Path, out: Path, *, all_layers: bool) -> None:
    connection = duckdb.connect()
    times = {"flights": "time_hour", "weather": "time_hour"}
    for name, conform in SILVER.items():
        raw = read(data, name)
        if all_layers:
            landed = out / "scratch" / f"bronze_{name}.parquet"
            raw.sink_parquet(landed, mkdir=True)
            rows = connection.read_parquet(str(landed))
            write_delta(out / "bronze" / name, rows, times.get(name))
            raw = pl.scan_parquet(landed)
        file = out / "scratch" / f"{name}.parquet"
        conform(raw).sink_parquet(file, mkdir=True)
        connection.execute(f"create view {name} as from read_parquet('{file}')")
        if all_layers:
            time = {"flights": "flight_date", "weather": "observed_date"}.get(name)
            write_delta(out / "silver" / name, connection.view(name), time)
    for name, sql in GOLD.items():
        file = out / "scratch" / f"{name}.parquet"
        connection.execute(f"copy ({sql}) to '{file}' (format parquet)")
        connection.execute(f"create view {name} as from read_parquet('{file}')")
        write_delta(out / "gold" / name, connection.view(name), MONTHLY.get(name))


def main() -> None:
    parser = argparse.ArgumentParser(description="Make the gold tables without Lakebook.")
    parser.add_argument("data", type=Path, help="folder with the five CSV files")
    parser.add_argument("out", type=Path, help="folder for the tables")
    parser.add_argument("--all-layers", action="store_true", help="bronze and silver tables too")
    args = parser.parse_args()
    build(args.data, args.out, all_layers=args.all_layers)


if __name__ == "__main__":
    main()
