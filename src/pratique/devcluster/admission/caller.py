"""The HTTP call to a webhook; the only module here that dials out.

In come where to connect and the review's bytes, out comes the body of the answer. A failure is a
CallError whose text is what Go's HTTP client would say, for that is what people search for.
"""

from __future__ import annotations

import base64
import binascii
import errno
import ssl
from dataclasses import dataclass
from typing import Any

import aiohttp


class CallError(Exception):
    """A webhook could not be asked, or did not answer 200."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a webhook is: `url` is what errors name, `connect` what is dialled (a pod behind a Service)."""

    url: str
    connect: str
    server_name: str
    ca_bundle: str


class Caller:
    """One HTTP session for all webhooks; connections are kept and reused."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None
        self._contexts: dict[str, ssl.SSLContext] = {}

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def post(self, target: Target, body: bytes, *, seconds: int) -> bytes:
        """Send a review and return the body of the answer."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0), cookie_jar=aiohttp.DummyCookieJar()
            )
        query = f"?timeout={seconds}s"
        said = f'Post "{target.url}{query}": '
        context = self._context(target.ca_bundle, said)
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if target.server_name:
            headers["Host"] = target.server_name
        try:
            async with self._session.post(
                target.connect + query,
                data=body,
                headers=headers,
                ssl=context,
                server_hostname=target.server_name or None,
                timeout=aiohttp.ClientTimeout(total=seconds),
                allow_redirects=False,
            ) as answer:
                content = await answer.read()
        except TimeoutError:
            raise CallError(f"{said}context deadline exceeded") from None
        except (aiohttp.ClientError, ssl.SSLError, OSError, ValueError) as error:
            raise CallError(said + _reason(error)) from None
        if answer.status != 200:
            raise CallError(_status(answer.status, content))
        return content

    def _context(self, ca_bundle: str, said: str) -> ssl.SSLContext:
        context = self._contexts.get(ca_bundle)
        if context is None:
            context = ssl.create_default_context()
            if ca_bundle:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
                try:
                    context.load_verify_locations(cadata=base64.b64decode(ca_bundle).decode())
                except (ssl.SSLError, binascii.Error, UnicodeDecodeError, ValueError):
                    raise CallError(
                        f"{said}unable to load root certificates: unable to parse bytes as PEM block"
                    ) from None
            self._contexts[ca_bundle] = context
        return context


def _reason(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return _certificate_reason(error.certificate_error)
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return f"dial tcp: lookup {error.host}: no such host"
    if isinstance(error, aiohttp.ClientConnectorSSLError):
        return f"tls: {error.os_error.strerror or error.os_error}".lower()
    if isinstance(error, aiohttp.ClientConnectorError):
        words = {errno.ECONNREFUSED: "connection refused", errno.EHOSTUNREACH: "no route to host"}
        number = error.os_error.errno or 0
        said = words.get(number, (error.os_error.strerror or str(error.os_error)).lower())
        return f"dial tcp {error.host}:{error.port}: connect: {said}"
    if isinstance(error, aiohttp.ServerDisconnectedError | aiohttp.ClientPayloadError):
        return "EOF"
    if isinstance(error, ConnectionResetError):
        return "read: connection reset by peer"
    return str(error)


def _certificate_reason(error: Any) -> str:
    prefix = "tls: failed to verify certificate: x509: "
    message = getattr(error, "verify_message", "") or str(error)
    if "expired" in message:
        return f"{prefix}certificate has expired or is not yet valid"
    if "match" in message or "valid for" in message:
        return f"{prefix}certificate is not valid for this name: {message}"
    return f"{prefix}certificate signed by unknown authority"


def _status(code: int, body: bytes) -> str:
    """Return what client-go says about a status code without a Status object."""
    known = {
        400: "the server rejected our request for an unknown reason",
        401: "the server has asked for the client to provide credentials",
        403: "forbidden: unknown",
        404: "the server could not find the requested resource",
        405: "the server does not allow this method on the requested resource",
        409: "the server reported a conflict",
        429: "the server has received too many requests and has asked us to try again later",
        503: "the server is currently unable to handle the request",
        504: "the server was unable to return a response in the time allotted, "
        "but may still be processing the request",
    }
    if code in known:
        return known[code]
    text = body[:2048].decode(errors="replace").strip() or "unknown"
    if code >= 500:
        return f'an error on the server ("{text}") has prevented the request from succeeding'
    return f"the server responded with the status code {code} but did not return more information"
