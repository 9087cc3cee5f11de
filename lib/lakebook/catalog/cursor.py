"""How far the outbox was delivered to one receiver, and which proposals were set aside on the way.

A receiver has a folder below `<outbox>/delivered/`. Its cursor moves after what was delivered, so
that a kill between the two delivers again and never skips.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import StorageError
from ..files import make_folder, sync
from .outbox import OutboxFile, list_files, write_durably
from .proposals import Proposal

CURSOR = "cursor.json"


@dataclass(frozen=True)
class Cursor:
    """Delivered: all files up to `number`, and the first `proposals` of the next one."""

    number: int = 0
    proposals: int = 0

    @classmethod
    def read(cls, folder: Path) -> Cursor:
        path = folder / CURSOR
        try:
            raw = json.loads(path.read_text(encoding="utf-8"))
            return cls(int(raw["number"]), int(raw["proposals"]))
        except FileNotFoundError:
            return cls()
        except (ValueError, KeyError, TypeError) as broken:
            raise StorageError(
                f"not a cursor: {broken}",
                where=str(path),
                fix="remove it to deliver everything again, which does no harm",
            ) from None

    def write(self, folder: Path) -> None:
        """`folder`: of the receiver. What it counts as delivered is durable before."""
        # A file whose name a power cut took away would give its number to one that never goes out.
        make_folder(folder)
        sync(folder.parent.parent)
        write_durably(folder / CURSOR, json.dumps(self.__dict__))


def receiver_folder(outbox: Path, address: str) -> Path:
    """Named by a digest: an address may hold a password."""
    return outbox / "delivered" / hashlib.sha256(address.encode()).hexdigest()[:12]


def waiting(outbox: Path, cursor: Cursor) -> list[OutboxFile]:
    return [file for file in list_files(outbox) if file.number > cursor.number]


def set_aside(
    folder: Path, file: OutboxFile, position: int, proposal: Proposal, status: int, reason: str
) -> None:
    """Keep a proposal that the receiver refused, with its reason; the same again overwrites it."""
    kept = folder / "rejected"
    kept.mkdir(parents=True, exist_ok=True)
    content: dict[str, Any] = {
        "file": file.path.name,
        "position": position,
        "status": status,
        "reason": reason,
        "proposal": proposal,
    }
    text = json.dumps(content, indent=1, ensure_ascii=False)
    write_durably(kept / f"{file.number:08d}-{position:04d}.json", text)


def rejected(folder: Path) -> list[str]:
    """What the receiver refused, one sentence each."""
    return [_refusal(path) for path in sorted((folder / "rejected").glob("*.json"))]


def _refusal(path: Path) -> str:
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        one = raw["proposal"]
        return f"{one['entityUrn']} {one['aspectName']}: {raw['status']} {raw['reason']}"
    except (OSError, ValueError, KeyError, TypeError):
        return f"{path} cannot be read"  # it is still one that was refused
