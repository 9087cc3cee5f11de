"""Delivers the outbox to a DataHub server: in order, in batches, at least once.

A proposal that the server refuses is set aside with the reason and the rest goes on. Stable URNs
make a second delivery the same as one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..settings import Settings
from .cursor import Cursor, receiver_folder, set_aside, waiting
from .outbox import OutboxFile, locked, outbox_folder
from .proposals import Proposal
from .server import Patience, Refused, Server

BATCH = 100
URL, TOKEN = "DATAHUB_GMS_URL", "DATAHUB_GMS_TOKEN"
Watch = Callable[[OutboxFile, int], None]


@dataclass
class Delivery:
    """What one push did."""

    files: int = 0
    proposals: int = 0
    set_aside: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        return {
            "files": self.files,
            "proposals": self.proposals,
            "set_aside": list(self.set_aside),
        }


def server_of(environ: Mapping[str, str]) -> tuple[str, str | None]:
    """Address and token. They come from the environment only: no file of ours holds them."""
    address = environ.get(URL, "").strip().rstrip("/")
    if not address:
        raise UserError(
            f"no DataHub server is named: {URL} is not set",
            fix=f"export {URL}=http://host:8080 and, if it wants one, {TOKEN}",
        )
    return address, environ.get(TOKEN) or None


def push(
    settings: Settings,
    address: str,
    token: str | None = None,
    *,
    patience: Patience | None = None,
    batch: int = BATCH,
) -> Delivery:
    """Deliver what the server does not have yet.

    Raises Away when it cannot be reached, with everything kept; UserError when it is no DataHub
    server or the token is wrong.
    """
    outbox = outbox_folder(settings)
    folder = receiver_folder(outbox, address)
    done = Delivery()
    if not outbox.is_dir():
        return done
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / "push.lock"):
        cursor = Cursor.read(folder)
        files = waiting(outbox, cursor)
        if not files:
            return done
        server = Server(address, token, patience or Patience())
        try:
            server.greet()
            for file in files:
                _deliver_file(server, folder, file, cursor.proposals, batch, done)
                cursor = Cursor(file.number)
                cursor.write(folder)
                done.files += 1
        finally:
            server.close()
    return done


def _deliver_file(
    server: Server, folder: Path, file: OutboxFile, start: int, batch: int, done: Delivery
) -> None:
    proposals = file.read()
    for position in range(start, len(proposals), batch):
        part = proposals[position : position + batch]
        _deliver(server, folder, file, position, part, done)
        Cursor(file.number - 1, position + len(part)).write(folder)


def _deliver(
    server: Server,
    folder: Path,
    file: OutboxFile,
    position: int,
    part: list[Proposal],
    done: Delivery,
) -> None:
    """Send a batch; when it is refused, its halves, until the one proposal is alone."""
    try:
        server.send(part)
        done.proposals += len(part)
    except Refused as refused:
        if len(part) == 1:
            set_aside(folder, file, position, part[0], refused.status, refused.reason)
            one = part[0]
            done.set_aside.append(
                f"{one['entityUrn']} {one['aspectName']}: {refused.status} {refused.reason}"
            )
            return
        half = len(part) // 2
        _deliver(server, folder, file, position, part[:half], done)
        _deliver(server, folder, file, position + half, part[half:], done)
