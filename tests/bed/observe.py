"""What a bed makes of objects, as plain data that can be compared between beds.

In: a `Bed` and objects. Out: for each what the API server answered, and what stands there once the engine has taken
it in, without what differs from run to run (`normal`).
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import time
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from tests.bed.api import Answer, Api, Object
from tests.bed.bed import Bed
from tests.bed.processes import until

LIMIT = 30
AUDIT_LAG = 6  # seconds: the audit runs every two
VERSIONS = ("v1", "v1beta1", "v1alpha1")
_META = ("uid", "resourceVersion", "creationTimestamp", "managedFields", "selfLink")
_GENERATED = re.compile(r"\bmade-[a-z0-9]{5}\b")
_TIMES = ("lastTransitionTime", "auditTimestamp", "errorTimestamp", "lastCacheUpdateTime", "lastUpdateTime")
_UIDS = ("templateUID", "constraintUID", "mutatorUID", "providerUID", "configUID", "uid")


def said(answer: Answer) -> Object:
    """Return an answer to a request: its code, and the refusal or the warnings."""
    found: Object = {"code": answer.code}
    if not answer.good:
        found["status"] = normal(answer.body)
        message = found["status"].get("message", "")
        causes = found["status"].get("details", {}).get("causes") or []
        if len(causes) > 1:
            # The API server goes through the fields of an object in any order.
            causes.sort(key=lambda cause: (cause.get("field", ""), cause.get("message", "")))
            message = "<all causes>"
        found["status"]["message"] = _GENERATED.sub("made-<generated>", message)
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
    """Delete objects and wait until they are no more; namespaces stay, because nobody ends them without controllers."""
    end = time.monotonic() + limit
    objects = [obj for obj in objects if obj["kind"] != "Namespace"]
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
        first = normal(api.get(template, version=VERSIONS[0]).body)
        seen[key][VERSIONS[0]] = first
        for version in VERSIONS[1:]:
            other = normal(api.get(template, version=version).body)
            same = other == first | {"apiVersion": other["apiVersion"]}
            seen[key][version] = f"as {VERSIONS[0]}" if same else other
        name = template["metadata"]["name"]
        definition = api.request(
            "GET", f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}.constraints.gatekeeper.sh"
        )
        seen[key]["definition"] = _definition(normal(definition.body)) if definition.good else definition.code
    gone(api, taken.values())
    _forget_definitions(bed)
    return seen


def _forget_definitions(bed: Bed) -> None:
    """Where nobody collects garbage, what a template owned stays: take it away."""
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    for one in bed.api.request("GET", path).body["items"]:
        if one["metadata"]["name"].endswith(".constraints.gatekeeper.sh"):
            bed.api.request("DELETE", f"{path}/{one['metadata']['name']}")


def dry_runs(bed: Bed, found: dict[str, Object], *, before: Iterable[Object] = ()) -> dict[str, Object]:
    """Ask for the creation of objects, keeping none, and return for each the answer and what would be kept."""
    before = list(before)
    for obj in before:
        bed.api.create(obj)
        wait(bed.api, obj)
    seen = {}
    for key, obj in found.items():
        try:
            answer = bed.api.create(bed.placed(obj), query="?dryRun=All")
        except LookupError as error:
            seen[key] = {"unserved": str(error)}
            continue
        seen[key] = said(answer)
        if answer.good:
            seen[key]["object"] = normal(answer.body)
        seen[key] = bed.placed(seen[key], back=True)
    gone(bed.api, before)
    _forget_definitions(bed)
    return seen


def updates(
    bed: Bed, found: dict[str, Object], changes: dict[str, Object], *, before: Iterable[Object] = ()
) -> dict[str, Object]:
    """Create objects, change each once it was taken in, and return the answer and what stands there in the end."""
    before = list(before)
    prepare(bed, before)
    placed = {key: bed.placed(obj) for key, obj in found.items()}
    prepare(bed, list(placed.values()))
    seen = {key: said(bed.api.patch(obj, bed.placed(changes[key]))) for key, obj in placed.items()}
    for key, obj in placed.items():
        wait(bed.api, obj)
        name = obj["metadata"]["name"]
        if obj["kind"] == "ConstraintTemplate" and seen[key]["code"] < 300:
            seen[key]["definition"] = _settled_definition(bed.api, name, obj)
        seen[key]["object"] = _unaudited(normal(bed.api.get(obj).body))
        seen[key] = bed.placed(seen[key], back=True)
    gone(bed.api, [*placed.values(), *before])
    _forget_definitions(bed)
    return seen


def _settled_definition(api: Api, name: str, template: Object) -> Any:
    """Return a template's definition once it has followed the template: nothing tells but that it stays as it is."""
    path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}.constraints.gatekeeper.sh"
    before: Any = None
    for _ in range(20):
        time.sleep(0.3)
        answer = api.request("GET", path)
        now = _definition(normal(answer.body)) if answer.good else answer.code
        if now == before and now != 404:
            break
        before = now
    return before


def _unaudited(obj: Object) -> Object:
    """Return an object without what the audit may or may not have said yet."""
    for name in ("auditTimestamp", "totalViolations"):
        (obj.get("status") or {}).pop(name, None)
    return obj


def reviews(
    bed: Bed, found: dict[str, Object], paths: dict[str, str], *, before: Iterable[Object] = ()
) -> dict[str, Object]:
    """Ask the webhooks themselves, and return what they answer: the status, and the body where it is JSON."""
    before = [bed.placed(obj) for obj in before]
    prepare(bed, before)
    seen = {}
    for key, review in found.items():
        code, text = (
            bed.engine.ask(paths.get(key) or "/v1/admit", bed.placed(review)) if bed.engine else (0, "")
        )
        try:
            body = json.loads(text)
        except ValueError:
            body = text.strip()
        patch = (body.get("response") or {}).get("patch") if isinstance(body, dict) else None
        if patch:
            changes = json.loads(base64.b64decode(patch))
            body["response"]["patch"] = sorted(changes, key=lambda change: change["path"])
        seen[key] = bed.placed({"code": code, "body": body}, back=True)
    gone(bed.api, before)
    _forget_definitions(bed)
    return seen


def prepare(bed: Bed, objects: list[Object]) -> None:
    """Create objects in their order, a template's constraints when they are served, and wait until all are taken in."""
    for obj in objects:
        until(lambda obj=obj: _created(bed.api, obj), f"{obj['kind']} {obj['metadata']['name']} is created")
        if obj["kind"] == "ConstraintTemplate":
            wait(bed.api, obj)
    for obj in objects:
        if ".gatekeeper.sh/" in obj["apiVersion"]:
            wait(bed.api, obj)


def _created(api: Api, obj: Object) -> bool:
    try:
        answer = api.create(obj)
    except LookupError:
        return False
    if not answer.good and answer.code != 409:
        raise RuntimeError(f"{obj['kind']} {obj['metadata']['name']}: {answer.body}")
    return True


def statuses(bed: Bed, found: dict[str, Object], *, before: Iterable[Object] = ()) -> dict[str, Object]:
    """Create objects, keep them until the engine and its audit have seen them, and return them as they are then."""
    before = list(before)
    for obj in before:
        bed.api.create(obj)
    for obj in before:
        if obj["kind"] == "ConstraintTemplate":
            wait(bed.api, obj)
    placed = {key: bed.placed(obj) for key, obj in found.items()}
    seen = {key: said(bed.api.create(obj)) for key, obj in placed.items()}
    for obj in placed.values():
        wait(bed.api, obj)
    for key, obj in placed.items():
        constraint = obj["apiVersion"].startswith("constraints.gatekeeper.sh/")
        now = wait(bed.api, obj, audited if constraint else settled)
        seen[key]["object"] = bed.placed(normal(now), back=True)
    gone(bed.api, [*placed.values(), *before])
    _forget_definitions(bed)
    return seen


def audited(constraint: Object) -> bool:
    """Tell whether the audit has looked at a constraint after it was taken in, and at all that there is."""
    status = constraint.get("status") or {}
    made = datetime.fromisoformat(constraint["metadata"]["creationTimestamp"])
    # A run may have begun just before the last constraint came: the one after it has seen all of them.
    begun = datetime.fromisoformat(status.get("auditTimestamp") or "1970-01-01T00:00:00Z")
    return "totalViolations" in status and (begun - made).total_seconds() > AUDIT_LAG


def _definition(found: Object) -> Object:
    """Return a definition, in short: what is the same in each stands for itself once.

    What explains `match` to people is left out: each engine has words of its own. Then `match` is told whole in the
    first definition that is looked at, and after it by its digest.
    """
    versions = found["spec"]["versions"]
    for version in versions:
        spec = version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
        for name in ("match", "scopedEnforcementActions"):
            _drop_descriptions(spec[name])
        text = json.dumps(spec["match"], sort_keys=True)
        if found["spec"]["names"]["kind"] != "Case001":
            spec["match"] = hashlib.sha256(text.encode()).hexdigest()[:16]
    first = versions[0]
    for index, version in enumerate(versions[1:], 1):
        told = {"name": version["name"], "storage": version["storage"]}
        if version == first | told:
            versions[index] = told | {"rest": f"as {first['name']}"}
    return found


def _drop_descriptions(schema: Any) -> None:
    if isinstance(schema, dict):
        if isinstance(schema.get("description"), str):
            del schema["description"]
        for each in schema.values():
            _drop_descriptions(each)
