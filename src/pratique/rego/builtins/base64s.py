"""base64.* and base64url.*, with the refusals of Go's decoder: they name the first byte that does not fit."""

from __future__ import annotations

import base64
import codecs
from typing import Final

from pratique.kube import base64text
from pratique.rego.builtins.registry import RefusalError, builtin
from pratique.rego.runtime.values import Value

# Python's own `replace` makes one sign of several bytes that begin a character and do not end it.
_EACH: Final = "pratique.each"
codecs.register_error(_EACH, lambda error: ("\ufffd", getattr(error, "start", 0) + 1))


class Base64Error(RefusalError):
    """A text is not base64; the message is Go's."""


def encoded(text: str) -> bytes:
    """Return the text's bytes."""
    return text.encode("utf-8", "surrogatepass")


def as_text(data: bytes) -> str:
    """Return bytes as a text; each that is no UTF-8 becomes a U+FFFD of its own, as Go reads it."""
    return data.decode("utf-8", _EACH)


def decode(text: str, *, url: bool = False) -> bytes:
    """Return what padded base64 stands for; line ends do not count. Raises Base64Error."""
    try:
        return base64text.decoded(encoded(text), url=url)
    except ValueError as error:
        raise Base64Error(str(error)) from None


def decode_url(text: str) -> bytes:
    """Return what base64url stands for, padded or not. Raises Base64Error."""
    if not text.endswith("="):
        rest = len(encoded(text)) % 4
        if rest == 1:
            raise Base64Error(f"illegal base64url string: {text}")
        text += "=" * (-rest % 4)
    return decode(text, url=True)


@builtin("base64.encode", "string -> string", grows=True)
def base64_encode(text: Value) -> Value:
    """Return the text in base64."""
    return base64.b64encode(encoded(text)).decode()


@builtin("base64.decode", "string -> string", cost=0)
def base64_decode(text: Value) -> Value:
    """Return what base64 with padding stands for."""
    return as_text(decode(text))


@builtin("base64.is_valid", "string -> boolean", accepts="any", cost=0)
def base64_is_valid(text: Value) -> Value:
    """Tell whether this is a text in base64."""
    try:
        decode(text if type(text) is str else "-")
    except Base64Error:
        return False
    return True


@builtin("base64url.encode", "string -> string", grows=True)
def base64url_encode(text: Value) -> Value:
    """Return the text in base64url, padded."""
    return base64.urlsafe_b64encode(encoded(text)).decode()


@builtin("base64url.encode_no_pad", "string -> string", grows=True)
def base64url_encode_no_pad(text: Value) -> Value:
    """Return the text in base64url, without padding."""
    return base64.urlsafe_b64encode(encoded(text)).decode().rstrip("=")


@builtin("base64url.decode", "string -> string", cost=0)
def base64url_decode(text: Value) -> Value:
    """Return what base64url stands for, padded or not."""
    return as_text(decode_url(text))
