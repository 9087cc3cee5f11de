"""Reads Delta tables by Spark, in a process of its own: its JVM has Delta's jars from the start.

Called with the folder of the jars; a question on stdin as JSON, the counts on the last line.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

SETTINGS = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.sql.session.timeZone": "UTC",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.memory": "700m",
    "spark.ui.enabled": "false",
    "spark.sql.shuffle.partitions": "1",
    "spark.databricks.delta.snapshotPartitions": "1",
}


def session(jars: str) -> Any:
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master("local[2]")
    found = ",".join(sorted(map(str, Path(jars).glob("*.jar"))))
    for name, value in {**SETTINGS, "spark.jars": found}.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def main(jars: str) -> None:
    import pyarrow.parquet as pq

    os.environ |= {"SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable}
    asked = json.load(sys.stdin)
    spark = session(jars)
    for table, target in asked["tables"].items():
        pq.write_table(spark.read.format("delta").load(table).toArrow(), target)
    spark.read.format("delta").load(next(iter(asked["tables"]))).createOrReplaceTempView("t")
    predicates = asked["predicates"]
    # One pass over all rows, where nothing can be skipped; then each by itself.
    counts = ", ".join(f"count_if({predicate})" for predicate in predicates)
    right = list(spark.sql(f"select {counts} from t").collect()[0])
    each = (f"select {at}, count(*) from t where {one}" for at, one in enumerate(predicates))
    found = {row[0]: row[1] for row in spark.sql(" union all ".join(each)).collect()}
    spark.stop()
    print(json.dumps([[found[at], count] for at, count in enumerate(right)]))


if __name__ == "__main__":
    main(sys.argv[1])
