"""An ASGI application on a port: plain HTTP, or TLS with a certificate.

In: the application and an address. Out: a server that starts, and stops without losing an answer. It knows
nothing of what is served, so the command line also serves the portal with it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from pratique import ports
from pratique.errors import UnavailableError

GRACE = 2  # seconds for answers under way when the server stops


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the program that composes the servers."""
        yield


class Listener:
    """One port."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        host: str,
        port: int,
        certificate: Path | None = None,
        key: Path | None = None,
    ) -> None:
        self._app = app
        self.host = host
        self.port = port
        self._certificate = certificate
        self._key = key
        self._server: _Server | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """Return the address that clients use."""
        scheme = "https" if self._certificate else "http"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{host}:{self.port}"

    async def start(self) -> None:
        """Bind and begin to answer; port 0 takes a free one, which `port` then says.

        Raises UnavailableError naming the port when it cannot be bound.
        """
        listening = ports.listen(self.host, self.port)
        self.port = listening.getsockname()[1]
        config = uvicorn.Config(
            self._app,
            lifespan="off",
            loop="none",
            http="httptools",
            ws="none",
            log_level="warning",
            access_log=False,
            server_header=False,
            ssl_certfile=self._certificate,
            ssl_keyfile=self._key,
            timeout_graceful_shutdown=GRACE,
        )
        self._server = _Server(config)
        self._task = asyncio.create_task(self._server.serve(sockets=[listening]))
        while not self._server.started:
            if self._task.done():
                await self._task
                raise UnavailableError(f"the server on port `{self.port}` did not start")
            await asyncio.sleep(0.005)

    async def stop(self) -> None:
        """Stop taking requests, let those under way end, and close the port."""
        if self._server is not None and self._task is not None:
            if (end_streams := getattr(self._app, "end_streams", None)) is not None:
                end_streams()  # a held stream would never end by itself
            self._server.should_exit = True
            await self._task
            self._server = self._task = None
