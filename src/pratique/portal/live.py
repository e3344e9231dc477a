"""`/live`: the service's events, relayed to the pages that are open.

One relay a page: it holds the service's own stream with the person's token, so that nobody is told about
what they may not see. Browsers reconnect by themselves (`retry`), and the page shows that it is reconnecting
until a new stream opens. All streams end when the portal's own port closes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import orjson
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from pratique.errors import PratiqueError
from pratique.portal.api import Api, Json

RETRY = b"retry: 1000\n\n"


def frame(event: Json) -> bytes:
    """Return one event in the wire format of server-sent events."""
    data = {key: value for key, value in event.items() if key != "event"}
    return f"event: {event['event']}\ndata: ".encode() + orjson.dumps(data) + b"\n\n"


class Streams:
    """The streams that are open, each as the event that ends it."""

    def __init__(self) -> None:
        self._open: set[asyncio.Event] = set()

    @contextmanager
    def one(self) -> Iterator[asyncio.Event]:
        """Hold a stream open; the event that is yielded says when it has to end."""
        ended = asyncio.Event()
        self._open.add(ended)
        try:
            yield ended
        finally:
            self._open.discard(ended)

    def end(self) -> None:
        """End all that are open now."""
        for ended in self._open:
            ended.set()


async def relay(api: Api, heartbeat: float, streams: Streams) -> AsyncIterator[bytes]:
    """Yield the frames of one page's stream until either side goes away."""
    yield RETRY + b"event: hello\ndata: {}\n\n"
    with streams.one() as ended:
        async for chunk in _events(api, heartbeat, ended):
            yield chunk


async def _events(api: Api, heartbeat: float, ended: asyncio.Event) -> AsyncIterator[bytes]:
    stream = aiter(api.events())
    ending = asyncio.ensure_future(ended.wait())
    pending: asyncio.Task[Json] | None = None
    try:
        while not ended.is_set():
            if pending is None:
                pending = asyncio.ensure_future(anext(stream))
            await asyncio.wait({pending, ending}, timeout=heartbeat, return_when=asyncio.FIRST_COMPLETED)
            if not pending.done():
                yield b": alive\n\n"
                continue
            event, pending = pending.result(), None
            yield frame(event)
    except (StopAsyncIteration, PratiqueError):
        return
    finally:
        for task in (pending, ending):
            if task is not None:
                task.cancel()


async def live(request: Request) -> Response:
    """Answer with the stream of events."""
    heartbeat = request.app.state.settings.heartbeat
    return StreamingResponse(
        relay(request.state.api, heartbeat, request.app.state.streams),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )
