"""The roles `audit`, `sync` and `status`: done by one pod at a time, the holder of a Lease."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from pratique import __version__
from pratique.agent import logs
from pratique.agent.app import Parts
from pratique.agent.audit import Audit
from pratique.agent.lease import Lease
from pratique.agent.records import Records
from pratique.agent.report import Reporter
from pratique.agent.settings import Service
from pratique.agent.sync import Sync
from pratique.client.service import ServiceClient
from pratique.errors import PratiqueError

LEASE = "pratique-audit"
# What was there at the start is waited for, but not for ever: a kind that cannot be read must not keep
# everything else from being audited.
START_SECONDS = 30.0
REFUSED_SECONDS = 10.0


class Leader:
    """Audits, reports and applies while the Lease is ours."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        settings = parts.settings
        self._lease = Lease(
            parts.client, name=LEASE, namespace=settings.namespace, identity=settings.pod_name
        )

    def unready(self) -> list[str]:
        """Return what is missing: nothing, since a candidate that waits its turn does its work."""
        return []

    async def run(self) -> None:
        """Stand for the Lease, and work while it is held."""
        await self._lease.run(self._lead)

    async def drain(self) -> None:
        """Nothing is half done: what was not reported is state, and is reported by the next."""

    async def _lead(self) -> None:
        parts, settings = self._parts, self._parts.settings
        async with asyncio.TaskGroup() as tasks:
            if settings.does("sync") and parts.service and settings.service:
                tasks.create_task(self._sync(parts.service, settings.service))
            if settings.does("audit"):
                tasks.create_task(self._audit(tasks))
            await asyncio.Event().wait()

    async def _audit(self, tasks: asyncio.TaskGroup) -> None:
        parts, settings = self._parts, self._parts.settings
        waited = 0.0
        while parts.unready() and waited < START_SECONDS:
            await asyncio.sleep(0.02)
            waited += 0.02
        audit = Audit(
            parts.client,
            parts.cluster,
            Records(),
            metrics=parts.metrics,
            chunk_size=settings.chunk_size,
            expander=parts.mutators.expander if settings.expand else None,
            providers=parts.external.providers,
        )
        if settings.does("status"):
            parts.status.follow(
                audit.records, limit=settings.violations_limit, last_run=lambda: audit.last_run
            )
            audit.on_sweep.append(parts.status.write_all)
            tasks.create_task(self._tidy_statuses())
        if parts.service and settings.service:
            service, name = parts.service, settings.service.cluster
            reporter = Reporter(audit, lambda body: service.report(name, body), parts.metrics)
            tasks.create_task(reporter.run())
        await audit.run(settings.audit_interval)

    async def _tidy_statuses(self) -> None:
        while True:
            try:
                self._parts.entries.keep(await self._parts.status.forget_lost_pods())
            except PratiqueError as error:
                logs.warning("the list of our pods cannot be read", reason=error.message)
            await asyncio.sleep(60)

    async def _sync(self, service: ServiceClient, settings: Service) -> None:
        parts = self._parts
        name = settings.cluster
        agent = {
            "pod": parts.settings.pod_name,
            "operation": "sync",
            "version": __version__,
        }

        async def acknowledge(body: dict[str, Any]) -> None:
            await service.applied(name, body)

        sync = Sync(
            parts.client,
            parts.cluster,
            namespace=parts.settings.namespace,
            acknowledge=acknowledge,
            agent=agent,
        )
        await sync.run(_patient(service, name))


async def _patient(service: ServiceClient, name: str) -> AsyncIterator[dict[str, Any]]:
    """Yield desired states; a service that does not know us is asked again, and enforcement goes on."""
    while True:
        try:
            async for desired in service.desired_stream(name):
                yield desired
        except PratiqueError as error:
            logs.warning("the service refuses us", reason=error.message, hint=error.hint)
        await asyncio.sleep(REFUSED_SECONDS)
