"""A server like DataHub's GMS, as far as the REST emitter sees; it misbehaves to order.

It keeps every proposal that it took, in the order in which it took them. A batch is refused whole
if one of its proposals is bad, as GMS does.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Gms:
    """`plan`: what the next requests are answered with: a status, or (status, headers).

    `greetings`: the same for /config, statuses alone.
    """

    def __init__(self) -> None:
        self.taken: list[dict[str, Any]] = []
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.plan: deque[Any] = deque()
        self.greetings: deque[int] = deque()
        self.bad: set[str] = set()
        self.delay_s = 0.0
        self.config: dict[str, Any] = {"noCode": "true", "versions": {}}
        self.token = ""
        self._server: ThreadingHTTPServer | None = None
        self.port = 0

    def __enter__(self) -> Gms:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Listen; on the same port as before after a stop."""
        gms = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args: Any) -> None:
                """Be quiet."""

            def do_GET(self) -> None:
                gms.requests.append((self.path, dict(self.headers)))
                status = gms.greetings.popleft() if gms.greetings else 200
                known = self.path == "/config"
                self._answer(status if known else 404, gms.config if known else {})

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                gms.requests.append((self.path, dict(self.headers)))
                time.sleep(gms.delay_s)
                self._answer(*gms.answer(self.path, self.headers.get("Authorization"), body))

            def _answer(self, status: int, content: Any, headers: Any = ()) -> None:
                text = json.dumps(content).encode()
                self.send_response(status)
                for name, value in dict(headers).items():
                    self.send_header(name, value)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    self.end_headers()
                    self.wfile.write(text)

        class Server(ThreadingHTTPServer):
            allow_reuse_address = True
            daemon_threads = True

        self._server = Server(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def answer(self, path: str, authorization: str | None, body: Any) -> tuple[Any, ...]:
        """Status, content and headers for a POST."""
        if self.plan:
            planned = self.plan.popleft()
            status, headers = planned if isinstance(planned, tuple) else (planned, {})
            if status != 200:
                return status, {"message": f"planned {status}", "status": status}, headers
        if self.token and authorization != f"Bearer {self.token}":
            return 401, {"message": "no such token"}
        if path == "/aspects?action=ingestProposalBatch":
            proposals = body["proposals"]
        elif path == "/aspects?action=ingestProposal":
            proposals = [body["proposal"]]
        else:
            return 404, {"message": f"no resource {path}"}
        for one in proposals:
            if one["entityUrn"] in self.bad:
                found = f"Failed to validate record with class {one['aspectName']}"
                return 422, {"message": found, "status": 422, "stackTrace": "java.lang.Thread"}
        for one in proposals:
            value = json.loads(one["aspect"]["value"])
            self.taken.append({**one, "aspect": {"json": value}})
        return 200, {"value": "ok"}

    def keys(self) -> list[tuple[str, str]]:
        """(URN, aspect) of what was taken, in order."""
        return [(one["entityUrn"], one["aspectName"]) for one in self.taken]
