"""Certificates and requests as Go's crypto/x509 shows them in JSON: what policies look at.

Comes in: DER. Goes out: one object with Go's names, `null` where Go has an empty list (RFC 5280, RFC 2986).
"""

from __future__ import annotations

import base64
import ipaddress
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeAlias
from urllib.parse import urlsplit

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from pratique.rego.builtins import der
from pratique.rego.builtins.der import Element, dotted

Fields: TypeAlias = dict[str, Any]

# Go's numbers of algorithms and usages.
_SIGNATURES: Final = {
    "1.2.840.113549.1.1.2": 1,
    "1.2.840.113549.1.1.4": 2,
    "1.2.840.113549.1.1.5": 3,
    "1.2.840.113549.1.1.11": 4,
    "1.2.840.113549.1.1.12": 5,
    "1.2.840.113549.1.1.13": 6,
    "1.2.840.10040.4.3": 7,
    "2.16.840.1.101.3.4.3.2": 8,
    "1.2.840.10045.4.1": 9,
    "1.2.840.10045.4.3.2": 10,
    "1.2.840.10045.4.3.3": 11,
    "1.2.840.10045.4.3.4": 12,
    "1.3.101.112": 16,
}
_PSS: Final = "1.2.840.113549.1.1.10"
_PSS_HASHES: Final = {
    "2.16.840.1.101.3.4.2.1": 13,
    "2.16.840.1.101.3.4.2.2": 14,
    "2.16.840.1.101.3.4.2.3": 15,
}
_PUBLIC_KEYS: Final = {
    "1.2.840.113549.1.1.1": 1,
    "1.2.840.10040.4.1": 2,
    "1.2.840.10045.2.1": 3,
    "1.3.101.112": 4,
}
USAGES: Final = {
    "2.5.29.37.0": 0,
    **{f"1.3.6.1.5.5.7.3.{number}": number for number in range(1, 10)},
    "1.3.6.1.4.1.311.10.3.3": 10,
    "2.16.840.1.113730.4.1": 11,
    "1.3.6.1.4.1.311.2.1.22": 12,
    "1.3.6.1.4.1.311.61.1.1": 13,
}
_NAMES: Final = {
    6: "Country",
    10: "Organization",
    11: "OrganizationalUnit",
    7: "Locality",
    8: "Province",
    9: "StreetAddress",
    17: "PostalCode",
}
_REQUESTED: Final = [1, 2, 840, 113549, 1, 9, 14]


def certificate(data: bytes) -> Fields:
    """Return a certificate's fields. Raises der.DerError."""
    whole, _ = der.read(data)
    body, algorithm, signature = whole.items()
    parts = body.items()
    version = parts.pop(0).items()[0].integer() if parts[0].tagged(0) else 0
    serial, _, issuer, validity, subject, key = parts[:6]
    not_before, not_after = validity.items()
    extensions = [part.items()[0] for part in parts[6:] if part.tagged(3)]
    found = {
        **_nothing(),
        **_signed(whole, algorithm, signature, key),
        "RawTBSCertificate": _base64(body.raw),
        "RawIssuer": _base64(issuer.raw),
        "Issuer": _name(issuer),
        **_subject(subject),
        "SerialNumber": serial.integer(),
        "Version": version + 1,
        "NotBefore": _time(not_before),
        "NotAfter": _time(not_after),
    }
    if extensions:
        _extend(found, extensions[0])
    return found


def request(data: bytes) -> Fields:
    """Return the fields of a request for a certificate. Raises der.DerError."""
    whole, _ = der.read(data)
    body, algorithm, signature = whole.items()
    version, subject, key, *rest = body.items()
    attributes = [each for part in rest if part.tagged(0) for each in part.items()]
    found: Fields = {
        **_signed(whole, algorithm, signature, key),
        "RawTBSCertificateRequest": _base64(body.raw),
        **_subject(subject),
        "Version": version.integer(),
        "Attributes": [],
        "Extensions": None,
        "ExtraExtensions": None,
        **dict.fromkeys(("DNSNames", "EmailAddresses", "IPAddresses", "URIs")),
    }
    for attribute in attributes:
        kind, values = attribute.items()
        wanted = [
            extension for value in values.items() if value.tag == der.SEQUENCE for extension in value.items()
        ]
        if kind.oid() != _REQUESTED:
            continue
        shown = [_extension(each) for each in wanted]
        found["Attributes"].append(
            {
                "Type": kind.oid(),
                "Value": [[{"Type": each["Id"], "Value": each["Value"]} for each in shown]],
            }
        )
        found["Extensions"] = [*(found["Extensions"] or []), *shown]
        for each in wanted:
            if dotted(each.items()[0].oid()) == "2.5.29.17":
                _alternative(found, each.items()[-1].body)
    return found


def _nothing() -> Fields:
    """Return what Go shows for a certificate without extensions."""
    lists = (
        "CRLDistributionPoints DNSNames EmailAddresses ExcludedDNSDomains ExcludedEmailAddresses ExcludedIPRanges "
        "ExcludedURIDomains ExtKeyUsage Extensions ExtraExtensions IPAddresses IssuingCertificateURL OCSPServer "
        "PermittedDNSDomains PermittedEmailAddresses PermittedIPRanges PermittedURIDomains Policies PolicyIdentifiers "
        "PolicyMappings URIs UnhandledCriticalExtensions UnknownExtKeyUsage AuthorityKeyId SubjectKeyId"
    )
    numbers = "InhibitAnyPolicy InhibitPolicyMapping KeyUsage MaxPathLen RequireExplicitPolicy"
    flags = (
        "BasicConstraintsValid InhibitAnyPolicyZero InhibitPolicyMappingZero IsCA MaxPathLenZero "
        "PermittedDNSDomainsCritical RequireExplicitPolicyZero"
    )
    return {
        **dict.fromkeys(lists.split()),
        **dict.fromkeys(numbers.split(), 0),
        **dict.fromkeys(flags.split(), False),
    }


def _signed(whole: Element, algorithm: Element, signature: Element, key: Element) -> Fields:
    kind, *parameters = algorithm.items()
    return {
        "Raw": _base64(whole.raw),
        "RawSubjectPublicKeyInfo": _base64(key.raw),
        "Signature": _base64(signature.bits()),
        "SignatureAlgorithm": _signature_algorithm(dotted(kind.oid()), parameters),
        "PublicKeyAlgorithm": _PUBLIC_KEYS.get(dotted(key.items()[0].items()[0].oid()), 0),
        "PublicKey": _public_key(key.raw),
    }


def _signature_algorithm(name: str, parameters: list[Element]) -> int:
    if name != _PSS:
        return _SIGNATURES.get(name, 0)
    hashes = [
        part.items()[0].items()[0].oid() for each in parameters for part in each.items() if part.tagged(0)
    ]
    return _PSS_HASHES.get(dotted(hashes[0]), 0) if hashes else 0


def _public_key(data: bytes) -> Any:
    try:
        key = load_der_public_key(data)
    except (ValueError, UnsupportedAlgorithm):
        return None
    if isinstance(key, rsa.RSAPublicKey):
        numbers = key.public_numbers()
        return {"N": numbers.n, "E": numbers.e}
    if isinstance(key, ec.EllipticCurvePublicKey):
        point = key.public_numbers()
        return {"Curve": {}, "X": point.x, "Y": point.y}
    return _base64(key.public_bytes_raw()) if isinstance(key, ed25519.Ed25519PublicKey) else None


def _subject(subject: Element) -> Fields:
    return {"RawSubject": _base64(subject.raw), "Subject": _name(subject)}


def _name(name: Element) -> Fields:
    found: Fields = {"CommonName": "", "SerialNumber": "", "ExtraNames": None, "Names": []}
    found.update(dict.fromkeys(_NAMES.values()))
    for part in (each for group in name.items() for each in group.items()):
        kind, value = part.items()
        arcs, text = kind.oid(), value.text()
        found["Names"].append({"Type": arcs, "Value": text})
        if arcs[:-1] != [2, 5, 4]:
            continue
        if arcs[-1] == 3:
            found["CommonName"] = text
        elif arcs[-1] == 5:
            found["SerialNumber"] = text
        elif arcs[-1] in _NAMES:
            found[_NAMES[arcs[-1]]] = [*(found[_NAMES[arcs[-1]]] or []), text]
    found["Names"] = found["Names"] or None
    return found


def _time(element: Element) -> str:
    return element.time().strftime("%Y-%m-%dT%H:%M:%SZ")


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


# --- extensions --------------------------------------------------------------------------------------------


def _extension(element: Element) -> Fields:
    name, *middle, value = element.items()
    critical = any(part.tag == der.BOOLEAN and part.body != b"\0" for part in middle)
    return {"Id": name.oid(), "Critical": critical, "Value": _base64(value.body)}


def _extend(found: Fields, extensions: Element) -> None:
    found["Extensions"] = []
    for each in extensions.items():
        shown = _extension(each)
        found["Extensions"].append(shown)
        reader = _READERS.get(dotted(shown["Id"]))
        if reader is not None:
            reader(found, each.items()[-1].body)
            if shown["Id"] == [2, 5, 29, 30]:
                found["PermittedDNSDomainsCritical"] = shown["Critical"]
        elif shown["Critical"]:
            found["UnhandledCriticalExtensions"] = [
                *(found["UnhandledCriticalExtensions"] or []),
                shown["Id"],
            ]


def _inside(data: bytes) -> list[Element]:
    return der.read(data)[0].items()


def _subject_key(found: Fields, data: bytes) -> None:
    found["SubjectKeyId"] = _base64(der.read(data)[0].body)


def _authority_key(found: Fields, data: bytes) -> None:
    for part in _inside(data):
        if part.tagged(0):
            found["AuthorityKeyId"] = _base64(part.body)


def _basic_constraints(found: Fields, data: bytes) -> None:
    parts = _inside(data)
    lengths = [part.integer() for part in parts if part.tag == der.INTEGER]
    found["BasicConstraintsValid"] = True
    found["IsCA"] = any(part.tag == der.BOOLEAN and part.body != b"\0" for part in parts)
    found["MaxPathLen"] = lengths[0] if lengths else -1
    found["MaxPathLenZero"] = lengths == [0]


def _key_usage(found: Fields, data: bytes) -> None:
    bits = "".join(f"{byte:08b}" for byte in der.read(data)[0].bits())[:9]
    found["KeyUsage"] = sum(1 << index for index, bit in enumerate(bits) if bit == "1")


def _extended_usage(found: Fields, data: bytes) -> None:
    arcs = [part.oid() for part in _inside(data)]
    found["ExtKeyUsage"] = [USAGES[dotted(each)] for each in arcs if dotted(each) in USAGES] or None
    found["UnknownExtKeyUsage"] = [each for each in arcs if dotted(each) not in USAGES] or None


def _alternative(found: Fields, data: bytes) -> None:
    parts = _inside(data)

    def texts(number: int) -> list[str]:
        return [part.text() for part in parts if part.tagged(number)]

    found["EmailAddresses"] = texts(1) or None
    found["DNSNames"] = texts(2) or None
    found["URIs"] = [_uri(text) for text in texts(6)] or None
    found["IPAddresses"] = [_address(part.body) for part in parts if part.tagged(7)] or None


def _address(data: bytes) -> str:
    try:
        address = ipaddress.ip_address(data)
    except ValueError:
        raise der.DerError("an IP address is malformed") from None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


def _uri(text: str) -> Fields:
    """Return the fields of Go's url.URL."""
    try:
        parts = urlsplit(text)
    except ValueError:
        raise der.DerError("a URI is malformed") from None
    rooted = text.partition(":")[2].startswith("/")
    return {
        "ForceQuery": text.endswith("?"),
        "Fragment": parts.fragment,
        "Host": parts.netloc.rpartition("@")[2],
        "OmitHost": False,
        "Opaque": "" if rooted or not parts.scheme else parts.path,
        "Path": parts.path if rooted or not parts.scheme else "",
        "RawFragment": "",
        "RawPath": "",
        "RawQuery": parts.query,
        "Scheme": parts.scheme,
        "User": {} if "@" in parts.netloc else None,
    }


def uri_texts(data: bytes) -> list[str]:
    """Return the URIs of a certificate as they are written."""
    extensions = certificate(data)["Extensions"] or []
    values = [base64.b64decode(each["Value"]) for each in extensions if each["Id"] == [2, 5, 29, 17]]
    return [part.text() for value in values for part in _inside(value) if part.tagged(6)]


def _crl_points(found: Fields, data: bytes) -> None:
    points = (name for part in _inside(data) for name in part.items()[:1] if name.tagged(0))
    full = (each for point in points for each in point.items() if each.tagged(0))
    found["CRLDistributionPoints"] = _texts(full, 6)


def _texts(groups: Iterable[Element], number: int) -> list[str] | None:
    return [name.text() for group in groups for name in group.items() if name.tagged(number)] or None


def _authority_access(found: Fields, data: bytes) -> None:
    for part in _inside(data):
        method, location = part.items()
        name = {1: "OCSPServer", 2: "IssuingCertificateURL"}.get(method.oid()[-1])
        if name and location.tagged(6):
            found[name] = [*(found[name] or []), location.text()]


def _policies(found: Fields, data: bytes) -> None:
    arcs = [part.items()[0].oid() for part in _inside(data)]
    found["PolicyIdentifiers"] = arcs or None
    found["Policies"] = [dotted(each) for each in arcs] or None


def _name_constraints(found: Fields, data: bytes) -> None:
    for group in _inside(data):
        which = "Permitted" if group.tagged(0) else "Excluded"
        names = [part.items()[0] for part in group.items()]
        for number, kind in ((1, "EmailAddresses"), (2, "DNSDomains"), (6, "URIDomains")):
            found[f"{which}{kind}"] = [name.text() for name in names if name.tagged(number)] or None
        found[f"{which}IPRanges"] = [
            {
                "IP": _address(name.body[: len(name.body) // 2]),
                "Mask": _base64(name.body[len(name.body) // 2 :]),
            }
            for name in names
            if name.tagged(7)
        ] or None


def _inhibit_any(found: Fields, data: bytes) -> None:
    found["InhibitAnyPolicy"] = der.read(data)[0].integer()
    found["InhibitAnyPolicyZero"] = found["InhibitAnyPolicy"] == 0


def _policy_constraints(found: Fields, data: bytes) -> None:
    for part in _inside(data):
        name = "RequireExplicitPolicy" if part.tagged(0) else "InhibitPolicyMapping"
        found[name] = part.integer()
        found[f"{name}Zero"] = found[name] == 0


def _policy_mappings(found: Fields, data: bytes) -> None:
    pairs = [part.items() for part in _inside(data)]
    found["PolicyMappings"] = [
        {"IssuerDomainPolicy": dotted(one.oid()), "SubjectDomainPolicy": dotted(two.oid())}
        for one, two in pairs
    ] or None


_READERS: Final[dict[str, Callable[[Fields, bytes], None]]] = {
    "2.5.29.14": _subject_key,
    "2.5.29.15": _key_usage,
    "2.5.29.17": _alternative,
    "2.5.29.19": _basic_constraints,
    "2.5.29.30": _name_constraints,
    "2.5.29.31": _crl_points,
    "2.5.29.32": _policies,
    "2.5.29.33": _policy_mappings,
    "2.5.29.35": _authority_key,
    "2.5.29.36": _policy_constraints,
    "2.5.29.37": _extended_usage,
    "2.5.29.54": _inhibit_any,
    "1.3.6.1.5.5.7.1.1": _authority_access,
}
