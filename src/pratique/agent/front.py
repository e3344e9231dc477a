"""The roles `webhook` and `mutation-webhook`: certificates, the TLS port, and denials on their way to the service."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

from pratique.agent.answers import World
from pratique.agent.app import Parts
from pratique.agent.denials import Denials
from pratique.agent.servers import listener_for
from pratique.agent.webhook import Webhook
from pratique.errors import InputError
from pratique.listener import Listener


class Front:
    """Answers admission requests."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        settings, cluster, service = parts.settings, parts.cluster, parts.service
        self._certificates = parts.certificates
        self._denials: Denials | None = None
        if service and settings.service:
            name = settings.service.cluster
            self._denials = Denials(lambda batch: service.report_denials(name, batch), parts.metrics)
        mutators = parts.mutators
        world = World(
            parts.library,
            cluster.exclusions,
            cluster.namespaces.kept,
            cluster.fetch_namespace,
            mutators.expander,
            parts.external.providers,
        )
        refused = self._denials.add if self._denials is not None else None
        self._webhook = Webhook(world, settings, parts.metrics, refused=refused, mutators=mutators.system)
        self._listener: Listener | None = None

    def unready(self) -> list[str]:
        """Return what is missing before requests can be answered."""
        certificates = self._certificates
        if certificates and not certificates.ready.is_set():
            return ["the webhook's certificate"]
        return [] if self._listener else ["the webhook's port"]

    async def run(self) -> None:
        """Serve until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            if self._certificates:
                await self._certificates.ready.wait()
                tls = self._certificates.tls
            else:
                tls = _given(Path(self._parts.settings.certificate_folder))
            if self._denials is not None:
                tasks.create_task(self._denials.run())
            settings = self._parts.settings
            port = listener_for(self._webhook, host=settings.host, port=settings.port, tls=tls)
            await port.start()
            self._listener = port
            try:
                await asyncio.Event().wait()
            finally:
                await port.stop()

    async def drain(self) -> None:
        """Go on answering until the API server has heard that this pod is ending."""
        await asyncio.sleep(self._parts.settings.shutdown_delay)


def _given(folder: Path) -> ssl.SSLContext:
    """Return the context of a certificate that somebody else rotates."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        tls.load_cert_chain(folder / "tls.crt", folder / "tls.key")
    except (OSError, ssl.SSLError) as error:
        raise InputError(
            f"no certificate to serve with in `{folder}`: {error}",
            hint="mount tls.crt and tls.key there, or leave out --disable-cert-rotation",
        ) from None
    return tls
