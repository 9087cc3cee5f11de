"""A subject whose values are wherever normal use brings them, and a search of its own.

The search shares nothing with the one under test: it decodes what it knows and looks for each value
in each spelling.
"""

from __future__ import annotations

import base64
import gzip
import html
import json
import shutil
import sqlite3
import urllib.parse
import zipfile
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
from deltalake import DeltaTable
from small_checkout import POSITIVE, Checkout
from small_lake import SmallLake

from lakebook.archive.cells import render_cells
from lakebook.archive.record import RunRecord, write_record
from lakebook.catalog import lite
from lakebook.catalog.emit import emit_all
from lakebook.contract.lookup import find_table
from lakebook.names import Dataset, table_path, tier_tables
from lakebook.settings import Settings, load_settings
from lakebook.site.build import build_site
from lakebook.tiers.cold.archive import archive
from lakebook.tiers.move import move_to_warm

PEOPLE = Dataset.parse("silver.people")
KINDS = {
    "name": ("string", "string", pl.String),
    "mail": ("string", "string", pl.String),
    "about": ("string", "string", pl.String),
    "code": ("integer", "int64", pl.Int64),
    "born": ("date", "date", pl.Date),
    "called": ("timestamp", "timestamp", pl.Datetime("us")),
    "salary": ("number", "decimal(12,2)", pl.Decimal(12, 2)),
    "height": ("number", "float64", pl.Float64),
    "print": ("string", "binary", pl.Binary),
}
CARL: dict[str, Any] = {
    "name": 'Carl "Ünï" O\'Brien & Söhne',
    "mail": "carl@example.org",
    "about": "likes long walks by the sea, and " + "very " * 20 + "long texts",
    "code": 887766554433,
    "born": date(1987, 3, 14),
    "called": datetime(2012, 5, 6, 7, 8, 9, 123456),
    "salary": Decimal("98765.43"),
    "height": 1234.5678,
    "print": bytes.fromhex("deadbeef00c0ffee"),
}
OTHERS: dict[str, Any] = {
    "name": "Bea",
    "mail": "bea@example.org",
    "about": "nothing",
    "code": 12,
    "born": date(1970, 1, 1),
    "called": datetime(2000, 1, 1),
    "salary": Decimal("10.00"),
    "height": 1.5,
    "print": b"bea!",
}


def build(root: Path) -> Settings:
    """The lake: Carl (id 4) is in each tier, set aside, in an environment, a pin, an old version, a
    checkpoint, a plan, the outbox, a local catalog, an archived run, the site and the Data Docs.
    """
    lake = SmallLake(root, step=str(PEOPLE))
    columns = "".join(
        f"      - {{name: {n}, logicalType: {logical}, physicalType: '{physical}'}}\n"
        for n, (logical, physical, _) in KINDS.items()
    )
    lake.contract("replace", quality=POSITIVE, columns=columns)
    code = ["from lakebook import Step", 'step = Step("silver.people", start=start, end=end)']
    Checkout(root).notebook(str(PEOPLE), ["\n".join(code), "step.write(rows)"])
    settings = load_settings(root, environ={})
    days = ("2013-01-01", "2013-01-02", "2013-01-03")
    given = [(4, day, 1) for day in days] + [(5, day, 1) for day in days] + [(4, days[0], -1)]
    for extra in ((), ((6, days[0], 1),)):  # the second leaves an older version of the first day
        output = _put(lake, [*given, *extra], "2013-01-01", "2013-01-04")
    _put(lake, [(4, days[0], 2), (7, days[0], 2), (4, days[0], -2)], days[0], days[1], env="ana")
    DeltaTable(str(table_path(settings.lake, PEOPLE))).create_checkpoint()
    tables, contract = tier_tables(settings.roots, PEOPLE), find_table(settings, PEOPLE)
    move_to_warm(tables, contract, [days[1]])
    archive(tables, contract, [days[2]])
    _report(settings, output)
    return settings


def _put(
    lake: SmallLake, ids: list[tuple[int, str, int]], start: str, end: str, env: str = "prod"
) -> Any:
    lake.env = env
    data = {"id": [i for i, _, _ in ids], "amount": [amount for *_, amount in ids]}
    frame = pl.DataFrame(data).with_columns(
        pl.Series("seen", [datetime.fromisoformat(day) for _, day, _ in ids], pl.Datetime("us")),
        *(
            pl.Series(name, [(CARL if i == 4 else OTHERS)[name] for i, _, _ in ids], kind)
            for name, (_, _, kind) in KINDS.items()
        ),
    )
    return lake.open(start, end).write(frame.lazy()).output


def _report(settings: Settings, output: Any) -> None:
    """A run with cards, its site, its emission and a local catalog made of it."""
    shown = {name: str(value) for name, value in CARL.items()}
    cells = "".join(f"<td>{html.escape(value)}</td>" for value in shown.values())
    markup = f"<table><tr>{cells}</tr></table>"
    cell = {
        "cell_type": "code",
        "id": "c1",
        "source": "step.preview(rows)",
        "execution_count": 1,
        "metadata": {},
        "outputs": [
            {
                "output_type": "display_data",
                "metadata": {},
                "data": {
                    "text/html": markup,
                    "text/plain": shown["name"],
                },
            }
        ],
    }
    notebook = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    out = settings.lake.parent / "out"
    out.mkdir()
    (out / "notebook.ipynb").write_text(json.dumps(notebook))
    day = datetime.now().date().isoformat()
    found = json.loads(json.dumps({**output.__dict__, "fingerprints": {}}, default=str))
    record = RunRecord(
        *("r1", str(PEOPLE), "prod", "ok", f"{day}T10:00:00+00:00", 1.5),
        start="2013-01-01",
        end="2013-01-04",
        outputs=(found,),
        error=f"cannot cast {CARL['mail']}",
    )
    write_record(settings.runs, record, out, json.dumps(render_cells(notebook)))
    shutil.rmtree(out)
    emit_all(settings)
    lite.load(settings)
    build_site(settings)
    docs = settings.lake / "prod" / "docs" / str(PEOPLE) / "index.html"
    docs.parent.mkdir(parents=True)
    docs.write_text(html.escape(CARL["name"]))


def spellings(value: Any) -> set[bytes]:
    """How a value may stand in a text."""
    if isinstance(value, bytes):
        return {value, value.hex().encode(), base64.b64encode(value).rstrip(b"=")}
    if isinstance(value, datetime):
        day = value.isoformat(timespec="milliseconds")
        return {day.encode(), day.replace("T", " ").encode()}
    texts = {str(value)}
    if isinstance(value, str):
        texts = {value, value[:30]}
        texts |= {html.escape(text) for text in texts}
        texts |= {urllib.parse.quote(text) for text in texts}
        texts |= {json.dumps(text)[1:-1] for text in texts}
        texts |= {json.dumps(text)[1:-1] for text in texts}
    return {text.encode() for text in texts}


def standing(root: Path, values: dict[str, Any] = CARL) -> dict[str, set[str]]:
    """File below a folder -> the columns whose value stands in it."""
    forms = {column: spellings(value) for column, value in values.items()}
    found: dict[str, set[str]] = {}
    for path in sorted(root.rglob("*")):
        if path.is_file():
            texts = list(decoded(path.read_bytes()))
            for column, wanted in forms.items():
                if any(form in text for form in wanted for text in texts):
                    found.setdefault(path.relative_to(root).as_posix(), set()).add(column)
    return found


def decoded(content: bytes) -> Iterator[bytes]:
    yield content
    if content[:4] == b"PAR1":
        with pa.BufferReader(content) as buffer:
            yield from _cells(pa.parquet.read_table(buffer).to_pylist())
    elif content[:6] == b"ARROW1":
        yield from _cells(pa.ipc.open_file(content).read_all().to_pylist())
    elif content[:2] == b"\x1f\x8b":
        yield from decoded(gzip.decompress(content))
    elif content[:4] == b"\x28\xb5\x2f\xfd":
        yield from decoded(pa.input_stream(pa.BufferReader(content), compression="zstd").read())
    elif content[:15] == b"SQLite format 3":
        db = sqlite3.connect(":memory:")
        db.deserialize(content)
        for (name,) in db.execute("select name from sqlite_master where type = 'table'").fetchall():
            yield from _cells([list(row) for row in db.execute(f'select * from "{name}"')])
        db.close()


def _cells(value: Any) -> Iterator[bytes]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for each in value:
            yield from _cells(each)
    elif isinstance(value, bytes):
        yield value
    elif value is not None:
        yield str(value).encode()


def pack(folder: Path, text: str) -> dict[str, Path]:
    """The text in a file of each kind that can be decoded, and how it is packed."""
    folder.mkdir(parents=True)
    content = f"asked by {text} today".encode()
    made = {
        kind: folder / f"note.{kind}" for kind in ("gz", "zst", "zip", "arrow", "parquet", "db")
    }
    made["gz"].write_bytes(gzip.compress(content))
    with pa.CompressedOutputStream(str(made["zst"]), "zstd") as out:
        out.write(content)
    with zipfile.ZipFile(made["zip"], "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inner.txt", content)
    frame = pl.DataFrame({"other": [content.decode()] * 3})
    frame.write_ipc(made["arrow"], compression="zstd")
    frame.write_parquet(made["parquet"])
    db = sqlite3.connect(made["db"])
    db.execute("create table t (x text)")
    db.execute("insert into t values (?)", [content.decode()])
    db.commit()
    db.close()
    made["b64"] = folder / "note.b64"
    made["b64"].write_bytes(b"data:" + base64.b64encode(content) + b";")
    made["name"] = folder / f"{urllib.parse.quote(text, '')}.txt"
    made["name"].write_text("nothing")
    return made
