"""The node of the embedded cluster: registers itself, schedules, runs pods, answers for their logs.

`Node(api, settings, server=..., ca=..., token=...)`: `settings` gives `node_name`, `images` (image to
command), `services` (Service to local port), `host` and `state_dir`; `server` is where the API server is
bound, `token` mints a bearer token for a ServiceAccount. Everything that was started ends with `stop`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from pratique.devcluster.admission import services
from pratique.devcluster.controllers.base import Api
from pratique.devcluster.node.forwarder import Forwarder
from pratique.devcluster.node.kubelet import Kubelet, Surroundings
from pratique.devcluster.node.machine import Machine
from pratique.devcluster.node.process import LogOptions

__all__ = ["Node"]


class NodeSettings(Protocol):
    """What the node needs to know of the cluster's settings."""

    @property
    def state_dir(self) -> Path:
        """Return where the cluster keeps its state."""

    @property
    def host(self) -> str:
        """Return the address that the cluster listens on."""

    @property
    def node_name(self) -> str:
        """Return the node's name."""

    @property
    def images(self) -> Mapping[str, Sequence[str]]:
        """Return commands by image."""

    @property
    def services(self) -> Mapping[tuple[str, str], int]:
        """Return local ports by namespace and name of a Service."""


class Node:
    """The one node."""

    def __init__(
        self,
        api: Api,
        settings: NodeSettings,
        *,
        server: tuple[str, int],
        ca: str,
        token: Callable[[str, str], str],
    ) -> None:
        self._machine = Machine(api, settings.node_name, settings.host)
        self._kubelet = Kubelet(
            api,
            Surroundings(
                node_name=settings.node_name,
                host=settings.host,
                server=server,
                ca=ca,
                token=token,
                images=settings.images,
                folder=settings.state_dir / "pods",
            ),
        )
        self._api = api
        self._forwarders = [
            self._forwarder(settings.host, port, namespace, name)
            for (namespace, name), port in settings.services.items()
        ]

    def _forwarder(self, host: str, port: int, namespace: str, name: str) -> Forwarder:
        def find() -> str:
            service = self._api.get("services", name, namespace) or {}
            ports = (service.get("spec") or {}).get("ports") or [{"port": 443}]
            return services.backend(self._api, namespace, name, port=int(ports[0]["port"]))

        return Forwarder(host, port, find)

    async def start(self) -> None:
        """Register the node, listen, and take up the pods that are there."""
        await self._machine.start()
        for forwarder in self._forwarders:
            await forwarder.start()
        self._api.subscribe(self._kubelet.notice)
        await self._kubelet.take_up()
        self._kubelet.start()

    async def stop(self) -> None:
        """End all processes and stop listening."""
        await self._kubelet.stop()
        await asyncio.gather(self._machine.stop(), *(forwarder.stop() for forwarder in self._forwarders))

    async def logs(
        self,
        pod: dict[str, Any],
        container: str,
        *,
        follow: bool = False,
        previous: bool = False,
        **options: Any,
    ) -> AsyncIterator[bytes]:
        """Return a container's output; `tail`, `since`, `timestamps` and `limit` as in LogOptions."""
        wanted = LogOptions(follow=follow, **options)
        return await self._kubelet.logs(pod, container, wanted, earlier=previous)
