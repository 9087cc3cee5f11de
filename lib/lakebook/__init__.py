"""Lakebook: notebooks as steps of a lakehouse. A notebook needs one name from here.

`Step` makes a dataset, `Maintenance` looks after what is there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .ops import Maintenance as Maintenance
    from .step import Step as Step

__version__ = "0.1.0"
__all__ = ["Maintenance", "Step"]


def __getattr__(name: str) -> object:
    # Lazy: the command line starts without importing an engine.
    if name == "Step":
        from .step import Step

        return Step
    if name == "Maintenance":
        from .ops import Maintenance

        return Maintenance
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
