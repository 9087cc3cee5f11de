"""Imports that are put off because hardly anybody needs what they bring."""

from __future__ import annotations

import importlib
import sys
from importlib.util import find_spec
from types import ModuleType
from typing import Any

_IRI = "rfc3987_syntax"


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
