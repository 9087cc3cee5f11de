"""A source as an input of a step: what it is now, as one token."""

from __future__ import annotations

from ..ingest import open_source
from ..ingest.log import LogSource
from ..settings import Settings
from .fingerprint import InputTokens


def source_tokens(uri: str, source_digest: str) -> InputTokens:
    """A source as an input: one token for all partitions, since any row may be in it."""
    value = int.from_bytes(bytes.fromhex(source_digest[:16]), "big", signed=True)
    return InputTokens(uri, None, {"*": value})


def current_source(uri: str, settings: Settings) -> InputTokens | None:
    """A source as it is now; None for a log, which is no input but a stream of them."""
    source = open_source(uri, settings)
    return None if isinstance(source, LogSource) else source_tokens(uri, source.version().digest)
