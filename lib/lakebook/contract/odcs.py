"""ODCS v3 files into `model.Contract`. Strict: what is not understood is an error with its line.

The steps: YAML with lines (`yamlfile`), the standard's models and JSON schema (`strict`), then
Lakebook's profile of it (`tables`, `rules`). docs/reference/contracts.md is the page for people.
"""

from __future__ import annotations

from pathlib import Path

from ..errors import ContractError
from ..names import LAYERS, Dataset, step_of
from .load import display
from .model import Contract
from .reader import Reader
from .strict import check_standard
from .tables import read_table
from .yamlfile import parse


def parse_contract(text: str, path: Path, *, root: Path | None = None) -> Contract:
    """Like `load.load_contract` for a text that need not be in a file; `path` names its step."""
    document = parse(text, display(path, root))
    check_standard(document)
    contract = Reader(document, (), document.value)
    step = _step(path, contract)
    if not contract["schema"]:
        raise contract.error("the contract has no schema", fix="list its tables under schema")
    owner = _owner(contract)
    tables = tuple(
        read_table(table, contract, path=path, layer=step.layer, owner=owner)
        for table in contract.items("schema")
    )
    seen: set[Dataset] = set()
    for table, raw in zip(tables, contract.items("schema"), strict=True):
        if table.dataset in seen:
            raise raw.error(f"table {table.dataset.name!r} stands twice", "name")
        if table.dataset.is_quarantine:
            raise raw.error(
                f"{table.dataset} is the name of a quarantine, which no step writes",
                "name",
                fix="choose another name",
            )
        seen.add(table.dataset)
    words = contract["description"] or {}
    return Contract(
        path=path,
        step=step,
        id=contract.text("id"),
        version=contract.text("version"),
        tables=tables,
        description=str(words.get("purpose") or "").strip(),
        owner=owner,
        domain=contract.text("domain"),
        tags=tuple(contract["tags"] or ()),
    )


def _step(path: Path, contract: Reader) -> Dataset:
    if path.parent.name not in LAYERS:
        raise ContractError(
            f"the folder {path.parent.name!r} is no layer",
            where=contract.document.where,
            fix=f"put the contract beside its notebook in notebooks/<{'|'.join(LAYERS)}>/",
        )
    step = Dataset.parse(str(step_of(path)), where=contract.document.where)
    if contract["id"] != str(step):
        raise contract.error(
            f"id {contract['id']!r} is not the step's name", "id", fix=f"write id: {step}"
        )
    return step


def _owner(contract: Reader) -> str:
    team = contract["team"]
    members = team.get("members") or [] if isinstance(team, dict) else team or []
    owners = [m["username"] for m in members if m.get("role") == "owner"]
    if len(owners) != 1:
        raise contract.error(
            f"the contract has {len(owners) or 'no'} owner{'s' if owners else ''}",
            "team",
            fix="give exactly one member of team the role owner",
        )
    return str(owners[0])
