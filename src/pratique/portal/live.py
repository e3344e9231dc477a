"""`/live`: the service's events, relayed to the pages that are open.

One relay a page: it holds the service's own stream with the person's token, so that nobody is told about
what they may not see. Browsers reconnect by themselves (`retry`); a lost service ends the stream, and the
page shows that it is reconnecting until a new one opens.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

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


async def relay(api: Api, heartbeat: float) -> AsyncIterator[bytes]:
    """Yield the frames of one page's stream until either side goes away."""
    yield RETRY + b"event: hello\ndata: {}\n\n"
    stream = aiter(api.events())
    pending: asyncio.Task[Json] | None = None
    try:
        while True:
            if pending is None:
                pending = asyncio.ensure_future(anext(stream))
            done, _ = await asyncio.wait({pending}, timeout=heartbeat)
            if not done:
                yield b": alive\n\n"
                continue
            event, pending = pending.result(), None
            yield frame(event)
    except (StopAsyncIteration, PratiqueError):
        return
    finally:
        if pending is not None:
            pending.cancel()


async def live(request: Request) -> Response:
    """Answer with the stream of events."""
    heartbeat = request.app.state.settings.heartbeat
    return StreamingResponse(
        relay(request.state.api, heartbeat),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )
