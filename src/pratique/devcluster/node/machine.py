"""The one Node of the embedded cluster: registered, Ready, its Lease renewed."""

from __future__ import annotations

import asyncio
import os
import platform
from typing import Any

from pratique.devcluster.controllers.base import Api, copied, now, now_micro, service_account
from pratique.kube import status

Object = dict[str, Any]

LEASES = "leases.coordination.k8s.io"
LEASE_NAMESPACE = "kube-node-lease"
_RENEW_SECONDS = 10
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}


def labels(name: str) -> dict[str, str]:
    """Return the labels of a node: its name, system and processor, in the old spelling too."""
    processor = _MACHINES.get(platform.machine(), platform.machine())
    system = platform.system().lower()
    return {
        "beta.kubernetes.io/arch": processor,
        "beta.kubernetes.io/os": system,
        "kubernetes.io/arch": processor,
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": system,
    }


class Machine:
    """Registers the Node and keeps it alive."""

    def __init__(self, api: Api, name: str, address: str) -> None:
        self._api = api
        self.name = name
        self._address = address
        self._user = service_account("node-controller")
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Register, then renew until stopped."""
        await self._register()
        await self._renew()
        self._task = asyncio.get_running_loop().create_task(self._keep(), name="node-lease")

    async def stop(self) -> None:
        """Stop renewing."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(_RENEW_SECONDS)
            try:
                await self._renew()
            except status.StatusError:
                continue

    async def _register(self) -> None:
        node = self._api.get("nodes", self.name)
        if node is None:
            metadata = {"name": self.name, "labels": labels(self.name)}
            made = {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": {}}
            node = await self._api.create("nodes", made, user=self._user)
        changed = copied(node)
        changed["status"] = self._status()
        await self._api.update("nodes", changed, subresource="status", user=self._user)

    def _status(self) -> Object:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 1024
        sizes = {"cpu": str(os.cpu_count() or 1), "memory": f"{memory}Ki", "pods": "110"}
        moment = now()
        ready = {
            "type": "Ready",
            "status": "True",
            "lastHeartbeatTime": moment,
            "lastTransitionTime": moment,
            "reason": "KubeletReady",
            "message": "kubelet is posting ready status",
        }
        machine = labels(self.name)
        return {
            "addresses": [
                {"type": "InternalIP", "address": self._address},
                {"type": "Hostname", "address": self.name},
            ],
            "allocatable": sizes,
            "capacity": sizes,
            "conditions": [ready],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 0}},
            # Nothing here is a real machine: containers are shown, and a few are local processes.
            "nodeInfo": {
                "architecture": machine["kubernetes.io/arch"],
                "bootID": "",
                "containerRuntimeVersion": "fake://1.0",
                "kernelVersion": "6.1.0",
                "kubeProxyVersion": "",
                "kubeletVersion": "v1.34.4",
                "machineID": "",
                "operatingSystem": machine["kubernetes.io/os"],
                "osImage": "Linux",
                "systemUUID": "",
            },
        }

    async def _renew(self) -> None:
        lease = self._api.get(LEASES, self.name, LEASE_NAMESPACE)
        spec = {"holderIdentity": self.name, "leaseDurationSeconds": 40, "renewTime": now_micro()}
        if lease is not None:
            await self._api.update(LEASES, {**copied(lease), "spec": spec}, user=self._user)
        elif self._api.get("namespaces", LEASE_NAMESPACE) is not None:
            made = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": self.name}}
            await self._api.create(LEASES, {**made, "spec": spec}, namespace=LEASE_NAMESPACE, user=self._user)
