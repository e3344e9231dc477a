"""Who is told of a change at once: open event streams and the agents that hold a stream.

In: `publish`, from any thread, after the change is stored. Out: queues of one event loop. A listener that
does not read is cut off rather than waited for; its stream ends and the client comes back.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

BACKLOG = 256

TOPICS = ("records", "assignments", "definitions", "clusters", "denials", "activity", "desired")


@dataclass(frozen=True, slots=True)
class Event:
    """One change: what kind of thing, and which."""

    topic: str
    data: dict[str, Any]


@dataclass(slots=True, eq=False)
class Listener:
    """One open stream: the topics that it wants, and for agents the one cluster."""

    topics: frozenset[str]
    cluster: str = ""
    queue: asyncio.Queue[Event | None] = field(default_factory=lambda: asyncio.Queue(BACKLOG))


class Hub:
    """Hands events to listeners. Bound to the loop that called `open`."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._listeners: set[Listener] = set()
        self._revision = itertools.count(1)
        self._closed = False

    def open(self) -> None:
        """Bind to the running loop."""
        self._loop = asyncio.get_running_loop()
        self._closed = False

    def close(self) -> None:
        """End every stream."""
        self._closed = True
        for listener in tuple(self._listeners):
            self._end(listener)

    def publish(self, topic: str, **data: Any) -> None:
        """Tell the listeners of a topic; may be called from any thread."""
        if self._loop is None or self._loop.is_closed():
            return
        event = Event(topic, {**data, "revision": next(self._revision)})
        self._loop.call_soon_threadsafe(self._deliver, event)

    @asynccontextmanager
    async def listen(self, *topics: str, cluster: str = "") -> AsyncIterator[Listener]:
        """Be told of changes while the block runs; a queue's None means that the stream ends."""
        listener = Listener(frozenset(topics), cluster)
        self._listeners.add(listener)
        if self._closed:
            self._end(listener)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)

    def _deliver(self, event: Event) -> None:
        for listener in tuple(self._listeners):
            if event.topic not in listener.topics:
                continue
            if listener.cluster and event.data.get("cluster") != listener.cluster:
                continue
            if listener.queue.full():
                self._end(listener)
            else:
                listener.queue.put_nowait(event)

    def _end(self, listener: Listener) -> None:
        self._listeners.discard(listener)
        while listener.queue.full():
            listener.queue.get_nowait()
        listener.queue.put_nowait(None)
