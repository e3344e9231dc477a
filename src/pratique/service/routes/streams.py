"""Held streams: an agent's desired state, and the events that pages listen to.

Both say something every ten seconds, so that either side notices a dead connection, and both end when the
service stops.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import anyio.to_thread
import orjson

from pratique.service.actions import accounts, desired, fleet
from pratique.service.actions.hub import TOPICS, Event, Listener
from pratique.service.db.store import timestamp
from pratique.service.routes.table import Call


async def desired_stream(call: Call) -> AsyncIterator[bytes]:
    """Yield the desired state at once and at each change, one line each."""
    name = call.params["name"]
    accounts.require_cluster(call.actor, name)
    row = await anyio.to_thread.run_sync(fleet.get_row, call.context, name)
    cluster: str = row["name"]
    # Listening starts before the first reading, so that no change can fall between the two.
    async with call.context.hub.listen("desired", cluster=cluster) as listener:
        sent = b""
        while True:
            document = await anyio.to_thread.run_sync(desired.read, call.context, cluster)
            if document != sent:
                sent = document
                yield document + b"\n"
            while True:
                event = await _next(listener, call.context.settings.heartbeat)
                if event is None:
                    return
                if event.topic == "desired":
                    break
                yield orjson.dumps({"heartbeat": timestamp()}) + b"\n"
                await anyio.to_thread.run_sync(fleet.seen, call.context, cluster, None)


async def events(call: Call) -> AsyncIterator[bytes]:
    """Yield server-sent events."""
    topics = [topic for topic in TOPICS if topic != "desired"]
    async with call.context.hub.listen(*topics) as listener:
        yield b": welcome\n\n"
        while True:
            event = await _next(listener, call.context.settings.heartbeat)
            if event is None:
                return
            if event.topic == "":
                yield f": {datetime.now(UTC):%H:%M:%S}\n\n".encode()
            else:
                yield b"event: %s\ndata: %s\n\n" % (event.topic.encode(), orjson.dumps(event.data))


async def _next(listener: Listener, heartbeat: float) -> Event | None:
    """Return the next event, an event without topic when nothing comes, or None at the end."""
    try:
        async with asyncio.timeout(heartbeat):
            return await listener.queue.get()
    except TimeoutError:
        return Event("", {})
