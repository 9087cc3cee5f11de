"""Lakebook: notebooks as steps of a lakehouse. A notebook needs one name from here, `Step`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .step import Step as Step

__version__ = "0.1.0"
__all__ = ["Step"]


def __getattr__(name: str) -> object:
    # Lazy: the command line starts without importing an engine.
    if name == "Step":
        from .step import Step

        return Step
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
