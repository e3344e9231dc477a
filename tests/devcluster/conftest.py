"""A cluster in this process without HTTP: store, API, admission; controllers and node when asked for."""

import asyncio
import socket
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pratique.devcluster.api import Api
from pratique.devcluster.controllers import Controllers
from pratique.devcluster.node import Node
from pratique.devcluster.store import Store

LIMIT = 30


@dataclass
class Settings:
    state_dir: Path
    host: str = "127.0.0.1"
    node_name: str = "node-0"
    images: dict = field(default_factory=dict)
    services: dict = field(default_factory=dict)


def template(labels, *, image="nginx:1", **spec):
    return {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": image}], **spec}}


def workload(kind, name, *, replicas=None, image="nginx:1", **spec):
    labels = {"app": name}
    more = {} if replicas is None else {"replicas": replicas}
    body = {"selector": {"matchLabels": labels}, "template": template(labels, image=image), **more, **spec}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name}, "spec": body}


class World:
    """The API, and what makes it live."""

    template = staticmethod(template)
    workload = staticmethod(workload)

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.api = Api(Store())
        self.controllers = Controllers(self.api, settings, ca="CA")
        self.node = Node(
            self.api,
            settings,
            server=("127.0.0.1", 1),
            ca="CA",
            token=lambda namespace, name: f"{namespace}/{name}",
        )

    async def __aenter__(self):
        for name in ("default", "kube-system", "kube-node-lease"):
            await self.api.create(
                "namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
            )
        await self.controllers.start()
        await self.node.start()
        await self.until(lambda: self.api.get("serviceaccounts", "default", "default"))
        return self

    async def __aexit__(self, *error):
        await self.node.stop()
        await self.controllers.stop()
        await self.api.close()

    async def until(self, condition):
        """Wait until a condition holds, and return what it returned."""
        end = time.monotonic() + LIMIT
        while not (found := condition()):
            assert time.monotonic() < end, "waited in vain"
            await asyncio.sleep(0.02)
        return found

    def pods(self, namespace="default"):
        return [
            pod for pod in self.api.list("pods", namespace) if not pod["metadata"].get("deletionTimestamp")
        ]

    def messages(self, reason):
        return [event["message"] for event in self.api.list("events") if event["reason"] == reason]


@pytest.fixture
def play(tmp_path):
    """Run a coroutine function in a world of its own."""

    def run(scene, **settings):
        async def whole():
            async with World(Settings(tmp_path, **settings)) as world:
                await scene(world)

        asyncio.run(whole())

    return run


@pytest.fixture
def unused_port():
    """Return a port that nothing listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
