"""What the cluster's own users read: `status` of templates and constraints, as Gatekeeper writes it.

In: the cluster's policies and their faults, the audit's records. Out: patches of the status subresource.
Each pod writes its own entry of `byPod`; the leader writes the audit's part. A status is written only when
it says something new, with the resource version that it was made from, so that no writer undoes another.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from pratique.agent.cluster import Cluster, Known
from pratique.agent.queue import WorkQueue
from pratique.agent.records import Constraint, Record, Records
from pratique.client import resources
from pratique.client.kube import ClashError, KubeClient, Object
from pratique.client.resources import Resource
from pratique.constraint.review import VAP
from pratique.constraint.validation import ANY_POINT

FIELD_MANAGER = "pratique-status"
GATHER_SECONDS = 0.2
LONGEST_MESSAGE = 256
TRIES = 6


def shorten(message: str) -> str:
    """Cut a message to 256 bytes as Gatekeeper does, but never through a character."""
    encoded = message.encode()
    if len(encoded) <= LONGEST_MESSAGE:
        return message
    return encoded[: LONGEST_MESSAGE - 3].decode(errors="ignore") + "..."


def now_text() -> str:
    """Return this moment in RFC 3339, to the second, as Gatekeeper writes it."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


class Status:
    """Writes statuses; `run` it as a task. `pods` are the pods that exist, None when that is unknown."""

    def __init__(
        self, client: KubeClient, cluster: Cluster, *, pod: str, namespace: str, operations: Iterable[str]
    ) -> None:
        self._client = client
        self._cluster = cluster
        self._pod = pod
        self._namespace = namespace
        self._operations = sorted(operations)
        self._pods: set[str] | None = None
        self._audit: Callable[[Constraint], Object] | None = None
        self._last_run: Callable[[], str] = str
        self._queue: WorkQueue[tuple[str, str]] = WorkQueue(self._write, name="status", gather=GATHER_SECONDS)
        cluster.on_status(lambda kind, name: self._queue.add((kind, name)))

    async def run(self) -> None:
        """Write until cancelled."""
        await self._queue.run()

    def follow(self, records: Records, *, limit: int, last_run: Callable[[], str]) -> None:
        """Write the audit's part too, from now on: this process is the leader."""

        def audited(constraint: Constraint) -> Object:
            return audit_status(records, constraint, limit=limit, actions=self._actions(constraint))

        def changed(constraints: Iterable[Constraint]) -> None:
            for constraint in constraints:
                self._queue.add(constraint)

        self._audit = audited
        self._last_run = last_run
        records.listen(changed)

    def write_all(self) -> None:
        """Look at every template and constraint again."""
        for name in self._cluster.templates:
            self._queue.add(("", name))
        for constraint in self._cluster.constraints:
            self._queue.add(constraint)

    async def forget_lost_pods(self) -> set[str]:
        """Take the entries of pods that are no more out of every status; return those that are."""
        pods = await self._client.list(
            resources.PODS, namespace=self._namespace, label_selector="app.kubernetes.io/name=pratique"
        )
        self._pods = {pod["metadata"]["name"] for pod in pods} | {self._pod}
        self.write_all()
        return self._pods

    def _actions(self, constraint: Constraint) -> str:
        known = self._cluster.constraints.get(constraint)
        return ((known.obj.get("spec") or {}).get("enforcementAction") or "deny") if known else "deny"

    async def _write(self, key: tuple[str, str]) -> None:
        kind, name = key
        known = self._known(kind, name)
        if known is None:
            return
        resource = resources.constraint_resource(kind) if kind else resources.TEMPLATES
        if not await write(
            self._client, resource, known.obj, lambda current: self._wanted(kind, name, known, current)
        ):
            self._queue.add(key)

    def _known(self, kind: str, name: str) -> Known | None:
        if not kind:
            return self._cluster.templates.get(name)
        watched = self._cluster.kinds.get(kind)
        return watched.members.get(name) if watched else None

    def _wanted(self, kind: str, name: str, known: Known, current: Object) -> Object:
        by_pod = self._by_pod(kind, known, current)
        if not kind:
            served = any(key.lower() == name for key in self._cluster.kinds)
            return {"byPod": by_pod, "created": served and any(not entry.get("errors") for entry in by_pod)}
        wanted: Object = {"byPod": by_pod}
        if self._audit:
            audited = self._audit((kind, name))
            have = current.get("status") or {}
            # What was judged since the last full audit is as new as this moment.
            if any(have.get(part) != value for part, value in audited.items()):
                audited["auditTimestamp"] = now_text()
            else:
                audited["auditTimestamp"] = max(have.get("auditTimestamp") or "", self._last_run())
            wanted |= audited
        return wanted

    def _by_pod(self, kind: str, known: Known, current: Object) -> list[Object]:
        return by_pod(current, self._entry(kind, known), pods=self._pods)

    def _entry(self, kind: str, known: Known) -> Object:
        meta = known.obj["metadata"]
        entry: dict[str, Any] = {
            "id": self._pod,
            "observedGeneration": meta.get("generation", 1),
            "operations": self._operations,
        }
        if kind:
            entry |= {"constraintUID": meta.get("uid", "")} | flag("enforced", not known.faults)
            entry |= _elsewhere(known.obj)
        else:
            entry["templateUID"] = meta.get("uid", "")
        if known.errors:
            entry["errors"] = [fault.document() for fault in known.errors]
        return entry


async def write(
    client: KubeClient, resource: Resource, current: Object, wanted: Callable[[Object], Object]
) -> bool:
    """Bring the status of one object to what `wanted` makes of it as it is; False where others were faster."""
    name, namespace = current["metadata"]["name"], current["metadata"].get("namespace") or ""
    for attempt in range(TRIES):
        status = wanted(current)
        have = current.get("status") or {}
        if all(have.get(part) == value for part, value in status.items()):
            return True
        version = current["metadata"]["resourceVersion"]
        patch: Object = {"metadata": {"resourceVersion": version}, "status": status}
        try:
            await client.patch(
                resource, name, patch, namespace=namespace, subresource="status", field_manager=FIELD_MANAGER
            )
        except ClashError:
            await asyncio.sleep(0.02 * attempt)
            found = await client.find(resource, name, namespace=namespace)
            if found is None:
                return True
            current = found
            continue
        return True
    return False


def by_pod(current: Object, entry: Object, *, pods: set[str] | None) -> list[Object]:
    """Return `status.byPod` with a pod's own entry, without those of pods that are no more."""
    entries = {
        other.get("id", ""): other
        for other in (current.get("status") or {}).get("byPod") or ()
        if pods is None or other.get("id") in pods
    }
    entries[entry["id"]] = entry
    return [entries[pod] for pod in sorted(entries)]


def flag(name: str, value: bool) -> Object:
    """Return a field that Go leaves out when it is false."""
    return {name: True} if value else {}


def _elsewhere(constraint: Object) -> Object:
    """Return what a constraint's entry says of points where somebody else would have to enforce it.

    The API server itself (`vap.k8s.io`) is asked for by scoped constraints, and runs nothing but CEL.
    """
    spec = constraint.get("spec") or {}
    points = {
        point.get("name")
        for entry in spec.get("scopedEnforcementActions") or ()
        for point in entry.get("enforcementPoints") or ()
    }
    if spec.get("enforcementAction") != "scoped" or not points & {VAP, ANY_POINT}:
        return {}
    generation = constraint["metadata"].get("generation", 1)
    said = {"enforcementPoint": VAP, "state": "error", "message": "K8sNativeValidation engine is missing"}
    return {"enforcementPointsStatus": [said | {"observedGeneration": generation}]}


def audit_status(records: Records, constraint: Constraint, *, limit: int, actions: str) -> Object:
    """Return `totalViolations` and the first `limit` of `violations`, the last of them first, as Gatekeeper has them.

    Where there are none the field is taken away.
    """
    found = [(record, shorten(message)) for record in records.of(constraint) for message in record.messages]
    found.sort(key=lambda pair: (pair[0].subject, pair[1]))
    told = [_violation(record, message, actions) for record, message in reversed(found[:limit])]
    return {"totalViolations": len(found), "violations": told or None}


def _violation(record: Record, message: str, action: str) -> Object:
    group, version, kind, namespace, name = record.subject
    entry: Object = {
        "group": group,
        "version": version,
        "kind": kind,
        "name": name,
        "message": message,
        "enforcementAction": action,
    }
    if namespace:
        entry["namespace"] = namespace
    if action == "scoped":
        entry["enforcementActions"] = list(record.actions)
    return entry
