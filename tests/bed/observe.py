"""What a bed makes of objects, as plain data that can be compared between beds.

In: a `Bed` and objects. Out: for each what the API server answered, and what stands there once the engine has taken
it in, without what differs from run to run (`normal`).
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from tests.bed.api import Answer, Api, Object
from tests.bed.bed import Bed

LIMIT = 30
VERSIONS = ("v1", "v1beta1", "v1alpha1")
_META = ("uid", "resourceVersion", "creationTimestamp", "managedFields", "selfLink")
_TIMES = ("lastTransitionTime", "auditTimestamp", "errorTimestamp", "lastCacheUpdateTime", "lastUpdateTime")
_UIDS = ("templateUID", "constraintUID", "mutatorUID", "providerUID", "configUID", "uid")


def said(answer: Answer) -> Object:
    """Return an answer to a request: its code, and the refusal or the warnings."""
    found: Object = {"code": answer.code}
    if not answer.good:
        found["status"] = normal(answer.body)
    if answer.warnings:
        found["warnings"] = list(answer.warnings)
    return found


def normal(value: Any) -> Any:
    """Return data without what differs from run to run: ids, versions, times, and the pod's name."""
    if isinstance(value, list):
        return [normal(each) for each in value]
    if not isinstance(value, dict):
        return value
    found = {}
    for name, each in value.items():
        if name == "metadata" and isinstance(each, dict):
            each = {key: part for key, part in each.items() if key not in _META}
        if name in _TIMES or name in _UIDS:
            found[name] = f"<{name}>" if each else each
        elif name == "name" and value.get("generateName"):
            found[name] = f"<{value['generateName']}>"
        elif name == "byPod" and isinstance(each, list):
            found[name] = [normal(_pod(entry)) for entry in each]
        else:
            found[name] = normal(each)
    return found


def _pod(entry: Any) -> Any:
    """Return one pod's entry; which roles a pod has is its own affair (docs/differences.md)."""
    if not isinstance(entry, dict):
        return entry
    return entry | {name: f"<{name}>" for name in ("id", "operations") if name in entry}


def settled(obj: Object) -> bool:
    """Tell whether an engine has said what it makes of an object as it is now."""
    status = obj.get("status") or {}
    entries = status.get("byPod") or ()
    generation = obj["metadata"].get("generation", 1)
    if not entries or any(entry.get("observedGeneration") != generation for entry in entries):
        return False
    if obj["kind"] == "ConstraintTemplate":
        return bool(status.get("created")) or any(entry.get("errors") for entry in entries)
    return True


def wait(api: Api, obj: Object, condition: Any = settled, *, limit: float = LIMIT) -> Object:
    """Wait until an object fulfils a condition, and return it as it is then, or after the limit."""
    end = time.monotonic() + limit
    while True:
        answer = api.get(obj)
        if answer.good and condition(answer.body):
            return answer.body
        if time.monotonic() > end:
            return answer.body
        time.sleep(0.05)


def gone(api: Api, objects: Iterable[Object], *, limit: float = LIMIT) -> None:
    """Delete objects and wait until they are no more."""
    end = time.monotonic() + limit
    objects = list(objects)
    for obj in objects:
        api.delete(obj)
    for obj in objects:
        while api.get(obj).code != 404 and time.monotonic() < end:
            time.sleep(0.05)


def templates(bed: Bed, found: dict[str, Object]) -> dict[str, Object]:
    """Create templates, all at once, and return for each the answer, itself in three versions, its definition."""
    api, seen = bed.api, {}
    taken: dict[str, Object] = {}
    for key, template in found.items():
        try:
            answer = api.create(template)
        except LookupError as error:
            seen[key] = {"unserved": str(error)}
            continue
        seen[key] = said(answer)
        if answer.good:
            # What the server made of it has its name, also where that was generated.
            taken[key] = answer.body
    for key, template in taken.items():
        wait(api, template)
        seen[key] |= {version: normal(api.get(template, version=version).body) for version in VERSIONS}
        name = template["metadata"]["name"]
        definition = api.request(
            "GET", f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}.constraints.gatekeeper.sh"
        )
        seen[key]["definition"] = (
            _without_prose(normal(definition.body)) if definition.good else definition.code
        )
    gone(api, taken.values())
    _forget_definitions(bed)
    return seen


def _forget_definitions(bed: Bed) -> None:
    """Where nobody collects garbage, what a template owned stays: take it away."""
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    for one in bed.api.request("GET", path).body["items"]:
        if one["metadata"]["name"].endswith(".constraints.gatekeeper.sh"):
            bed.api.request("DELETE", f"{path}/{one['metadata']['name']}")


def _without_prose(definition: Object) -> Object:
    """Return a definition without what explains `match` to people: each engine has words of its own."""
    for version in definition["spec"]["versions"]:
        spec = version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
        for name in ("match", "scopedEnforcementActions"):
            _drop_descriptions(spec[name])
    return definition


def _drop_descriptions(schema: Any) -> None:
    if isinstance(schema, dict):
        if isinstance(schema.get("description"), str):
            del schema["description"]
        for each in schema.values():
            _drop_descriptions(each)
