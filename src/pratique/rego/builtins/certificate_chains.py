"""Chains of certificates, verified as Go's crypto/x509 does it: back from a leaf to a root that is trusted.

Every certificate must be valid at that time, signed by the next one, which must be an authority that may sign
certificates with so many below it; usages and name constraints of the whole chain must allow the leaf
(RFC 5280, 6.1).
"""

from __future__ import annotations

import base64
import ipaddress
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from pratique.rego.builtins.certificate_fields import certificate, uri_texts

_SIGNS: Final = 1 << 5  # the bit for signing certificates
_ANY_USAGE: Final = 0
_SERVER: Final = 1
_DEEPEST: Final = 100


class ChainError(ValueError):
    """No chain leads from the leaf to the root."""


@dataclass(frozen=True, slots=True)
class Demands:
    """What a chain must meet: a host name, a time in seconds, usages by Go's numbers (none: a server's)."""

    time: float
    host: str = ""
    usages: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Link:
    """A certificate: its DER, and its fields."""

    data: bytes
    fields: dict[str, Any] = field(repr=False)

    @classmethod
    def of(cls, data: bytes) -> Link:
        """Return the link of a certificate's DER."""
        return cls(data, certificate(data))


def verified(links: list[Link], demands: Demands) -> list[Link]:
    """Return the chain from the last certificate to the first, which is trusted. Raises ChainError."""
    if len(links) < 2:
        raise ChainError("must supply at least two certificates to be able to verify")
    root, *between, leaf = links
    _check(leaf, [], demands, authority=False)
    if demands.host and not _names(leaf.fields, demands.host):
        raise ChainError(f"the certificate is not for {demands.host}")
    chains = iter([[leaf]]) if leaf.data == root.data else _chains([leaf], root, between, demands)
    for chain in chains:
        if _usable(chain, demands.usages or (_SERVER,)):
            return chain
    raise ChainError("no chain leads to the root")


def _chains(chain: list[Link], root: Link, between: list[Link], demands: Demands) -> Iterator[list[Link]]:
    if len(chain) > _DEEPEST:
        return
    for candidate in (root, *between):
        if any(_same(candidate, link) for link in chain) or not _signed_by(chain[-1], candidate):
            continue
        try:
            _check(candidate, chain, demands, authority=True)
        except ChainError:
            continue
        if candidate is root:
            yield [*chain, candidate]
        else:
            yield from _chains([*chain, candidate], root, between, demands)


def _same(one: Link, two: Link) -> bool:
    names = ("RawSubject", "RawSubjectPublicKeyInfo", "DNSNames", "URIs", "EmailAddresses", "IPAddresses")
    return all(one.fields[name] == two.fields[name] for name in names)


def _signed_by(child: Link, parent: Link) -> bool:
    if child.fields["RawIssuer"] != parent.fields["RawSubject"]:
        return False
    named = parent.fields
    if named["Version"] == 3 and not named["BasicConstraintsValid"]:
        return False
    if (named["BasicConstraintsValid"] and not named["IsCA"]) or (
        named["KeyUsage"] and not named["KeyUsage"] & _SIGNS
    ):
        return False
    try:
        x509.load_der_x509_certificate(child.data).verify_directly_issued_by(
            x509.load_der_x509_certificate(parent.data)
        )
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


def _check(link: Link, below: list[Link], demands: Demands, *, authority: bool) -> None:
    """Refuse a certificate that may not stand at this place of a chain. Raises ChainError."""
    fields = link.fields
    if fields["UnhandledCriticalExtensions"]:
        raise ChainError("an extension that is critical is not known")
    loaded = x509.load_der_x509_certificate(link.data)
    not_before, not_after = loaded.not_valid_before_utc, loaded.not_valid_after_utc
    if not not_before.timestamp() <= demands.time <= not_after.timestamp():
        raise ChainError("a certificate is not valid at that time")
    if not authority:
        return
    if fields["BasicConstraintsValid"] and 0 <= fields["MaxPathLen"] < len(below) - 1:
        raise ChainError("too many intermediates")
    for each in below:
        _constrain(fields, each)


def _usable(chain: list[Link], usages: tuple[int, ...]) -> bool:
    left = set(usages)
    if _ANY_USAGE in left:
        return True
    for link in chain:
        known, unknown = link.fields["ExtKeyUsage"], link.fields["UnknownExtKeyUsage"]
        if (known or unknown) and _ANY_USAGE not in (known or ()):
            left &= set(known or ())
    return bool(left)


def _names(fields: dict[str, Any], host: str) -> bool:
    """Tell whether a certificate is for a host name or an address (`[::1]` or `10.0.0.1`)."""
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    try:
        return str(ipaddress.ip_address(bare)) in (fields["IPAddresses"] or [])
    except ValueError:
        wanted = host.lower().rstrip(".").split(".")
    for pattern in fields["DNSNames"] or []:
        parts = pattern.lower().split(".")
        if parts == wanted or (parts[0] == "*" and len(parts) == len(wanted) and parts[1:] == wanted[1:]):
            return True
    return False


# --- name constraints --------------------------------------------------------------------------------------


def _constrain(authority: dict[str, Any], link: Link) -> None:
    """Refuse a certificate whose names an authority above it does not allow. Raises ChainError."""
    fields = link.fields
    hosts = [text.partition("://")[2].partition("/")[0].partition(":")[0] for text in uri_texts(link.data)]
    kinds: tuple[tuple[str, list[str] | None, Callable[[str, Any], bool]], ...] = (
        ("DNSDomains", fields["DNSNames"], _in_domain),
        ("EmailAddresses", fields["EmailAddresses"], _in_mail),
        ("URIDomains", hosts, _in_host),
        ("IPRanges", fields["IPAddresses"], _in_range),
    )
    for kind, names, within in kinds:
        permitted, excluded = authority[f"Permitted{kind}"], authority[f"Excluded{kind}"]
        for name in names or []:
            if any(within(name, each) for each in excluded or []):
                raise ChainError(f"`{name}` is excluded")
            if permitted and not any(within(name, each) for each in permitted):
                raise ChainError(f"`{name}` is not permitted")


def _in_domain(name: str, constraint: str) -> bool:
    name, constraint = name.lower(), constraint.lower()
    if constraint.startswith("."):
        return name.endswith(constraint)
    return not constraint or name == constraint or name.endswith(f".{constraint}")


def _in_host(name: str, constraint: str) -> bool:
    name, constraint = name.lower(), constraint.lower()
    return name.endswith(constraint) if constraint.startswith(".") else name == constraint


def _in_mail(name: str, constraint: str) -> bool:
    if "@" in constraint:
        return name.lower() == constraint.lower()
    return _in_host(name.rpartition("@")[2], constraint)


def _in_range(name: str, constraint: dict[str, str]) -> bool:
    address = ipaddress.ip_address(name).packed
    base = ipaddress.ip_address(constraint["IP"]).packed
    mask = base64.b64decode(constraint["Mask"])
    return len(address) == len(mask) and all(
        one & bits == two & bits for one, two, bits in zip(address, base, mask, strict=True)
    )
