"""Denials on their way to the service: gathered in memory, sent in batches, never in a request's path.

In: what the webhook decided. Out: posts to the service. The queue is bounded; what does not fit while the
service is away is counted as dropped, oldest first.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from pratique.agent import logs
from pratique.agent.metrics import Metrics
from pratique.constraint import Violation
from pratique.errors import InputError, PratiqueError

CAPACITY = 10_000
BATCH = 200
GATHER_SECONDS = 0.1
LONGEST_PAUSE = 30.0

Post = Callable[[list[dict[str, Any]]], Awaitable[Any]]


class Denials:
    """The queue; `run` sends it with `post`."""

    def __init__(self, post: Post, metrics: Metrics) -> None:
        self._post = post
        self._metrics = metrics
        self._queue: deque[dict[str, Any]] = deque()
        self._filled = asyncio.Event()

    @property
    def waiting(self) -> int:
        """How many have not been sent."""
        return len(self._queue)

    def add(self, request: dict[str, Any], violations: list[Violation]) -> None:
        """Note that a request was refused because of `violations`."""
        for violation in violations:
            if len(self._queue) >= CAPACITY:
                self._queue.popleft()
                self._metrics.dropped_denials.inc()
            self._queue.append(denial(request, violation))
        self._filled.set()

    async def run(self) -> None:
        """Send what comes, for ever."""
        pause = 0.5
        while True:
            await self._filled.wait()
            await asyncio.sleep(GATHER_SECONDS)
            batch = [self._queue.popleft() for _ in range(min(BATCH, len(self._queue)))]
            if not self._queue:
                self._filled.clear()
            if not batch:
                continue
            try:
                await self._post(batch)
                pause = 0.5
            except InputError as error:
                # It would be refused again: keeping it would hold up all that come after it.
                self._metrics.dropped_denials.inc(len(batch))
                logs.warning("the service refused denials", count=len(batch), reason=error.message)
            except PratiqueError as error:
                self._queue.extendleft(reversed(batch))
                self._filled.set()
                logs.warning("denials wait for the service", waiting=len(self._queue), reason=error.message)
                await asyncio.sleep(pause)
                pause = min(LONGEST_PAUSE, pause * 2)


def denial(request: dict[str, Any], violation: Violation) -> dict[str, Any]:
    """Return the record of one violation that refused a request."""
    obj = request.get("object") or request.get("oldObject") or {}
    meta = obj.get("metadata") or {}
    kind, user = request.get("kind") or {}, request.get("userInfo") or {}
    return {
        "time": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "constraintKind": violation.constraint_kind,
        "constraintName": violation.constraint_name,
        "assignmentId": violation.annotations.get("azure-policy-assignment-id", ""),
        "message": violation.message,
        "action": violation.action,
        "user": user.get("username", ""),
        "groups": user.get("groups") or [],
        "operation": request.get("operation", ""),
        "group": kind.get("group", ""),
        "version": kind.get("version", ""),
        "kind": kind.get("kind", ""),
        "namespace": request.get("namespace", ""),
        "name": request.get("name") or meta.get("name") or meta.get("generateName", ""),
        "requestUid": request.get("uid", ""),
        "dryRun": bool(request.get("dryRun")),
    }
