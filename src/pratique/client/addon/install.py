"""Puts the add-on into a cluster, takes it out again, and says how it stands there.

In: a `KubeClient`, `AddonSettings`, a function to which each step is told. Out: a `Status`. The portal's
button, the service and `pratique addon` all come here.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pratique.client import resources
from pratique.client.addon import crds
from pratique.client.addon.manifests import (
    AUDIT,
    CONTROLLER,
    FIELD_MANAGER,
    MANAGED_BY,
    MANAGED_LABEL,
    MUTATING_CONFIGURATION,
    NAMESPACE,
    WEBHOOK_CONFIGURATION,
    AddonSettings,
    manifests,
)
from pratique.client.kube import KubeClient, Object
from pratique.client.resources import Resource
from pratique.errors import ConflictError, PratiqueError, UnavailableError

Say = Callable[[str], None]
POLL_SECONDS = 0.2
_AUTHORED = (*resources.MUTATORS, resources.EXPANSION_TEMPLATES, resources.PROVIDERS)
LEFT_BEHIND = ("crashloopbackoff", "errimagepull", "imagepullbackoff", "createcontainererror")


@dataclass(frozen=True, slots=True)
class Pod:
    """One pod of the add-on."""

    name: str
    ready: bool
    phase: str
    restarts: int
    message: str = ""


@dataclass(frozen=True, slots=True)
class Status:
    """How the add-on stands: Disabled, Enabling, Enabled or Failed, and why."""

    state: str
    message: str = ""
    image: str = ""
    webhook: bool = False
    pods: tuple[Pod, ...] = ()
    ready: int = 0
    wanted: int = 0


def _silent(_: str) -> None:
    pass


async def enable(
    client: KubeClient, settings: AddonSettings, *, say: Say = _silent, timeout: float = 120.0
) -> Status:
    """Apply the add-on and wait until every pod is Ready.

    Raises ConflictError when a Gatekeeper runs there, UnavailableError when the pods do not get Ready.
    """
    await _refuse_second_engine(client)
    say("applying the add-on's objects")
    objects = manifests(settings)
    definitions = [obj for obj in objects if obj["kind"] == "CustomResourceDefinition"]
    await asyncio.gather(*(_apply(client, obj, resources.CRDS) for obj in definitions))
    await _established(client, [obj["metadata"]["name"] for obj in definitions], timeout=timeout)
    for obj in objects:
        if obj["kind"] != "CustomResourceDefinition":
            await _apply(client, obj, await client.resource_of(obj))
    return await wait_ready(client, say=say, timeout=timeout)


async def wait_ready(client: KubeClient, *, say: Say = _silent, timeout: float = 120.0) -> Status:
    """Wait until all pods of the add-on are Ready. Raises UnavailableError naming the ones that are not."""
    deadline = time.monotonic() + timeout
    told = ""
    while True:
        current = await status(client)
        line = f"{current.ready} of {current.wanted} pods ready"
        if line != told:
            say(line)
            told = line
        if current.state == "Enabled":
            return current
        if time.monotonic() > deadline:
            waiting = ", ".join(
                f"{pod.name} ({pod.message or pod.phase})" for pod in current.pods if not pod.ready
            )
            raise UnavailableError(
                f"the add-on's pods did not get ready in {timeout:.0f} s: {waiting or 'none was created'}",
                hint=f"look at `kubectl describe pods -n {NAMESPACE}` and at `kubectl logs`",
            )
        await asyncio.sleep(POLL_SECONDS)


async def disable(client: KubeClient, *, say: Say = _silent, timeout: float = 120.0) -> Status:
    """Take the add-on and everything that it manages out of the cluster; leave what others made.

    Raises UnavailableError when the cluster does not let go in time.
    """
    say("removing the webhooks")
    await client.delete(resources.MUTATING_WEBHOOKS, MUTATING_CONFIGURATION)
    await client.delete(resources.VALIDATING_WEBHOOKS, WEBHOOK_CONFIGURATION)
    # The programs go before what they would put back.
    say("stopping the pods")
    for name in (AUDIT, CONTROLLER):
        await client.delete(resources.DEPLOYMENTS, name, namespace=NAMESPACE)
    await _gone(client, timeout=timeout)
    say("removing managed policies")
    foreign = await _remove_managed(client)
    for obj in reversed(manifests(AddonSettings())):
        kind = obj["kind"]
        if kind in ("CustomResourceDefinition", "Deployment") or kind.endswith("WebhookConfiguration"):
            continue
        try:
            found = await client.resource_of(obj)
        except PratiqueError:
            continue
        meta = obj["metadata"]
        await client.delete(found, meta["name"], namespace=meta.get("namespace", ""))
    kept = set() if not foreign else {definition["metadata"]["name"] for definition in crds.policies()}
    # To delete a definition deletes its objects, and these are their authors'.
    kept |= {one.full_name for one in _AUTHORED if await _any(client, one)}
    for definition in crds.definitions():
        if definition["metadata"]["name"] not in kept:
            await client.delete(resources.CRDS, definition["metadata"]["name"])
    say(f"waiting for the namespace {NAMESPACE} to go")
    await _until_missing(client, resources.NAMESPACES, NAMESPACE, timeout=timeout)
    message = (
        f"kept {foreign} constraint template(s) of others, and the definitions they need" if foreign else ""
    )
    return Status("Disabled", message=message)


async def status(client: KubeClient) -> Status:
    """Return how the add-on stands in the cluster."""
    namespace, configurations, deployments, pods = await asyncio.gather(
        client.find(resources.NAMESPACES, NAMESPACE),
        asyncio.gather(
            client.find(resources.VALIDATING_WEBHOOKS, WEBHOOK_CONFIGURATION),
            client.find(resources.MUTATING_WEBHOOKS, MUTATING_CONFIGURATION),
        ),
        asyncio.gather(
            *(client.find(resources.DEPLOYMENTS, name, namespace=NAMESPACE) for name in (AUDIT, CONTROLLER))
        ),
        client.list(resources.PODS, namespace=NAMESPACE, label_selector="app.kubernetes.io/name=pratique"),
    )
    present = [deployment for deployment in deployments if deployment]
    seen = tuple(sorted((_pod(pod) for pod in pods), key=lambda pod: pod.name))
    if namespace is None or not present:
        return Status("Disabled", pods=seen)
    wanted = sum(deployment["spec"].get("replicas", 1) for deployment in present)
    # A Deployment's status may be older than its pods': both must say so.
    ready = min(sum(_available(deployment) for deployment in present), sum(pod.ready for pod in seen))
    # A cluster may have been given its add-on before there was a mutating webhook.
    webhook = configurations[0] is not None and all(map(_told, filter(None, configurations)))
    stuck = [pod for pod in seen if pod.message.partition(":")[0].lower() in LEFT_BEHIND]
    state, message = "Enabling", f"{ready} of {wanted} pods ready"
    if len(present) == 2 and ready >= wanted and webhook:
        state, message = "Enabled", ""
    elif stuck:
        state, message = "Failed", f"{stuck[0].name}: {stuck[0].message}"
    elif ready >= wanted and not webhook:
        message = "waiting for the webhook's certificate"
    image = present[0]["spec"]["template"]["spec"]["containers"][0]["image"]
    return Status(state, message=message, image=image, webhook=webhook, pods=seen, ready=ready, wanted=wanted)


async def _any(client: KubeClient, resource: Resource) -> bool:
    try:
        return bool(await client.list(resource))
    except PratiqueError:
        return False


def _told(configuration: Object) -> bool:
    return all(
        (hook.get("clientConfig") or {}).get("caBundle") for hook in configuration.get("webhooks") or ()
    )


def _available(deployment: Object) -> int:
    found = deployment.get("status") or {}
    if found.get("observedGeneration", 0) < deployment["metadata"].get("generation", 0):
        return 0
    return min(int(found.get("readyReplicas") or 0), int(found.get("updatedReplicas") or 0))


def _pod(pod: Object) -> Pod:
    found = pod.get("status") or {}
    containers = found.get("containerStatuses") or []
    waiting = [(state.get("state") or {}).get("waiting") or {} for state in containers]
    message = next(
        (f"{w['reason']}: {w.get('message', '')}".strip(": ") for w in waiting if w.get("reason")), ""
    )
    ready = any(
        condition.get("type") == "Ready" and condition.get("status") == "True"
        for condition in found.get("conditions") or ()
    )
    return Pod(
        name=pod["metadata"]["name"],
        ready=ready and not pod["metadata"].get("deletionTimestamp"),
        phase="Terminating" if pod["metadata"].get("deletionTimestamp") else found.get("phase", "Pending"),
        restarts=sum(int(state.get("restartCount") or 0) for state in containers),
        message=message,
    )


async def _apply(client: KubeClient, obj: Object, resource: Resource) -> None:
    await client.apply(obj, resource=resource, field_manager=FIELD_MANAGER)


async def _refuse_second_engine(client: KubeClient) -> None:
    configuration = await client.find(resources.VALIDATING_WEBHOOKS, WEBHOOK_CONFIGURATION)
    for hook in (configuration or {}).get("webhooks") or ():
        service: dict[str, Any] = (hook.get("clientConfig") or {}).get("service") or {}
        if service.get("namespace") not in (None, NAMESPACE):
            raise ConflictError(
                f"a Gatekeeper runs in this cluster already, in the namespace `{service['namespace']}`",
                hint="uninstall it first; its templates and constraints may stay and will be enforced",
            )


async def _established(client: KubeClient, names: list[str], *, timeout: float) -> None:
    deadline = time.monotonic() + timeout
    for name in names:
        while not is_established(await client.get(resources.CRDS, name)):
            if time.monotonic() > deadline:
                raise UnavailableError(f"the cluster does not serve `{name}` after {timeout:.0f} s")
            await asyncio.sleep(POLL_SECONDS / 4)


def is_established(definition: Object | None) -> bool:
    """Tell whether the API server serves the kind of a CustomResourceDefinition."""
    conditions = ((definition or {}).get("status") or {}).get("conditions") or ()
    return any(entry.get("type") == "Established" and entry.get("status") == "True" for entry in conditions)


async def _remove_managed(client: KubeClient) -> int:
    """Delete the templates (and with them the constraints) that we manage; return how many are others'."""
    try:
        templates = await client.list(resources.TEMPLATES)
    except PratiqueError:
        return 0
    foreign = 0
    for template in templates:
        meta = template["metadata"]
        kind = template["spec"]["crd"]["spec"]["names"]["kind"]
        resource = resources.constraint_resource(kind)
        try:
            constraints = await client.list(resource)
        except PratiqueError:
            constraints = []
        others = 0
        for constraint in constraints:
            if is_managed(constraint):
                await client.delete(resource, constraint["metadata"]["name"])
            else:
                others += 1
        # A template that somebody else's constraint uses stays, or it would take that constraint along.
        if is_managed(template) and not others:
            await client.delete(resources.TEMPLATES, meta["name"])
            await client.delete(resources.CRDS, f"{kind.lower()}.{resources.CONSTRAINT_GROUP}")
        else:
            foreign += 1
    return foreign


def is_managed(obj: Object) -> bool:
    """Tell whether an object carries the mark of what the agent applies."""
    return ((obj.get("metadata") or {}).get("labels") or {}).get(MANAGED_LABEL) == MANAGED_BY


async def _gone(client: KubeClient, *, timeout: float) -> None:
    deadline = time.monotonic() + timeout
    while (await status(client)).pods:
        if time.monotonic() > deadline:
            raise UnavailableError(
                f"the add-on's pods did not stop in {timeout:.0f} s",
                hint=f"look at `kubectl get pods -n {NAMESPACE}`",
            )
        await asyncio.sleep(POLL_SECONDS)


async def _until_missing(client: KubeClient, resource: Resource, name: str, *, timeout: float) -> None:
    deadline = time.monotonic() + timeout
    while await client.find(resource, name):
        if time.monotonic() > deadline:
            raise UnavailableError(
                f"the {resource.kind.lower()} `{name}` did not go in {timeout:.0f} s",
                hint=f"look at `kubectl get {resource.plural} {name} -o yaml`: status and finalizers",
            )
        await asyncio.sleep(POLL_SECONDS)
