"""Providers of external data: the resource, what is sent to one and what it answers. Nothing here dials.

In: a Provider as a plain dict, keys, a ProviderResponse. Out: `Provider`, a ProviderRequest, `Reply`. Whoever
asks from pure code and has no answer yet raises `UnansweredError`: the process then asks for it and does the
whole thing once more, with the answer at hand (gatekeeper.md 1.10).
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pratique.errors import InputError
from pratique.kube import base64text, objects

GROUP: Final = "externaldata.gatekeeper.sh"
KIND: Final = "Provider"
VERSIONS: Final = ("v1beta1", "v1alpha1")
_PEM: Final = re.compile(r"-----BEGIN ([^\n-]*)-----[ \t]*\r?\n(.*?)-----END \1-----", re.DOTALL)
_URL_HINT: Final = "write `https://HOST[:PORT]/PATH`"
_HOST: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://([^/?#]*)")
_NOT_OF_HOSTS: Final = re.compile(r"[ \\^`{|}]")
_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2}).{0,2}")


class ProviderError(InputError):
    """A Provider is not valid; the text is Gatekeeper's."""


class UnansweredError(BaseException):
    """Something was asked that must be fetched first.

    No `Exception`: whoever isolates a policy's failures must not take this for one of them.
    """

    def __init__(self, *questions: Hashable) -> None:
        super().__init__(*questions)
        self.questions = questions


@dataclass(frozen=True, slots=True)
class Provider:
    """Whom to ask; two that are equal may share their answers."""

    name: str
    url: str
    timeout: int
    authorities: str = field(repr=False)
    """PEM certificates that the server's certificate is checked by."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A ProviderResponse: what was said of each key, and what went wrong with all of them."""

    items: tuple[Mapping[str, Any], ...] = ()
    idempotent: bool = False
    system_error: str = ""
    status_code: int = 200


def is_provider(document: Mapping[str, Any]) -> bool:
    """Tell whether a resource is a Provider."""
    group, _, kind = objects.gvk(document)
    return (group, kind) == (GROUP, KIND)


def read(document: Mapping[str, Any]) -> Provider:
    """Read and check a Provider; raises `ProviderError` with Gatekeeper's texts."""
    _, version, kind = objects.gvk(document)
    if not is_provider(document) or version not in VERSIONS:
        raise ProviderError(
            f'no matches for kind "{kind}" in version "{document.get("apiVersion")}"',
            hint=f"write {GROUP}/{VERSIONS[0]}",
        )
    name = objects.name(document)
    if not name:
        raise ProviderError("provider name can not be empty. value ")
    spec = document.get("spec") or {}
    if not isinstance(spec, dict):
        raise ProviderError("`spec` must be an object")
    url, timeout, bundle = spec.get("url") or "", spec.get("timeout") or 0, spec.get("caBundle") or ""
    if not isinstance(url, str) or not url:
        raise ProviderError(f"invalid provider url. value: {url}", hint=_URL_HINT)
    if isinstance(timeout, bool) or not isinstance(timeout, int) or timeout < 0:
        raise ProviderError(f"provider timeout should be a positive integer. value: {timeout}")
    if problem := _url_problem(url):
        raise ProviderError(f'parse "{url}": {problem}', hint=_URL_HINT)
    if not url.lower().startswith("https:"):
        raise ProviderError("only HTTPS scheme is supported for Providers", hint=_URL_HINT)
    if not isinstance(bundle, str) or not bundle:
        raise ProviderError(
            "caBundle should be set for HTTPS scheme",
            hint="put the Base64 of the PEM certificate of the provider's authority there",
        )
    return Provider(name, url, timeout, _authorities(bundle))


def request(keys: Sequence[str]) -> dict[str, Any]:
    """Return the ProviderRequest that asks for keys."""
    return {
        "apiVersion": f"{GROUP}/{VERSIONS[0]}",
        "kind": "ProviderRequest",
        "request": {"keys": list(keys)},
    }


def reply(document: Any, *, status_code: int = 200) -> Reply:
    """Read a ProviderResponse; raises `ProviderError` where it is none."""
    response = document.get("response") if isinstance(document, dict) else None
    if not isinstance(response, dict):
        raise ProviderError("failed to unmarshal external data response: there is no `response`")
    items = response.get("items") or []
    if not isinstance(items, list) or not all(
        isinstance(item, dict) and isinstance(item.get("key", ""), str) for item in items
    ):
        raise ProviderError(
            "failed to unmarshal external data response: `items` is no list of keys and values"
        )
    return Reply(
        tuple({"key": "", **item} for item in items),
        response.get("idempotent") is True,
        str(response.get("systemError") or ""),
        status_code,
    )


def _url_problem(url: str) -> str:
    """Return what Go's `net/url` cannot read of an URL, or nothing."""
    host = _HOST.match(url)
    if host and (wrong := _NOT_OF_HOSTS.search(host[1])):
        return f'invalid character "{wrong[0]}" in host name'
    if wrong := _ESCAPE.search(url):
        return f'invalid URL escape "{wrong[0]}"'
    return ""


def _authorities(bundle: str) -> str:
    """Return the PEM text of a bundle, of which the first certificate is looked at, as Gatekeeper does."""
    try:
        data = base64text.decoded(bundle.encode())
    except ValueError as error:
        hint = "`base64 -w0 ca.crt` writes it"
        raise ProviderError(f"failed to base64 decode caBundle: {error}", hint=hint) from None
    text = data.decode(errors="replace")
    found = _PEM.search(text)
    try:
        certificate = base64text.decoded("".join(found[2].split()).encode()) if found else b""
    except ValueError:
        certificate = b""
    if not certificate:
        raise ProviderError("bad caBundle", hint="it holds no PEM certificate")
    if not _is_sequence(certificate):
        hint = "put the PEM certificate of the provider's authority there"
        raise ProviderError("failed to parse caBundle: x509: malformed certificate", hint=hint)
    return text


def _is_sequence(data: bytes) -> bool:
    """Tell whether bytes are one whole DER sequence, as a certificate is (X.690, 8.1); TLS reads the rest."""
    if len(data) < 2 or data[0] != 0x30:
        return False
    if data[1] < 0x80:
        return len(data) == 2 + data[1]
    size = data[1] & 0x7F
    return len(data) == 2 + size + int.from_bytes(data[2 : 2 + size], "big")
