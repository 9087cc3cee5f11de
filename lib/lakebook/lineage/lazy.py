"""Imports that a check puts off until something is asked of the module.

A notebook imports matplotlib in its first cell and uses it in cells tagged `view`, which no check
runs; and DuckDB imports pandas only to see whether a constant is one of its values.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

_LATE = ("matplotlib", "seaborn")


def install() -> None:
    """Put off plotting libraries. Only for a process that ends soon, like `hide_pandas`."""
    if not any(isinstance(finder, _LateFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _LateFinder())


def hide_pandas() -> None:
    """Let an import of pandas fail, until `reveal_pandas`."""
    if "pandas" not in sys.modules:
        sys.modules["pandas"] = None  # type: ignore[assignment]


def reveal_pandas() -> bool:
    """Let pandas be imported after all; False if it was not hidden."""
    hidden = "pandas" in sys.modules and sys.modules["pandas"] is None
    if hidden:
        del sys.modules["pandas"]
    return hidden


class _LateModule(ModuleType):
    """Becomes the real module when an attribute is asked for."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if self.__name__ == "matplotlib" and name in ("pyplot", "dates", "ticker"):
            return importlib.import_module(f"matplotlib.{name}")
        return getattr(_real(self.__name__), name)


class _LateFinder(MetaPathFinder, Loader):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname.split(".")[0] not in _LATE:
            return None
        return ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _LateModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        return None


def _real(name: str) -> ModuleType:
    """Import the library itself, in place of all its late modules."""
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, _LateFinder)]
    for known, module in tuple(sys.modules.items()):
        if isinstance(module, _LateModule):
            del sys.modules[known]
    reveal_pandas()
    return importlib.import_module(name)
