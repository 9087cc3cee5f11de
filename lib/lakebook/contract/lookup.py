"""Find the contract that promises a dataset: beside the notebook of its name, or in its layer."""

from __future__ import annotations

from pathlib import Path

from ..errors import UserError, did_you_mean
from ..names import Dataset, contract_path
from .model import TableContract
from .odcs import load_contract


def find_table(root: Path, dataset: Dataset) -> TableContract:
    """The contract of one dataset. Raises UserError with the nearest known name."""
    own = contract_path(root, dataset)
    if own.is_file():
        for table in load_contract(own, root=root).tables:
            if table.dataset == dataset:
                return table
    known = []
    for path in sorted((root / "notebooks" / dataset.layer).glob("*.contract.yaml")):
        if path == own:
            continue
        for table in load_contract(path, root=root).tables:
            if table.dataset == dataset:
                return table
            known.append(str(table.dataset))
    raise UserError(
        f"no contract promises {dataset}{did_you_mean(str(dataset), known)}",
        fix=f"write one: lakebook new {dataset}",
    )
