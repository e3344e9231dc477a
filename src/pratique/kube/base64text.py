"""Base64 as Go's `encoding/base64` reads it: line ends do not count, and the first byte that does not fit is named.

In: a text as bytes. Out: what it stands for.
"""

from __future__ import annotations

import base64
from typing import Final

_LETTERS: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_STANDARD: Final = frozenset(_LETTERS + b"+/")
_URL: Final = frozenset(_LETTERS + b"-_")
_LINE_ENDS: Final = b"\r\n"
_PAD: Final = ord("=")


def decoded(data: bytes, *, url: bool = False) -> bytes:
    """Return what padded base64 stands for; raises ValueError in Go's words."""
    wrong = _first_wrong(data, _URL if url else _STANDARD)
    if wrong is not None:
        raise ValueError(f"illegal base64 data at input byte {wrong}")
    return base64.b64decode(data.translate(None, _LINE_ENDS), altchars=b"-_" if url else None)


def _first_wrong(data: bytes, alphabet: frozenset[int]) -> int | None:
    """Return the offset that Go's strict-enough decoder complains of, or None."""
    held = 0
    for at, byte in enumerate(data):
        if byte in alphabet:
            held = (held + 1) % 4
        elif byte in _LINE_ENDS:
            continue
        elif byte != _PAD or held < 2:
            return at
        else:
            return _wrong_padding(data, at, held)
    # Letters that miss their padding: Go names where their group begins, were there no line ends.
    return len(data) - held if held else None


def _wrong_padding(data: bytes, at: int, held: int) -> int | None:
    after = at + 1
    if held == 2:
        while after < len(data) and data[after] in _LINE_ENDS:
            after += 1
        if after == len(data):
            return len(data)
        if data[after] != _PAD:
            return after - 1
        after += 1
    while after < len(data) and data[after] in _LINE_ENDS:
        after += 1
    return after if after < len(data) else None
