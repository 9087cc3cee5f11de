"""The stored content of a run folder: record and sanitized cells, whatever version wrote them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..archive.record import CELLS, NOTEBOOK


def load_cells(folder: Path) -> list[dict[str, Any]]:
    """The cells of a run; rendered from its notebook where the folder has no cells.json."""
    try:
        stored = json.loads((folder / CELLS).read_text(encoding="utf-8"))
        return list(stored["cells"])
    except (FileNotFoundError, ValueError, KeyError):
        pass
    try:
        notebook = json.loads((folder / NOTEBOOK).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return []
    from ..archive.cells import render_cells  # brings nbconvert: only for what an older run left

    return list(render_cells(notebook)["cells"])
