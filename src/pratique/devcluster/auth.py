"""Who may speak: certificates for TLS, the administrator's token, tokens of ServiceAccounts.

In comes the state folder, out go key files, a kubeconfig and identities. What an identity may do is decided
by `authorization`. Nothing here knows HTTP.
"""

from __future__ import annotations

import base64
import hmac
import ipaddress
import json
import os
import secrets
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from pratique.devcluster.store import Store
from pratique.devcluster.users import ADMIN, UserInfo, service_account

ISSUER = "https://kubernetes.default.svc.cluster.local"
CA_YEARS, CERTIFICATE_DAYS = 10, 365
RENEW_BEFORE = timedelta(days=30)
SERVICE_ADDRESS = "10.0.0.1"


@dataclass(frozen=True, slots=True)
class Files:
    """The cluster's key files."""

    ca: Path
    certificate: Path
    key: Path
    admin_token: str
    signing_key: Path

    @property
    def ca_text(self) -> str:
        """Return the CA certificate as PEM text."""
        return self.ca.read_text()


def _write(path: Path, body: bytes) -> None:
    """Write a private file in one step."""
    partial = path.with_suffix(path.suffix + ".new")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(body)
    partial.replace(path)


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(encoding, form, serialization.NoEncryption())


def _key(path: Path) -> ec.EllipticCurvePrivateKey:
    if path.exists():
        loaded = serialization.load_pem_private_key(path.read_bytes(), None)
        if isinstance(loaded, ec.EllipticCurvePrivateKey):
            return loaded
    key = ec.generate_private_key(ec.SECP256R1())
    _write(path, _pem(key))
    return key


def ensure(folder: Path, host: str) -> Files:
    """Return the cluster's key files, made or renewed where needed."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    ca_path, ca_key = folder / "ca.crt", _key(folder / "ca.key")
    if not ca_path.exists():
        _write(ca_path, _certificate_authority(ca_key).public_bytes(serialization.Encoding.PEM))
    authority = x509.load_pem_x509_certificate(ca_path.read_bytes())
    path, key = folder / "server.crt", _key(folder / "server.key")
    if not _serves(path, host):
        made = _server_certificate(key, authority, ca_key, host)
        _write(path, made.public_bytes(serialization.Encoding.PEM) + ca_path.read_bytes())
    token_path = folder / "admin.token"
    if not token_path.exists():
        _write(token_path, secrets.token_urlsafe(32).encode())
    _key(folder / "service-accounts.key")
    return Files(
        ca_path, path, folder / "server.key", token_path.read_text().strip(), folder / "service-accounts.key"
    )


def _names(host: str) -> list[x509.GeneralName]:
    names = ["localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"]
    names.append("kubernetes.default.svc.cluster.local")
    addresses = {"127.0.0.1", "::1", SERVICE_ADDRESS}
    try:
        addresses.add(str(ipaddress.ip_address(host)))
    except ValueError:
        names.append(host)
    found: list[x509.GeneralName] = [x509.DNSName(name) for name in dict.fromkeys(names)]
    return found + [x509.IPAddress(ipaddress.ip_address(item)) for item in sorted(addresses)]


def _serves(path: Path, host: str) -> bool:
    if not path.exists():
        return False
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    fresh = certificate.not_valid_after_utc - datetime.now(UTC) > RENEW_BEFORE
    return fresh and all(name in list(names) for name in _names(host))


def _builder(name: str, issuer: x509.Name | None, key: Any, lifetime: timedelta) -> x509.CertificateBuilder:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    start = datetime.now(UTC) - timedelta(minutes=5)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer or subject)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + lifetime)
    )


def _certificate_authority(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    public = key.public_key()
    usage = x509.KeyUsage(
        digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    return (
        _builder("pratique embedded cluster", None, public, timedelta(days=365 * CA_YEARS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .sign(key, hashes.SHA256())
    )


def _server_certificate(
    key: ec.EllipticCurvePrivateKey,
    authority: x509.Certificate,
    authority_key: ec.EllipticCurvePrivateKey,
    host: str,
) -> x509.Certificate:
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())
    return (
        _builder("kube-apiserver", authority.subject, key.public_key(), timedelta(days=CERTIFICATE_DAYS))
        .add_extension(x509.SubjectAlternativeName(_names(host)), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(identifier, critical=False)
        .sign(authority_key, hashes.SHA256())
    )


def write_kubeconfig(path: Path, files: Files, *, url: str, cluster: str) -> None:
    """Write the administrator's kubeconfig."""
    authority = base64.b64encode(files.ca.read_bytes()).decode()
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": cluster, "cluster": {"server": url, "certificate-authority-data": authority}}],
        "users": [{"name": "admin", "user": {"token": files.admin_token}}],
        "contexts": [{"name": cluster, "context": {"cluster": cluster, "user": "admin"}}],
        "current-context": cluster,
    }
    _write(path, json.dumps(config, indent=2).encode())


@dataclass(frozen=True, slots=True)
class Issued:
    """A token and what it says."""

    text: str
    expires: str
    audiences: list[str]


class Tokens:
    """Issues and reads bearer tokens."""

    def __init__(self, files: Files, store: Store) -> None:
        self._files = files
        self._store = store
        self._key = ECKey.import_key(files.signing_key.read_bytes())
        self._seen: dict[str, tuple[float, UserInfo, tuple[str, str, str]]] = {}

    def issue(self, account: dict[str, Any], *, seconds: int, audiences: list[str]) -> Issued:
        """Issue a token for a ServiceAccount."""
        metadata = account["metadata"]
        start = int(time.time())
        wanted = audiences or [ISSUER]
        subject = {"name": metadata["name"], "uid": metadata["uid"]}
        claims = {
            "iss": ISSUER,
            "sub": f"system:serviceaccount:{metadata['namespace']}:{metadata['name']}",
            "aud": wanted,
            "iat": start,
            "nbf": start,
            "exp": start + seconds,
            "jti": str(uuid.uuid4()),
            "kubernetes.io": {"namespace": metadata["namespace"], "serviceaccount": subject},
        }
        expires = datetime.fromtimestamp(start + seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return Issued(jwt.encode({"alg": "ES256"}, claims, self._key), expires, wanted)

    def read(self, text: str) -> UserInfo | None:
        """Return whose token this is; None if it is nobody's, or no longer valid."""
        if hmac.compare_digest(text.encode(), self._files.admin_token.encode()):
            return ADMIN
        known = self._seen.get(text)
        if known is None:
            known = self._verify(text)
            if known is None:
                return None
            self._seen[text] = known
        until, user, (namespace, name, uid) = known
        account = self._store.get("serviceaccounts", name, namespace)
        if time.time() >= until or account is None or account["metadata"]["uid"] != uid:
            del self._seen[text]
            return None
        return user

    def _verify(self, text: str) -> tuple[float, UserInfo, tuple[str, str, str]] | None:
        try:
            claims = jwt.decode(text, self._key, algorithms=["ES256"]).claims
            bound = claims["kubernetes.io"]
            account = bound["serviceaccount"]
            place = (bound["namespace"], account["name"], account["uid"])
            if claims["iss"] != ISSUER or ISSUER not in claims["aud"]:
                return None
            return float(claims["exp"]), service_account(*place), place
        except (JoseError, KeyError, TypeError, ValueError):
            return None
