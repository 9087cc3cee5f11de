"""Whether each line of a CSV has all its fields, at the speed of counting bytes.

An engine fills fields that a line lacks with null in silence, so a file that a broken transfer left
would land. Which line it is, `csvfile` finds out, slowly, once this says that there is one.
"""

from __future__ import annotations

from pathlib import Path

_CHUNK_BYTES = 1 << 20
_QUOTE, _COMMA, _NEWLINE = b'",\n'


def is_rectangular(path: Path, fields: int) -> bool:
    """Whether the file has as many commas as its lines with `fields` fields have together.

    Commas and line ends inside quotes do not count. False may be wrong where quotes make no sense;
    a line with too many fields can outweigh one with too few, but engines refuse the former.
    """
    import numpy as np

    commas = lines = 0
    inside, last = False, b"\n"
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            data = np.frombuffer(chunk, np.uint8)
            if inside or b'"' in chunk:  # a doubled quote closes and opens again
                quoted = np.logical_xor.accumulate(data == _QUOTE) ^ inside
                inside = bool(quoted[-1])
                data = data[~quoted]
            commas += int(np.count_nonzero(data == _COMMA))
            lines += int(np.count_nonzero(data == _NEWLINE))
            last = chunk[-1:]
    lines += last != b"\n"
    return not inside and commas == lines * (fields - 1)
