"""Pods as controllers see them: active, ready, available; made from a template, taken in, let go, deleted.

Sources: `pkg/controller/controller_utils.go` and `controller_ref_manager.go` of Kubernetes.
"""

from __future__ import annotations

import asyncio
import copy
from datetime import UTC, datetime

from pratique.devcluster.controllers.base import (
    Api,
    Object,
    condition,
    controller_of,
    copied,
    deleting,
    moment,
    name_of,
    namespace_of,
    owned_by,
    owner_reference,
    selects,
    uid_of,
)
from pratique.devcluster.controllers.events import Recorder
from pratique.devcluster.users import UserInfo
from pratique.kube import status


def active(pod: Object) -> bool:
    """Tell whether a pod still counts: it has not ended and is not being deleted."""
    return phase(pod) not in ("Succeeded", "Failed") and not deleting(pod)


def phase(pod: Object) -> str:
    """Return a pod's phase."""
    return str((pod.get("status") or {}).get("phase", ""))


def ready(pod: Object) -> bool:
    """Tell whether a pod's Ready condition holds."""
    found = condition(pod, "Ready")
    return found is not None and found.get("status") == "True"


def available(pod: Object, min_ready_seconds: int = 0) -> bool:
    """Tell whether a pod has been ready for long enough."""
    if not ready(pod):
        return False
    if min_ready_seconds <= 0:
        return True
    since = moment((condition(pod, "Ready") or {}).get("lastTransitionTime"))
    return since is not None and (datetime.now(UTC) - since).total_seconds() >= min_ready_seconds


class PodControl:
    """Makes and deletes pods for one controller, and tells about it in events."""

    def __init__(self, api: Api, user: UserInfo, recorder: Recorder) -> None:
        self._api = api
        self._user = user
        self.recorder = recorder

    def claim(self, owner: Object, selector: Object | None) -> list[Object]:
        """Return all pods that `owner` controls."""
        return [pod for pod in self._api.list("pods", namespace_of(owner)) if owned_by(pod, owner)]

    async def adopt(self, owner: Object, selector: Object | None) -> None:
        """Take matching pods without a controller, and let go of own pods that do not match any more."""
        if deleting(owner):
            return
        for pod in self._api.list("pods", namespace_of(owner)):
            fits = selects(selector, pod)
            if controller_of(pod) is None and fits and active(pod):
                await self._owners(pod, [*_owners(pod), owner_reference(owner)])
            elif owned_by(pod, owner) and not fits and not deleting(pod):
                await self._owners(pod, [o for o in _owners(pod) if o.get("uid") != uid_of(owner)])

    async def _owners(self, pod: Object, owners: list[Object]) -> None:
        changed = copied(pod)
        changed["metadata"]["ownerReferences"] = owners
        if not owners:
            del changed["metadata"]["ownerReferences"]
        await self._api.update("pods", changed, user=self._user)

    async def create(self, owner: Object, template: Object, *, told: str = "Created pod: {}") -> Object:
        """Make a pod from a template; a refusal becomes an event and is raised."""
        try:
            made = await self._api.create(
                "pods", from_template(owner, template), namespace=namespace_of(owner), user=self._user
            )
        except status.StatusError as error:
            if not _namespace_ends(error):
                await self.recorder.warning(owner, "FailedCreate", f"Error creating: {error.message}")
            raise
        await self.recorder.normal(owner, "SuccessfulCreate", told.format(name_of(made)))
        return made

    async def create_many(self, owner: Object, template: Object, count: int) -> None:
        """Make pods in growing batches (1, 2, 4, ...), so that a refusal is not asked for many times."""
        left, batch = count, 1
        while left > 0:
            size = min(batch, left)
            made = await asyncio.gather(
                *(self.create(owner, template) for _ in range(size)), return_exceptions=True
            )
            for outcome in made:
                if isinstance(outcome, BaseException):
                    raise outcome
            left -= size
            batch *= 2

    async def delete(self, owner: Object, pod: Object, *, told: str = "Deleted pod: {}") -> None:
        """Delete a pod."""
        try:
            await self._api.delete(
                "pods", name_of(pod), namespace=namespace_of(pod), uid=uid_of(pod), user=self._user
            )
        except status.StatusError as error:
            if error.code == 404:
                return
            await self.recorder.warning(owner, "FailedDelete", f"Error deleting: {error.message}")
            raise
        await self.recorder.normal(owner, "SuccessfulDelete", told.format(name_of(pod)))


def from_template(owner: Object, template: Object) -> Object:
    """Return a new pod: the template, a name to be generated from its owner's, and its controller."""
    metadata = template.get("metadata") or {}
    name = name_of(owner)
    pod: Object = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "generateName": f"{name}-",
            "namespace": namespace_of(owner),
            "ownerReferences": [owner_reference(owner)],
        },
        "spec": copy.deepcopy(template.get("spec") or {}),
    }
    for field in ("labels", "annotations", "finalizers"):
        if metadata.get(field):
            pod["metadata"][field] = copy.deepcopy(metadata[field])
    return pod


def _owners(pod: Object) -> list[Object]:
    return list(pod["metadata"].get("ownerReferences") or ())


def _namespace_ends(error: status.StatusError) -> bool:
    causes = (error.status.get("details") or {}).get("causes") or ()
    return any(cause.get("reason") == "NamespaceTerminating" for cause in causes)


def deletion_order(pod: Object) -> tuple[bool, int, bool, int, str]:
    """Sort pods so that those to lose first come first: unassigned, pending, not ready, restarted, young."""
    phases = {"Pending": 0, "Unknown": 1, "Running": 2}
    restarts = max(
        (c.get("restartCount", 0) for c in (pod.get("status") or {}).get("containerStatuses") or ()),
        default=0,
    )
    created = str(pod["metadata"].get("creationTimestamp", ""))
    # The younger pod goes first: characters are turned round so that a later time sorts before.
    young = "".join(chr(255 - ord(char)) for char in created)
    return (
        bool((pod.get("spec") or {}).get("nodeName")),
        phases.get(phase(pod), 0),
        ready(pod),
        -restarts,
        young,
    )
