r"""The regular expressions of rules: what Python, Rust, RE2 and Java read alike, in one meaning.

`\d`, `\w` and `\s` are Python's on text (any script's digits and letters), `$` is the very end of
the text. `engine_regex` spells a pattern so that every engine takes it for just that.
"""

from __future__ import annotations

import functools
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field

from ..errors import ContractError

_META = frozenset(r"\.+*?()|[]{}^$")
_CLASS_META = frozenset(r"\[]^-&~|")
_DIGIT, _WORD, _SPACE = r"\p{Nd}", r"\p{L}\p{N}_", r"\t-\r\x1c-\x1f\x85\p{Z}"
_OUTSIDE = {
    "d": _DIGIT, "D": r"\P{Nd}", "w": f"[{_WORD}]", "W": f"[^{_WORD}]",
    "s": f"[{_SPACE}]", "S": f"[^{_SPACE}]", "A": r"\A",
}  # fmt: skip
_INSIDE = {"d": _DIGIT, "D": r"\P{Nd}", "w": _WORD, "s": _SPACE}
_CONTROL = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "v": "\v", "a": "\a"}
_HEX = {"x": 2, "u": 4, "U": 8}
_GROUP = re.compile(r"\((?:\?(?:P<\w+>|[is]*(?:-[is]+)?[:)]))?")
_REPEAT = re.compile(r"[*+?]|\{(\d+)(?:,(\d*))?\}")
_WHY = {
    "(?=": "looks ahead", "(?!": "looks ahead", "(?<": "looks behind", "(?>": "has an atomic group",
    "(?(": "has a condition", "(?#": "has a comment", "(?P": "refers to an earlier group",
}  # fmt: skip
MOST_REPEATS = 1000
"""RE2 repeats nothing more often, nested repetitions multiplied."""

MOST_SIZE = 85_000
_PLAIN, _SET, _SCRIPT, _LETTERS = 1, 10, 80, 400
"""What a part costs a compiled pattern, of `MOST_SIZE`: Rust and RE2 compile 200 `\\w` at most."""


@functools.lru_cache(maxsize=4096)
def engine_regex(pattern: str) -> str:
    """A pattern in the spelling that means the same to every engine.

    Raises ContractError for what is no regular expression, or not one of them all.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as problem:
        raise ContractError(
            f"{pattern!r} is not a regular expression ({problem})", fix="correct it"
        ) from None
    return _Reading(pattern).all()


@dataclass
class _Reading:
    """One pass over a pattern that Python accepts.

    `most` has, for each open group, the most repetitions in it, `sizes` what it costs; `last` is
    both of what a repetition would repeat.
    """

    pattern: str
    at: int = 0
    last: tuple[int, int] = (1, 0)
    most: list[int] = field(default_factory=lambda: [1])
    sizes: list[int] = field(default_factory=lambda: [0])

    def all(self) -> str:
        found = []
        while self.at < len(self.pattern):
            found.append(self.one())
        return "".join(found)

    def weigh(self, times: int, size: int) -> None:
        """Take note of a part."""
        self.last = times, size
        self.most[-1] = max(self.most[-1], times)
        self.sizes[-1] += size
        if times > MOST_REPEATS or self.sizes[-1] > MOST_SIZE:
            raise self.refuse(
                f"repeats more than {MOST_REPEATS:,} times, or too much",
                "use a rule about the text's length",
            )

    def refuse(self, what: str, fix: str) -> ContractError:
        return ContractError(f"the pattern {self.pattern!r} {what}", fix=fix)

    def one(self) -> str:
        letter = self.pattern[self.at]
        read: Callable[[], str] | None = {
            "\\": self.escape, "[": self.several, "(": self.group, "{": self.repeat,
            "*": self.repeat, "+": self.repeat, "?": self.repeat,
        }.get(letter)  # fmt: skip
        if read:
            return read()
        self.at += 1
        if letter == ")":
            self.weigh(self.most.pop(), self.sizes.pop())
            return letter
        self.weigh(1, _SET if letter == "." else _PLAIN)
        if letter == "$":
            return r"\z"
        return letter if letter in "^.|" else _literal(letter)

    def group(self) -> str:
        match = _GROUP.match(self.pattern, self.at)
        opened = self.pattern[self.at : self.at + 3]
        if match is None or (match[0] == "(" and opened[1:2] == "?"):
            why = _WHY.get(opened, "has flags other than i and s")
            raise self.refuse(
                f"{why}, which not every engine can", "write it without, or make it two rules"
            )
        self.at = match.end()
        if match[0].endswith(")"):  # flags for the rest
            return match[0]
        self.most.append(1)
        self.sizes.append(0)
        return match[0] if match[0].endswith(":") else "("

    def repeat(self) -> str:
        match = _REPEAT.match(self.pattern, self.at)
        if match is None:
            raise self.refuse("has a { that repeats nothing", r"write \{, or {0,n} for {,n}")
        self.at = match.end()
        mark = self.pattern[self.at : self.at + 1]
        if mark == "+":
            raise self.refuse("has a possessive repetition", "leave the second + out")
        if mark == "?":
            self.at += 1
        times = max(int(match[1] or 1), int(match[2] or 1), 1)
        before, size = self.last
        self.sizes[-1] -= size
        self.weigh(before * times, size * times)
        return match[0] + ("?" if mark == "?" else "")

    def escape(self) -> str:
        letter = self.pattern[self.at + 1]
        if letter in _OUTSIDE:
            self.at += 2
            self.weigh(1, _size(letter))
            return _OUTSIDE[letter]
        if letter in "bB":
            raise self.refuse(
                f"has a word boundary \\{letter}, which is not the same to every engine",
                "name the letters beside it, such as (^|[^a-z])",
            )
        if letter == "Z":
            raise self.refuse(r"has \Z, which not every engine knows", "write $ for the end")
        self.weigh(1, _PLAIN)
        return _literal(self.character())

    def character(self) -> str:
        """The one character that an escape stands for."""
        letter = self.pattern[self.at + 1]
        self.at += 2
        if letter in "123456789":
            raise self.refuse(f"refers to an earlier group (\\{letter})", "write it without")
        if letter in "0N":
            raise self.refuse(f"has the escape \\{letter}", r"write the character, or \xhh")
        if letter in _CONTROL:
            return _CONTROL[letter]
        if letter in _HEX:
            digits = self.pattern[self.at : self.at + _HEX[letter]]
            self.at += _HEX[letter]
            return chr(int(digits, 16))
        return letter

    def several(self) -> str:
        """A set of characters in brackets."""
        start = self.at
        self.at += 1
        found = ["["]
        if self.pattern[self.at] == "^":
            found.append("^")
            self.at += 1
        first = True
        while first or self.pattern[self.at] != "]":
            first = False
            found.append(self.member())
        self.at += 1
        inside = self.pattern[start : self.at]
        self.weigh(1, _LETTERS if "\\w" in inside else _SCRIPT if "\\" in inside else _SET)
        return "".join(found) + "]"

    def member(self) -> str:
        """A character, a range of them, or what an escape such as `\\d` stands for."""
        low = self.bound()
        if len(low) > 1:
            return low
        after = self.pattern[self.at + 1 : self.at + 2]
        if self.pattern[self.at] == "-" and after != "]":
            self.at += 1
            return f"{_member(low)}-{_member(self.bound())}"
        return _member(low)

    def bound(self) -> str:
        letter = self.pattern[self.at]
        if letter != "\\":
            if letter == "[" and self.pattern[self.at + 1 : self.at + 2] in (":", "=", "."):
                raise self.refuse(
                    "has a class by name, which not every engine knows", "write the range, as [a-z]"
                )
            self.at += 1
            return letter
        letter = self.pattern[self.at + 1]
        if letter in _INSIDE:
            self.at += 2
            return _INSIDE[letter]
        if letter in "WSb":
            raise self.refuse(
                f"has \\{letter} in brackets, which not every engine can",
                r"write what is meant, such as [^\w], or . with (?s) for any character",
            )
        return self.character()


def _size(letter: str) -> int:
    return _LETTERS if letter in "wW" else _SCRIPT


def _literal(letter: str) -> str:
    return f"\\{letter}" if letter in _META else letter


def _member(letter: str) -> str:
    return f"\\{letter}" if letter in _CLASS_META else letter
