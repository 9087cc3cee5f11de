"""Which warm parent serves a request: its key, its socket and the fingerprint of the code it holds.

Only the standard library is used here: every `lakebook run` reads this before anything is warm.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import lakebook

from ..archive.masking import is_secret
from . import caller, place

IMPORTS = (
    "numpy",
    "pandas",
    "pyarrow.parquet",
    "pyarrow.pandas_compat",
    "polars",
    "polars._utils.parquet",
    "narwhals",
    "narwhals._polars.dataframe",
    "narwhals._polars.expr",
    "narwhals._polars.namespace",
    "narwhals._interchange.dataframe",
    "deltalake",
    "duckdb",
    "sqlglot",
    "xxhash",
    "datahub.emitter.mcp",
    "datahub.metadata.schema_classes",
    "great_expectations",
    "great_expectations.expectations",
    "dbt.cli.main",
    "dbt.task.build",
    "dbt.task.compile",
    "dbt.adapters.duckdb",
    "papermill",
    "jupyter_client",
    "ipykernel.kernelapp",
    "ipykernel.debugger",
    "IPython.core.completerlib",
    "IPython.core.debugger",
    "IPython.core.oinspect",
    "IPython.extensions.storemagic",
    "encodings.ascii",
    "encodings.latin_1",
    "matplotlib_inline.config",
    "tornado.platform.asyncio",
    "tornado.queues",
    "psutil",
    "matplotlib.pyplot",
    "matplotlib.backends.backend_agg",
    "nbconvert.exporters.html",
    "nh3",
    "open_data_contract_standard.model",
    "jsonschema",
    "rich",
    "lakebook.*",
)
"""What the parent imports. One that is not installed is left out."""

_READ_BY_IMPORTS = re.compile(
    r"(POLARS|OMP|OPENBLAS|MKL|NUMEXPR|GOTO|BLIS|VECLIB|PYTHON|MPL|GX|DBT|ARROW|RUST|DUCKDB|MALLOC"
    r"|_RJEM|JE|LD|NARWHALS|JUPYTER|IPYTHON|SSL|LC|DATAHUB|TQDM)_.*"
    r"|PYTHON[A-Z]+|MPL[A-Z]+|IPYTHONDIR|XDG_(CONFIG|CACHE|DATA)_HOME|HOME|LANG|LANGUAGE|TZ|(HTTPS?|NO|ALL|FTP)_PROXY|MALLOC_CONF",
    re.IGNORECASE,
)
# Variables of one front end or one kernel; a parent serves many of them.
_PER_CHILD = frozenset(
    {"MPLBACKEND", "JPY_PARENT_PID", "JPY_SESSION_NAME", "JPY_API_TOKEN", "PYTHONEXECUTABLE"}
)


@dataclass(frozen=True)
class WarmSpec:
    """One parent: `key` names it, `code` is the fingerprint of what it imported."""

    root: str
    python: str
    code: str
    key: str
    folder: str
    imports: tuple[str, ...]
    linger_s: float

    @property
    def socket(self) -> Path:
        return Path(self.folder) / f"{self.key}.sock"

    @property
    def lock(self) -> Path:
        return Path(self.folder) / f"{self.key}.lock"

    @property
    def ready(self) -> Path:
        """Is there while a parent has its imports and can fork."""
        return Path(self.folder) / f"{self.key}.ready"

    @property
    def log(self) -> Path:
        return Path(self.folder) / f"{self.key}.log"

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> WarmSpec:
        raw: dict[str, Any] = json.loads(text)
        return cls(**{**raw, "imports": tuple(raw["imports"])})


def warm_spec(root: Path, *, linger_s: float, environ: Mapping[str, str] | None = None) -> WarmSpec:
    """The parent for a checkout, this Python and the variables that imports read.

    `LAKEBOOK_WARM_IMPORTS` (names with commas between) replaces the list of imports. Raises
    `place.NoPlace`.
    """
    environ = os.environ if environ is None else environ
    chosen = environ.get("LAKEBOOK_WARM_IMPORTS")
    imports = tuple(filter(None, chosen.split(","))) if chosen is not None else IMPORTS
    code = code_fingerprint()
    parts = [str(root), sys.executable, code, *imports, str(caller.niceness())]
    parts += [f"{name} {limit}" for name, limit in caller.hard_limits()]
    parts += [f"{name}={value}" for name, value in sorted(import_environ(environ).items())]
    key = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
    return WarmSpec(
        root=str(root),
        python=sys.executable,
        code=code,
        key=key,
        folder=str(place.folder(root, environ)),
        imports=imports,
        linger_s=linger_s,
    )


def import_environ(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables that an import may read; never a secret."""
    return {
        name: value
        for name, value in environ.items()
        if _READ_BY_IMPORTS.fullmatch(name) and name not in _PER_CHILD and not is_secret(name)
    }


def code_fingerprint() -> str:
    """Digest of names, sizes and times of Lakebook's modules and of the installed distributions."""
    digest = hashlib.sha256()
    package = str(Path(lakebook.__file__).parent)
    for folder, subfolders, files in os.walk(package):
        subfolders[:] = sorted(name for name in subfolders if name != "__pycache__")
        for name in sorted(files):
            if not name.endswith((".pyc", "~")) and not name.startswith("."):
                found = Path(folder, name).stat()
                digest.update(f"{folder}/{name} {found.st_size} {found.st_mtime_ns}\n".encode())
    for site in sorted({path for path in sys.path if path.endswith("-packages")}):
        if not Path(site).is_dir():
            continue
        with os.scandir(site) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                if entry.name.endswith((".dist-info", ".pth", ".egg-link")):
                    # An upgrade renames the folder; a reinstall of the same version writes it anew.
                    digest.update(f"{entry.path} {entry.stat().st_mtime_ns}\n".encode())
    return digest.hexdigest()[:16]
