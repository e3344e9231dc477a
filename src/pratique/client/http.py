"""One HTTP session to one server: retries, TLS, and answers turned into `pratique.errors`.

In: a base URL and what identifies us. Out: decoded JSON, or lines of an open stream. Requests that are safe
to repeat are repeated when the server cannot be reached or says 429, 502, 503 or 504. It knows no route.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import orjson

from pratique.errors import (
    ConflictError,
    DeniedError,
    InputError,
    Location,
    NotFoundError,
    PratiqueError,
    SourceError,
    UnavailableError,
)

RETRIED_STATUS = frozenset({429, 502, 503, 504})
REPEATABLE = frozenset({"GET", "HEAD", "PUT", "DELETE"})
READ_LIMIT = 2**24  # the longest line of a stream: a whole desired state travels in one


class Http:
    """A session that is opened on first use and closed by `close` or by `async with`."""

    def __init__(
        self,
        base_url: str,
        *,
        token: str = "",
        ca: str | Path = "",
        timeout: float = 30.0,
        attempts: int = 3,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.token = token
        self._ca = ca
        self._timeout = timeout
        self._attempts = attempts
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Http:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections; the next request opens new ones."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def request(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        params: Mapping[str, Any] | None = None,
        form: Mapping[str, str] | None = None,
        token: str | None = None,
    ) -> Any:
        """Send one request and return the decoded answer (None when it is empty).

        Raises the error of `pratique.errors` that the status stands for, with the server's message and hint.
        """
        attempts = self._attempts if method in REPEATABLE else 1
        for attempt in range(1, attempts + 1):
            last = attempt == attempts
            try:
                async with self._open(
                    method, path, body=body, params=params, form=form, token=token
                ) as answer:
                    content = await answer.read()
                    if answer.status < 400:
                        return orjson.loads(content) if content else None
                    if answer.status not in RETRIED_STATUS or last:
                        raise error_from(answer.status, content)
                    wait = _seconds(answer.headers.get("Retry-After")) or 0.2 * 2**attempt
            except (TimeoutError, aiohttp.ClientError, OSError) as error:
                if last:
                    raise self._unreachable(error) from error
                wait = 0.2 * 2**attempt
            except orjson.JSONDecodeError as error:
                raise UnavailableError(
                    f"`{self.base_url}` answers `{path}` with something that is not JSON",
                    hint="check the address: is it a pratique service?",
                ) from error
            await asyncio.sleep(min(wait, 10.0))
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def lines(
        self, path: str, *, params: Mapping[str, Any] | None = None, token: str | None = None
    ) -> AsyncIterator[bytes]:
        """Yield the lines of a stream as they come, without their ends, until the server closes it."""
        try:
            async with self._open("GET", path, params=params, token=token, streaming=True) as answer:
                if answer.status >= 400:
                    raise error_from(answer.status, await answer.read())
                async for line in answer.content:
                    yield line.rstrip(b"\r\n")
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
            raise self._unreachable(error) from error

    def _open(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        params: Mapping[str, Any] | None = None,
        form: Mapping[str, str] | None = None,
        token: str | None = None,
        streaming: bool = False,
    ) -> Any:
        headers = {}
        token = self.token if token is None else token
        if token:
            headers["Authorization"] = f"Bearer {token}"
        data: Any = form
        if body is not None:
            headers["Content-Type"] = "application/json"
            data = orjson.dumps(body)
        # A stream that says nothing for three heartbeats is dead, whatever the kernel thinks of it.
        timeout = (
            aiohttp.ClientTimeout(total=None, sock_connect=self._timeout, sock_read=35.0)
            if streaming
            else aiohttp.ClientTimeout(total=self._timeout)
        )
        query = {key: _text(value) for key, value in (params or {}).items() if value not in (None, "")}
        return self._opened().request(
            method, self.base_url + path, data=data, params=query, headers=headers, timeout=timeout
        )

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            context: ssl.SSLContext | bool = True
            if self._ca and self.base_url.startswith("https:"):
                text = str(self._ca)
                pem = "BEGIN CERTIFICATE" in text
                context = ssl.create_default_context(
                    cadata=text if pem else None, cafile=None if pem else text
                )
            # No limit: each open page of the portal holds a stream, and none may wait for another.
            connector = aiohttp.TCPConnector(ssl=context, limit=0)
            self._session = aiohttp.ClientSession(connector=connector, read_bufsize=READ_LIMIT)
        return self._session

    def _unreachable(self, error: Exception) -> UnavailableError:
        if isinstance(error, TimeoutError):
            return UnavailableError(
                f"`{self.base_url}` does not answer in time", hint="check that the service runs"
            )
        if isinstance(error, aiohttp.ClientConnectorCertificateError):
            return UnavailableError(
                f"the certificate of `{self.base_url}` is not trusted: {error.certificate_error}",
                hint="pass the service's CA certificate",
            )
        return UnavailableError(
            f"cannot reach `{self.base_url}`: {error}",
            hint="check the address, and that the service runs (`pratique up` or `pratique serve`)",
        )


def error_from(status: int, content: bytes) -> PratiqueError:
    """Return the error that an answer of 400 or more stands for."""
    try:
        error = orjson.loads(content)["error"]
        message, hint = str(error["message"]), str(error.get("hint") or "")
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        error, message, hint = {}, f"the server answers {status}", ""
    found: PratiqueError
    if status in (401, 403):
        found = DeniedError(message, hint=hint)
    elif status == 404:
        found = NotFoundError(message, hint=hint)
    elif status in (409, 412):
        found = ConflictError(message, hint=hint)
    elif status < 500 and status != 429:
        found = _located(error.get("details"), message, hint) or InputError(message, hint=hint)
    else:
        found = UnavailableError(message, hint=hint or "try again in a moment")
    return found


def _located(details: Any, message: str, hint: str) -> SourceError | None:
    """Return the error with its place, when the server names one; several problems keep the whole message."""
    entries = details if isinstance(details, list) else []
    placed = [entry for entry in entries if isinstance(entry, dict) and "line" in entry and "column" in entry]
    if not placed:
        return None
    first = placed[0]
    location = Location(
        str(first.get("file") or "template"),
        int(first["line"]),
        int(first["column"]),
        text=str(first.get("text") or ""),
        width=int(first.get("width") or 1),
    )
    single = str(first.get("message") or message) if len(placed) == 1 else message
    return SourceError(single, location, hint=hint)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _seconds(value: str | None) -> float:
    try:
        return max(0.0, float(value or 0))
    except ValueError:
        return 0.0
