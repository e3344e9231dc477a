"""An ASGI application on a port: plain HTTP, or TLS with a certificate; every server of ours is one of these.

In: the application and an address. Out: a server that starts, and stops without losing an answer. Signals are left
alone: a server is one part of a program, and the program stops its parts in order.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from pathlib import Path
from typing import Any, Final

import uvicorn

from pratique import ports
from pratique.errors import InputError, UnavailableError

GRACE: Final = 2  # seconds for answers under way when the server stops
KEEP_ALIVE: Final = (
    90  # seconds for which a connection without a request is held: API servers hold theirs long
)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class Listener:
    """One port. `tls` is shared: a new chain that is loaded into it serves the next handshakes."""

    def __init__(
        self, app: App, *, host: str, port: int, tls: ssl.SSLContext | None = None, cure: str = ports.CURE
    ) -> None:
        """Serve `app`; `cure` is what an error says when another program has the port."""
        self._app = app
        self._cure = cure
        self._tls = tls
        self.host = host
        self.port = port
        self._server: _Server | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """Return the address that clients use."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self._tls else 'http'}://{host}:{self.port}"

    async def start(self) -> None:
        """Bind and begin to answer; port 0 takes a free one, which `port` then says.

        Raises UnavailableError naming the port when it cannot be bound.
        """
        listening = ports.listen(self.host, self.port, cure=self._cure)
        self.port = listening.getsockname()[1]
        self._server = _Server(_config(self._app, self._tls))
        self._task = asyncio.create_task(self._server.serve(sockets=[listening]))
        while not self._server.started:
            if self._task.done():
                await self._task
                raise UnavailableError(f"the server on port `{self.port}` did not start")
            await asyncio.sleep(0.005)

    async def stop(self) -> None:
        """Stop taking requests, let those under way end, and close the port."""
        if self._server is None or self._task is None:
            return
        if (end_streams := getattr(self._app, "end_streams", None)) is not None:
            end_streams()  # a held stream would never end by itself
        self._server.should_exit = True
        await self._task
        self._server = self._task = None


def tls_of(certificate: Path, key: Path) -> ssl.SSLContext:
    """Return a server's context that shows the chain in `certificate` (PEM).

    Raises InputError when the files are no pair, or cannot be read.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate, key)
    except OSError as error:
        raise InputError(
            f"cannot serve with the certificate `{certificate}` and the key `{key}`: {error.strerror or error}",
            hint="give PEM files: the certificate with its chain, and its key without a passphrase",
        ) from None
    return context


def _config(app: App, tls: ssl.SSLContext | None) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        lifespan="off",
        loop="none",
        http="httptools",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        ssl_context_factory=(lambda *_: tls) if tls else None,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=GRACE,
    )


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the program that composes the servers."""
        yield
