"""Roll a Deployment out over ReplicaSets, and keep its history.

Sources: `pkg/controller/deployment/*.go` of Kubernetes.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from pratique.devcluster.controllers import conditions, pods, rollouts
from pratique.devcluster.controllers.base import (
    Api,
    Controller,
    Object,
    controller_of,
    copied,
    deleting,
    key_of,
    moment,
    name_of,
    namespace_of,
    now,
    owned_by,
    owner_reference,
    selects,
    split,
)
from pratique.devcluster.controllers.events import Recorder
from pratique.devcluster.controllers.replicasets import RESOURCE as SETS
from pratique.devcluster.controllers.rollouts import replicas
from pratique.kube import status

RESOURCE = "deployments.apps"
NO_DEADLINE = 2147483647


class Deployments(Controller):
    """The Deployment controller."""

    name = "deployment-controller"
    watches = (RESOURCE, SETS)
    kind = "Deployment"

    def __init__(self, api: Api) -> None:
        super().__init__(api)
        self._recorder = Recorder(api, self.name, self.user)

    def keys_for(self, change: str, resource: str, obj: Object) -> Iterable[str]:
        """Return the Deployment itself, a ReplicaSet's owner, or those that may take a stray one."""
        if resource == RESOURCE or controller_of(obj) is not None:
            return super().keys_for(change, resource, obj)
        found = self.api.list(RESOURCE, namespace_of(obj))
        return [key_of(item) for item in found if selects(item["spec"].get("selector"), obj)]

    async def sync(self, key: str) -> None:
        """Take one step of the rollout; each change of a ReplicaSet calls for the next."""
        namespace, name = split(key)
        deployment = self.api.get(RESOURCE, name, namespace)
        if deployment is None:
            return
        if not (deployment["spec"].get("selector") or {}):
            return
        sets = await self._own_sets(deployment)
        if deleting(deployment):
            new, _ = self._split(deployment, sets)
            await self._write_status(deployment, self._status(deployment, sets, new))
            return
        await self._pause_condition(deployment)
        if deployment["spec"].get("paused") or self._scaled(deployment, sets):
            await self._scale_only(deployment, sets)
        elif (deployment["spec"].get("strategy") or {}).get("type") == "Recreate":
            await self._recreate(deployment, sets)
        else:
            await self._roll(deployment, sets)

    async def _own_sets(self, deployment: Object) -> list[Object]:
        found = []
        for item in self.api.list(SETS, namespace_of(deployment)):
            fits = selects(deployment["spec"]["selector"], item)
            if controller_of(item) is None and fits and not deleting(item) and not deleting(deployment):
                changed = copied(item)
                owners = list(item["metadata"].get("ownerReferences") or ())
                changed["metadata"]["ownerReferences"] = [*owners, owner_reference(deployment)]
                item = await self.api.update(SETS, changed, user=self.user)
            if owned_by(item, deployment):
                found.append(item)
        return found

    def _split(self, deployment: Object, sets: list[Object]) -> tuple[Object | None, list[Object]]:
        """Return the ReplicaSet of the present template, the oldest if there are several, and all others."""
        template = deployment["spec"]["template"]
        ordered = sorted(sets, key=lambda s: (str(s["metadata"]["creationTimestamp"]), name_of(s)))
        new = next((s for s in ordered if rollouts.same_template(s["spec"]["template"], template)), None)
        return new, [s for s in ordered if s is not new]

    def _scaled(self, deployment: Object, sets: list[Object]) -> bool:
        active = [item for item in sets if replicas(item) > 0]
        wanted = str(replicas(deployment))
        return any(rollouts.annotation(item, rollouts.DESIRED) not in ("", wanted) for item in active)

    # -- the new ReplicaSet and revisions

    async def _new_set(
        self, deployment: Object, sets: list[Object], *, create: bool
    ) -> tuple[Object, Object | None, list[Object]]:
        """Return the deployment, its new ReplicaSet (made if wanted) and the old ones, revisions in order."""
        new, old = self._split(deployment, sets)
        number = str(max((rollouts.revision(item) for item in old), default=0) + 1)
        if new is not None:
            return await self._renumber(deployment, new, old, number)
        if not create:
            return deployment, None, old
        made = self._build_set(deployment, old, number)
        try:
            new = await self.api.create(SETS, made, namespace=namespace_of(deployment), user=self.user)
        except status.StatusError as error:
            await self._note(deployment, "Progressing", "False", "ReplicaSetCreateError", error.message)
            await self._recorder.warning(
                deployment,
                "ReplicaSetCreateError",
                f'Failed to create new replica set "{name_of(made)}": {error.message}',
            )
            raise
        if replicas(new) > 0:
            await self._tell_scaled(deployment, new, 0, replicas(new))
        said = f'Created new replica set "{name_of(new)}"'
        deployment = await self._note(
            deployment, "Progressing", "True", "NewReplicaSetCreated", said, revision=number
        )
        return deployment, new, old

    def _build_set(self, deployment: Object, old: list[Object], number: str) -> Object:
        template = copy.deepcopy(deployment["spec"]["template"])
        short = rollouts.template_hash(template, rollouts.counted(deployment, "collisionCount"))
        labels = {**((template.get("metadata") or {}).get("labels") or {}), rollouts.HASH_LABEL: short}
        template.setdefault("metadata", {})["labels"] = labels
        selector = copy.deepcopy(deployment["spec"]["selector"])
        selector["matchLabels"] = {**(selector.get("matchLabels") or {}), rollouts.HASH_LABEL: short}
        size = rollouts.new_set_size(deployment, old, None)
        spec = {"replicas": size, "selector": selector, "template": template}
        if deployment["spec"].get("minReadySeconds"):
            spec["minReadySeconds"] = deployment["spec"]["minReadySeconds"]
        notes = {**rollouts.inherited(deployment), rollouts.REVISION: number, **self._sizes(deployment)}
        return {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {
                "name": f"{name_of(deployment)}-{short}",
                "namespace": namespace_of(deployment),
                "labels": dict(labels),
                "annotations": notes,
                "ownerReferences": [owner_reference(deployment)],
            },
            "spec": spec,
        }

    def _sizes(self, deployment: Object) -> dict[str, str]:
        surge, _ = rollouts.surge_and_unavailable(deployment)
        wanted = replicas(deployment)
        return {rollouts.DESIRED: str(wanted), rollouts.MAXIMUM: str(wanted + surge)}

    async def _renumber(
        self, deployment: Object, new: Object, old: list[Object], number: str
    ) -> tuple[Object, Object, list[Object]]:
        changed = copied(new)
        notes = {**(new["metadata"].get("annotations") or {}), **rollouts.inherited(deployment)}
        if rollouts.revision(new) < int(number):
            before = rollouts.annotation(new, rollouts.REVISION)
            notes[rollouts.REVISION] = number
            if before:
                past = rollouts.annotation(new, rollouts.HISTORY)
                notes[rollouts.HISTORY] = f"{past},{before}" if past else before
        changed["metadata"]["annotations"] = notes
        if changed["metadata"] != new["metadata"]:
            new = await self.api.update(SETS, changed, user=self.user)
        present = rollouts.annotation(new, rollouts.REVISION)
        progressing = conditions.find(_conditions(deployment), "Progressing")
        if progressing is None and deployment["spec"].get("progressDeadlineSeconds") is not None:
            said = f'Found new replica set "{name_of(new)}"'
            deployment = await self._note(
                deployment, "Progressing", "True", "FoundNewReplicaSet", said, revision=present
            )
        else:
            deployment = await self._set_revision(deployment, present)
        return deployment, new, old

    async def _set_revision(self, deployment: Object, number: str) -> Object:
        if not number or rollouts.annotation(deployment, rollouts.REVISION) == number:
            return deployment
        changed = copied(deployment)
        notes = {**(deployment["metadata"].get("annotations") or {}), rollouts.REVISION: number}
        changed["metadata"]["annotations"] = notes
        return await self.api.update(RESOURCE, changed, user=self.user)

    async def _note(
        self, deployment: Object, kind: str, value: str, reason: str, message: str, *, revision: str = ""
    ) -> Object:
        """Write one condition (and a revision) at once."""
        deployment = await self._set_revision(deployment, revision)
        if deployment["spec"].get("progressDeadlineSeconds") == NO_DEADLINE:
            return deployment
        new = dict(deployment.get("status") or {})
        built = conditions.build(kind, value, reason, message, updated=True)
        new["conditions"] = conditions.put(_conditions(deployment), built)
        return await self._write_status(deployment, new)

    # -- strategies

    async def _roll(self, deployment: Object, sets: list[Object]) -> None:
        deployment, new, old = await self._new_set(deployment, sets, create=True)
        assert new is not None
        everything = [*old, new]
        wanted = replicas(deployment)
        size = wanted if replicas(new) > wanted else rollouts.new_set_size(deployment, everything, new)
        if size != replicas(new):
            await self._resize(deployment, new, size)
        else:
            shrinking = [item for item in old if replicas(item) > 0]
            for item, smaller in rollouts.scale_downs(deployment, shrinking, new) if shrinking else ():
                await self._resize(deployment, item, smaller)
        await self._finish(deployment)

    async def _recreate(self, deployment: Object, sets: list[Object]) -> None:
        deployment, new, old = await self._new_set(deployment, sets, create=False)
        shrinking = [item for item in old if replicas(item) > 0]
        for item in shrinking:
            await self._resize(deployment, item, 0)
        uids = {item["metadata"]["uid"] for item in old}
        running = any(
            (controller_of(pod) or {}).get("uid") in uids and pods.phase(pod) not in ("Succeeded", "Failed")
            for pod in self.api.list("pods", namespace_of(deployment))
        )
        if shrinking or running:
            await self._finish(deployment)
            if running:
                self.queue.add_after(key_of(deployment), 0.2)
            return
        deployment, new, old = await self._new_set(deployment, await self._own_sets(deployment), create=True)
        assert new is not None
        if replicas(new) != replicas(deployment):
            await self._resize(deployment, new, replicas(deployment))
        await self._finish(deployment)

    async def _scale_only(self, deployment: Object, sets: list[Object]) -> None:
        deployment, new, old = await self._new_set(deployment, sets, create=False)
        everything = [*old, *([new] if new is not None else [])]
        active = [item for item in everything if replicas(item) > 0]
        wanted = replicas(deployment)
        if len(active) <= 1:
            only = active[0] if active else new
            if only is None and everything:
                only = everything[-1]
            if only is not None:
                await self._resize(deployment, only, wanted)
        elif new is not None and _saturated(deployment, new):
            for item in old:
                if replicas(item) > 0:
                    await self._resize(deployment, item, 0)
        else:
            for item, size in rollouts.proportions(deployment, active):
                await self._resize(deployment, item, size)
        if deployment["spec"].get("paused"):
            await self._cleanup(deployment, old)
        sets = await self._own_sets(deployment)
        new, _ = self._split(deployment, sets)
        current = self.api.get(RESOURCE, name_of(deployment), namespace_of(deployment)) or deployment
        await self._write_status(current, self._status(current, sets, new))

    async def _resize(self, deployment: Object, item: Object, size: int) -> Object:
        before = replicas(item)
        sizes = self._sizes(deployment)
        notes = item["metadata"].get("annotations") or {}
        if before == size and sizes.items() <= notes.items():
            return item
        changed = copied(item)
        changed["spec"]["replicas"] = size
        changed["metadata"]["annotations"] = {**notes, **sizes}
        made = await self.api.update(SETS, changed, user=self.user)
        if before != size:
            await self._tell_scaled(deployment, made, before, size)
        return made

    async def _tell_scaled(self, deployment: Object, item: Object, before: int, size: int) -> None:
        way = "up" if size > before else "down"
        said = f"Scaled {way} replica set {name_of(item)} from {before} to {size}"
        await self._recorder.normal(deployment, "ScalingReplicaSet", said)

    async def _cleanup(self, deployment: Object, old: list[Object]) -> None:
        """Delete the oldest empty ReplicaSets beyond the history that is wanted."""
        limit = deployment["spec"].get("revisionHistoryLimit")
        if limit is None or limit == NO_DEADLINE:
            return
        live = [item for item in old if not deleting(item)]
        for item in sorted(live, key=rollouts.revision)[: max(0, len(live) - int(limit))]:
            settled = item["metadata"].get("generation", 0) <= rollouts.counted(item, "observedGeneration")
            if replicas(item) == 0 and rollouts.counted(item, "replicas") == 0 and settled:
                await self.api.delete(
                    SETS,
                    name_of(item),
                    namespace=namespace_of(item),
                    propagation="Background",
                    user=self.user,
                )

    # -- status

    async def _finish(self, deployment: Object) -> None:
        current = self.api.get(RESOURCE, name_of(deployment), namespace_of(deployment))
        if current is None:
            return
        sets = await self._own_sets(current)
        new, old = self._split(current, sets)
        if _complete(current, self._status(current, sets, new)):
            await self._cleanup(current, old)
        status_now = self._progress(current, self._status(current, sets, new), sets, new)
        await self._write_status(current, status_now)
        await self._check_deadline(current, status_now)

    def _status(self, deployment: Object, sets: list[Object], new: Object | None) -> Object:
        ready = sum(rollouts.counted(item, "availableReplicas") for item in sets)
        missing = max(0, sum(map(replicas, sets)) - ready)
        counts = {
            "replicas": sum(rollouts.counted(item, "replicas") for item in sets),
            "updatedReplicas": rollouts.counted(new, "replicas") if new is not None else 0,
            "readyReplicas": sum(rollouts.counted(item, "readyReplicas") for item in sets),
            "availableReplicas": ready,
            "unavailableReplicas": missing,
        }
        made: Object = {"observedGeneration": deployment["metadata"].get("generation", 1)}
        made.update({name: count for name, count in counts.items() if count})
        if rollouts.counted(deployment, "collisionCount"):
            made["collisionCount"] = rollouts.counted(deployment, "collisionCount")
        _, unavailable = rollouts.surge_and_unavailable(deployment)
        if ready >= replicas(deployment) - unavailable:
            built = ("True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
        else:
            built = ("False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
        items = conditions.put(_conditions(deployment), conditions.build("Available", *built, updated=True))
        made["conditions"] = items
        return made

    def _progress(
        self, deployment: Object, new_status: Object, sets: list[Object], new: Object | None
    ) -> Object:
        """Add what the Progressing and ReplicaFailure conditions are to say."""
        items = new_status["conditions"]
        if deployment["spec"].get("progressDeadlineSeconds", NO_DEADLINE) == NO_DEADLINE:
            items = conditions.drop(items, "Progressing")
        else:
            items = self._progressing(deployment, new_status, items, new)
        failures = [conditions.find(_conditions(item), "ReplicaFailure") for item in sets]
        failure = next((found for found in failures if found is not None), None)
        if failure is None:
            items = conditions.drop(items, "ReplicaFailure")
        else:
            said = ("True", failure.get("reason", ""), failure.get("message", ""))
            items = conditions.put(items, conditions.build("ReplicaFailure", *said, updated=True))
        return {**new_status, "conditions": items}

    def _progressing(
        self, deployment: Object, new_status: Object, items: list[Object], new: Object | None
    ) -> list[Object]:
        present = conditions.find(items, "Progressing")
        settled = present is not None and present.get("reason") == "NewReplicaSetAvailable"
        if settled and new_status.get("replicas", 0) == new_status.get("updatedReplicas", 0):
            return items
        what = f'ReplicaSet "{name_of(new)}"' if new is not None else f'Deployment "{name_of(deployment)}"'
        if _complete(deployment, new_status):
            said = ("True", "NewReplicaSetAvailable", f"{what} has successfully progressed.")
            return conditions.put(items, conditions.build("Progressing", *said, updated=True))
        if _moved(deployment.get("status") or {}, new_status):
            said = ("True", "ReplicaSetUpdated", f"{what} is progressing.")
            built = conditions.build("Progressing", *said, updated=True)
            if present is not None and present.get("status") == "True":
                built["lastTransitionTime"] = present.get("lastTransitionTime", built["lastTransitionTime"])
            return [*conditions.drop(items, "Progressing"), built]
        if _late(deployment, present):
            said = ("False", "ProgressDeadlineExceeded", f"{what} has timed out progressing.")
            return conditions.put(items, conditions.build("Progressing", *said, updated=True))
        return items

    async def _check_deadline(self, deployment: Object, status_now: Object) -> None:
        deadline = deployment["spec"].get("progressDeadlineSeconds", NO_DEADLINE)
        present = conditions.find(status_now["conditions"], "Progressing")
        waiting = present is not None and present.get("reason") in (
            "NewReplicaSetCreated",
            "ReplicaSetUpdated",
        )
        if waiting and deadline != NO_DEADLINE:
            self.queue.add_after(key_of(deployment), float(deadline) + 1)

    async def _pause_condition(self, deployment: Object) -> None:
        present = conditions.find(_conditions(deployment), "Progressing")
        if deployment["spec"].get("progressDeadlineSeconds", NO_DEADLINE) == NO_DEADLINE:
            return
        if present is not None and present.get("reason") == "ProgressDeadlineExceeded":
            return
        paused = bool(deployment["spec"].get("paused"))
        was_paused = present is not None and present.get("reason") == "DeploymentPaused"
        if paused == was_paused:
            return
        said = (
            ("DeploymentPaused", "Deployment is paused")
            if paused
            else ("DeploymentResumed", "Deployment is resumed")
        )
        await self._note(deployment, "Progressing", "Unknown", *said)

    async def _write_status(self, deployment: Object, new: Object) -> Object:
        current = self.api.get(RESOURCE, name_of(deployment), namespace_of(deployment))
        if current is None or current["metadata"]["uid"] != deployment["metadata"]["uid"]:
            return deployment
        if (current.get("status") or {}) == new:
            return current
        changed = copied(current)
        changed["status"] = new
        return await self.api.update(RESOURCE, changed, subresource="status", user=self.user)


def _conditions(obj: Object) -> list[Object]:
    return list((obj.get("status") or {}).get("conditions") or ())


def _saturated(deployment: Object, new: Object) -> bool:
    wanted = replicas(deployment)
    noted = rollouts.annotation(new, rollouts.DESIRED)
    return replicas(new) == wanted == rollouts.counted(new, "availableReplicas") and noted == str(wanted)


def _complete(deployment: Object, status_now: Object) -> bool:
    wanted = replicas(deployment)
    fields = ("updatedReplicas", "replicas", "availableReplicas")
    return all(status_now.get(field, 0) == wanted for field in fields)


def _moved(old: Object, new: Object) -> bool:
    """Tell whether more new pods, fewer old ones, or more ready ones are there than before."""

    def older(status_then: Object) -> int:
        return int(status_then.get("replicas", 0)) - int(status_then.get("updatedReplicas", 0))

    more = ("updatedReplicas", "readyReplicas", "availableReplicas")
    return older(new) < older(old) or any(new.get(field, 0) > old.get(field, 0) for field in more)


def _late(deployment: Object, present: Object | None) -> bool:
    if present is None or present.get("reason") == "NewReplicaSetAvailable":
        return False
    if present.get("reason") == "ProgressDeadlineExceeded":
        return True
    since: Any = moment(present.get("lastUpdateTime") or now())
    return bool((datetime.now(UTC) - since).total_seconds() > deployment["spec"]["progressDeadlineSeconds"])
