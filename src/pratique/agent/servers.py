"""The ports of an agent: webhook over TLS, health, metrics; raw ASGI on uvicorn.

In: ASGI functions and addresses. Out: servers that start, stop and swap certificates. A busy port is told
with its number and the cure.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import Any

import uvicorn

from pratique import ports

CURE = "stop that program, or choose another with --port, --health-addr or --prometheus-port"

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


async def body_of(receive: Receive, *, limit: int = 16 * 1024 * 1024) -> bytes:
    """Return the whole body of a request; empty when it is larger than `limit` or broken off."""
    message = await receive()
    if not message.get("more_body"):
        whole: bytes = message.get("body", b"")
        return whole
    parts = [message.get("body", b"")]
    size = len(parts[0])
    while message.get("more_body"):
        message = await receive()
        if message["type"] == "http.disconnect" or size > limit:
            return b""
        parts.append(message.get("body", b""))
        size += len(parts[-1])
    return b"".join(parts)


async def answer(send: Send, status: int, body: bytes, kind: bytes = b"text/plain; charset=utf-8") -> None:
    """Send a whole response."""
    headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class Pages:
    """GET pages by path: each a function that returns (status, text)."""

    def __init__(self, pages: dict[str, Callable[[], tuple[int, bytes]]]) -> None:
        self._pages = pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI)."""
        page = self._pages.get(scope.get("path", "").rstrip("/") or "/")
        status, text = page() if page else (404, b"not found\n")
        await answer(send, status, text)


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to `app`, which stops all servers in order."""
        yield


class Listener:
    """One port. `tls` is shared: loading a new chain into it serves the next handshakes."""

    def __init__(self, app: App, *, host: str, port: int, tls: ssl.SSLContext | None = None) -> None:
        self._host = host or "0.0.0.0"  # noqa: S104 (a pod's own address space)
        self.port = port
        config = uvicorn.Config(
            app,
            http="httptools",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=90,
            timeout_graceful_shutdown=5,
        )
        config.load()
        config.ssl = tls
        self._server = _Server(config)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Bind and serve. Raises UnavailableError when the port is taken."""
        listening = ports.listen(self._host, self.port, cure=CURE)
        self.port = listening.getsockname()[1]
        self._task = asyncio.create_task(self._server.serve(sockets=[listening]))
        while not self._server.started and not self._task.done():
            await asyncio.sleep(0.005)
        if self._task.done():
            self._task.result()

    async def stop(self) -> None:
        """Stop accepting, finish what runs, close."""
        self._server.should_exit = True
        if self._task:
            await self._task
