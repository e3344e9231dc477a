"""What a pod's status says: running and shown only, made of processes, or ended. Pure.

Source: `pkg/kubelet/status/generate.go` of Kubernetes.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

from pratique.devcluster.controllers.base import now

Object = dict[str, Any]


@dataclass(slots=True)
class Container:
    """What the node knows of one container."""

    name: str
    image: str
    state: Object = field(default_factory=lambda: waiting("ContainerCreating"))
    last: Object = field(default_factory=dict)
    ready: bool = False
    started: bool = False
    restarts: int = 0

    def shown(self) -> Object:
        """Return the container's status."""
        return {
            "name": self.name,
            "state": self.state,
            "lastState": self.last,
            "ready": self.ready,
            "restartCount": self.restarts,
            "image": self.image,
            "imageID": "",
            "started": self.started,
        }


def waiting(reason: str, message: str = "") -> Object:
    """Return the state of a container that does not run yet or again."""
    return {"waiting": {"reason": reason, **({"message": message} if message else {})}}


def running(since: str = "") -> Object:
    """Return the state of a container that runs."""
    return {"running": {"startedAt": since or now()}}


def terminated(code: int, since: str) -> Object:
    """Return the state of a container that has ended."""
    reason = "Completed" if code == 0 else "Error"
    return {"terminated": {"exitCode": code, "reason": reason, "startedAt": since, "finishedAt": now()}}


def build(pod: Object, containers: list[Container], *, address: str, host: str) -> Object:
    """Return the status of a pod whose containers are in these states."""
    old = pod.get("status") or {}
    new = copy.deepcopy(old)
    policy = (pod.get("spec") or {}).get("restartPolicy", "Always")
    phase = _phase(containers, policy)
    ended = phase in ("Succeeded", "Failed")
    ready = bool(containers) and all(c.ready for c in containers) and not ended
    why = "PodCompleted" if ended else "ContainersNotReady"
    unready = [c.name for c in containers if not c.ready]
    reason = {} if ready else {"reason": why}
    if not ready and not ended:
        reason["message"] = f"containers with unready status: [{' '.join(unready)}]"
    gates = [gate.get("conditionType") for gate in (pod.get("spec") or {}).get("readinessGates") or ()]
    present = {c.get("type"): c.get("status") for c in old.get("conditions") or ()}
    open_gates = all(present.get(gate) == "True" for gate in gates)
    made = [
        ("Initialized", True, {"reason": "PodCompleted"} if phase == "Succeeded" else {}),
        ("Ready", ready and open_gates, reason),
        ("ContainersReady", ready, reason),
        ("PodScheduled", True, {}),
    ]
    conditions = [_condition(old, kind, value, more) for kind, value, more in made]
    kinds = {kind for kind, _, _ in made}
    kept = [c for c in old.get("conditions") or () if c.get("type") not in kinds]
    new.update(
        phase=phase,
        hostIP=host,
        hostIPs=[{"ip": host}],
        startTime=old.get("startTime") or now(),
        conditions=[*kept, *conditions],
        containerStatuses=[container.shown() for container in containers],
    )
    if address:
        new.update(podIP=address, podIPs=[{"ip": address}])
    inits = _inits(pod, old)
    if inits:
        new["initContainerStatuses"] = inits
    return new


def _phase(containers: list[Container], policy: str) -> str:
    ended = [c.state["terminated"] for c in containers if "terminated" in c.state]
    if containers and len(ended) == len(containers) and policy != "Always":
        if all(state["exitCode"] == 0 for state in ended):
            return "Succeeded"
        if policy == "Never":
            return "Failed"
    if all("waiting" in c.state and not c.restarts and not c.last for c in containers):
        return "Pending"
    return "Running"


def _condition(old: Object, kind: str, value: bool, more: Object) -> Object:
    text = "True" if value else "False"
    before: Object = next((c for c in old.get("conditions") or () if c.get("type") == kind), {})
    moment = before.get("lastTransitionTime") if before.get("status") == text else None
    return {
        "type": kind,
        "status": text,
        "lastProbeTime": None,
        "lastTransitionTime": moment or now(),
        **more,
    }


def _inits(pod: Object, old: Object) -> list[Object]:
    """Init containers are shown completed at once, side cars running: no image runs but the mapped ones."""
    known = {c["name"]: c for c in old.get("initContainerStatuses") or ()}
    made = []
    for container in (pod.get("spec") or {}).get("initContainers") or ():
        side_car = container.get("restartPolicy") == "Always"
        state = running() if side_car else terminated(0, now())
        shown = Container(container["name"], container.get("image", ""), state, {}, True, side_car).shown()
        made.append(known.get(container["name"], shown))
    return made
