"""The webhook's certificate: made here, shared by the replicas, renewed in time, told to the API server.

In: a `KubeClient` and names. Out: an `ssl.SSLContext` that always holds the current chain, and `caBundle`
written into the webhook configuration. Authority and serving pair live in one Secret (the keys are those
of Gatekeeper's: ca.crt, ca.key, tls.crt, tls.key); whoever is first writes it, the others read it.
"""

from __future__ import annotations

import asyncio
import base64
import os
import ssl
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from pratique.agent import logs
from pratique.client import resources
from pratique.client.informer import Change, Informer, Selection
from pratique.client.kube import JSON_PATCH, ClashError, KubeClient, Object
from pratique.client.resources import Resource
from pratique.errors import PratiqueError

AUTHORITY_DAYS, SERVING_DAYS = 3650, 365
RENEW_BEFORE = timedelta(days=90)
CHECK_SECONDS = 3600
FIELD_MANAGER = "pratique-certificates"
# It is shown to providers of external data too, as a client's.
USES = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH)
KEYS = ("ca.crt", "ca.key", "tls.crt", "tls.key")


@dataclass(frozen=True, slots=True)
class Pair:
    """An authority and the serving certificate that it signed, as PEM."""

    authority: bytes
    authority_key: bytes
    certificate: bytes
    key: bytes

    def encoded(self) -> dict[str, str]:
        """Return a Secret's `data`."""
        values = (self.authority, self.authority_key, self.certificate, self.key)
        return {name: base64.b64encode(value).decode() for name, value in zip(KEYS, values, strict=True)}

    def good(self, name: str, now: datetime) -> bool:
        """Tell whether it serves `name` and need not be renewed yet."""
        try:
            authority = x509.load_pem_x509_certificate(self.authority)
            certificate = x509.load_pem_x509_certificate(self.certificate)
            names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
            uses = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
            certificate.verify_directly_issued_by(authority)
            key = load_pem_private_key(self.key, password=None)
        except (ValueError, TypeError, x509.ExtensionNotFound, InvalidSignature, UnsupportedAlgorithm):
            return False
        return (
            name in names.get_values_for_type(x509.DNSName)
            and set(USES) <= set(uses)
            and key.public_key() == certificate.public_key()
            and min(certificate.not_valid_after_utc, authority.not_valid_after_utc) - now > RENEW_BEFORE
        )


def read_pair(secret: Object) -> Pair | None:
    """Return what a Secret holds, or None when something is missing."""
    data = secret.get("data") or {}
    try:
        return Pair(*(base64.b64decode(data[name]) for name in KEYS))
    except (KeyError, ValueError):
        return None


def make_pair(
    service: str, namespace: str, *, signer: Pair | None = None, now: datetime | None = None
) -> Pair:
    """Return a serving pair for `service.namespace.svc`, signed by `signer`'s authority while that lasts.

    A renewal under the same authority goes unnoticed: the API server trusts both certificates at once.
    """
    moment = now or datetime.now(UTC)
    authority, authority_key = _authority(signer, moment)
    key = ec.generate_private_key(ec.SECP256R1())
    names = [f"{service}.{namespace}{suffix}" for suffix in (".svc", ".svc.cluster.local", "")]
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])])
    certificate = (
        _builder(subject, authority.subject, key, moment, SERVING_DAYS)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(USES), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False
        )
        .sign(authority_key, hashes.SHA256())
    )
    return Pair(
        authority.public_bytes(Encoding.PEM),
        _private(authority_key),
        certificate.public_bytes(Encoding.PEM),
        _private(key),
    )


def _authority(signer: Pair | None, moment: datetime) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    if signer:
        try:
            known = x509.load_pem_x509_certificate(signer.authority)
            held = load_pem_private_key(signer.authority_key, password=None)
            lasts = known.not_valid_after_utc - moment > timedelta(days=SERVING_DAYS)
            if lasts and isinstance(held, ec.EllipticCurvePrivateKey):
                return known, held
        except (ValueError, TypeError, UnsupportedAlgorithm):
            logs.warning("the authority in the Secret cannot be read; a new one is made")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "pratique-ca")])
    authority = (
        _builder(name, name, key, moment, AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    return authority, key


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, moment: datetime, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        # An hour back: the clocks of nodes differ.
        .not_valid_before(moment - timedelta(hours=1))
        .not_valid_after(moment + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


class Certificates:
    """Keeps `tls` and the webhook configuration's `caBundle` current; `run` it as a task."""

    def __init__(
        self,
        client: KubeClient,
        *,
        namespace: str,
        secret: str,
        service: str,
        configurations: Sequence[tuple[Resource, str]],
    ) -> None:
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.minimum_version = ssl.TLSVersion.TLSv1_2
        self.tls.set_alpn_protocols(["http/1.1"])
        self.ready = asyncio.Event()
        self._client = client
        self._namespace, self._secret = namespace, secret
        self._service, self._configurations = service, tuple(configurations)
        self._dirty = asyncio.Event()
        self._current: Pair | None = None
        self._bundled: str | None = None

    @property
    def authority(self) -> bytes:
        """The authority's certificate as PEM; empty before the first one is loaded."""
        return self._current.authority if self._current else b""

    def pair(self) -> tuple[str, str] | None:
        """Return the certificate and its key as PEM, None before the first one is loaded."""
        held = self._current
        return (held.certificate.decode(), held.key.decode()) if held else None

    async def run(self) -> None:
        """Make or read the pair, then follow the Secret and the configuration for ever."""
        secret = Informer(
            self._client,
            resources.SECRETS,
            handler=self._wake,
            selection=Selection(self._namespace, field_selector=f"metadata.name={self._secret}"),
        )
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._settle())
            tasks.create_task(secret.run())
            for resource, name in self._configurations:
                selection = Selection(field_selector=f"metadata.name={name}")
                configuration = Informer(self._client, resource, handler=self._seen, selection=selection)
                tasks.create_task(configuration.run())

    def _wake(self, change: Change, obj: Object) -> None:
        self._dirty.set()

    def _seen(self, change: Change, obj: Object) -> None:
        self._dirty.set()

    async def _settle(self) -> None:
        pause = 0.1
        while True:
            self._dirty.clear()
            try:
                self._load(await self._ensure())
                await self._tell()
            except PratiqueError as error:
                logs.warning("the webhook's certificate is not settled", reason=error.message)
                pause = min(30.0, pause * 2)
                await asyncio.sleep(pause)
                continue
            pause = 0.1
            try:
                async with asyncio.timeout(CHECK_SECONDS):
                    await self._dirty.wait()
            except TimeoutError:
                continue

    async def _ensure(self) -> Pair:
        name = f"{self._service}.{self._namespace}.svc"
        while True:
            secret = await self._client.find(resources.SECRETS, self._secret, namespace=self._namespace)
            pair = read_pair(secret) if secret else None
            if pair and pair.good(name, datetime.now(UTC)):
                return pair
            pair = make_pair(self._service, self._namespace, signer=pair)
            logs.info("made a certificate for the webhook", service=name)
            try:
                if secret:
                    # The resource version in it makes a second writer lose, who then reads ours.
                    await self._client.update(resources.SECRETS, secret | {"data": pair.encoded()})
                else:
                    await self._client.create(resources.SECRETS, self._new_secret(pair))
            except ClashError:
                continue
            return pair

    def _new_secret(self, pair: Pair) -> Object:
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": self._secret,
                "namespace": self._namespace,
                "labels": {"app.kubernetes.io/part-of": "pratique"},
            },
            "type": "Opaque",
            "data": pair.encoded(),
        }

    def _load(self, pair: Pair) -> None:
        if pair == self._current:
            return
        load_chain(self.tls, pair.certificate, pair.key)
        self._current = pair

    async def _tell(self) -> None:
        """Write the authority into every webhook of the configurations that has another one."""
        for resource, name in self._configurations:
            await self._tell_one(resource, name)
        self.ready.set()

    async def _tell_one(self, resource: Resource, name: str) -> None:
        bundle = base64.b64encode(self.authority).decode()
        # Without a configuration nobody calls us; it is watched, and told when it comes.
        configuration = await self._client.find(resource, name) or {}
        patch: list[Object] = []
        for index, hook in enumerate(configuration.get("webhooks") or ()):
            if (hook.get("clientConfig") or {}).get("caBundle") != bundle:
                path = f"/webhooks/{index}"
                patch.append({"op": "test", "path": f"{path}/name", "value": hook["name"]})
                patch.append({"op": "add", "path": f"{path}/clientConfig/caBundle", "value": bundle})
        if patch:
            await self._client.patch(resource, name, patch, kind=JSON_PATCH, field_manager=FIELD_MANAGER)
            logs.info("wrote the authority into the webhook configuration", name=name)


def load_chain(tls: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    """Load a chain into a context; connections that come from now on are served with it."""
    # The ssl module reads from files only; this one is ours alone and gone at once.
    handle, path = tempfile.mkstemp(prefix="pratique-", suffix=".pem")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(certificate + b"\n" + key)
        tls.load_cert_chain(path)
    finally:
        Path(path).unlink(missing_ok=True)
