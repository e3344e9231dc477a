"""The desired state of the service, made true in the cluster and kept so.

In: desired documents of the service (`revision`, `hash`, `manifests`, `settings`). Out: templates and
constraints applied under our own field manager, an acknowledgement with a result for each object and
Azure's reason codes (`azure-policy.md` 4.7). What is managed and was edited or deleted is put back; what is
managed and no longer wanted is removed; what others made is named and never touched. With the service away
the cluster's own resources go on enforcing, and what we put back is read from memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from pratique.agent import logs
from pratique.agent.cluster import Cluster, Known, covers, essence
from pratique.agent.pods import Pods
from pratique.client import resources
from pratique.client.addon import is_established, is_managed
from pratique.client.addon.manifests import MANAGED_BY, MANAGED_LABEL
from pratique.client.kube import InvalidError, KubeClient, Object, RefusedError
from pratique.client.resources import Resource
from pratique.errors import PratiqueError

FIELD_MANAGER = "pratique-sync"
ESTABLISH_SECONDS = 20.0
POLL_SECONDS = 0.03
# The watch tells of our own writes, too; edits of others are answered after this pause.
SETTLE_SECONDS = 0.2
RETRY_SECONDS = 15.0
# How often the service hears that we are here though nothing has changed.
HEARTBEAT_SECONDS = 60.0

Identity = tuple[str, str]
"""(kind, name): "ConstraintTemplate" or a constraint's kind."""

Acknowledge = Callable[[Object], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one object."""

    identity: Identity
    status: str
    code: str = ""
    message: str = ""

    def document(self) -> Object:
        """Return the entry of `results`."""
        return {
            "kind": self.identity[0],
            "name": self.identity[1],
            "status": self.status,
            "code": self.code,
            "message": self.message,
        }


def identity_of(obj: Object) -> Identity:
    """Return (kind, name)."""
    return obj["kind"], obj["metadata"]["name"]


class Sync:
    """Applies what the service wants; `run` it as a task while this process is the leader."""

    def __init__(
        self,
        client: KubeClient,
        cluster: Cluster,
        *,
        namespace: str,
        acknowledge: Acknowledge,
        agent: Mapping[str, str],
    ) -> None:
        self._client = client
        self._cluster = cluster
        self._namespace = namespace
        self._acknowledge = acknowledge
        self._agent = dict(agent)
        self._desired: Object | None = None
        self._wanted: dict[Identity, Object] = {}
        self._stored: dict[Identity, tuple[Object, Any]] = {}
        self._wake = asyncio.Event()
        self._new = asyncio.Event()
        self._told: Object | None = None
        self._version = ""
        cluster.listen(lambda _: self._wake.set())
        cluster.on_status(lambda *_: self._wake.set())
        self._pods = Pods(client, namespace=namespace, changed=self._wake.set)

    async def run(self, stream: AsyncIterator[Object]) -> None:
        """Follow the service and the cluster until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._listen(stream))
            tasks.create_task(self._work())
            tasks.create_task(self._pods.run())
            tasks.create_task(self._beat())

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            self._told = None
            self._wake.set()

    async def _listen(self, stream: AsyncIterator[Object]) -> None:
        async for desired in stream:
            logs.info("a new desired state", revision=desired["revision"], objects=len(desired["manifests"]))
            self._desired = desired
            self._wanted = {identity_of(obj): obj for obj in self._manifests(desired)}
            self._new.set()
            self._wake.set()

    def _manifests(self, desired: Object) -> list[Object]:
        objects = [_marked(obj) for obj in desired["manifests"]]
        if excluded := (desired.get("settings") or {}).get("excludedNamespaces"):
            match = [{"processes": ["*"], "excludedNamespaces": list(excluded)}]
            objects.append(
                _marked(
                    {
                        "apiVersion": resources.CONFIGS.api_version,
                        "kind": "Config",
                        "metadata": {"name": "config", "namespace": self._namespace},
                        "spec": {"match": match},
                    }
                )
            )
        return objects

    async def _work(self) -> None:
        retry = False
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(RETRY_SECONDS if retry else None):
                    await self._wake.wait()
            if self._desired is None:
                self._wake.clear()
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(SETTLE_SECONDS):
                    await self._new.wait()
            self._wake.clear()
            self._new.clear()
            retry = await self._reconcile()

    async def _reconcile(self) -> bool:
        """Make the cluster as it is desired; tell whether something has to be tried again."""
        desired = self._desired
        assert desired is not None
        results: list[Result] = []
        wanted = list(self._wanted.values())
        templates = [obj for obj in wanted if obj["kind"] == "ConstraintTemplate"]
        others = [obj for obj in wanted if obj["kind"] != "ConstraintTemplate"]
        results += await asyncio.gather(*(self._apply(obj) for obj in templates))
        failed = {result.identity[1]: result.message for result in results if result.status == "Failed"}
        results += await asyncio.gather(*(self._constraint(obj, failed) for obj in others))
        results += await self._prune()
        await self._tell(desired, results)
        return any(result.status == "Failed" for result in results)

    # ── applying ─────────────────────────────────────────────────────────────────────────────────

    async def _apply(self, obj: Object) -> Result:
        identity = identity_of(obj)
        current = self._current(identity)
        stored = self._stored.get(identity)
        if stored and current and stored == (obj, essence(current)):
            return self._verdict(identity)
        what = "Template" if identity[0] == "ConstraintTemplate" else "Constraint"
        resource = _resource(obj)
        try:
            result = await self._client.apply(obj, resource=resource, field_manager=FIELD_MANAGER)
            if _edited(result):
                # What others added beside our fields survives an apply, and may be a hole in a policy.
                meta = obj["metadata"] | {"resourceVersion": result["metadata"]["resourceVersion"]}
                result = await self._client.update(
                    resource, obj | {"metadata": meta}, field_manager=FIELD_MANAGER
                )
        except (InvalidError, RefusedError) as error:
            return Result(identity, "Failed", f"Invalid{what}", error.message)
        except PratiqueError as error:
            code = f"{what}{'CreateFailed' if current is None else 'UpdateFailed'}"
            return Result(identity, "Failed", code, error.message)
        self._stored[identity] = (obj, essence(result))
        logs.info("applied", kind=identity[0], name=identity[1])
        return self._verdict(identity)

    def _verdict(self, identity: Identity) -> Result:
        """Return what our own engine says of an object that the API server took."""
        known = self._known(identity)
        wanted = self._wanted.get(identity)
        # A fault of an older version, which the watch has not replaced yet, is not this one's.
        if known and known.faults and (not wanted or covers(known.obj.get("spec"), wanted.get("spec"))):
            code = "InvalidTemplate" if identity[0] == "ConstraintTemplate" else "InvalidConstraint"
            return Result(identity, "Failed", code, known.faults[0].message)
        return Result(identity, "Applied")

    async def _constraint(self, obj: Object, failed: Mapping[str, str]) -> Result:
        identity = identity_of(obj)
        template = identity[0].lower()
        if obj["kind"] != "Config":
            if template in failed:
                message = f"its template `{template}` is not installed: {failed[template]}"
                return Result(identity, "Failed", "ConstraintInstallFailed", message)
            if fault := await self._await_kind(template):
                return Result(identity, "Failed", "ConstraintInstallFailed", fault)
        return await self._apply(obj)

    async def _await_kind(self, template: str) -> str:
        """Wait until the API server serves a template's constraints; return what stands against it."""
        name = f"{template}.{resources.CONSTRAINT_GROUP}"
        deadline = asyncio.get_running_loop().time() + ESTABLISH_SECONDS
        while True:
            verdict = self._verdict(("ConstraintTemplate", template))
            if verdict.status == "Failed":
                return verdict.message
            try:
                if is_established(await self._client.find(resources.CRDS, name)):
                    return ""
            except PratiqueError as error:
                return error.message
            if asyncio.get_running_loop().time() > deadline:
                return f"the cluster does not serve `{name}` after {ESTABLISH_SECONDS:.0f} s"
            await asyncio.sleep(POLL_SECONDS)

    def _known(self, identity: Identity) -> Known | None:
        kind, name = identity
        if kind == "ConstraintTemplate":
            return self._cluster.templates.get(name)
        watched = self._cluster.kinds.get(kind)
        return watched.members.get(name) if watched else None

    def _current(self, identity: Identity) -> Object | None:
        if identity[0] == "Config":
            return self._cluster.config
        known = self._known(identity)
        return known.obj if known else None

    # ── pruning ──────────────────────────────────────────────────────────────────────────────────

    async def _prune(self) -> list[Result]:
        """Remove what is managed and no longer wanted: constraints first, their templates last."""
        results = []
        constraints = [known.obj for known in self._cluster.constraints.values()]
        config = [self._cluster.config] if self._cluster.config else []
        for obj in [*constraints, *config]:
            if is_managed(obj) and identity_of(obj) not in self._wanted:
                results.append(await self._delete(obj))
        for name, known in list(self._cluster.templates.items()):
            if not is_managed(known.obj) or ("ConstraintTemplate", name) in self._wanted:
                continue
            if any(kind.lower() == name and not is_managed(obj) for kind, obj in _by_kind(constraints)):
                # Deleting it would take along a constraint that is not ours.
                continue
            results.append(await self._delete(known.obj))
        return [result for result in results if result.status == "Failed"]

    async def _delete(self, obj: Object) -> Result:
        identity = identity_of(obj)
        meta = obj["metadata"]
        self._stored.pop(identity, None)
        try:
            await self._client.delete(
                _resource(obj), meta["name"], namespace=meta.get("namespace", ""), uid=meta.get("uid", "")
            )
        except PratiqueError as error:
            what = "Template" if identity[0] == "ConstraintTemplate" else "Constraint"
            return Result(identity, "Failed", f"{what}UpdateFailed", error.message)
        logs.info("removed", kind=identity[0], name=identity[1])
        return Result(identity, "Applied")

    # ── telling ──────────────────────────────────────────────────────────────────────────────────

    def _foreign(self) -> list[Object]:
        found = [("ConstraintTemplate", name, known.obj) for name, known in self._cluster.templates.items()]
        found += [(kind, name, known.obj) for (kind, name), known in self._cluster.constraints.items()]
        return [
            {"kind": kind, "name": name}
            for kind, name, obj in sorted(found, key=_first_two)
            if not is_managed(obj)
        ]

    async def _tell(self, desired: Object, results: list[Result]) -> None:
        if not self._version:
            try:
                self._version = await self._client.version()
            except PratiqueError as error:
                logs.warning("the API server's version is unknown", reason=error.message)
        told = {
            "revision": desired["revision"],
            "hash": desired["hash"],
            "kubernetesVersion": self._version,
            "agent": self._agent,
            "agents": self._pods.agents(),
            "results": [result.document() for result in results],
            "foreign": self._foreign(),
        }
        if told == self._told:
            return
        try:
            await self._acknowledge(told)
        except PratiqueError as error:
            logs.warning("an acknowledgement waits for the service", reason=error.message)
            asyncio.get_running_loop().call_later(RETRY_SECONDS / 5, self._wake.set)
            return
        self._told = told


def _first_two(entry: tuple[str, str, Object]) -> tuple[str, str]:
    return entry[0], entry[1]


def _by_kind(constraints: list[Object]) -> list[tuple[str, Object]]:
    return [(obj["kind"], obj) for obj in constraints]


def _edited(obj: Object) -> bool:
    """Tell whether a manager other than ours owns a part of the spec."""
    return any(
        entry.get("manager") != FIELD_MANAGER
        and not entry.get("subresource")
        and "f:spec" in (entry.get("fieldsV1") or {})
        for entry in obj["metadata"].get("managedFields") or ()
    )


def _marked(obj: Object) -> Object:
    meta = obj["metadata"]
    return obj | {"metadata": meta | {"labels": (meta.get("labels") or {}) | {MANAGED_LABEL: MANAGED_BY}}}


def _resource(obj: Object) -> Resource:
    if obj["kind"] == "ConstraintTemplate":
        return resources.TEMPLATES
    if obj["kind"] == "Config":
        return resources.CONFIGS
    return resources.constraint_resource(obj["kind"])
