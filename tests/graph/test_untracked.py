"""Which calls of a step's code nobody tracks: by a list of what people write."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from lakebook.graph.files import named_files
from lakebook.graph.notebook import Cell
from lakebook.graph.untracked import commands, untracked_calls

UNTRACKED = [
    ("import polars as pl\npl.read_csv(path)", "a file"),
    ("import polars as pl\npl.scan_parquet(f'{folder}/a.parquet')", "a file"),
    ("import polars\npolars.read_csv(source=folder + '/a.csv')", "a file"),
    ("from polars import read_csv\nread_csv(name)", "a file"),
    ("import pandas as pd\npd.read_excel(where / 'a.xlsx')", "a file"),
    ("import pyarrow.parquet as pq\npq.read_table(p)", "a file"),
    ("import numpy as np\nnp.load(p)", "a file"),
    ("with open(p) as f: f.read()", "a file"),
    ("open(p, 'rb').read()", "a file"),
    ("open(p, 'r+')", "a file"),
    ("import gzip\ngzip.open(p)", "a file"),
    ("from pathlib import Path\nPath(p).read_text()", "a file"),
    ("where.read_bytes()", "a file"),
    ("from pathlib import Path\nfor f in Path('data').iterdir(): pass", "a file"),
    ("import glob\nfor f in glob.glob(p): pass", "a file"),
    ("spark.read.parquet(p)", "a file"),
    ("spark.read.csv(p)", "a file"),
    ("import duckdb\nduckdb.sql(\"select * from 'x.csv'\")", "a file"),
    ("import duckdb\nduckdb.sql(query)", "a file"),
    ("import duckdb\nduckdb.query('select * from read_csv(?)')", "a file"),
    ("import duckdb\ncon = duckdb.connect()\ncon.sql(\"select * from 'x.csv'\")", "a file"),
    ("import duckdb as d\ncon = d.connect()\ncon.execute('from read_csv(?)')", "a file"),
    ("import duckdb\nwith duckdb.connect() as con: con.read_csv(p)", "a file"),
    ("import duckdb\ncon = duckdb.connect(':memory:')\ncon.read_parquet(p)", "a file"),
    ("import polars as pl\npl.sql(\"select * from read_csv('x.csv')\")", "a file"),
    ("import importlib\nimportlib.import_module(n)", "a module by a computed name"),
    ("import importlib\nimportlib.import_module('a' + 'b')", "a module by a computed name"),
    ("from importlib import import_module as get\nget(f'{n}')", "a module by a computed name"),
    ("import pkgutil\nlist(pkgutil.iter_modules(p))", "a module by a computed name"),
    ("__import__(n)", "a module by a computed name"),
    ("from deltalake import DeltaTable\nDeltaTable(p)", "a file"),
    ("import polars as pl\np = 'a.csv'\np = other()\npl.read_csv(p)", "a file"),
    ("import polars as pl\ndef f(p): return pl.read_csv(p)\nf('a.csv')\ng(f)", "a file"),
    ("import polars as pl\npl.read_csv('https://example.org/a.csv')", "a web call or a connection"),
    ("import polars as pl\npl.scan_parquet('s3://b/a.parquet')", "a web call or a connection"),
    ("import polars as pl\npl.read_database('select 1', c)", "a web call or a connection"),
    ("import pandas as pd\npd.read_sql('select 1', c)", "a web call or a connection"),
    ("import requests\nrequests.get(u)", "a web call or a connection"),
    ("from requests import get as fetch\nfetch(u)", "a web call or a connection"),
    ("import urllib.request\nurllib.request.urlopen(u)", "a web call or a connection"),
    ("from urllib.request import urlopen\nurlopen(u)", "a web call or a connection"),
    ("import boto3\nboto3.client('s3')", "a web call or a connection"),
    ("import sqlite3\nsqlite3.connect('x.db')", "a web call or a connection"),
    ("from sqlalchemy import create_engine\ncreate_engine(u)", "a web call or a connection"),
    ("import subprocess\nsubprocess.run(['ls'])", "another program"),
    ("import os\nos.system('ls')", "another program"),
    ("import os\nos.getenv('X')", "the environment of the process"),
    ("import os\nos.environ['X']", "the environment of the process"),
    ("import os\nos.environ.get('X')", "the environment of the process"),
    ("from datetime import datetime\ndatetime.now()", "the clock"),
    ("import datetime as dt\ndt.date.today()", "the clock"),
    ("import time\ntime.time()", "the clock"),
    ("import random\nrandom.random()", "chance"),
    ("import numpy as np\nnp.random.default_rng()", "chance"),
    ("import numpy as np\nnp.random.rand(3)", "chance"),
    ("import uuid\nuuid.uuid4()", "chance"),
    ("import narwhals as nw\nnw.scan_csv(folder + '/a.csv', backend='polars')", "a file"),
    ("import narwhals.stable.v2 as nw\nnw.read_parquet(p, backend='polars')", "a file"),
    ("import pandas as pd\npd.ExcelFile(p).parse(0)", "a file"),
    ("import xml.etree.ElementTree as ET\nET.parse(p)", "a file"),
    ("import configparser\nc = configparser.ConfigParser()\nc.read(p)", "a file"),
    ("import os\nos.open(p, os.O_RDONLY)", "a file"),
    ("import polars as pl\npl.concat(map(pl.scan_csv, paths))", "a file"),
    ("from polars import read_csv\nfrom functools import partial\npartial(read_csv, p)", "a file"),
    ("import polars as pl\nread = pl.read_csv", "a file"),
    ("import requests\nmap(requests.get, urls)", "a web call or a connection"),
    ("import os\ndict(os.environ)", "the environment of the process"),
    ("from os import environ\n'X' in environ", "the environment of the process"),
    ("import sys\nsys.argv[1]", "the environment of the process"),
    ("import dotenv\ndotenv.load_dotenv()", "the environment of the process"),
    ("import pandas as pd\npd.Timestamp('today')", "the clock"),
    ("import pandas as pd\npd.to_datetime('now', utc=True)", "the clock"),
    ("import numpy as np\nnp.datetime64('today')", "the clock"),
    ("import time\ntime.strftime('%Y')", "the clock"),
    ("import duckdb\nduckdb.sql('select now() as at')", "the clock"),
    ("import duckdb\ncon = duckdb.connect()\ncon.execute('select current_date')", "the clock"),
    ("import uuid\nfield(default_factory=uuid.uuid4)", "chance"),
    ("import duckdb\nduckdb.sql('select random() as x')", "chance"),
    ("frame.sample(5)", "chance"),
    ("import polars as pl\npl.col('a').shuffle()", "chance"),
    ("hash(name) % 10", "chance"),
    ("get_ipython().system('ls')", "another program"),
    ("import sys\nsys.path.insert(0, str(folder))", "modules of another folder"),
    ("import sys\nsys.path.append('..')", "modules of another folder"),
]

TRACKED = [
    "import polars as pl\npl.read_csv('a.csv')",
    "import polars as pl\npl.read_csv(source='a.csv')",
    "import polars as pl\npl.scan_csv('data/*.csv')",
    "import polars as pl\npl.read_csv(['a.csv', 'data/b.csv'])",
    "import polars as pl\nP = 'a.csv'\npl.read_csv(P)",
    "import polars as pl\nfor p in ('a.csv', 'data/b.csv'): pl.read_csv(p)",
    "import polars as pl, glob\nfor p in sorted(glob.glob('data/*.csv')): pl.read_csv(p)",
    "import polars as pl\n[pl.read_csv(p) for p in ['a.csv']]",
    "import polars as pl\ndef load(p): return pl.read_csv(p)\nload('a.csv')\nload(p='data/b.csv')",
    "from pathlib import Path\nPath('a.csv').read_text()",
    "from pathlib import Path\nP = Path('a.csv')\nwith P.open() as f: f.read()",
    "import zipfile\nwith open('a.csv') as f: pass",
    "open('out.txt', 'w')",
    "open(p, mode='wb')",
    "open(p, 'a')",
    "import io, polars as pl\npl.read_csv(io.StringIO('a,b'))",
    "import duckdb\nduckdb.connect()",
    "import duckdb\ncon = duckdb.connect(':memory:')\ncon.sql('select 1 from frame')",
    "import polars as pl\npl.sql('select 1 from frame')",
    "import importlib\nimportlib.import_module('other')\n__import__('other')",
    "import duckdb\nduckdb.sql('select 1 from frame')",
    "step.read('silver.events')\nstep.ingest('file://a.csv')\nstep.now\nstep.sql('select 1')",
    "import numpy as np\nnp.random.default_rng(7)",
    "import numpy as np\nnp.random.seed(7)\nnp.random.rand(3)",
    "import random\nrandom.seed(step.seed)\nrandom.random()",
    "import random\nrandom.Random(7)",
    "import os\nos.path.join('a', 'b')",
    "import datetime as dt\ndt.datetime(2013, 1, 1)",
    "import json\njson.loads(text)",
    "df.read.me",
    "import narwhals as nw\nnw.scan_csv('a.csv', backend='polars')",
    "import pandas as pd\npd.Timestamp('2013-01-01')",
    "import time\ntime.strftime('%Y', when)",
    "frame.sample(5, seed=1)\nother.sample(frac=0.5, random_state=step.seed)",
    "import helpers\nhelpers.sample(frame)",
    "import requests\ndef f(s: requests.Session): ...",
    "import duckdb\nduckdb.sql('select now, today, random from frame')",
    "import sys\nsys.path.append('data/')",
    "map(str.upper, names)",
    "import requests\nisinstance(x, requests.Response)",
    "import random\nrandom.seed(7)\nlist(map(random.choice, rows))",
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    for name in ("a.csv", "data/b.csv"):
        (tmp_path / name).write_text("a\n1\n")
    return tmp_path


def found(code: str, folder: Path) -> list[str]:
    (calls,) = untracked_calls([ast.parse(code)])
    tracked = [c.paths and all(named_files(folder, [p]) for p in c.paths) for c in calls]
    return [call.what for call, known in zip(calls, tracked, strict=True) if not known]


@pytest.mark.parametrize(("code", "what"), UNTRACKED)
def test_what_nobody_tracks_is_named(code: str, what: str, folder: Path) -> None:
    assert set(found(code, folder)) == {what}


@pytest.mark.parametrize("code", TRACKED)
def test_what_is_tracked_is_not_named(code: str, folder: Path) -> None:
    assert found(code, folder) == []


def test_a_file_that_is_not_there_is_not_tracked(folder: Path) -> None:
    assert found("open('b.csv')", folder) == ["a file"]


def test_imports_and_values_of_one_cell_hold_in_the_next(folder: Path) -> None:
    cells = [ast.parse("import polars as pl\nP = 'a.csv'"), ast.parse("pl.read_csv(P)\nopen(q)")]
    first, second = untracked_calls(cells)
    assert first == [] and [(c.line, c.text) for c in second] == [
        (1, "pl.read_csv(P)"),
        (2, "open(q)"),
    ]


def test_commands_of_a_shell_are_named_and_other_magics_are_not() -> None:
    cell = Cell(1, "%matplotlib inline\n!ls data\n%time x = 1", frozenset())
    assert [(call.text, call.what) for call in commands(cell)] == [("!ls data", "another program")]
