"""uri.*, and URLs as Go's net/url takes them apart: what is accepted, and how a refusal is worded."""

from __future__ import annotations

import ipaddress
import re
import string
from dataclasses import dataclass
from typing import Final

from pratique.rego.builtins.base64s import as_text, encoded
from pratique.rego.builtins.registry import RefusalError, builtin
from pratique.rego.runtime.text import quote
from pratique.rego.runtime.values import Value

_UNRESERVED: Final = frozenset((string.ascii_letters + string.digits + "-_.~").encode())
_IN_PATH: Final = _UNRESERVED | frozenset(b"$&+,/:;=@")
# An escape (of two digits, or none), or an ASCII character that no host has.
_IN_HOST_OR_NOT: Final = re.compile(
    rb"%(?:([0-9a-fA-F]{2})|.{0,2})|([^A-Za-z0-9\-_.~!$&'()*+,;=:\[\]<>\"%\x80-\xff])", re.DOTALL
)
_IN_USER: Final = re.compile(r"[A-Za-z0-9\-._:~!$&'()*+,;=%@]*\Z")
_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+\-.]*):(.*)\Z", re.DOTALL)
_PORT: Final = re.compile(r"(?::[0-9]*)?\Z")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_ESCAPE: Final = re.compile(rb"%(?:([0-9a-fA-F]{2})|(.{0,2}))", re.DOTALL)


class UrlError(RefusalError):
    """A text is no URL; the message is Go's."""


@dataclass(frozen=True, slots=True)
class Url:
    """A URL in parts, as Go's url.URL has them; what is not there is empty."""

    scheme: str = ""
    opaque: str = ""
    host: str = ""
    path: str = ""
    raw_path: str = ""
    query: str = ""
    fragment: str = ""

    @property
    def hostname(self) -> str:
        """The host without its port and brackets."""
        host, colon, port = self.host.rpartition(":")
        found = host if colon and _PORT.match(f":{port}") else self.host
        return found[1:-1] if found.startswith("[") and found.endswith("]") else found

    @property
    def port(self) -> str:
        """The port, if the host has one."""
        _, colon, port = self.host.rpartition(":")
        return port if colon and _PORT.match(f":{port}") else ""


def parse(text: str) -> Url:
    """Return a URL or a relative reference in parts. Raises UrlError."""
    before, _, fragment = text.partition("#")
    try:
        found = _parsed(before)
        if not fragment:
            return found
    except UrlError as error:
        raise UrlError(f"parse {quote(before)}: {error}") from None
    try:
        named = as_text(unescape(fragment))
    except UrlError as error:
        raise UrlError(f"parse {quote(text)}: {error}") from None
    return Url(found.scheme, found.opaque, found.host, found.path, found.raw_path, found.query, named)


def _parsed(text: str) -> Url:
    if _CONTROL.search(text):
        raise UrlError("net/url: invalid control character in URL")
    if text == "*":
        return Url(path="*")
    if text.startswith(":"):
        raise UrlError("missing protocol scheme")
    scheme, rest = "", text
    if found := _SCHEME.match(text):
        scheme, rest = found[1].lower(), found[2]
    rest, _, query = rest.partition("?")
    if not rest.startswith("/"):
        if scheme:
            return Url(scheme, opaque=rest, query=query)
        if ":" in rest.partition("/")[0]:
            raise UrlError("first path segment in URL cannot contain colon")
    host = ""
    if rest.startswith("//") and (scheme or not rest.startswith("///")):
        authority, slash, path = rest[2:].partition("/")
        rest = slash + path
        host = _host(scheme, authority)
    path = as_text(unescape(rest))
    plain = _escaped(unescape(rest), _IN_PATH)
    return Url(scheme, host=host, path=path, raw_path="" if plain == rest else rest, query=query)


def _host(scheme: str, authority: str) -> str:
    user, _, host = authority.rpartition("@")
    found = _literal(host) if "[" in host else _name(scheme, host)
    if not _IN_USER.match(user):
        raise UrlError("net/url: invalid userinfo")
    unescape(user)
    return found


def _name(scheme: str, host: str) -> str:
    # Several colons are let through where there may be a list of hosts: not for the web.
    _, colon, port = host.partition(":") if scheme in ("http", "https") else host.rpartition(":")
    _check_port(f":{port}" if colon else "")
    return _unescaped_host(host)


def _literal(host: str) -> str:
    if host.rpartition("[")[0]:
        raise UrlError("invalid IP-literal")
    inside, closed, port = host[1:].rpartition("]")
    if not closed:
        raise UrlError("missing ']' in host")
    _check_port(port)
    address, zone, name = inside.partition("%25")
    address = _unescaped_host(address)
    if zone:
        address += f"%{as_text(unescape(name))}"
    try:
        version = ipaddress.ip_address(address).version
    except ValueError:
        raise UrlError(f"invalid host: ParseAddr({quote(address)}): unable to parse IP") from None
    if version == 4:
        raise UrlError("invalid IP-literal")
    return f"[{address}]{port}"


def _check_port(port: str) -> None:
    if not _PORT.match(port):
        raise UrlError(f"invalid port {quote(port)} after host")


def _unescaped_host(host: str) -> str:
    for found in _IN_HOST_OR_NOT.finditer(encoded(host)):
        if found[2] is not None:
            raise UrlError(f"invalid character {quote(as_text(found[2]))} in host name")
        if found[1] is None or (int(found[1], 16) < 0x80 and found[1] != b"25"):
            raise UrlError(f"invalid URL escape {quote(found[0].decode(errors='surrogateescape'))}")
    return as_text(unescape(host))


def unescape(text: str, *, plus: bool = False) -> bytes:
    """Return the bytes that a text with `%xx` stands for; `plus` makes a space of `+`. Raises UrlError."""
    data = encoded(text)

    def one(found: re.Match[bytes]) -> bytes:
        if found[1] is None:
            raise UrlError(f"invalid URL escape {quote(found[0].decode(errors='surrogateescape'))}")
        return bytes.fromhex(found[1].decode())

    return _ESCAPE.sub(one, data.replace(b"+", b" ") if plus else data)


def _escaped(data: bytes, kept: frozenset[int]) -> str:
    return "".join(chr(byte) if byte in kept else f"%{byte:02X}" for byte in data)


@builtin("uri.parse", "string -> object", cost=0)
def uri_parse(text: Value) -> Value:
    """Return the parts of a URI that are not empty."""
    found = parse(text)
    parts = {
        "scheme": found.scheme,
        "hostname": found.hostname,
        "port": found.port,
        "path": found.path,
        "raw_path": found.raw_path or found.path,
        "raw_query": found.query,
        "fragment": found.fragment,
    }
    return {name: part for name, part in parts.items() if part}


@builtin("uri.is_valid", "string -> boolean", cost=0, unchecked=True)
def uri_is_valid(text: Value) -> Value:
    """Tell whether the text is a URI or a relative reference; an empty one is not."""
    if type(text) is not str or not text:
        return False
    try:
        parse(text)
    except UrlError:
        return False
    return True
