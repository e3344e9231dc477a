"""One leader among the replicas, by a Lease (coordination.k8s.io), as Kubernetes' own controllers do it.

In: a client, the Lease's name, who we are. Out: a coroutine that runs only while the Lease is ours. A pod
that restarts takes its own Lease up again at once; another waits until it expires.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from pratique.agent import logs
from pratique.client import resources
from pratique.client.kube import ClashError, KubeClient, Object
from pratique.errors import PratiqueError, UnavailableError

DURATION_SECONDS, RENEW_SECONDS, RETRY_SECONDS = 15, 5, 1


class Lease:
    """A candidate for one Lease."""

    def __init__(self, client: KubeClient, *, name: str, namespace: str, identity: str) -> None:
        self.leading = False
        self._client = client
        self._name, self._namespace, self._identity = name, namespace, identity
        # Other clocks are not trusted: an other's lease expires when *we* saw it unchanged for so long.
        self._seen: tuple[str, float] = ("", 0.0)

    async def run(self, lead: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Wait for the Lease, run `lead` while it is ours, and give it back when cancelled.

        Raises UnavailableError when the Lease is lost: the process starts anew, with nothing left over.
        """
        await self._acquire()
        logs.info("leading", lease=self._name, identity=self._identity)
        leading = asyncio.ensure_future(lead())
        keeping = asyncio.ensure_future(self._keep())
        self.leading = True
        try:
            await asyncio.wait({leading, keeping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.leading = False
            for task in (leading, keeping):
                task.cancel()
            results = await asyncio.gather(leading, keeping, return_exceptions=True)
            with suppress(PratiqueError, TimeoutError):
                async with asyncio.timeout(2):
                    await self._release()
        for result in results:
            if isinstance(result, BaseException) and not isinstance(result, asyncio.CancelledError):
                raise result
        raise UnavailableError(f"the lease `{self._name}` was lost to another pod")

    async def _acquire(self) -> None:
        while True:
            try:
                if await self._try():
                    return
            except PratiqueError as error:
                logs.warning("the lease cannot be asked for", lease=self._name, reason=error.message)
            await asyncio.sleep(RETRY_SECONDS)

    async def _keep(self) -> None:
        """Renew until the Lease is somebody else's, or could not be renewed for its duration."""
        renewed = time.monotonic()
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            try:
                if not await self._try():
                    return
                renewed = time.monotonic()
            except PratiqueError as error:
                logs.warning("the lease was not renewed", lease=self._name, reason=error.message)
                if time.monotonic() - renewed > DURATION_SECONDS - RENEW_SECONDS:
                    return

    async def _try(self) -> bool:
        """Take or renew the Lease; False while it is another's."""
        lease = await self._client.find(resources.LEASES, self._name, namespace=self._namespace)
        now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        try:
            if lease is None:
                await self._client.create(resources.LEASES, self._object(now))
                return True
            spec = lease.get("spec") or {}
            holder = spec.get("holderIdentity") or ""
            if holder not in ("", self._identity):
                if spec.get("renewTime") != self._seen[0]:
                    self._seen = (spec.get("renewTime") or "", time.monotonic())
                if time.monotonic() - self._seen[1] < (spec.get("leaseDurationSeconds") or DURATION_SECONDS):
                    return False
            took = holder != self._identity
            wanted = self._object(now)["spec"] | {
                "leaseTransitions": int(spec.get("leaseTransitions") or 0) + took,
                "acquireTime": now if took else spec.get("acquireTime") or now,
            }
            await self._client.update(resources.LEASES, lease | {"spec": wanted})
        except ClashError:
            return False
        return True

    async def _release(self) -> None:
        lease = await self._client.find(resources.LEASES, self._name, namespace=self._namespace)
        if lease and (lease.get("spec") or {}).get("holderIdentity") == self._identity:
            await self._client.update(
                resources.LEASES, lease | {"spec": lease["spec"] | {"holderIdentity": ""}}
            )

    def _object(self, now: str) -> Object:
        return {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": self._name, "namespace": self._namespace},
            "spec": {
                "holderIdentity": self._identity,
                "leaseDurationSeconds": DURATION_SECONDS,
                "acquireTime": now,
                "renewTime": now,
                "leaseTransitions": 0,
            },
        }
