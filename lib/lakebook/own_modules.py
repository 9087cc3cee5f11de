"""The team's own modules are compiled from their text whenever they are imported.

Python takes the bytecode that it kept for a file's, if the file's time in whole seconds and its
size are still the same: after an edit within that second a run would be of the old text, though its
fingerprint says the new one.
"""

from __future__ import annotations

import os
import sys
from importlib.abc import PathEntryFinder
from importlib.machinery import (
    BYTECODE_SUFFIXES,
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    SourceFileLoader,
    SourcelessFileLoader,
)
from pathlib import Path
from types import CodeType


class _FromText(SourceFileLoader):
    """Neither reads bytecode nor keeps any."""

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        code: CodeType = self.source_to_code(self.get_data(path), path)
        return code


def forget_own_modules() -> None:
    """Import the team's modules anew when they are asked for again, from where they stand then."""
    for name, module in list(sys.modules.items()):
        if isinstance(getattr(getattr(module, "__spec__", None), "loader", None), _FromText):
            del sys.modules[name]


def compile_own_modules(root: Path) -> None:
    """From here on, import what lies below a checkout from its text; twice is as once.

    What is installed in an environment below it, and Lakebook itself, are imported as ever.
    """
    if any(getattr(hook, "_lakebook_root", None) == root for hook in sys.path_hooks):
        return
    installed = [Path(sys.prefix).resolve(), Path(__file__).resolve().parent]
    find = FileFinder.path_hook(
        (ExtensionFileLoader, EXTENSION_SUFFIXES),
        (_FromText, SOURCE_SUFFIXES),
        (SourcelessFileLoader, BYTECODE_SUFFIXES),
    )

    def is_own(path: str) -> bool:
        folder = Path(path or os.curdir).resolve()
        is_installed = any(folder.is_relative_to(one) for one in installed)
        return folder.is_relative_to(root.resolve()) and not is_installed

    def hook(path: str) -> PathEntryFinder:
        if not is_own(path):
            raise ImportError("not below the checkout")
        return find(path)

    hook._lakebook_root = root  # type: ignore[attr-defined]
    sys.path_hooks.insert(0, hook)
    for path in [path for path in sys.path_importer_cache if is_own(path)]:
        del sys.path_importer_cache[path]
