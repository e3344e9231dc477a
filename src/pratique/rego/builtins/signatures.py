"""The signature algorithms of JSON Web Tokens: sign, and verify.

RS is RSA with PKCS #1 v1.5, PS is RSA-PSS with a salt of any length, ES is ECDSA with both numbers side by side,
HS is HMAC, EdDSA is Ed25519 (RFC 7518, RFC 8037).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from pratique.rego.builtins.keys import AnyKey
from pratique.rego.builtins.registry import RefusalError

_HASHES: Final[dict[str, Callable[[], hashes.HashAlgorithm]]] = {
    "256": hashes.SHA256,
    "384": hashes.SHA384,
    "512": hashes.SHA512,
}


class WrongKeyError(RefusalError):
    """A key does not fit an algorithm."""


def code(algorithm: str, secret: bytes, data: bytes) -> bytes:
    """Return the HMAC of the data for HS256, HS384 or HS512."""
    return hmac.new(secret, data, f"sha{algorithm[2:]}").digest()


def fits(algorithm: str, key: AnyKey, data: bytes, signature: bytes, *, exact: bool = False) -> bool:
    """Tell whether the signature of the data verifies; a key of another kind never does.

    With `exact`, an ECDSA signature must have the size that its key's curve gives it.
    """
    family, size = algorithm[:2], algorithm[2:]
    try:
        if family == "HS":
            return (
                isinstance(key, bytes)
                and bool(key)
                and hmac.compare_digest(code(algorithm, key, data), signature)
            )
        if family == "ES" and isinstance(key, ec.EllipticCurvePublicKey):
            if exact and len(signature) != 2 * _length(key):
                return False
            half = len(signature) // 2
            pair = (int.from_bytes(signature[:half]), int.from_bytes(signature[half:]))
            key.verify(encode_dss_signature(*pair), data, ec.ECDSA(_HASHES[size]()))
            return True
        if family in {"RS", "PS"} and isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, data, _padding(family, size, verify=True), _HASHES[size]())
            return True
        if algorithm == "EdDSA" and isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(signature, data)
            return True
    except (InvalidSignature, ValueError):
        pass
    return False


def sign(algorithm: str, key: AnyKey, data: bytes) -> bytes:
    """Return the signature of the data. Raises WrongKeyError."""
    family, size = algorithm[:2], algorithm[2:]
    try:
        if family == "HS" and isinstance(key, bytes) and key:
            return code(algorithm, key, data)
        if family in {"RS", "PS"} and isinstance(key, rsa.RSAPrivateKey):
            return key.sign(data, _padding(family, size, verify=False), _HASHES[size]())
        if family == "ES" and isinstance(key, ec.EllipticCurvePrivateKey):
            one, two = decode_dss_signature(key.sign(data, ec.ECDSA(_HASHES[size]())))
            return one.to_bytes(_length(key)) + two.to_bytes(_length(key))
        if algorithm == "EdDSA" and isinstance(key, ed25519.Ed25519PrivateKey):
            return key.sign(data)
    except ValueError as error:
        raise WrongKeyError(str(error)) from None
    raise WrongKeyError(f"the key does not fit {algorithm}")


def _length(key: ec.EllipticCurvePublicKey | ec.EllipticCurvePrivateKey) -> int:
    return (key.curve.key_size + 7) // 8


def _padding(family: str, size: str, *, verify: bool) -> Any:
    if family == "RS":
        return padding.PKCS1v15()
    salt = padding.PSS.AUTO if verify else hashlib.new(f"sha{size}").digest_size
    return padding.PSS(padding.MGF1(_HASHES[size]()), salt)
