"""io.jwt.*: JSON Web Tokens, taken apart, verified and signed (RFC 7515, RFC 7519).

What makes a token malformed (an error) and what only unverified (an answer) is as in OPA's topdown/tokens.go.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from pratique.rego.builtins import keys, signatures
from pratique.rego.builtins.base64s import Base64Error, as_text, decode_url, encoded
from pratique.rego.builtins.jsons import JsonError, parsed
from pratique.rego.builtins.registry import RefusalError, builtin, operand_error
from pratique.rego.builtins.times import now_ns
from pratique.rego.runtime.state import State
from pratique.rego.runtime.text import json_text
from pratique.rego.runtime.values import Value, compare, is_number, is_object, type_name

_NESTED: Final = "JWT"
_TEXTS: Final = ("alg", "kid", "typ", "cty")
_KNOWN: Final = frozenset({*_TEXTS, "crit"})
_NANOSECONDS: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class _Token:
    """The three parts of a token, still in base64url."""

    header: str
    payload: str
    signature: str

    @property
    def signed(self) -> bytes:
        """What the signature is of."""
        return encoded(f"{self.header}.{self.payload}")

    def decoded_header(self) -> dict[str, Any]:
        """Return the header. Raises RefusalError."""
        text = as_text(_part("header", self.header))
        try:
            header = _object(text)
        except RefusalError as error:
            raise RefusalError(f"bad JWT header: {error}") from None
        if "enc" in header:
            raise RefusalError("JWT is a JWE object, which is not supported")
        return header

    def decoded_payload(self) -> str:
        """Return the payload as text. Raises RefusalError."""
        return as_text(_part("payload", self.payload))


def _part(what: str, text: str) -> bytes:
    try:
        return decode_url(text)
    except Base64Error as error:
        raise RefusalError(f"JWT {what} had invalid encoding: {error}") from None


def _object(text: str) -> dict[str, Any]:
    try:
        value = parsed(text)
    except JsonError as error:
        raise RefusalError(f"invalid JSON: {error}") from None
    if not isinstance(value, dict):
        raise RefusalError("decoded JSON type was not an Object")
    return value


def _split(text: str) -> _Token:
    if "." not in text:
        raise RefusalError("encoded JWT had no period separators")
    parts = text.split(".")
    if len(parts) != 3:
        raise RefusalError(f"encoded JWT must have 3 sections, found {len(parts)}")
    return _Token(*parts)


@builtin("io.jwt.decode", "string -> array", cost=64)
def decode(text: Value) -> Value:
    """Return a token's header, its payload and its signature in hexadecimal, unverified."""
    while True:
        token = _split(text)
        header = token.decoded_header()
        payload = token.decoded_payload()
        if header.get("cty") != _NESTED:
            return [header, _object(payload), _part("signature", token.signature).hex()]
        # A nested token may come in quotes.
        text = payload.strip("\"'")


# --- verify_* ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Header:
    """What the registered names of a header say."""

    alg: str
    kid: str
    cty: str
    acceptable: bool


def _header(header: dict[str, Any]) -> _Header:
    for name in sorted(header):
        value = header[name]
        if name in _TEXTS and type(value) is not str:
            raise RefusalError(f"{name}: must be a string")
        if name == "crit" and type(value) is not list:
            raise RefusalError("crit: must be a list")
        if name == "crit" and not (value and type(value[0]) is str):
            raise RefusalError("crit: must be a nonempty list")
    critical = [name for name in header.get("crit", []) if type(name) is str]
    unknown = any(name in header and name not in _KNOWN for name in critical)
    alg = header.get("alg", "")
    return _Header(alg, header.get("kid", ""), header.get("cty", ""), bool(alg) and not unknown)


def _verify(algorithm: str) -> None:
    name = f"io.jwt.verify_{algorithm.lower()}"

    with_what = "a secret" if algorithm.startswith("HS") else "a certificate, a public key or a JWK (set)"
    summary = f"Tell whether a token's {algorithm} signature verifies with {with_what}."

    @builtin(name, "string, string -> boolean", summary=summary, cost=512)
    def verify(text: Value, secret: Value) -> Value:
        token = _split(text)
        if algorithm.startswith("HS"):
            signature = decode_url(token.signature)
            return signatures.fits(algorithm, encoded(secret), token.signed, signature)
        found = keys.to_verify(secret)
        signature = decode_url(token.signature)
        header = _header(token.decoded_header())
        return _any_fits(found, header, lambda _: algorithm, token, signature)


def _any_fits(
    found: tuple[keys.Key, ...],
    header: _Header,
    algorithm: Callable[[_Header], str],
    token: _Token,
    signature: bytes,
    *,
    exact: bool = False,
) -> bool:
    """Tell whether the key that the header names verifies; without such a key, whether any key does."""

    def fits(key: keys.Key) -> bool:
        return signatures.fits(algorithm(header), key.value, token.signed, signature, exact=exact)

    if header.kid:
        for key in found:
            if key.kid == header.kid:
                return fits(key)
    return any(fits(key) for key in found if key.algorithm in ("", header.alg))


for _algorithm in sorted(keys.ALGORITHMS):
    _verify(_algorithm)


# --- decode_verify -----------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Constraints:
    """What a token must meet; empty texts demand nothing."""

    keys: tuple[keys.Key, ...] | None = None
    secret: str = ""
    alg: str = ""
    iss: str = ""
    aud: str = ""
    time: float = -1.0

    def verifies(self, header: _Header, token: _Token, signature: bytes) -> bool:
        """Tell whether the signature is one of these keys or of the secret."""
        if header.alg not in keys.ALGORITHMS:
            return False
        found = (keys.Key(encoded(self.secret)),) if self.keys is None else self.keys
        return _any_fits(found, header, lambda given: given.alg, token, signature, exact=True)


def _constraints(given: Value, now: int) -> _Constraints:
    found = _Constraints()
    for name in sorted(given) if type(given) is dict else given:
        value = given.get(name)
        if name == "time":
            found.time = _time(value)
        elif name not in ("cert", "secret", "alg", "iss", "aud"):
            raise RefusalError(f"unknown token validation constraint: {name}")
        elif type(value) is not str:
            raise RefusalError(f"{name} constraint: must be a string")
        elif name == "cert":
            found.keys = keys.to_verify(value)
        else:
            setattr(found, name, value)
    if found.time == -1:
        found.time = float(now)
    if found.keys is not None and found.secret:
        raise RefusalError("duplicate key constraints")
    if found.keys is None and not found.secret:
        raise RefusalError("no key constraint")
    return found


def _time(value: Value) -> float:
    if not is_number(value):
        raise RefusalError("token time constraint: must be a number")
    if value < 0:
        raise RefusalError("token time constraint: must not be negative")
    return float(value)


@builtin(
    "io.jwt.decode_verify",
    "string, object -> array",
    accepts="any, object",
    cost=512,
    needs_state=True,
    nondeterministic=True,
)
def decode_verify(state: State, text: Value, constraints: Value) -> Value:
    """Return whether a token verifies and meets the constraints, and then its header and payload."""
    demanded = _constraints(constraints, now_ns(state))
    if type(text) is not str:
        raise operand_error("io.jwt.decode_verify", 1, "string", type_name(text))
    while True:
        token = _split(text)
        header = token.decoded_header()
        known = _header(header)
        if not known.acceptable or (demanded.alg and demanded.alg != known.alg):
            return [False, {}, {}]
        if not demanded.verifies(known, token, decode_url(token.signature)):
            return [False, {}, {}]
        text = token.decoded_payload()
        if known.cty.upper() != _NESTED:
            break
    payload = _object(text)
    return [True, header, payload] if _meets(payload, demanded) else [False, {}, {}]


def _meets(payload: dict[str, Any], demanded: _Constraints) -> bool:
    if demanded.iss and payload.get("iss") != demanded.iss:
        return False
    if "aud" in payload:
        audience = payload["aud"]
        if demanded.aud not in (audience if type(audience) is list else [audience]):
            return False
    elif demanded.aud:
        return False
    seconds = Decimal(repr(demanded.time / _NANOSECONDS))
    if "exp" in payload and compare(seconds, _claim(payload, "exp")) >= 0:
        return False
    return not ("nbf" in payload and compare(seconds, _claim(payload, "nbf")) < 0)


def _claim(payload: dict[str, Any], name: str) -> Value:
    if not is_number(payload[name]):
        raise RefusalError(f"{name} value must be a number")
    return payload[name]


# --- encode_sign -------------------------------------------------------------------------------------------


@builtin("io.jwt.encode_sign", "object, object, object -> string", cost=512, nondeterministic=True)
def encode_sign(header: Value, payload: Value, key: Value) -> Value:
    """Return a token of this header and payload, signed with a JWK."""
    return _signed(json_text(header), json_text(payload), json_text(key))


@builtin("io.jwt.encode_sign_raw", "string, string, string -> string", cost=512, nondeterministic=True)
def encode_sign_raw(header: Value, payload: Value, key: Value) -> Value:
    """Return a token of this header and payload as they are written, signed with a JWK."""
    return _signed(header, payload, key)


def _signed(header: str, payload: str, key: str) -> str:
    found = keys.to_sign(key)
    if not found:
        raise RefusalError("no keys found in JWK set")
    try:
        said = parsed(header)
    except JsonError:
        said = None
    algorithm = said.get("alg") if is_object(said) else None
    if type(algorithm) is not str:
        raise RefusalError("missing or invalid 'alg' header")
    if algorithm not in keys.ALGORITHMS:
        raise RefusalError(f"unknown JWS algorithm: {algorithm}")
    kind = said.get("typ")
    if type(kind) is not str or kind == _NESTED:
        try:
            parsed(payload)
        except JsonError:
            raise RefusalError("type is JWT but payload is not JSON") from None
    signed = f"{_packed(encoded(header))}.{_packed(encoded(payload))}"
    return f"{signed}.{_packed(signatures.sign(algorithm, found[0].value, signed.encode()))}"


def _packed(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
