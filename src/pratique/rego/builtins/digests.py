"""crypto.*: digests and message authentication codes, in hexadecimal."""

from __future__ import annotations

import hashlib
import hmac

from pratique.rego.builtins.registry import builtin
from pratique.rego.runtime.values import Value


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _digest(algorithm: str) -> None:
    summary = f"Return the {algorithm.upper()} digest of a text."

    @builtin(f"crypto.{algorithm}", "string -> string", summary=summary, cost=0)
    def digest(text: Value) -> Value:
        return hashlib.new(algorithm, _bytes(text), usedforsecurity=False).hexdigest()


def _code(algorithm: str) -> None:
    summary = f"Return the HMAC-{algorithm.upper()} of a text with a secret."

    @builtin(f"crypto.hmac.{algorithm}", "string, string -> string", summary=summary, cost=0)
    def code(text: Value, secret: Value) -> Value:
        return hmac.new(_bytes(secret), _bytes(text), algorithm).hexdigest()


for _name in ("md5", "sha1", "sha256"):
    _digest(_name)
for _name in ("md5", "sha1", "sha256", "sha512"):
    _code(_name)


@builtin("crypto.hmac.equal", "string, string -> boolean")
def equal(left: Value, right: Value) -> Value:
    """Tell whether two codes are the same, in a time that does not say where they differ."""
    return hmac.compare_digest(_bytes(left), _bytes(right))
