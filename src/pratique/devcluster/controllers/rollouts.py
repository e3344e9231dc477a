"""Arithmetic of a Deployment: which ReplicaSet is the new one, how far a rolling step may go. Pure.

Sources: `pkg/controller/deployment/{rolling,sync}.go` and `util/deployment_util.go` of Kubernetes.
"""

from __future__ import annotations

import copy
import json
import math
from typing import Any

from pratique.devcluster.controllers.base import name_of

Object = dict[str, Any]

HASH_LABEL = "pod-template-hash"
REVISION = "deployment.kubernetes.io/revision"
HISTORY = "deployment.kubernetes.io/revision-history"
DESIRED = "deployment.kubernetes.io/desired-replicas"
MAXIMUM = "deployment.kubernetes.io/max-replicas"
# Annotations of a Deployment that its ReplicaSets do not inherit.
NOT_INHERITED = {
    "kubectl.kubernetes.io/last-applied-configuration",
    "deprecated.deployment.rollback.to",
    REVISION,
    HISTORY,
    DESIRED,
    MAXIMUM,
}
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"


def template_hash(template: Object, collisions: int = 0) -> str:
    """Return the hash by which a pod template is known: FNV-1 of it, in letters that spell no words."""
    text = json.dumps(template, sort_keys=True, separators=(",", ":")) + (
        str(collisions) if collisions else ""
    )
    value = 2166136261
    for byte in text.encode():
        value = (value * 16777619 ^ byte) & 0xFFFFFFFF
    return "".join(_ALPHABET[ord(digit) % len(_ALPHABET)] for digit in str(value))


def same_template(template: Object, other: Object) -> bool:
    """Compare two pod templates without the hash label that we added to one of them."""
    return _unhashed(template) == _unhashed(other)


def _unhashed(template: Object) -> Object:
    plain = copy.deepcopy(template)
    labels = (plain.get("metadata") or {}).get("labels") or {}
    labels.pop(HASH_LABEL, None)
    return plain


def replicas(obj: Object) -> int:
    """Return the number of pods that an object asks for."""
    value = obj["spec"].get("replicas")
    return 1 if value is None else int(value)


def counted(obj: Object, field: str) -> int:
    """Return a number from an object's status."""
    return int((obj.get("status") or {}).get(field) or 0)


def annotation(obj: Object, name: str) -> str:
    """Return an annotation, or an empty text."""
    return str((obj["metadata"].get("annotations") or {}).get(name, ""))


def revision(obj: Object) -> int:
    """Return the revision that an object was given, 0 without one."""
    text = annotation(obj, REVISION)
    return int(text) if text.isdigit() else 0


def resolve(value: Any, total: int, *, up: bool) -> int:
    """Return a number of pods from a number or a percentage."""
    if isinstance(value, str):
        share = float(value.removesuffix("%")) * total / 100
        return math.ceil(share) if up else math.floor(share)
    return int(value or 0)


def surge_and_unavailable(deployment: Object) -> tuple[int, int]:
    """Return how many pods more than wanted, and how many fewer, a rollout may have for a while."""
    strategy = deployment["spec"].get("strategy") or {}
    total = replicas(deployment)
    if strategy.get("type") == "Recreate":
        return 0, 0
    rolling = strategy.get("rollingUpdate") or {}
    surge = resolve(rolling.get("maxSurge", "25%"), total, up=True)
    unavailable = resolve(rolling.get("maxUnavailable", "25%"), total, up=False)
    if surge == 0 and unavailable == 0:
        unavailable = 1  # else nothing could ever move
    return surge, min(unavailable, total)


def new_set_size(deployment: Object, sets: list[Object], new: Object | None) -> int:
    """Return how many pods the new ReplicaSet may have now."""
    wanted = replicas(deployment)
    present = 0 if new is None else replicas(new)
    if (deployment["spec"].get("strategy") or {}).get("type") == "Recreate":
        return wanted
    surge, _ = surge_and_unavailable(deployment)
    room = wanted + surge - sum(map(replicas, sets))
    return present if room <= 0 else present + min(room, wanted - present)


def scale_downs(deployment: Object, old: list[Object], new: Object) -> list[tuple[Object, int]]:
    """Return old ReplicaSets with the sizes that they may shrink to now: broken pods first."""
    sets = [*old, new]
    _, unavailable = surge_and_unavailable(deployment)
    least = replicas(deployment) - unavailable
    broken_new = replicas(new) - counted(new, "availableReplicas")
    allowed = sum(map(replicas, sets)) - least - broken_new
    if allowed <= 0:
        return []
    sizes = {name_of(item): replicas(item) for item in old}
    ordered = sorted(old, key=lambda item: (str(item["metadata"]["creationTimestamp"]), name_of(item)))
    for item in ordered:
        broken = sizes[name_of(item)] - counted(item, "availableReplicas")
        less = min(max(broken, 0), allowed)
        sizes[name_of(item)] -= less
        allowed -= less
    good = sum(counted(item, "availableReplicas") for item in sets) - least
    for item in ordered:
        less = min(sizes[name_of(item)], max(good, 0))
        sizes[name_of(item)] -= less
        good -= less
    return [(item, sizes[name_of(item)]) for item in ordered if sizes[name_of(item)] != replicas(item)]


def proportions(deployment: Object, sets: list[Object]) -> list[tuple[Object, int]]:
    """Return new sizes when a Deployment is scaled in the middle of a rollout: each set by its share."""
    surge, _ = surge_and_unavailable(deployment)
    wanted = replicas(deployment)
    allowed = wanted + surge if wanted > 0 else 0
    total = sum(map(replicas, sets))
    to_add = allowed - total
    ordered = sorted(sets, key=lambda item: -replicas(item))
    sizes, added = {}, 0
    for item in ordered:
        before = int(annotation(item, MAXIMUM) or 0) or total or 1
        share = round(replicas(item) * allowed / before) - replicas(item)
        left = to_add - added
        share = min(share, left) if to_add > 0 else max(share, left)
        sizes[name_of(item)] = replicas(item) + share
        added += share
    if ordered and to_add != added:
        first = name_of(ordered[0])
        sizes[first] = max(0, sizes[first] + to_add - added)
    return [(item, sizes[name_of(item)]) for item in sets]


def inherited(deployment: Object) -> dict[str, str]:
    """Return the annotations that a Deployment hands down to its ReplicaSet."""
    found = deployment["metadata"].get("annotations") or {}
    return {name: value for name, value in found.items() if name not in NOT_INHERITED}
