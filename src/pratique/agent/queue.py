"""A work queue: keys that need work, each once, tried again with growing pauses until it succeeds.

In: keys, an asynchronous function. Out: calls of the function, never two at a time for one key. It is the
shape of every controller: what is queued is where to look, never what was seen.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

from pratique.agent import logs
from pratique.errors import PratiqueError

Key = TypeVar("Key", bound=Hashable)

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 30.0


class WorkQueue(Generic[Key]):
    """Keys in order of arrival; `run` it as a task."""

    def __init__(self, work: Callable[[Key], Awaitable[None]], *, name: str, gather: float = 0.0) -> None:
        self._work = work
        self._name = name
        self._gather = gather
        self._keys: dict[Key, None] = {}
        self._failures: dict[Key, int] = {}
        self._filled = asyncio.Event()

    def add(self, key: Key) -> None:
        """Ask for work on `key`; it stands in the queue once, however often it is asked for."""
        self._keys[key] = None
        self._filled.set()

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            await self._filled.wait()
            if self._gather:
                await asyncio.sleep(self._gather)
            batch, self._keys = list(self._keys), {}
            self._filled.clear()
            for key in batch:
                await self._once(key)

    async def _once(self, key: Key) -> None:
        try:
            await self._work(key)
        except PratiqueError as error:
            tries = self._failures[key] = self._failures.get(key, 0) + 1
            pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (tries - 1)) * random.uniform(0.5, 1.5)  # noqa: S311
            level = logs.warning if tries > 3 else logs.info
            level(f"{self._name}: tried again later", key=str(key), reason=error.message, seconds=pause)
            asyncio.get_running_loop().call_later(pause, self.add, key)
        else:
            self._failures.pop(key, None)
