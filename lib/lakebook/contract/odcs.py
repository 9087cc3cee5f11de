"""ODCS v3 files into `model.Contract`. Strict: what is not understood is an error with its line.

The steps: YAML with lines (`yamlfile`), the standard's models and JSON schema (`strict`), then
Lakebook's profile of it (`tables`, `rules`). docs/reference/contracts.md is the page for people.
"""

from __future__ import annotations

import hashlib
import os
import pickle
from functools import lru_cache
from pathlib import Path

from ..errors import ContractError
from ..files import replace_file
from ..names import LAYERS, Dataset, step_of
from .fingerprint import fingerprint_of
from .model import Contract
from .reader import Reader
from .strict import check_standard
from .tables import read_table
from .yamlfile import parse

__all__ = ["SUFFIX", "display", "fingerprint_of", "load_contract", "parse_contract", "store"]

SUFFIX = ".contract.yaml"


def load_contract(path: Path, *, root: Path | None = None, cache: Path | None = None) -> Contract:
    """Read and check one contract file.

    Parameters
    ----------
    root: checkout, for paths in messages; default: the folder that holds `notebooks`.
    cache: a folder that may be deleted at any time; default: `.lakebook` in the checkout. Checking
        by the official JSON schema costs 40 ms and a second to import its library; a file whose
        content was checked before costs less than a millisecond.

    Raises ContractError with file, line and, where there is one, a suggestion.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ContractError(
            "no such contract",
            where=display(path, root),
            fix=f"write it, or scaffold a step with: lakebook new {path.parent.name}."
            f"{path.name.split('.')[0]}",
        ) from None
    except UnicodeDecodeError:
        raise ContractError("not UTF-8 text", where=display(path, root)) from None
    return _cached(text, path.absolute(), display(path, root), cache)


def parse_contract(text: str, path: Path, *, root: Path | None = None) -> Contract:
    """Like `load_contract` for a text that need not be in a file; `path` names its step."""
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


def display(path: Path, root: Path | None = None) -> str:
    """A contract's path as people name it: from the checkout on."""
    if root is not None and path.is_relative_to(root):
        return path.relative_to(root).as_posix()
    parts = path.parts
    if "notebooks" in parts:
        last = len(parts) - 1 - parts[::-1].index("notebooks")
        return "/".join(parts[last:])
    return path.as_posix()


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


def _cached(text: str, path: Path, shown: str, cache: Path | None) -> Contract:
    cache = cache or _default_cache(path)
    if cache is None:
        return _parse_once(text, path, shown)
    key = hashlib.sha256("\0".join((_code(), str(path), shown, text)).encode()).hexdigest()
    file = cache / "contracts" / f"{key[:40]}.pickle"
    try:
        stored = pickle.loads(file.read_bytes())
        if isinstance(stored, Contract):
            return stored
    except (OSError, pickle.UnpicklingError, EOFError, AttributeError, ImportError):
        stored = None  # absent or half-written: read the contract itself
    contract = _parse_once(text, path, shown)
    if os.access(cache if cache.exists() else cache.parent, os.W_OK):  # else a read-only checkout
        store(file, pickle.dumps(contract))
    return contract


def _default_cache(path: Path) -> Path | None:
    """`.lakebook` of the checkout `<root>/notebooks/<layer>/`; None where there is no checkout."""
    root = path.parents[2] if len(path.parents) > 2 else path.parent
    return root / ".lakebook" if (root / "lakebook.toml").is_file() else None


@lru_cache(maxsize=512)
def _parse_once(text: str, path: Path, shown: str) -> Contract:
    # `shown` is rebuilt from a root that gives the same words, so that it can be part of the key.
    root = path.parents[len(Path(shown).parts) - 1] if not Path(shown).is_absolute() else None
    return parse_contract(text, path, root=root)


def store(file: Path, content: bytes) -> None:
    """Write a cache file whole or not at all; several processes may do it at once."""
    replace_file(file, content)


@lru_cache(maxsize=1)
def _code() -> str:
    """A digest of this package's own code: another reader, another result."""
    digest = hashlib.sha256()
    for file in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()
