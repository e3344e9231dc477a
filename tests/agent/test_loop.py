"""The whole loop with nothing in between replaced: a service, an embedded cluster, the add-on's real pods."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pratique.client import addon, resources
from pratique.client.kube import KubeClient, RefusedError
from pratique.client.resources import Resource
from pratique.client.service import ServiceClient
from pratique.devcluster import DevCluster
from pratique.devcluster import Settings as ClusterSettings
from pratique.listener import Listener
from pratique.service import Service
from pratique.service import Settings as ServiceSettings

POD_LABELS = "/providers/Microsoft.Authorization/policyDefinitions/46592696-4c7b-4bf3-9e45-6c2763bdc0a6"


def pod(name: str, **labels: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "default", "labels": labels},
        "spec": {"containers": [{"name": "main", "image": "nginx"}]},
    }


@dataclass
class Whole:
    service: Service
    listener: Listener
    api: ServiceClient
    kube: KubeClient
    figures: dict[str, float]

    async def assign(self, name: str, effect: str = "Deny") -> str:
        cluster = await self.api.cluster("embedded")
        identifier = f"{cluster['resourceId']}/providers/Microsoft.Authorization/policyAssignments/{name}"
        parameters = {"labelsList": {"value": ["owner"]}, "effect": {"value": effect}}
        await self.api.put_assignment(
            identifier, {"properties": {"policyDefinitionId": POD_LABELS, "parameters": parameters}}
        )
        return identifier

    async def denied(self, name: str = "probe") -> str:
        """Return the text with which a pod without labels is refused, empty when it is not."""
        try:
            await self.kube.create(resources.PODS, pod(name))
        except RefusedError as error:
            return error.message
        await self.kube.delete(resources.PODS, name, namespace="default")
        return ""

    async def open_records(self) -> dict[str, str]:
        page = await self.api.records(cluster="embedded", state="NonCompliant")
        return {record["name"]: record["message"] for record in page.value}

    async def until(self, condition: Callable[[], Awaitable[Any]], figure: str = "") -> Any:
        began = time.perf_counter()
        while True:
            if found := await condition():
                if figure:
                    self.figures[figure] = time.perf_counter() - began
                return found
            assert time.perf_counter() - began < 30, f"never came true: {figure or condition}"
            await asyncio.sleep(0.02)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def whole(folder: Path) -> AsyncIterator[Whole]:
    (folder / "service").mkdir()
    port = free_port()
    service = Service(ServiceSettings(state_dir=folder / "service", agent_url=f"http://127.0.0.1:{port}"))
    listener = Listener(service.app, host="127.0.0.1", port=port)
    await listener.start()
    credentials = await service.start()
    assert credentials
    cluster = DevCluster(
        ClusterSettings(
            state_dir=folder / "cluster",
            port=0,
            images={addon.IMAGE: (sys.executable, "-m", "pratique", "agent")},
            services={},
        )
    )
    await cluster.start()
    api = ServiceClient(listener.url)
    kube = KubeClient.from_kubeconfig(cluster.kubeconfig)
    try:
        await api.login(username=credentials.username, password=credentials.password)
        await service.adopt_cluster("embedded", kubeconfig=cluster.kubeconfig.read_text())
        yield Whole(service, listener, api, kube, {})
    finally:
        await kube.close()
        await api.close()
        await cluster.stop()
        await listener.stop()
        await service.stop()


async def enabled(w: Whole) -> bool:
    return bool((await w.api.cluster("embedded"))["addon"]["state"] == "Enabled")


def test_from_the_assignment_to_the_record_and_back(tmp_path: Path) -> None:
    async def story() -> None:
        async with whole(tmp_path) as w:
            await w.kube.create(resources.PODS, pod("old"))
            await w.api.set_addon("embedded", True)
            await w.until(lambda: enabled(w), "add-on enabled")

            identifier = await w.assign("labels")
            text = await w.until(w.denied, "assignment enforced")
            assert "you must provide labels" in text
            assert 'admission webhook "validation.gatekeeper.sh" denied the request: [azurepolicy-' in text
            await w.until(lambda: records(w, "old"), "first record")

            async def denials() -> Any:
                return (await w.api.denials(cluster="embedded")).value

            (denial, *_) = await w.until(denials, "denial at the service")
            assert (denial["kind"], denial["name"], denial["assignmentId"]) == ("Pod", "probe", identifier)

            patch = {"metadata": {"labels": {"owner": "me"}}}
            await w.kube.patch(resources.PODS, "old", patch, namespace="default")
            await w.until(lambda: fixed(w, "old"), "change recorded")

            async def agents() -> bool:
                found = (await w.api.cluster("embedded"))["agents"]
                return [one["operation"] for one in found if one["ready"]] == [
                    "audit, sync, status",
                    "webhook, mutation-webhook",
                    "webhook, mutation-webhook",
                ]

            await w.until(agents)
            await kill_one_controller(w)
            for _ in range(10):
                assert await w.denied()

            # What somebody edits away is put back.
            (kind,) = [one for one in (await w.kube.discover(fresh=True)).resources if is_constraint(one)]
            (made,) = await w.kube.list(kind)
            assert await w.kube.delete(kind, made["metadata"]["name"])
            await w.until(lambda: w.kube.find(kind, made["metadata"]["name"]), "deletion put back")
            await w.until(w.denied)

            await w.api.delete_assignment(identifier)
            await w.until(lambda: allowed(w), "assignment gone")
            print({key: round(value, 3) for key, value in w.figures.items()})

    asyncio.run(story())


def test_the_service_may_go_away(tmp_path: Path) -> None:
    async def story() -> None:
        async with whole(tmp_path) as w:
            await w.kube.create(resources.PODS, pod("old"))
            await w.kube.create(resources.PODS, pod("other"))
            await w.api.set_addon("embedded", True)
            await w.until(lambda: enabled(w))
            await w.assign("labels")
            await w.until(w.denied)
            await w.until(lambda: records(w, "old"))

            await w.listener.stop()
            assert await w.denied()
            patch = {"metadata": {"labels": {"owner": "me"}}}
            await w.kube.patch(resources.PODS, "old", patch, namespace="default")
            # Its process starts anew, with nothing but what the cluster holds. (What it had not sent dies with it,
            # so the denial that must arrive is one of the processes that live on.)
            await kill_one_controller(w)
            assert await w.denied("meanwhile")

            port = int(w.listener.url.rpartition(":")[2])
            again = Listener(w.service.app, host="127.0.0.1", port=port)
            await again.start()
            try:
                await w.until(lambda: fixed(w, "old"), "report after the absence")
                assert "other" in await w.open_records()

                async def denial_arrived() -> bool:
                    found = (await w.api.denials(cluster="embedded")).value
                    return "meanwhile" in {denial["name"] for denial in found}

                await w.until(denial_arrived, "denial of the absence")
            finally:
                await again.stop()

    asyncio.run(story())


async def records(w: Whole, name: str) -> bool:
    return name in await w.open_records()


async def fixed(w: Whole, name: str) -> bool:
    return name not in await w.open_records()


async def allowed(w: Whole) -> bool:
    return not await w.denied()


def is_constraint(resource: Resource) -> bool:
    return resource.group == resources.CONSTRAINT_GROUP and resource.version == "v1beta1"


async def kill_one_controller(w: Whole) -> None:
    """Kill the process of one of the two pods that answer, and wait until its pod is known as not ready."""
    before = {one.name: one.restarts for one in (await addon.status(w.kube)).pods}
    mine = str(os.getpid())
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
            parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
        except OSError:
            continue
        if b"--operation=webhook" in words and parent == mine:
            os.kill(int(folder.name), signal.SIGKILL)
            break
    else:
        raise AssertionError("no controller's process")

    async def restarted() -> bool:
        pods = (await addon.status(w.kube)).pods
        return any(one.restarts > before.get(one.name, 0) for one in pods)

    await w.until(restarted)
