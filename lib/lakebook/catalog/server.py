"""One DataHub server: sends a batch of proposals over REST, again and again while it is away.

What it answers is sorted here into three: taken, refused for good (4xx), not now. The wire form is
DataHub's own emitter's (`POST /aspects?action=ingestProposalBatch`, which every GMS has).
"""

from __future__ import annotations

import json
import random
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from ..errors import RunError, UserError
from .hub import quiet_datahub
from .proposals import Proposal

_NOT_NOW = (408, 425, 429)
_WRONG_DOOR = {401: "does not know us", 403: "does not let us", 404: "has no such address"}


@dataclass(frozen=True)
class Patience:
    """`attempts` in all; waits double from `first_s` up to `longest_s`, each with jitter."""

    attempts: int = 6
    first_s: float = 0.5
    longest_s: float = 30.0
    timeout_s: float = 60.0

    def wait_s(self, attempt: int, asked_s: float | None) -> float:
        """How long to wait after the n-th failure (from 0); never less than the server asked."""
        longest = min(self.first_s * 2**attempt, self.longest_s)
        jittered = random.uniform(longest / 2, longest)
        return max(jittered, asked_s) if asked_s is not None else jittered


class Refused(Exception):
    """The server will not take what it was sent, however often: `status` 4xx."""

    def __init__(self, status: int, reason: str) -> None:
        self.status, self.reason = status, reason
        super().__init__(f"{status} {reason}")


class Away(RunError):
    """The server cannot be reached or has trouble; nothing is lost."""


class Server:
    """A GMS. Its token goes into a header and nowhere else."""

    def __init__(
        self,
        address: str,
        token: str | None,
        patience: Patience,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        quiet_datahub()
        from datahub.emitter.rest_emitter import DataHubRestEmitter

        self.shown = _shown(address)
        self._patience, self._sleep = patience, sleep
        self._emitter = DataHubRestEmitter(
            address,
            token=token,
            connect_timeout_sec=min(10.0, patience.timeout_s),
            read_timeout_sec=patience.timeout_s,
            retry_max_times=0,  # what may be sent again and when is decided here
            retry_status_codes=[],
            openapi_ingestion=False,
        )

    def greet(self) -> None:
        """Make sure that a GMS answers there. Raises Away, or UserError for something else."""
        self._patiently(self._emitter.test_connection)

    def send(self, proposals: Sequence[Proposal]) -> None:
        """Deliver a batch in its order. Raises Refused, Away, or UserError for a wrong token."""
        batch = [_wire(one) for one in proposals]
        self._patiently(lambda: self._emitter.emit_mcps(batch))

    def close(self) -> None:
        self._emitter.close()

    def _patiently(self, action: Callable[[], Any]) -> None:
        for attempt in range(self._patience.attempts):
            try:
                action()
                return
            except Exception as failed:
                problem, asked_s = self._sorted(failed)
                if attempt + 1 == self._patience.attempts:
                    raise Away(
                        f"DataHub at {self.shown} {problem} ({attempt + 1} attempts)",
                        fix="nothing is lost; push again when it is back",
                    ) from None
            self._sleep(self._patience.wait_s(attempt, asked_s))

    def _wrong_door(self, status: int) -> UserError:
        return UserError(
            f"DataHub at {self.shown} {_WRONG_DOOR[status]} ({status})",
            fix="check DATAHUB_GMS_URL and DATAHUB_GMS_TOKEN",
        )

    def _sorted(self, failed: Exception) -> tuple[str, float | None]:
        """What is wrong and how long to wait, if it may pass; else raises."""
        from datahub.configuration.common import ConfigurationError, OperationalError
        from requests.exceptions import RequestException

        response = _response(failed)
        if response is not None:
            status = response.status_code
            if status in _WRONG_DOOR:
                raise self._wrong_door(status) from None
            if 400 <= status < 500 and status not in _NOT_NOW:
                raise Refused(status, _reason(response)) from None
            return f"answers {status}", _retry_after(response.headers.get("Retry-After"))
        if isinstance(failed, ConfigurationError | ValueError):
            # What /config answers reaches us as words; a page that is no JSON is no GMS either.
            found = re.search(r"status_code: (\d{3})", str(failed))
            status = int(found[1]) if found else 401 if "authentication" in str(failed) else 0
            if status >= 500 or status in _NOT_NOW:
                return f"answers {status}", None
            if status in _WRONG_DOOR:
                raise self._wrong_door(status) from None
            raise UserError(
                f"there is no DataHub GMS at {self.shown}",
                fix="check DATAHUB_GMS_URL and DATAHUB_GMS_TOKEN",
            ) from None
        if isinstance(failed, OperationalError | RequestException):
            return f"cannot be reached: {_network(failed)}", None
        raise failed


def _wire(one: Proposal) -> Any:
    """A proposal of a file as the emitter wants it; its aspect stays JSON."""
    from datahub.metadata.schema_classes import GenericAspectClass, MetadataChangeProposalClass

    value = json.dumps(one["aspect"]["json"]).encode()
    return MetadataChangeProposalClass(
        entityType=one["entityType"],
        entityUrn=one["entityUrn"],
        changeType=one["changeType"],
        aspectName=one["aspectName"],
        aspect=GenericAspectClass(value=value, contentType="application/json"),
    )


def _response(failed: BaseException | None) -> Any:
    """The HTTP response that an error of the emitter goes back to, if there was one."""
    while failed is not None:
        response = getattr(failed, "response", None)
        if response is not None:
            return response
        failed = failed.__cause__
    return None


def _reason(response: Any) -> str:
    """The server's own words, without a Java stack trace."""
    try:
        return str(response.json().get("message") or response.reason)[:2000]
    except (ValueError, AttributeError):
        return str(response.text or response.reason)[:2000]


def _network(failed: BaseException) -> str:
    cause = failed.__cause__ or failed
    kind = type(cause).__name__
    # Where an attempt timed out and no other is allowed, requests calls it a connection error.
    if "timed out" in str(cause).lower() or "Timeout" in kind:
        return "no answer in time"
    return "no connection" if kind == "ConnectionError" else kind


def _retry_after(value: str | None) -> float | None:
    """Seconds of a Retry-After header: a number or a date (RFC 9110, section 10.2.3)."""
    if not value:
        return None
    try:
        return max(float(value), 0.0)
    except ValueError:
        pass
    try:
        when = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max((when - datetime.now(UTC)).total_seconds(), 0.0)


def _shown(address: str) -> str:
    """An address without user and password."""
    parts = urlsplit(address)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()
