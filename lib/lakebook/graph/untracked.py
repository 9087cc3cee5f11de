"""Calls in a step's code whose answer no fingerprint has: files by computed paths, modules by
computed names, the web, the environment, other programs, the clock, chance.

A step with such a call is fresh as far as anybody can see; plan and report say how far that is.
What is read by a path that is written out is tracked (`files`), and named here only where no file
stands at it. What Lakebook gives (`step.now`, `step.seed`, `step.ingest`) is tracked.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from .modules import imported_text
from .notebook import Cell, magics
from .step_node import Call
from .uses import (
    CHANCE,
    CLOCK_KIND,
    ENVIRONMENT,
    MODULES,
    PROGRAM,
    environment,
    folder_of_modules,
    handed_on,
    kind_of,
    kinds_in_sql,
)

_FILES = re.compile(
    r"(io\.|gzip\.|bz2\.|lzma\.|codecs\.)?open|zipfile\.ZipFile|tarfile\.open"
    r"|(polars\w*|narwhals(\.stable\.v\d)?|pandas|geopandas|dask\.dataframe|awkward|fastparquet"
    r"|modin\.pandas|cudf|daft|ibis|fastexcel)\.(read|scan)_\w+|pandas\.(ExcelFile|HDFStore)"
    r"|polars\.(Data|Lazy)Frame\.deserialize|pyarrow\.(memory_map|OSFile|input_stream)"
    r"|(xml\.etree\.ElementTree|lxml\.etree|defusedxml\.ElementTree)\.(iter)?parse"
    r"|configparser\.read|fileinput\.(input|FileInput)|h5py\.File|netCDF4\.Dataset|os\.open"
    r"|cv2\.imread|scipy\.io\.loadmat|numpy\.fromregex|pkgutil\.get_data"
    r"|pyarrow\.(parquet|csv|json|feather|orc|dataset)\.(read\w*|Parquet\w+|dataset|open_csv|ORCFile)"
    r"|numpy\.(load|loadtxt|genfromtxt|fromfile|memmap)|xarray\.open_\w+|joblib\.load"
    r"|duckdb\.(connect|read_\w+|from_(csv|parquet)\w*)|deltalake\.DeltaTable|openpyxl\.load_workbook"
    r"|importlib\.resources\.\w+|os\.(listdir|scandir|walk)|glob\.i?glob|linecache\.\w+|csv\.open"
)
_METHODS = re.compile(r"read_text|read_bytes|iterdir|rglob|open")
_READERS = re.compile(r"\w*\.read\.\w+|\w*\.readStream\.\w+")  # of a Spark session
_WEB = re.compile(
    r"(polars\.read_database\w*|pandas\.read_sql\w*|duckdb\.postgres\w*)|(requests|httpx|aiohttp|urllib3|urllib\.request|http\.client|websockets?|grpc|socket|ftplib"
    r"|paramiko|boto3|botocore|s3fs|gcsfs|adlfs|fsspec|smart_open|minio|google\.cloud|azure"
    r"|sqlalchemy|psycopg2?|asyncpg|pymysql|mysql|sqlite3|pyodbc|oracledb|cx_Oracle|pymssql|trino"
    r"|snowflake|clickhouse_connect|clickhouse_driver|pymongo|redis|elasticsearch|kafka"
    r"|confluent_kafka|connectorx|adbc_driver_manager)\.\w.*"
)
_PROGRAMS = re.compile(
    r"subprocess\.\w+|os\.(system|popen|exec\w+|spawn\w+)|pexpect\.\w+"
    r"|asyncio\.create_subprocess_\w+"
)
_SURROUNDINGS = re.compile(
    r"os\.(getenv|getcwd|environ)(\.\w+)?|platform\.\w+|getpass\.\w+|dotenv\.\w+"
)
_MOMENT = re.compile(
    r"datetime\.(datetime\.(now|utcnow|today)|date\.today)|time\.(time|time_ns|localtime|gmtime)"
    r"|pandas\.Timestamp\.(now|utcnow|today)|pendulum\.(now|today)|arrow\.(now|utcnow)|whenever\.\w+\.now"
)
_CHANCE = re.compile(
    r"random\.(?!Random$|seed$)\w+|secrets\.\w+|uuid\.uuid[14]|os\.urandom|numpy\.random\.(?!seed$|Generator$)\w+"
)
_KINDS: Mapping[str, re.Pattern[str]] = {
    "a web call or a connection": _WEB,
    PROGRAM: _PROGRAMS,
    ENVIRONMENT: _SURROUNDINGS,
    CLOCK_KIND: _MOMENT,
    CHANCE: _CHANCE,
}
_SEEDS = {"random.seed", "numpy.random.seed"}
_SEEDED = re.compile(r"numpy\.random\.(default_rng|RandomState|SeedSequence)|random\.Random")
_URL = re.compile(r"[a-z][a-z0-9+.-]+://")
_SAME_FILES = re.compile(
    r"(pathlib\.)?Path|sorted|list|tuple|str|reversed|glob\.i?glob|zipfile\.ZipFile|os\.fspath"
    r"|os\.path\.(abspath|expanduser)"
)
"""Calls whose result stands for the files that their argument names."""

_IN_MEMORY = re.compile(r"io\.(StringIO|BytesIO)")
_SQL = re.compile(r"(duckdb|polars)\.(sql|query|execute|query_df)")
_MODULES = re.compile(
    r"__import__|importlib\.(import_module|__import__)|runpy\.run_\w+|pkgutil\.(iter|walk)_\w+"
    r"|importlib\.util\.spec_from_file_location|importlib\.machinery\.\w+Loader"
)
_FILE_IN_SQL = re.compile(r"'[^']*(\.\w+|://[^']*)'|\bread_\w+\s*\(|_scan\s*\(|\bglob\s*\(", re.I)
_MADE = {
    "duckdb.connect": "duckdb",  # a connection has the functions of its module
    "configparser.ConfigParser": "configparser",
    "configparser.RawConfigParser": "configparser",
}
_SHELLS = ("!", "%sx", "%system", "%sc", "%%sx", "%%system")
_LONGEST = 60


def untracked_calls(trees: Sequence[ast.Module]) -> list[list[Call]]:
    """Of pieces of code that run one after the other, what each has."""
    names = dict(item for tree in trees for item in _imports(tree))
    values = _values(trees)
    for name, value in values.items():
        if isinstance(value, ast.Call) and (of := _MADE.get(_dotted(value.func, names))):
            names[name] = of
    every = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    seeded = {_dotted(node.func, names) for node in every if node.args} & _SEEDS
    return [in_order(_calls(tree, names, values, seeded)) for tree in trees]


def _calls(
    tree: ast.Module, names: Mapping[str, str], values: Mapping[str, ast.expr], seeded: set[str]
) -> Iterator[Call]:
    def dotted(node: ast.expr) -> str:
        return _dotted(node, names)

    def unless_seeded(kind: str, name: str) -> str:
        return "" if kind == CHANCE and f"{name.rpartition('.')[0]}.seed" in seeded else kind

    for used in environment(tree, dotted):
        yield Call(used.lineno, _short(used), ENVIRONMENT)
    for used in handed_on(tree):
        name = dotted(used)
        if kind := unless_seeded(_kind_of_name(name), name):
            yield Call(used.lineno, _short(used), kind)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = dotted(node.func)
        kind = _kind_of_name(called, of_files=False) or kind_of(node, called, dotted, names)
        if (folder := folder_of_modules(node, called)) is not None:
            paths = _written_out(folder, names, values, set())
            yield Call(node.lineno, _short(node), MODULES, tuple(paths))
        if _SQL.fullmatch(called) and isinstance(query := node.args and node.args[0], ast.Constant):
            for asked in kinds_in_sql(str(query.value)):
                yield Call(node.lineno, _short(node), asked)
        if _SEEDED.fullmatch(called):
            kind = "" if node.args or node.keywords else CHANCE
        kind = unless_seeded(kind, called)
        if _SQL.fullmatch(called) and _reads_file(node):
            kind = "a file"
        if _MODULES.fullmatch(called) and imported_text(node) is None:
            kind = "a module by a computed name"
        if kind:
            yield Call(node.lineno, _short(node), kind)
        elif (path := _path_of(node, called, names)) is not None and not _writes(node):
            paths = _written_out(path, names, values, set())
            if any(map(_URL.match, paths)):
                yield Call(node.lineno, _short(node), "a web call or a connection")
            else:
                yield Call(node.lineno, _short(node), "a file", tuple(paths))


def _kind_of_name(name: str, *, of_files: bool = True) -> str:
    if of_files and (_FILES.fullmatch(name) or _READERS.fullmatch(name)):
        return "a file"
    return next((word for word, known in _KINDS.items() if known.fullmatch(name)), "")


def _path_of(node: ast.Call, called: str, names: Mapping[str, str]) -> ast.expr | None:
    """What a call reads from; None: it reads no file."""
    given = [*node.args, *(word.value for word in node.keywords if word.arg in _ARGUMENTS)]
    if _FILES.fullmatch(called) or _READERS.fullmatch(called):
        path = given[0] if given else None
        if isinstance(path, ast.Constant) and path.value == ":memory:":
            return None
        is_there = isinstance(path, ast.Call) and _IN_MEMORY.fullmatch(_dotted(path.func, names))
        return None if is_there else path
    if isinstance(node.func, ast.Attribute) and _METHODS.fullmatch(node.func.attr):
        return None if _is_module(called) else node.func.value
    return None


def _reads_file(node: ast.Call) -> bool:
    """Whether a query outside of `step.sql` may read a file."""
    query = node.args[0] if node.args else None
    if isinstance(query, ast.Constant) and isinstance(query.value, str):
        return _FILE_IN_SQL.search(query.value) is not None
    return query is not None


_ARGUMENTS = ("file", "source", "path", "filename", "filepath_or_buffer", "filepath", "path_or_buf")


def _is_module(called: str) -> bool:
    """Whether `open` and the like are of a module that is known here, or of no path at all."""
    return called.split(".")[0] in ("os", "webbrowser", "step")


def _writes(node: ast.Call) -> bool:
    """Whether a file is opened to be written only."""
    modes = [*node.args, *(word.value for word in node.keywords if word.arg == "mode")]
    texts = [one.value for one in modes if isinstance(one, ast.Constant)]
    return any(isinstance(one, str) and re.fullmatch("[wax]b?t?", one) for one in texts)


def _written_out(
    node: ast.expr, names: Mapping[str, str], values: Mapping[str, ast.expr], seen: set[str]
) -> list[str]:
    """The paths that an expression stands for, where they are written out; none if not all are."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.Name) and node.id in values and node.id not in seen:
        return _written_out(values[node.id], names, values, seen | {node.id})
    parts: list[ast.expr] = []
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        parts = list(node.elts)
    elif isinstance(node, ast.Call) and len(node.args) == 1 and not node.keywords:
        called = _dotted(node.func, names)
        parts = list(node.args) if _SAME_FILES.fullmatch(called) else []
    found = [_written_out(part, names, values, seen) for part in parts]
    return [path for paths in found for path in paths] if all(found) else []


def _values(trees: Sequence[ast.Module]) -> dict[str, ast.expr]:
    """Name -> what it is set to, or runs over, of the names that are set once."""
    set_to: dict[str, list[ast.expr | None]] = {}
    for node in (node for tree in trees for node in ast.walk(tree)):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            set_to.setdefault(node.id, []).append(None)
        if isinstance(node, ast.arg):
            set_to.setdefault(node.arg, []).append(None)
    for node in (node for tree in trees for node in ast.walk(tree)):
        targets: list[ast.expr] = []
        value: ast.expr | None = None
        if isinstance(node, ast.Assign):
            targets, value = node.targets, node.value
        elif isinstance(node, ast.AnnAssign | ast.NamedExpr):
            targets, value = [node.target], node.value
        elif isinstance(node, ast.For | ast.comprehension):
            targets, value = [node.target], node.iter
        elif isinstance(node, ast.withitem) and node.optional_vars is not None:
            targets, value = [node.optional_vars], node.context_expr
        for target in targets:
            if isinstance(target, ast.Name) and len(set_to[target.id]) == 1:
                set_to[target.id] = [value]
    for name, given in _given_to_functions(trees):
        if len(set_to[name]) == 1:
            set_to[name] = [given]
    return {name: one[0] for name, one in set_to.items() if len(one) == 1 and one[0] is not None}


def _given_to_functions(trees: Sequence[ast.Module]) -> Iterator[tuple[str, ast.expr]]:
    """Parameter -> all that it is given, where every call of its function is plain to see."""
    nodes = [node for tree in trees for node in ast.walk(tree)]
    calls: dict[str, list[ast.Call]] = {}
    uses: Counter[str] = Counter()
    for node in nodes:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            calls.setdefault(node.func.id, []).append(node)
        if isinstance(node, ast.Name):
            uses[node.id] += 1
    for node in nodes:
        if not isinstance(node, ast.FunctionDef) or len(calls.get(node.name, ())) < uses[node.name]:
            continue
        for place, argument in enumerate(node.args.args):
            found = [_given(call, place, argument.arg) for call in calls.get(node.name, ())]
            known = [one for one in found if one is not None]
            if known and len(known) == len(found):
                yield argument.arg, ast.Tuple(known, ast.Load())


def _given(call: ast.Call, place: int, name: str) -> ast.expr | None:
    if any(isinstance(one, ast.Starred) for one in call.args):
        return None
    if place < len(call.args):
        return call.args[place]
    return next((word.value for word in call.keywords if word.arg == name), None)


def _imports(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Name in the code -> dotted name of what was imported."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield (
                    alias.asname or alias.name.split(".")[0],
                    (alias.name if alias.asname else alias.name.split(".")[0]),
                )
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module}.{alias.name}"


def _dotted(node: ast.expr, names: Mapping[str, str]) -> str:
    """`a.b.c` with `a` as it was imported; `?` stands for what is no name."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    first = names.get(node.id, node.id) if isinstance(node, ast.Name) else "?"
    return ".".join([first, *reversed(parts)])


def _short(node: ast.expr) -> str:
    return _cut(ast.unparse(node))


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def in_order(calls: Iterable[Call]) -> list[Call]:
    """Each once, by its line."""
    return sorted(dict.fromkeys(calls), key=lambda call: (call.line, call.text))


def commands(cell: Cell) -> list[Call]:
    """The commands of a shell in a cell."""
    return [
        Call(0, _cut(line), "another program") for line in magics(cell) if line.startswith(_SHELLS)
    ]
