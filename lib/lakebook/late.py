"""Imports that are put off, until a name is used or because hardly anybody needs them."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from types import ModuleType
from typing import Any

_IRI = "rfc3987_syntax"


def on_first_use(package: str, home: Mapping[str, Sequence[str]]) -> Callable[[str], Any]:
    """The `__getattr__` of a package: a name's module is imported when the name is asked for.

    `home`: the names that each module of the package has.
    """
    module_of = {name: module for module, names in home.items() for name in names}

    def getattribute(name: str) -> Any:
        if name not in module_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f".{module_of[name]}", package), name)

    return getattribute


def put_off_iri_grammar() -> None:
    """Let jsonschema be imported without a grammar of IRIs, which takes a second to compile.

    It comes with JupyterLab. jsonschema imports it for the format `iri`, which no schema here has;
    whoever checks one gets the real module then.
    """
    if _IRI not in sys.modules and find_spec(_IRI) is not None:
        late = ModuleType(_IRI)
        late.is_valid_syntax = _is_valid_syntax  # type: ignore[attr-defined]
        sys.modules[_IRI] = late


def _is_valid_syntax(*args: Any, **kwargs: Any) -> Any:
    if sys.modules.get(_IRI) is not None and not hasattr(sys.modules[_IRI], "__file__"):
        del sys.modules[_IRI]
    return importlib.import_module(_IRI).is_valid_syntax(*args, **kwargs)
