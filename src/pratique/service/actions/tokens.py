"""Tokens and secrets: made, hashed, signed and read.

Passwords are argon2, because people choose them; our own secrets carry 256 random bits, so SHA-256 is
enough to keep them and costs nothing per request. Service principals get a signed token (ES256), as
clients of Azure Resource Manager expect; its key never leaves the database.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from dataclasses import dataclass
from typing import Any

import argon2
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

PREFIXES = {"session": "prs_", "api": "pra_", "agent": "prg_"}
LIFETIME = 3600

_hasher = argon2.PasswordHasher()


@dataclass(frozen=True, slots=True)
class Claims:
    """What a signed token says."""

    client_id: str
    tenant: str


def new_secret(prefix: str = "") -> str:
    """Return a new secret of 256 bits as URL-safe text, which no program takes for one of its flags."""
    secret = secrets.token_urlsafe(32)
    # `az login -p -abc` would read `-abc` as a flag: one secret in 64.
    return prefix + (secret if not secret.startswith("-") else new_secret())


def new_password() -> str:
    """Return a password that a person can type: five groups of five, 116 bits, no look-alikes."""
    alphabet = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(alphabet) for _ in range(5)) for _ in range(5))


def hash_secret(secret: str) -> str:
    """Return what is stored of a secret of ours."""
    return hashlib.sha256(secret.encode()).hexdigest()


def same_secret(secret: str, stored: str) -> bool:
    """Tell whether a secret has that hash, in constant time."""
    return secrets.compare_digest(hash_secret(secret), stored)


def hash_password(password: str) -> str:
    """Return what is stored of a password."""
    return _hasher.hash(password)


def same_password(password: str, stored: str) -> bool:
    """Tell whether a password has that hash."""
    try:
        return _hasher.verify(stored, password)
    except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
        return False


class Signer:
    """Signs and reads the tokens of service principals with the installation's key."""

    def __init__(self, key: str) -> None:
        self._key = ECKey.import_key(json.loads(key))

    @staticmethod
    def new_key() -> str:
        """Return a new private key as JSON text."""
        return json.dumps(ECKey.generate_key("P-256", auto_kid=True).as_dict(private=True))

    def public_keys(self) -> dict[str, Any]:
        """Return the key set that others check our signatures with."""
        return {"keys": [{**self._key.as_dict(private=False), "use": "sig", "alg": "ES256"}]}

    def sign(self, *, client_id: str, tenant: str, audience: str, issuer: str) -> str:
        """Return a token for a service principal, good for an hour."""
        now = int(time.time())
        claims = {
            "iss": issuer,
            "aud": audience,
            "sub": client_id,
            "oid": client_id,
            "appid": client_id,
            "tid": tenant,
            "iat": now,
            "nbf": now,
            "exp": now + LIFETIME,
        }
        header = {"alg": "ES256", "typ": "JWT", "kid": self._key.kid}
        return jwt.encode(header, claims, self._key, algorithms=["ES256"])

    def read(self, token: str) -> Claims | None:
        """Return what a token of ours says; None when it is not ours, and for one that is over.

        The caller tells the two apart with `expired`.
        """
        claims = self._claims(token)
        if claims is None or claims.get("exp", 0) <= time.time():
            return None
        return Claims(str(claims.get("appid", "")), str(claims.get("tid", "")))

    def expired(self, token: str) -> bool:
        """Tell whether a token is ours and over."""
        claims = self._claims(token)
        return claims is not None and claims.get("exp", 0) <= time.time()

    def _claims(self, token: str) -> dict[str, Any] | None:
        try:
            return dict(jwt.decode(token, self._key, algorithms=["ES256"]).claims)
        except (JoseError, ValueError, TypeError):
            return None
