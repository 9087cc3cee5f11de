"""An import that is put off is made when somebody needs it, and works as if it had been there."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import sys
from lakebook.late import put_off_iri_grammar
put_off_iri_grammar()
put_off_iri_grammar()
import jsonschema
assert "lark" not in sys.modules, "the grammar was compiled"
checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
for text in ("https://example.org/räksmörgås", "no iri: at all"):
    print(checker.conforms(text, "iri"))
assert "lark" in sys.modules and sys.modules["rfc3987_syntax"].__file__
"""


def test_the_grammar_of_iris_is_compiled_when_one_is_checked() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)
    assert done.stdout.split() == ["True", "False"], done.stderr
