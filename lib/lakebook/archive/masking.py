"""Values of secret variables, taken out of whatever a notebook prints before it is stored."""

from __future__ import annotations

import base64
import contextlib
import json
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any
from urllib.parse import quote, quote_plus, unquote, urlsplit

MASK = "•••"
_SECRET = re.compile(
    r"SECRET|(TOKEN|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?)$"
    r"|(API|ACCESS|PRIVATE|ENCRYPTION)_?KEY|(^|_)(KEY|KEY_ID|PASS|PAT)$|_PWD$",
    re.IGNORECASE,
)
_DSN_PASSWORD = re.compile(r"\bpassword\s*=\s*('[^']*'|[^\s;&]+)", re.IGNORECASE)
SECRETS = "LAKEBOOK_SECRETS"
"""The variable of a run that holds the secrets among its parameters, one a line."""

_PART = re.compile(r"""=\s*("[^"]*"|'[^']*'|[^\s,;]+)""")
_SHORTEST = 4  # masking every "1" of a switch called ..._KEY would destroy the report


def is_secret(variable: str) -> bool:
    """Whether a variable's name says that its value is a secret: `*TOKEN`, `*_KEY` and so on.

    PWD and OLDPWD are folders, and KEYBOARD is none.
    """
    return _SECRET.search(variable) is not None


def passwords_in(value: str) -> set[str]:
    """The password of a URL (as it stands, and decoded) or of a connection string."""
    found = {hit.strip("'") for hit in _DSN_PASSWORD.findall(value)}
    if "://" in value and "@" in value:
        with contextlib.suppress(ValueError):  # no URL after all
            if password := urlsplit(value).password:
                found |= {password, unquote(password)}
    return found


def mask_parameters(parameters: Mapping[str, Any], hidden: Collection[str] = ()) -> dict[str, Any]:
    """Parameters of a run as they may be kept: a name that says secret (`key`) keeps no value.

    `hidden` are columns whose values stay hidden: a parameter of such a name is one of them.
    """
    return {
        name: MASK if is_secret(name) or name in hidden else value
        for name, value in parameters.items()
    }


def secrets_in(parameters: Mapping[str, Any], hidden: Collection[str] = ()) -> dict[str, str]:
    """The variable by which everything that a run writes is masked; empty without a secret.

    `hidden`: as in `mask_parameters`.

    Of `id=4711` the part behind the sign is a secret of its own.
    """
    found: dict[str, None] = {}
    for name, value in parameters.items():
        for text in _texts(value) if is_secret(name) or name in hidden else ():
            # Too short to be masked wherever it stands, it is at least where it is assigned.
            is_short = len(text) < _SHORTEST
            found[f"{name} = {json.dumps(text)}" if is_short else text] = None
            parts = (text.partition("=")[2], *_PART.findall(text))
            found |= dict.fromkeys(part.strip("\"'") for part in parts)
    return {SECRETS: "\n".join(found)} if found else {}


def _texts(value: Any) -> list[str]:
    """What a value is made of, as text; an empty one is no secret."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return [text for item in value for text in _texts(item)]
    return [] if value in (None, "") or isinstance(value, bool) else [str(value)]


def masker(environ: Mapping[str, str]) -> Callable[[Any], Any]:
    """A function that replaces secrets in a string, or in all strings of a JSON value."""
    values = _spellings(environ)
    if not values:
        return lambda value: value
    pattern = _either(values)

    def mask(value: Any) -> Any:
        if isinstance(value, str):
            return pattern.sub(MASK, value)
        if isinstance(value, dict):  # of the same class: a notebook node stays one
            return type(value)({mask(key): mask(item) for key, item in value.items()})
        if isinstance(value, list | tuple):
            return type(value)(mask(item) for item in value)
        return value

    return mask


class MaskedStream:
    """Pieces of one text, masked one by one: the beginning of a secret waits for what follows."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._values = _spellings(environ)
        self._pattern = _either(self._values) if self._values else None
        self._held = ""

    def add(self, piece: str) -> str:
        """What may be written now."""
        text = self._held + piece
        cut = len(text) - self._begun(text)
        self._held = text[cut:]
        return self._mask(text[:cut])

    def rest(self) -> str:
        """What was held back, when nothing follows."""
        held, self._held = self._held, ""
        return self._mask(held)

    def _mask(self, text: str) -> str:
        return self._pattern.sub(MASK, text) if self._pattern else text

    def _begun(self, text: str) -> int:
        """How many characters at the end are the beginning of a secret, and not a whole one's."""
        if self._pattern is None or not text:
            return 0
        whole = [hit.span() for hit in self._pattern.finditer(text)]
        for size in sorted(self._overlaps(text), reverse=True):
            at = len(text) - size
            if not any(begin < at < stop for begin, stop in whole):
                return size
        return 0

    def _overlaps(self, text: str) -> set[int]:
        """Lengths of all ends of the text that are the beginning of a longer secret."""
        found: set[int] = set()
        for value in self._values:
            at = value.find(text[-1], 0, len(value) - 1)
            while at >= 0:
                if text.endswith(value[: at + 1]):
                    found.add(at + 1)
                at = value.find(text[-1], at + 1, len(value) - 1)
        return found


def _either(values: Collection[str]) -> re.Pattern[str]:
    """The longest first: a secret may be the beginning of another."""
    return re.compile("|".join(map(re.escape, sorted(values, key=len, reverse=True))))


def _spellings(environ: Mapping[str, str]) -> set[str]:
    """Secrets as they stand, in a URL, as JSON and repr write them, as a header carries them."""
    values: set[str] = set()
    for name, value in environ.items():
        plain = {value, *value.splitlines()} if is_secret(name) else passwords_in(value)
        for text in plain:
            if len(text) >= _SHORTEST:
                values |= {text, quote(text, safe=""), quote_plus(text), json.dumps(text)[1:-1]}
                values |= {text.encode("unicode_escape").decode(), repr(text)[1:-1]}
                values |= {base64.b64encode(text.encode()).decode()}
    return values
