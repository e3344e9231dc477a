"""Reports to the service: what changed in the records, with sequence numbers and a digest.

In: `Records`, the audit's coverage. Out: posts to the service. What is reported is state, so nothing can be
lost while the service is away: changes stay gathered by key, and either side may ask for everything again.
"""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from pratique.agent import logs
from pratique.agent.audit import Audit
from pratique.agent.metrics import Metrics
from pratique.agent.records import Changes
from pratique.client.service import digest
from pratique.errors import InputError, NotFoundError, PratiqueError

Document = dict[str, Any]
Post = Callable[[Document], Awaitable[Document]]

GATHER_SECONDS = 0.05
START_SECONDS = 0.05
# Coverage and "last seen" grow old even when nothing changes.
QUIET_SECONDS = 30.0
LONGEST_PAUSE = 30.0


class Reporter:
    """Sends reports of one session; `run` it as a task while this process is the leader."""

    def __init__(self, audit: Audit, post: Post, metrics: Metrics) -> None:
        self._audit = audit
        self._records = audit.records
        self._post = post
        self._metrics = metrics
        self._session = str(uuid.uuid4())
        self._sequence = 0
        self._full = True
        self._changed = asyncio.Event()
        self._records.listen(lambda _: self._changed.set())
        audit.on_sweep.append(self._changed.set)

    async def run(self) -> None:
        """Report until cancelled. The first report waits until everything that exists was judged."""
        while not self._audit.complete:
            await asyncio.sleep(START_SECONDS)
        pause = 0.2
        while True:
            try:
                await self.report()
                pause = 0.2
            except PratiqueError as error:
                self._metrics.reports.labels("error").inc()
                # Refused for what it says, or unknown there: it may be our idea of what was said before.
                self._full = self._full or isinstance(error, (InputError, NotFoundError))
                logs.warning("a report waits for the service", reason=error.message, seconds=pause)
                await asyncio.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 (spreads a fleet)
                pause = min(LONGEST_PAUSE, pause * 2)
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(QUIET_SECONDS):
                    await self._changed.wait()
            await asyncio.sleep(GATHER_SECONDS)

    async def report(self) -> None:
        """Send what changed, and everything when the service asks for it."""
        self._changed.clear()
        changes = self._records.take()
        for _ in range(2):
            body = self._body(changes)
            try:
                answer = await self._post(body)
            except BaseException:
                self._records.give_back(changes)
                raise
            self._sequence = body["sequence"]
            self._full = bool(answer.get("resync"))
            self._metrics.reports.labels("resync" if self._full else "ok").inc()
            if not self._full:
                return
            logs.info("the service asked for everything", records=len(self._records.open))
            # What happened while we waited is in the full report; telling it again does no harm.
            changes = Changes()
        raise NotFoundError("the service asked twice for everything", hint="its digest differs from ours")

    def _body(self, changes: Changes) -> Document:
        records = self._records.open
        upserts = list(records) if self._full else [key for key in changes.upserts if key in records]
        if self._full:
            # A new session, so that an answer that was lost cannot leave the two counts apart.
            self._session, self._sequence = str(uuid.uuid4()), 0
        return {
            "session": self._session,
            "sequence": self._sequence + 1,
            "full": self._full,
            "upserts": [records[key].document() for key in upserts],
            "removals": [] if self._full else sorted(changes.removals),
            "totals": [
                {
                    "constraintKind": kind,
                    "constraintName": name,
                    "evaluated": total.evaluated,
                    "violating": total.violating,
                }
                for (kind, name), total in sorted(self._records.totals.items())
            ],
            "coverage": self._audit.coverage(),
            "digest": digest((record.key, record.message) for record in records.values()),
        }
