"""The formats of JSON schema (`format: email`), as OPA's library checks them; a format that is not known fits."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from email.headerregistry import Address
from typing import Final

from pratique.rego.builtins import patterns, uris
from pratique.rego.builtins.layouts import LayoutError, parsed

_HOSTNAME: Final = re.compile(
    r"([a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9\-]{0,61}[a-zA-Z0-9])"
    r"(\.([a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9\-]{0,61}[a-zA-Z0-9]))*\Z"
)
_TEMPLATE: Final = re.compile(r"[^{}]*(?:\{[^}]*\}[^{]*)*\Z")
_UUID: Final = re.compile(r"[a-fA-F0-9]{8}(-[a-fA-F0-9]{4}){3}-[a-fA-F0-9]{12}\Z")
_POINTER: Final = re.compile(r"(?:/(?:[^~/]|~0|~1)*)*\Z")
_RELATIVE_POINTER: Final = re.compile(r"(?:0|[1-9][0-9]*)(?:#|(?:/(?:[^~/]|~0|~1)*)*)\Z")
_TIMES: Final = ("15:04:05", "15:04:05Z07:00")
_DATE: Final = "2006-01-02"
_MOMENTS: Final = (*_TIMES, _DATE, "2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05.999999999Z07:00")
_MAIL: Final = re.compile(r"(?:[^<>]*<([^<>]+)>|([^<>\s]+))\Z")


def fits(name: str, text: str) -> bool:
    """Tell whether a text has the format of that name."""
    check = _CHECKS.get(name)
    return check is None or check(text)


def _of_layouts(*layouts: str) -> Callable[[str], bool]:
    def check(text: str) -> bool:
        for layout in layouts:
            try:
                parsed(layout, text)
            except LayoutError:
                continue
            return True
        return False

    return check


def _address(separator: str) -> Callable[[str], bool]:
    def check(text: str) -> bool:
        try:
            ipaddress.ip_address(text)
        except ValueError:
            return False
        return separator in text and "%" not in text

    return check


def _mail(text: str) -> bool:
    found = _MAIL.match(text.strip())
    try:
        return found is not None and bool(Address(addr_spec=found[1] or found[2]).domain)
    except (ValueError, IndexError):
        return False


def _uri(text: str, *, absolute: bool) -> bool:
    try:
        found = uris.parse(text)
    except uris.UrlError:
        return False
    return "\\" not in text and bool(found.scheme or not absolute)


def _uri_template(text: str) -> bool:
    return _uri(text, absolute=False) and bool(_TEMPLATE.match(uris.parse(text).path))


def _matches(pattern: re.Pattern[str]) -> Callable[[str], bool]:
    return lambda text: pattern.match(text) is not None


_CHECKS: Final[dict[str, Callable[[str], bool]]] = {
    "date": _of_layouts(_DATE),
    "time": _of_layouts(*_TIMES),
    "date-time": _of_layouts(*_MOMENTS),
    "hostname": lambda text: bool(_HOSTNAME.match(text)) and len(text) < 256,
    "email": _mail,
    "idn-email": _mail,
    "ipv4": _address("."),
    "ipv6": _address(":"),
    "uri": lambda text: _uri(text, absolute=True),
    "iri": lambda text: _uri(text, absolute=True),
    "uri-reference": lambda text: _uri(text, absolute=False),
    "iri-reference": lambda text: _uri(text, absolute=False),
    "uri-template": _uri_template,
    "uuid": _matches(_UUID),
    "regex": patterns.valid,
    "json-pointer": _matches(_POINTER),
    "relative-json-pointer": _matches(_RELATIVE_POINTER),
}
