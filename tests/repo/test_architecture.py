"""The order of the packages, the size of modules, and what an import may cost."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LIB = ROOT / "lib" / "lakebook"

# Each of these costs from a tenth of a second to ten seconds; the command line pays for none.
HEAVY = {
    "dbt", "datahub", "deltalake", "duckdb", "great_expectations", "ipykernel", "IPython",
    "jupyter_client", "matplotlib", "narwhals", "nbclient", "nbconvert", "nbformat", "numpy",
    "pandas", "papermill", "polars", "pyarrow", "pyspark", "scipy", "sqlglot",
}  # fmt: skip

# Imported by the command line before it knows what is asked of it.
LIGHT = ("cli", "graph", "contract", "errors", "intervals", "names", "settings", "step")

LINES_MAX = 400


def modules(*below: str) -> list[Path]:
    chosen = [LIB / name for name in below] if below else [LIB]
    files = [p for c in chosen for p in (c.rglob("*.py") if c.is_dir() else [c.with_suffix(".py")])]
    return sorted(path for path in files if path.is_file())


def module_level_imports(tree: ast.Module) -> set[str]:
    """First names of what an import of the module imports; TYPE_CHECKING blocks do not count."""
    found: set[str] = set()
    waiting: list[ast.stmt] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            found.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module.split(".")[0])
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            waiting.extend(node.orelse)
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            waiting.extend(n for n in ast.iter_child_nodes(node) if isinstance(n, ast.stmt))
            waiting.extend(n for handler in getattr(node, "handlers", []) for n in handler.body)
    return found


def identify(path: Path) -> str:
    return str(path.relative_to(LIB))


def test_packages_import_only_what_stands_before_them() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:]


def test_every_package_has_its_place_in_the_order() -> None:
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (layers,) = [
        contract["layers"]
        for contract in config["tool"]["importlinter"]["contracts"]
        if contract["type"] == "layers"
    ]
    placed = {name.strip() for layer in layers for name in layer.strip("()").split("|")}
    there = {p.stem for p in LIB.iterdir() if p.suffix == ".py" or (p / "__init__.py").is_file()}
    assert there - {"__init__"} - {name.removeprefix("lakebook.") for name in placed} == set()


@pytest.mark.parametrize("path", modules(*LIGHT), ids=identify)
def test_what_the_command_line_imports_imports_nothing_heavy(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert module_level_imports(tree) & HEAVY == set(), "import it in the function that needs it"


@pytest.mark.parametrize("path", modules(), ids=identify)
def test_great_expectations_is_imported_only_where_an_audit_runs(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    # quality/ registers metrics at import, inside modules that only an audit imports.
    if path.relative_to(LIB).parts[0] == "quality" and path.name != "__init__.py":
        return
    assert "great_expectations" not in module_level_imports(tree)


def test_the_command_line_starts_without_an_engine() -> None:
    if not (LIB / "cli" / "main.py").is_file():
        pytest.skip("no command line yet")
    code = "import sys, lakebook.cli.main; print(*{m.split('.')[0] for m in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) & HEAVY == set()


@pytest.mark.parametrize("path", modules(), ids=identify)
def test_a_module_is_short_and_says_what_it_holds(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    if not text.strip():
        return
    assert len(text.splitlines()) <= LINES_MAX
    assert ast.get_docstring(ast.parse(text)), "open with one or two sentences"


@pytest.mark.parametrize("path", modules(), ids=identify)
def test_no_error_is_swallowed(path: Path) -> None:
    silent = [
        node.lineno
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or ast.unparse(node.type) in ("Exception", "BaseException"))
        and all(isinstance(statement, ast.Pass) for statement in node.body)
    ]
    assert silent == [], "name the exception, or say what happens"
