"""The Papermill engine "lakebook" (entry point): `papermill --engine lakebook` and `worker.py`.

Papermill loads this module while it is itself half imported, so all that needs Papermill is next
door, in `notebook_client.py`, and imported at the first use.
"""

from __future__ import annotations

from typing import Any


class LakebookEngine:
    """Papermill's engine protocol: limits, measurements, journal, causes of death per cell.

    Outside a run of Lakebook's own the limits are those of lakebook.toml.
    """

    @classmethod
    def execute_notebook(cls, nb: Any, kernel_name: str, **kwargs: Any) -> Any:
        """Execute in place; see `papermill.engines.Engine` for the arguments."""
        from .notebook_client import ManagedEngine

        return ManagedEngine.execute_notebook(nb, kernel_name, **kwargs)

    @classmethod
    def nb_kernel_name(cls, nb: Any, name: str | None = None) -> str:
        from papermill.utils import nb_kernel_name

        return str(nb_kernel_name(nb, name))

    @classmethod
    def nb_language(cls, nb: Any, language: str | None = None) -> str:
        from papermill.utils import nb_language

        return str(nb_language(nb, language))
