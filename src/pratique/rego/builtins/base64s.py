"""base64.* and base64url.*, with the refusals of Go's decoder: they name the first byte that does not fit."""

from __future__ import annotations

import base64
from typing import Final

from pratique.rego.builtins.registry import RefusalError, builtin
from pratique.rego.runtime.values import Value

_LETTERS: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_STANDARD: Final = frozenset(_LETTERS + b"+/")
_URL: Final = frozenset(_LETTERS + b"-_")
_LINE_ENDS: Final = b"\r\n"
_PAD: Final = ord("=")


class Base64Error(RefusalError):
    """A text is not base64; the message is Go's."""


def encoded(text: str) -> bytes:
    """Return the text's bytes."""
    return text.encode("utf-8", "surrogatepass")


def as_text(data: bytes) -> str:
    """Return bytes as a text; what is no UTF-8 becomes U+FFFD."""
    return data.decode("utf-8", "replace")


def decode(text: str, *, url: bool = False) -> bytes:
    """Return what padded base64 stands for; line ends do not count. Raises Base64Error."""
    data = encoded(text)
    wrong = _first_wrong(data, _URL if url else _STANDARD)
    if wrong is not None:
        raise Base64Error(f"illegal base64 data at input byte {wrong}")
    return base64.b64decode(data.translate(None, _LINE_ENDS), altchars=b"-_" if url else None)


def decode_url(text: str) -> bytes:
    """Return what base64url stands for, padded or not. Raises Base64Error."""
    if not text.endswith("="):
        rest = len(encoded(text)) % 4
        if rest == 1:
            raise Base64Error(f"illegal base64url string: {text}")
        text += "=" * (-rest % 4)
    return decode(text, url=True)


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


@builtin("base64.encode", "string -> string", grows=True)
def base64_encode(text: Value) -> Value:
    """Return the text in base64."""
    return base64.b64encode(encoded(text)).decode()


@builtin("base64.decode", "string -> string")
def base64_decode(text: Value) -> Value:
    """Return what base64 with padding stands for."""
    return as_text(decode(text))


@builtin("base64.is_valid", "string -> boolean")
def base64_is_valid(text: Value) -> Value:
    """Tell whether the text is base64."""
    return _first_wrong(encoded(text), _STANDARD) is None


@builtin("base64url.encode", "string -> string", grows=True)
def base64url_encode(text: Value) -> Value:
    """Return the text in base64url, padded."""
    return base64.urlsafe_b64encode(encoded(text)).decode()


@builtin("base64url.encode_no_pad", "string -> string", grows=True)
def base64url_encode_no_pad(text: Value) -> Value:
    """Return the text in base64url, without padding."""
    return base64.urlsafe_b64encode(encoded(text)).decode().rstrip("=")


@builtin("base64url.decode", "string -> string")
def base64url_decode(text: Value) -> Value:
    """Return what base64url stands for, padded or not."""
    return as_text(decode_url(text))
