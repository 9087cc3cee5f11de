"""Files are put in place in few modules, each of which knows what a power cut may leave."""

from __future__ import annotations

import ast
from pathlib import Path

LIB = Path(__file__).parents[2] / "lib" / "lakebook"

KNOWN = {
    "files.py": "syncs before it renames; everything else uses it",
    "delta/disk.py": "the same, for the log",
    "delta/checkpointing.py": "a checkpoint, synced before it has its name",
    "delta/staging.py": "names of staged files, synced before the commit",
    "delta/sweeper.py": "a mark, whose folder is synced before anything goes",
    "archive/record.py": "the folder of a run, synced whole before it has its name",
    "run/drop.py": "an environment on its way out, synced before its files go",
    "run/drop_dataset.py": "a dataset on its way out, in the same way",
    "run/rename.py": "a dataset's folders, synced one after the other, hot at last",
    "run/own_rows.py": "rows that an environment gives up, synced before they go",
    "site/retention.py": "a run on its way out, synced before its files go",
    "tiers/cold/cold_folders.py": "archives, which are synced before, and their folders after",
    "runtime/kernelspec.py": "of a person's Jupyter, made anew when it differs",
    "runtime/worker.py": "a run's notebook, of which recovery knows that it may be torn",
    "step/outcome.py": "saved at each read; `closing` knows that it may be torn",
    "ops/outcome.py": "the same, of a maintenance job",
    "lineage/processes.py": "a request that ends with its process",
    "run/data_docs.py": "made again from the archive",
    "site/render.py": "made again from the archive",
    "site/build.py": "made again from the archive",
}


def renames(path: Path) -> list[int]:
    """Lines on which a file gets another name; a text's `replace` has two arguments."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        name, whose = node.func.attr, node.func.value
        of_os = isinstance(whose, ast.Name) and whose.id in ("os", "shutil")
        plain = len(node.args) == 1 and not node.keywords
        is_path = isinstance(whose, ast.Name | ast.Attribute)  # the result of a call is no path
        of_path = name in ("replace", "rename") and plain and is_path
        of_path = of_path and not isinstance(node.args[0], ast.Call)
        if (of_os and name in ("replace", "rename", "link", "move")) or of_path:
            found.append(node.lineno)
    return found


def test_only_modules_that_sync_or_need_not_give_files_their_names() -> None:
    found = {path.relative_to(LIB).as_posix(): renames(path) for path in LIB.rglob("*.py")}
    assert {name for name, lines in found.items() if lines} - set(KNOWN) == set(), found


def test_every_module_that_is_listed_still_does() -> None:
    assert [name for name in KNOWN if not renames(LIB / name)] == []
