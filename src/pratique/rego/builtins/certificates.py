"""crypto.x509.* and crypto.parse_private_keys: certificates, requests and private keys as data.

Texts may be PEM or base64 of PEM or of DER; the objects are those that Go's types show in JSON.
"""

from __future__ import annotations

import base64
import warnings
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_der_private_key
from cryptography.utils import CryptographyDeprecationWarning
from joserfc import jwk

from pratique.rego.builtins import certificate_chains as chains
from pratique.rego.builtins import certificate_fields as fields
from pratique.rego.builtins import der, pem
from pratique.rego.builtins.base64s import Base64Error, as_text, decode
from pratique.rego.builtins.keys import PrivateKey
from pratique.rego.builtins.registry import RefusalError, builtin
from pratique.rego.builtins.times import now_ns
from pratique.rego.runtime.numbers import whole
from pratique.rego.runtime.state import State
from pratique.rego.runtime.values import Set, Value, is_number

# A certificate with an odd serial number is a policy's to judge, nothing for the log.
warnings.filterwarnings("ignore", category=CryptographyDeprecationWarning)
_REQUEST: Final = "CERTIFICATE REQUEST"
_PRIVATE: Final = frozenset({"RSA PRIVATE KEY", "PRIVATE KEY", "EC PRIVATE KEY"})
_NANOSECONDS: Final = 1_000_000_000
_USAGES: Final = {
    f"KeyUsage{name}": number
    for number, name in enumerate(
        [
            "Any",
            "ServerAuth",
            "ClientAuth",
            "CodeSigning",
            "EmailProtection",
            "IPSECEndSystem",
            "IPSECTunnel",
            "IPSECUser",
            "TimeStamping",
            "OCSPSigning",
            "MicrosoftServerGatedCrypto",
            "NetscapeServerGatedCrypto",
            "MicrosoftCommercialCodeSigning",
            "MicrosoftKernelCodeSigning",
        ]
    )
}


def _links(text: str) -> list[chains.Link]:
    """Return the certificates of a text. Raises RefusalError, Base64Error."""
    if not text.startswith(pem.BEGIN):
        data = decode(text)
        if not data.startswith(pem.BEGIN.encode()):
            return _parsed(data)
        text = as_text(data)
    blocks = pem.all_blocks(text)
    for block in blocks:
        if block.kind != pem.CERTIFICATE:
            raise RefusalError(f"PEM block type is '{block.kind}', expected {pem.CERTIFICATE}")
    return _parsed(b"".join(block.data for block in blocks))


def _parsed(data: bytes) -> list[chains.Link]:
    try:
        found = [chains.Link.of(element.raw) for element in der.read_all(data)]
        for link in found:
            x509.load_der_x509_certificate(link.data)
    except (ValueError, IndexError, UnsupportedAlgorithm):
        raise RefusalError("x509: malformed certificate") from None
    return found


def _shown(link: chains.Link) -> dict[str, Any]:
    texts = fields.uri_texts(link.data) or None
    return {**link.fields, "URIStrings": texts}


@builtin("crypto.x509.parse_certificates", "string -> array", cost=512)
def parse_certificates(text: Value) -> Value:
    """Return the certificates of a text."""
    return [_shown(link) for link in _links(text)]


@builtin("crypto.x509.parse_and_verify_certificates", "string -> array", cost=512, needs_state=True)
def parse_and_verify(state: State, text: Value) -> Value:
    """Return whether the last certificate leads to the first one, which is trusted, and then their chain."""
    return _verified(text, chains.Demands(now_ns(state) / _NANOSECONDS), _shown)


@builtin(
    "crypto.x509.parse_and_verify_certificates_with_options", "string, object -> array", needs_state=True
)
def parse_and_verify_with_options(state: State, text: Value, options: Value) -> Value:
    """Do as parse_and_verify_certificates, with a host name, a time and usages of one's own."""
    try:
        _links(text)
    except (RefusalError, Base64Error):
        return [False, []]
    return _verified(text, _demands(options, now_ns(state)), lambda link: link.fields)


def _verified(
    text: str, demands: chains.Demands, shown: Callable[[chains.Link], dict[str, Any]]
) -> list[Value]:
    try:
        return [True, [shown(link) for link in chains.verified(_links(text), demands)]]
    except (RefusalError, Base64Error, chains.ChainError):
        return [False, []]


def _demands(options: Value, now: int) -> chains.Demands:
    found: dict[str, Any] = {"time": now / _NANOSECONDS}
    for name, value in options.items():
        if name == "DNSName":
            if type(value) is not str:
                raise RefusalError("'DNSName' should be a string")
            found["host"] = value.strip('"')
        elif name in ("CurrentTime", "MaxConstraintComparisons"):
            if not is_number(value):
                raise RefusalError(f"'{name}' should be a number")
            number = whole(value)
            if number is None:
                kind = "int64 number" if name == "CurrentTime" else "number"
                raise RefusalError(f"'{name}' should be a valid {kind}")
            if name == "CurrentTime":
                found["time"] = number / _NANOSECONDS
        elif name == "KeyUsages":
            found["usages"] = _usages(value)
        elif type(name) is str:
            raise RefusalError("invalid key option")
    return chains.Demands(**found)


def _usages(value: Value) -> tuple[int, ...]:
    if type(value) is not list and type(value) is not Set:
        raise RefusalError("'KeyUsages' should be an Array or Set")
    names = [name.strip('"') for name in value if type(name) is str]
    unknown = [name for name in names if name not in _USAGES]
    if unknown:
        raise RefusalError(f"invalid entries for 'KeyUsages' found: [{' '.join(unknown)}]")
    return tuple(_USAGES[name] for name in names)


@builtin("crypto.x509.parse_certificate_request", "string -> object", cost=512)
def parse_certificate_request(text: Value) -> Value:
    """Return a request for a certificate."""
    data = text.encode() if text.startswith(f"{pem.BEGIN} {_REQUEST}-----") else decode(text)
    block, _ = pem.first(as_text(data))
    if block is not None:
        if block.kind != _REQUEST:
            raise RefusalError("invalid PEM-encoded certificate signing request")
        data = block.data
    try:
        x509.load_der_x509_csr(data)
        return fields.request(data)
    except (ValueError, IndexError, UnsupportedAlgorithm):
        raise RefusalError("asn1: structure error: no request for a certificate") from None


# --- private keys ------------------------------------------------------------------------------------------


def _loaded(data: bytes) -> PrivateKey:
    try:
        return load_der_private_key(data, None)  # type: ignore[return-value]  # others are refused where shown
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise RefusalError(f"x509: failed to parse private key: {error}") from None


def _private_keys(text: str) -> list[PrivateKey]:
    with suppress(Base64Error):  # which is PEM as it stands
        text = as_text(decode(text))
    return [_loaded(block.data) for block in pem.all_blocks(text) if block.kind in _PRIVATE]


@builtin("crypto.x509.parse_rsa_private_key", "string -> object", cost=512)
def parse_rsa_private_key(text: Value) -> Value:
    """Return the first private key of a text as a JWK, of any kind; null if there is none."""
    if not text:
        raise RefusalError("input PEM data was empty")
    found = _private_keys(text if text.startswith(pem.BEGIN) else as_text(decode(text)))
    if not found:
        return None
    kinds: tuple[tuple[type, Any], ...] = (
        (rsa.RSAPrivateKey, jwk.RSAKey),
        (ec.EllipticCurvePrivateKey, jwk.ECKey),
        (ed25519.Ed25519PrivateKey, jwk.OKPKey),
    )
    for kind, maker in kinds:
        if isinstance(found[0], kind):
            return dict(maker(found[0], found[0]).as_dict(private=True))
    raise RefusalError("the key is of a kind that no JWK has")


@builtin("crypto.parse_private_keys", "string -> array", cost=512)
def parse_private_keys(text: Value) -> Value:
    """Return the private keys of a text; null if it is empty."""
    return [_shown_key(key) for key in _private_keys(text)] if text else None


def _shown_key(key: PrivateKey) -> Any:
    if isinstance(key, rsa.RSAPrivateKey):
        numbers = key.private_numbers()
        public = numbers.public_numbers
        computed = {"CRTValues": [], "Dp": numbers.dmp1, "Dq": numbers.dmq1, "Qinv": numbers.iqmp}
        return {
            "D": numbers.d,
            "E": public.e,
            "N": public.n,
            "Precomputed": computed,
            "Primes": [numbers.p, numbers.q],
        }
    if isinstance(key, ec.EllipticCurvePrivateKey):
        point = key.public_key().public_numbers()
        return {"Curve": {}, "D": key.private_numbers().private_value, "X": point.x, "Y": point.y}
    data = key.private_bytes_raw() + key.public_key().public_bytes_raw()
    return base64.b64encode(data).decode()


@builtin("crypto.x509.parse_keypair", "string, string -> object", cost=512)
def parse_keypair(certificate: Value, key: Value) -> Value:
    """Return a certificate (chain) with its private key."""
    held = [block.data for block in _blocks(certificate, pem.CERTIFICATE) if block.kind == pem.CERTIFICATE]
    if not held:
        raise RefusalError("tls: failed to find any PEM data in certificate input")
    private = [block.data for block in _blocks(key, "PRIVATE KEY") if block.kind.endswith("PRIVATE KEY")]
    if not private:
        raise RefusalError("tls: failed to find any PEM data in key input")
    leaf, loaded = _parsed(held[0])[0], _loaded(private[0])
    public = x509.load_der_x509_certificate(leaf.data).public_key()
    if public != loaded.public_key():
        raise RefusalError("tls: private key does not match public key")
    nothing = dict.fromkeys(("OCSPStaple", "SignedCertificateTimestamps", "SupportedSignatureAlgorithms"))
    return {
        "Certificate": [base64.b64encode(each).decode() for each in held],
        "Leaf": leaf.fields,
        "PrivateKey": _shown_key(loaded),
        **nothing,
    }


def _blocks(text: str, kind: str) -> list[pem.Block]:
    """Return the PEM blocks of a text; base64 of DER counts as one block of that kind."""
    if not text.startswith(f"{pem.BEGIN} "):
        data = decode(text)
        if not data.startswith(f"{pem.BEGIN} ".encode()):
            return [pem.Block(kind, data)]
        text = as_text(data)
    return pem.all_blocks(text)
