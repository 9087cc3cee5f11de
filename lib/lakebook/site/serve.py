"""Serves the site on loopback, for browsers that may not open files."""

from __future__ import annotations

from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from ..errors import UserError
from .render import POLICY

HOST = "127.0.0.1"
_NAMES = ("127.0.0.1", "localhost", "[::1]")


def server(site: Path, port: int) -> ThreadingHTTPServer:
    """A server on loopback that is not running yet; port 0 takes a free one. Raises UserError."""
    try:
        return ThreadingHTTPServer((HOST, port), partial(_Handler, directory=str(site)))
    except OSError as broken:
        raise UserError(
            f"port {port} cannot be used: {broken.strerror}", fix="choose another: --port 0"
        ) from None


class _Handler(SimpleHTTPRequestHandler):
    """Files of the site alone: no folder lists, nothing hidden, no other host's name."""

    server_version, sys_version = "lakebook", ""

    def send_head(self) -> Any:
        host = (self.headers.get("Host") or "").rsplit(":", 1)[0]
        if host not in _NAMES:  # a foreign page that made its name point to loopback
            self.send_error(HTTPStatus.FORBIDDEN, "this server answers to localhost only")
            return None
        path = self.path.split("?")[0].split("#")[0]
        if any(part.startswith((".", "%2e", "%2E")) for part in path.split("/")):
            self.send_error(HTTPStatus.NOT_FOUND)
            return None
        return super().send_head()

    def list_directory(self, path: Any) -> Any:
        self.send_error(HTTPStatus.NOT_FOUND)

    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy", f"{POLICY}; frame-ancestors 'none'")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """A line for each picture would bury the address."""
