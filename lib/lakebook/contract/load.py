"""Contract files as they were checked before: a checked contract is remembered by its content.

What reads and checks one (`odcs`) is loaded only for a file that is new.
"""

from __future__ import annotations

import hashlib
import os
import pickle
from functools import lru_cache
from pathlib import Path

from ..errors import ContractError
from ..files import replace_file
from .model import Contract


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
    except OSError as problem:
        raise ContractError(
            f"the file cannot be read ({problem.strerror})", where=display(path, root)
        ) from None
    return _cached(text, path.absolute(), display(path, root), cache)


def display(path: Path, root: Path | None = None) -> str:
    """A contract's path as people name it: from the checkout on."""
    if root is not None and path.is_relative_to(root):
        return path.relative_to(root).as_posix()
    parts = path.parts
    if "notebooks" in parts:
        last = len(parts) - 1 - parts[::-1].index("notebooks")
        return "/".join(parts[last:])
    return path.as_posix()


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
    from .odcs import parse_contract

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
