"""Reads a Delta table by DuckDB's extension, in a process of its own: it needs a DuckDB of its own.

Called with a folder that has `duckdb` and `duckdb_extension_delta`; a question on stdin as JSON.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path


def main(folder: str) -> None:
    sys.path.insert(0, folder)
    import duckdb

    asked = json.load(sys.stdin)
    (extension,) = Path(folder).glob("duckdb_extension_delta/extensions/*/delta.duckdb_extension")
    connection = duckdb.connect(config={"allow_unsigned_extensions": "true"})
    connection.execute(f"load '{extension}'")
    scan = f"delta_scan('{asked['table']}')"
    connection.execute(f"create table whole as select * from {scan}")
    connection.execute(f"copy whole to '{asked['rows']}' (format parquet)")
    counts = []
    for predicate in asked["predicates"]:
        both = (
            connection.execute(f"select count(*) from {source} where {predicate}").fetchone()
            for source in (scan, "whole")
        )
        counts.append([one[0] for one in both if one])
    json.dump(counts, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1])
