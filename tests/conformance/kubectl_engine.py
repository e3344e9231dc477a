"""The policy engine that scenarios under `gatekeeper` ask for: our agent, as the one pod `gatekeeper-0`.

In: the kubeconfig of an embedded cluster that runs the agent's image. Out: the add-on's own objects applied, but
for its Deployments, in whose place stands a pod with all roles, as the recordings had it.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from typing import Any

from pratique.client import addon, resources
from pratique.client.addon.manifests import CONTROLLER, WEBHOOK_CONFIGURATION
from pratique.client.kube import KubeClient

IMAGES = {addon.IMAGE: (sys.executable, "-m", "pratique", "agent")}
LIMIT = 60


def install(kubeconfig: Path) -> None:
    """Apply the engine and wait until it answers."""
    asyncio.run(_install(kubeconfig))


async def _install(kubeconfig: Path) -> None:
    objects = addon.manifests(addon.AddonSettings(timeout_seconds=10, audit_interval=2))
    deployments = [each for each in objects if each["kind"] == "Deployment"]
    async with KubeClient.from_kubeconfig(kubeconfig) as client:
        for each in [*(one for one in objects if one["kind"] != "Deployment"), _pod(deployments)]:
            await client.apply(each, field_manager="conformance")
        end = time.monotonic() + LIMIT
        while not await _answers(client):
            if time.monotonic() > end:
                raise SystemExit(f"the engine did not get ready in {LIMIT} s")
            await asyncio.sleep(0.1)


def _pod(deployments: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the pod of the Deployment that answers requests, with the arguments of all."""
    (front,) = [each for each in deployments if each["metadata"]["name"] == CONTROLLER]
    template = front["spec"]["template"]
    template["spec"]["containers"][0]["args"] = sorted(
        {word for each in deployments for word in each["spec"]["template"]["spec"]["containers"][0]["args"]}
    )
    meta = {**template["metadata"], "name": "gatekeeper-0", "namespace": addon.NAMESPACE}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": template["spec"]}


async def _answers(client: KubeClient) -> bool:
    pod = await client.find(resources.PODS, "gatekeeper-0", namespace=addon.NAMESPACE)
    conditions = ((pod or {}).get("status") or {}).get("conditions") or ()
    configuration = await client.find(resources.VALIDATING_WEBHOOKS, WEBHOOK_CONFIGURATION)
    hooks = (configuration or {}).get("webhooks") or [{"clientConfig": {}}]
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions) and all(
        hook["clientConfig"].get("caBundle") for hook in hooks
    )
