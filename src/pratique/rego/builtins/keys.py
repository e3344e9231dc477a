"""Keys for signatures: out of certificates and PEM blocks, and out of JSON Web Keys.

Comes in: a text of a policy. Goes out: keys of `cryptography`, with the key ID and the algorithm that a JWK says.
Which texts are taken, and how a refusal is worded, is as in OPA's topdown/tokens.go.
"""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, TypeAlias

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key
from joserfc import jwk
from joserfc.errors import JoseError, SecurityWarning

from pratique.rego.builtins import pem
from pratique.rego.builtins.base64s import decode_url
from pratique.rego.builtins.registry import RefusalError

PublicKey: TypeAlias = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey
PrivateKey: TypeAlias = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
# A symmetric key is its bytes.
AnyKey: TypeAlias = PublicKey | PrivateKey | bytes

ALGORITHMS: Final = frozenset(
    {f"{family}{size}" for family in ("RS", "PS", "ES", "HS") for size in (256, 384, 512)} | {"EdDSA"}
)


# What else the `alg` of a JWK may be: keys for other ends verify and sign nothing.
_OTHER_ALGORITHMS: Final = frozenset(
    [
        "ES256K",
        "none",
        "RSA1_5",
        "RSA-OAEP",
        "RSA-OAEP-256",
        "RSA-OAEP-384",
        "RSA-OAEP-512",
        "A128KW",
        "A192KW",
        "A256KW",
        "dir",
        "ECDH-ES",
        "ECDH-ES+A128KW",
        "ECDH-ES+A192KW",
        "ECDH-ES+A256KW",
        "A128GCMKW",
        "A192GCMKW",
        "A256GCMKW",
        "PBES2-HS256+A128KW",
        "PBES2-HS384+A192KW",
        "PBES2-HS512+A256KW",
    ]
)
# How strong a policy's keys are is not our judgement, nor a matter for the log.
warnings.filterwarnings("ignore", category=SecurityWarning)


class KeyTextError(RefusalError):
    """A text holds no usable key."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key, and what its JWK says of it (empty where it says nothing)."""

    value: AnyKey
    kid: str = ""
    algorithm: str = ""


@lru_cache(maxsize=100)
def to_verify(text: str) -> tuple[Key, ...]:
    """Return the keys of a certificate, a public key or a JWK (set). Raises KeyTextError."""
    block, rest = pem.first(text)
    if block is None:
        return tuple(key for key in to_sign(text) if not key.algorithm or key.algorithm in ALGORITHMS)
    if rest:
        raise KeyTextError("extra data after a PEM certificate block")
    if block.kind == pem.CERTIFICATE:
        try:
            return (Key(_usable(x509.load_der_x509_certificate(block.data).public_key())),)
        except (ValueError, UnsupportedAlgorithm) as error:
            raise KeyTextError(f"failed to parse a PEM certificate: x509: {error}") from None
    if block.kind == "PUBLIC KEY":
        try:
            return (Key(_usable(load_der_public_key(block.data))),)
        except (ValueError, UnsupportedAlgorithm) as error:
            raise KeyTextError(f"failed to parse a PEM public key: {error}") from None
    raise KeyTextError("failed to extract a Key from the PEM certificate")


def _usable(key: Any) -> AnyKey:
    # Any other kind verifies and signs nothing; it is refused where it is used.
    return key  # type: ignore[no-any-return]


def to_sign(text: str) -> tuple[Key, ...]:
    """Return the keys of a JWK or a JWK set, as they come. Raises KeyTextError."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise KeyTextError("failed to parse a JWK key (set): the text is no JSON") from None
    if not isinstance(value, dict):
        raise KeyTextError("failed to parse a JWK key (set): no JSON object")
    found = value.get("keys", [value]) if "kty" not in value else [value]
    if not isinstance(found, list):
        raise KeyTextError("failed to parse a JWK key (set): `keys` is no list")
    return tuple(map(_from_jwk, found))


def _from_jwk(value: Any) -> Key:
    if not isinstance(value, dict):
        raise KeyTextError("failed to parse a JWK key (set): a key is no object")
    kid, algorithm = value.get("kid", ""), value.get("alg", "")
    if not isinstance(kid, str) or not isinstance(algorithm, str):
        raise KeyTextError("failed to parse a JWK key (set): `kid` and `alg` must be strings")
    if algorithm and algorithm not in ALGORITHMS | _OTHER_ALGORITHMS:
        raise KeyTextError(
            f'failed to parse a JWK key (set): invalid key value: "{algorithm}": invalid key algorithm'
        )
    try:
        if value["kty"] == "oct":
            return Key(decode_url(value["k"]), kid, algorithm)
        # Only the material counts: what the key may be used for is not asked.
        made = jwk.import_key(
            {name: item for name, item in value.items() if name not in {"alg", "use", "key_ops", "kid"}}
        )
        return Key(_usable(made.raw_value), kid, algorithm)
    except (JoseError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise KeyTextError(f"failed to parse a JWK key (set): {error}") from None
