"""What several tests of the agent share: policies, objects, and parts that run against the fake API."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fake_api import FakeApi, until

from pratique.agent.cluster import Cluster
from pratique.agent.inventory import InventorySync
from pratique.agent.metrics import Metrics
from pratique.agent.mutators import Mutators
from pratique.agent.settings import Settings
from pratique.client import resources
from pratique.client.kube import KubeClient
from pratique.client.resources import Resource
from pratique.constraint import Library

CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap", namespaced=True)
NAMESPACE = "pratique-system"

REQUIRED_LABELS = """\
package requiredlabels

violation[{"msg": msg, "details": {"missing_labels": missing}}] {
  provided := {label | input.review.object.metadata.labels[label]}
  required := {label | label := input.parameters.labels[_]}
  missing := required - provided
  count(missing) > 0
  msg := sprintf("you must provide labels: %v", [missing])
}
"""

ALONE = """\
package alone

violation[{"msg": "not alone"}] {
  other := data.inventory.namespace[input.review.object.metadata.namespace][_]["ConfigMap"][name]
  name != input.review.object.metadata.name
}
"""


def template(kind: str = "RequiredLabels", rego: str = REQUIRED_LABELS, **meta: Any) -> dict[str, Any]:
    schema = {"type": "object", "properties": {"labels": {"type": "array", "items": {"type": "string"}}}}
    return {
        "apiVersion": "templates.gatekeeper.sh/v1",
        "kind": "ConstraintTemplate",
        "metadata": {"name": kind.lower(), **meta},
        "spec": {
            "crd": {"spec": {"names": {"kind": kind}, "validation": {"openAPIV3Schema": schema}}},
            "targets": [{"target": "admission.k8s.gatekeeper.sh", "rego": rego}],
        },
    }


def constraint(name: str, *labels: str, kind: str = "RequiredLabels", **spec: Any) -> dict[str, Any]:
    match = {"kinds": [{"apiGroups": [""], "kinds": ["ConfigMap"]}]}
    return {
        "apiVersion": "constraints.gatekeeper.sh/v1beta1",
        "kind": kind,
        "metadata": {"name": name, "annotations": {"azure-policy-assignment-id": f"/assignments/{name}"}},
        "spec": {"match": match, "parameters": {"labels": list(labels)}, **spec},
    }


def config_map(name: str, namespace: str = "default", **labels: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
    }


def namespace(name: str, **labels: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


class World:
    """A fake cluster and the parts of an agent that follow it."""

    def __init__(self, api: FakeApi, client: KubeClient) -> None:
        self.api = api
        self.client = client
        self.metrics = Metrics()
        self.library = Library()
        self.settings = Settings(pod_name="pod-0", shutdown_delay=0)
        self.cluster = Cluster(client, self.library, namespace=NAMESPACE, metrics=self.metrics)
        self.inventory = InventorySync(client, self.cluster, metrics=self.metrics)
        self.mutators = Mutators(client, metrics=self.metrics)
        self.tasks: list[asyncio.Task[Any]] = []

    def start(self, *work: Any) -> None:
        self.tasks += [asyncio.ensure_future(one) for one in work]

    async def ready(self) -> None:
        await until(lambda: not self.cluster.unready(), "the library holds what the cluster holds")

    async def policy(self, *policies: dict[str, Any]) -> None:
        """Put templates and constraints into the cluster, and wait until they are in the library."""
        for obj in policies:
            if obj["kind"] == "ConstraintTemplate":
                await self.api.put(resources.TEMPLATES, obj)
            else:
                kind = obj["kind"]
                await until(lambda kind=kind: kind in self.cluster.kinds, f"{kind} is served")
                await self.api.put(resources.constraint_resource(kind), obj)
                key = (kind, obj["metadata"]["name"])
                await until(lambda key=key: key in self.cluster.constraints, f"{key} is known")

    async def stop(self) -> None:
        for task in self.tasks:
            task.cancel()
        results = await asyncio.gather(*self.tasks, return_exceptions=True)
        for result in results:
            if isinstance(result, Exception) and not isinstance(result, asyncio.CancelledError):
                raise result


@asynccontextmanager
async def world(*existing: tuple[Resource, dict[str, Any]]) -> AsyncIterator[World]:
    async with FakeApi() as api, api.client() as client:
        await api.put(resources.NAMESPACES, namespace("default"))
        for resource, obj in existing:
            await api.put(resource, obj)
        made = World(api, client)
        made.start(made.cluster.run(), made.inventory.run())
        try:
            yield made
        finally:
            await made.stop()
