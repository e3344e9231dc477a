"""A work queue of keys: each key once, one worker, delays, and growing pauses after failures.

Source: the rate-limiting work queue of `k8s.io/client-go/util/workqueue`.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict

BASE_DELAY = 0.005
MAX_DELAY = 1000.0


class Queue:
    """Keys that wait to be synced."""

    def __init__(self) -> None:
        self._ready: OrderedDict[str, None] = OrderedDict()
        self._wake = asyncio.Event()
        self._failures: dict[str, int] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def add(self, key: str) -> None:
        """Sync this key as soon as the worker is free."""
        self._ready[key] = None
        self._wake.set()

    def add_after(self, key: str, seconds: float) -> None:
        """Sync this key after a while; the earlier of two wishes counts."""
        loop = asyncio.get_running_loop()
        timer = self._timers.get(key)
        if timer is not None:
            if timer.when() <= loop.time() + seconds:
                return
            timer.cancel()
        self._timers[key] = loop.call_later(seconds, self._due, key)

    def failed(self, key: str) -> None:
        """Sync this key again, later after each failure in a row."""
        count = self._failures.get(key, 0)
        self._failures[key] = count + 1
        self.add_after(key, min(BASE_DELAY * 2**count, MAX_DELAY))

    def forget(self, key: str) -> None:
        """Note that this key's sync went well."""
        self._failures.pop(key, None)

    async def get(self) -> str:
        """Wait for a key and take it."""
        while not self._ready:
            self._wake.clear()
            await self._wake.wait()
        key, _ = self._ready.popitem(last=False)
        return key

    def close(self) -> None:
        """Cancel what is delayed."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def _due(self, key: str) -> None:
        self._timers.pop(key, None)
        self.add(key)
