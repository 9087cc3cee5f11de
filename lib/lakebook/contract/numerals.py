"""Numbers as a contract writes them: which of their digits a reader of YAML keeps."""

from __future__ import annotations

import math
import re
from decimal import Decimal

_NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?")
_LEADING_ZERO = re.compile(r"[-+]?0\d+")


class Rounded(float):
    """The float nearest to a number that was written with more digits than it keeps.

    Who compares exactly refuses it: the digits that were written are not those of the float.
    """

    text: str

    def __new__(cls, nearest: float, text: str) -> Rounded:
        made = super().__new__(cls, nearest)
        made.text = text
        return made

    def __reduce__(self) -> tuple[type[Rounded], tuple[float, str]]:
        return Rounded, (float(self), self.text)


def as_read(nearest: float, text: str) -> float:
    """A float, noted as rounded if the text says another number."""
    if math.isfinite(nearest) and Decimal(text) != Decimal(repr(nearest)):
        return Rounded(nearest, text)
    return nearest


def is_number(given: object) -> bool:
    """Whether a text is a number that any reader takes for the same one."""
    if not isinstance(given, str) or _LEADING_ZERO.fullmatch(given.strip()):
        return False
    return _NUMBER.fullmatch(given.strip()) is not None


def how_to_write(given: object) -> str:
    """What to do about a value that stands where a number belongs."""
    text = given.strip() if isinstance(given, str) else ""
    if _LEADING_ZERO.fullmatch(text):
        return (
            f"write {int(text)}: digits after a leading zero are no number here, since some "
            "readers take them for octal"
        )
    return "write it without quotes" if is_number(given) else "give a number"
