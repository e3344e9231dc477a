"""Offer a Service of the cluster on a local port: each connection is carried to a ready pod behind it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from pratique import ports


class Forwarder:
    """A TCP listener; `find` names `address:port` of a backend, or raises when there is none."""

    def __init__(self, host: str, port: int, find: Callable[[], str]) -> None:
        self._host, self._port, self._find = host, port, find
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen; a busy port is an UnavailableError."""
        listening = ports.listen(self._host, self._port)
        self._server = await asyncio.start_server(self._serve, sock=listening)

    async def stop(self) -> None:
        """Stop listening and end what is open."""
        if self._server is not None:
            self._server.close()
        for task in list(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            address, _, port = self._find().rpartition(":")
            far_reader, far_writer = await asyncio.open_connection(address, int(port))
        except Exception:
            writer.close()  # no backend: the client sees a closed connection, as behind a real Service
        else:
            await asyncio.gather(_carry(reader, far_writer), _carry(far_reader, writer))
        finally:
            self._open.discard(task)


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    with contextlib.suppress(OSError):
        writer.close()
