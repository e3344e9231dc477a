"""One agent process: what every role needs, the roles it was given, and an orderly end.

In: `Settings`, roles (`front`: the webhook; `leader`: audit, sync, report). Out: a process that runs until a
signal comes. A part that fails ends the process with its error; Kubernetes starts it again.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from pratique import __version__, codecache
from pratique.agent import logs
from pratique.agent.certs import Certificates
from pratique.agent.cluster import Cluster
from pratique.agent.entries import Entries
from pratique.agent.external import ExternalData
from pratique.agent.inventory import InventorySync
from pratique.agent.metrics import Metrics
from pratique.agent.mutators import Mutators
from pratique.agent.servers import Pages, listener_for
from pratique.agent.settings import Settings
from pratique.agent.status import Status
from pratique.client import kubeconfig, resources
from pratique.client.kube import KubeClient
from pratique.client.providers import Pair, Providers
from pratique.client.service import ServiceClient
from pratique.constraint import Library, Programs
from pratique.errors import PratiqueError


@dataclass(frozen=True, slots=True)
class Parts:
    """What every role needs."""

    settings: Settings
    client: KubeClient
    service: ServiceClient | None
    library: Library
    cluster: Cluster
    inventory: InventorySync
    mutators: Mutators
    external: ExternalData
    certificates: Certificates | None
    status: Status
    entries: Entries
    metrics: Metrics

    def unready(self) -> list[str]:
        """Return what the library does not hold yet."""
        parts = (self.cluster, self.inventory, self.mutators, self.external)
        return [line for part in parts for line in part.unready()]


class Role(Protocol):
    """A role of the process. `run` goes on until it is cancelled; `unready` names what is still missing."""

    def run(self) -> Coroutine[Any, Any, None]:
        """Do the role's work."""

    def unready(self) -> list[str]:
        """Return what is missing before the role can do its work."""

    async def drain(self) -> None:
        """Finish what is begun; called once, before the end."""


def assemble(settings: Settings) -> Parts:
    """Build what every role needs. Raises when there is no way to a cluster."""
    client = KubeClient(kubeconfig.discover(settings.kubeconfig or None, context=settings.context))
    service = None
    if settings.service:
        service = ServiceClient(settings.service.url, token=settings.service.token, ca=settings.service.ca)
    metrics, certificates = Metrics(), _certificates(settings, client)
    providers = Providers(
        keep_seconds=settings.external_data_seconds, certificate=_client_pair(settings, certificates)
    )
    ask = providers.ask if settings.external_data else None
    library = Library(programs=Programs(ask=ask, store=codecache.opened(os.environ)))
    cluster = Cluster(client, library, namespace=settings.namespace, metrics=metrics)
    mutators = Mutators(
        client, metrics=metrics, lookup=providers.lookup, annotate=settings.annotate_mutations
    )
    mutators.listen(cluster.expansion_changed)
    external = ExternalData(client, providers, metrics=metrics)
    external.listen(cluster.external_data_changed)
    entries = Entries(client, pod=settings.pod_name, operations=settings.operations)
    entries.follow(mutators.on_status, lambda key: mutators.entry(*key))
    entries.follow(external.on_status, lambda key: external.entry(*key))
    entries.follow(cluster.on_config, lambda _: cluster.config_entry())
    return Parts(
        settings=settings,
        client=client,
        service=service,
        library=library,
        cluster=cluster,
        inventory=InventorySync(client, cluster, metrics=metrics),
        mutators=mutators,
        external=external,
        certificates=certificates,
        status=Status(
            client,
            cluster,
            pod=settings.pod_name,
            namespace=settings.namespace,
            operations=settings.operations,
        ),
        entries=entries,
        metrics=metrics,
    )


def _certificates(settings: Settings, client: KubeClient) -> Certificates | None:
    if not settings.rotate_certificates:
        return None
    configurations = []
    if settings.does("webhook"):
        configurations.append((resources.VALIDATING_WEBHOOKS, settings.webhook_configuration))
    if settings.does("mutation-webhook"):
        configurations.append((resources.MUTATING_WEBHOOKS, settings.mutating_configuration))
    return Certificates(
        client,
        namespace=settings.namespace,
        secret=settings.certificate_secret,
        service=settings.webhook_service,
        configurations=configurations,
    )


def _client_pair(settings: Settings, certificates: Certificates | None) -> Callable[[], Pair | None]:
    """Return who says what is shown to a provider: the certificate that the webhook serves with."""
    if certificates is not None:
        return certificates.pair
    folder = Path(settings.certificate_folder)

    def read() -> Pair | None:
        try:
            return (folder / "tls.crt").read_text(), (folder / "tls.key").read_text()
        except OSError:
            return None

    return read


class Health:
    """`/healthz` and `/readyz`. Ready stays ready once everything that was there at the start is taken in."""

    def __init__(self, waiting: Callable[[], list[str]]) -> None:
        self._waiting = waiting
        self._started = time.monotonic()
        self._latched = False
        self.ending = False

    def pages(self) -> Pages:
        """Return the ASGI application."""
        return Pages(
            {"/healthz": lambda: (200, b"ok\n"), "/readyz": self.ready, "/livez": lambda: (200, b"ok\n")}
        )

    def ready(self) -> tuple[int, bytes]:
        """Return the status and text of `/readyz`."""
        if self.ending:
            return 503, b"ending\n"
        if not self._latched:
            if waiting := self._waiting():
                return 503, ("waiting for " + ", ".join(waiting) + "\n").encode()
            self._latched = True
            logs.info("ready", seconds=round(time.monotonic() - self._started, 3))
        return 200, b"ok\n"


async def run(settings: Settings, roles: Sequence[Callable[[Parts], Role]]) -> None:
    """Run an agent until SIGTERM or SIGINT."""
    parts = assemble(settings)
    working = [role(parts) for role in roles]
    health = Health(lambda: [*parts.unready(), *(line for role in working for line in role.unready())])
    metrics = Pages({"/metrics": lambda: (200, parts.metrics.text())})
    listeners = [
        listener_for(health.pages(), host=settings.host, port=settings.health_port),
        listener_for(metrics, host=settings.host, port=settings.metrics_port),
    ]
    logs.info(
        "starting",
        version=__version__,
        operations=sorted(settings.operations),
        pod=settings.pod_name,
        server=parts.client.connection.server,
        service=settings.service.url if settings.service else "",
    )
    try:
        for listener in listeners:
            await listener.start()
        work = asyncio.ensure_future(_work(parts, working))
        ending = asyncio.ensure_future(_signal())
        await asyncio.wait({work, ending}, return_when=asyncio.FIRST_COMPLETED)
        health.ending = True
        if not work.done():
            logs.info("ending")
            await asyncio.gather(*(role.drain() for role in working))
        ending.cancel()
        work.cancel()
        result = (await asyncio.gather(work, return_exceptions=True))[0]
        if isinstance(result, BaseException) and not isinstance(result, asyncio.CancelledError):
            raise first_cause(result)
    finally:
        for listener in listeners:
            await listener.stop()
        await parts.client.close()
        if parts.service:
            await parts.service.close()


async def _work(parts: Parts, roles: Sequence[Role]) -> None:
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(parts.cluster.run())
        tasks.create_task(parts.inventory.run())
        tasks.create_task(parts.mutators.run())
        tasks.create_task(parts.external.run())
        if parts.certificates:
            tasks.create_task(parts.certificates.run())
        tasks.create_task(parts.status.run())
        tasks.create_task(parts.entries.run())
        for role in roles:
            tasks.create_task(role.run())


async def _signal() -> None:
    """Return at the first SIGTERM or SIGINT; a second one ends the process as it always does."""
    loop = asyncio.get_running_loop()
    came = asyncio.Event()

    def ask(number: int) -> None:
        loop.remove_signal_handler(number)
        came.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ask, number)
    await came.wait()


def first_cause(error: BaseException) -> BaseException:
    """Return what a group of tasks failed of: our own error when there is one among them."""
    if not isinstance(error, BaseExceptionGroup):
        return error
    causes = [first_cause(inner) for inner in error.exceptions]
    return next((cause for cause in causes if isinstance(cause, PratiqueError)), causes[0])
