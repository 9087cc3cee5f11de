"""Values of secret variables, taken out of whatever a notebook prints before it is stored."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, quote_plus

MASK = "•••"
_SECRET = re.compile(r"(^|_)(TOKEN|PASSWORD|PASSWD|SECRET|KEY|CREDENTIALS?)$|SECRET", re.IGNORECASE)
_SHORTEST = 4  # masking every "1" of a switch called ..._KEY would destroy the report


def is_secret(variable: str) -> bool:
    """Whether a variable's name says that its value is a secret: `*_TOKEN`, `*_KEY` and so on."""
    return _SECRET.search(variable) is not None


def masker(environ: Mapping[str, str]) -> Callable[[Any], Any]:
    """A function that replaces secrets in a string, or in all strings of a JSON value."""
    values: set[str] = set()
    for name, value in environ.items():
        if is_secret(name) and len(value) >= _SHORTEST:
            plain = {value, *(line for line in value.splitlines() if len(line) >= _SHORTEST)}
            for text in plain:
                # As it stands, inside a URL, as JSON and repr write it, as a header carries it.
                values |= {text, quote(text, safe=""), quote_plus(text), json.dumps(text)[1:-1]}
                values |= {repr(text)[1:-1], base64.b64encode(text.encode()).decode()}
    if not values:
        return lambda value: value
    longest_first = sorted(values, key=len, reverse=True)
    pattern = re.compile("|".join(map(re.escape, longest_first)))

    def mask(value: Any) -> Any:
        if isinstance(value, str):
            return pattern.sub(MASK, value)
        if isinstance(value, dict):  # of the same class: a notebook node stays one
            return type(value)({mask(key): mask(item) for key, item in value.items()})
        if isinstance(value, list | tuple):
            return type(value)(mask(item) for item in value)
        return value

    return mask
