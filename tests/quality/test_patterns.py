"""A pattern means the same to Polars and DuckDB as to Python, or is refused."""

from __future__ import annotations

import re
import string

import duckdb
import polars as pl
import pytest

from lakebook.contract.patterns import engine_regex
from lakebook.errors import ContractError

TEXTS = [
    "", "a", "A1", "é", "a\nb", "٣", "²", "_", "N12345", " ", "\u00a0", "\u2028", "\x1c", "𝄞",
    "a.b", "a-b", "[]", "{2}", "x+y", "^$", "aa", "aaa", "你好", "ſ", "tab\t", "\\d", "a]", "-",
    "&&", "x~y",
]  # fmt: skip
PATTERNS = [
    r"\d", r"^\w+$", r"\s", r"\S", r"\D", r"\W", r"[\d_]", r"[^\w]", r"[^\s.]", r"^[\w.-]+$",
    r"(?i)^n\d{5}$", r"(?s)^a.b$", r"^a.b$", r"(?:a|b){2,3}", r"(?P<x>a)a", r"a{2}?", r"a+?$",
    r"\.", r"\[\]", r"[]a]", r"[a\]-]", r"[&~+-]", r"[[{]", r"\{2\}", r"}", r"]", r"\x41",
    r"\u00e9", r"[\x00-\x1f]", r"\t", r"^$", r"", r"\\d", r"\^\$", r"a|", r"(?i:é)", r"[^a-z]",
    r"\A-",
]  # fmt: skip
REFUSED = {
    r"a(?=b)": "looks ahead", r"a(?!b)": "looks ahead", r"(?<=a)b": "looks behind",
    r"(?<!a)b": "looks behind", r"(a)\1": "refers to an earlier group",
    r"(?P<x>a)(?P=x)": "refers to an earlier group", r"a\Z": "write $ for the end",
    r"\bword": "a word boundary", r"\p{L}": "is not a regular expression",
    r"(?>a)b": "has an atomic group", r"a++": "possessive", r"(?m)^a$": "flags other than i and s",
    r"(?x) a": "flags other than i and s", r"(?a)\w": "flags other than i and s",
    r"(?#note)a": "has a comment", r"(a)?(?(1)b|c)": "has a condition", r"a{,2}": "repeats nothing",
    r"a{1001}": "repeats more than 1,000 times", r"(a{100}){11}": "repeats more than 1,000 times",
    r"\w{500}": "or too much", r"[[:alpha:]]": "a class by name", r"[\s\S]": "in brackets",
    r"\012": "has the escape", "(": "is not a regular expression", r"*a": "is not a regular",
}  # fmt: skip


@pytest.fixture(scope="module")
def matched() -> dict[str, dict[str, list[bool]]]:
    """Which texts each engine finds each pattern in."""
    spelled = {pattern: engine_regex(pattern) for pattern in PATTERNS}
    frame = pl.DataFrame({"text": TEXTS})
    by_polars = frame.select(
        pl.col("text").str.contains(regex).alias(pattern) for pattern, regex in spelled.items()
    )
    relation = duckdb.connect().from_arrow(frame.to_arrow())
    by_duckdb = relation.select(
        *(
            duckdb.FunctionExpression(
                "regexp_matches", duckdb.ColumnExpression("text"), duckdb.ConstantExpression(regex)
            ).alias(f"p{place}")
            for place, regex in enumerate(spelled.values())
        )
    ).fetchall()
    columns = zip(*by_duckdb, strict=True)
    return {
        "polars": by_polars.to_dict(as_series=False),
        "duckdb": dict(zip(PATTERNS, map(list, columns), strict=True)),
    }


@pytest.mark.parametrize("engine", ["polars", "duckdb"])
def test_every_engine_finds_what_python_finds(
    engine: str, matched: dict[str, dict[str, list[bool]]]
) -> None:
    for pattern in PATTERNS:
        python = re.compile(pattern if pattern.endswith(r"\$") else pattern.replace("$", r"\Z"))
        wanted = [python.search(text) is not None for text in TEXTS]
        assert matched[engine][pattern] == wanted, pattern


@pytest.mark.parametrize(("pattern", "said"), REFUSED.items())
def test_what_one_of_them_cannot_is_refused(pattern: str, said: str) -> None:
    with pytest.raises(ContractError) as raised:
        engine_regex(pattern)
    assert said in raised.value.sentence


def test_case_is_ignored_alike_but_for_the_turkish_i() -> None:
    """The difference that docs/reference/contracts.md names."""
    letters = [chr(code) for code in range(128, 0x3000)]
    frame = pl.DataFrame({"text": letters})
    relation = duckdb.connect().from_arrow(frame.to_arrow())
    for ascii_letter in string.ascii_letters:
        regex = f"(?i)^{ascii_letter}$"
        polars = set(frame.filter(pl.col("text").str.contains(regex))["text"])
        by_duckdb = relation.filter(f"regexp_matches(text, '{regex}')").fetchall()
        python = {letter for letter in letters if re.search(regex, letter)}
        assert polars == {text for (text,) in by_duckdb}
        assert python - polars == ({"İ", "ı"} if ascii_letter in "iI" else set())
        assert polars <= python
