"""Subresources with bodies of their own: scale, binding, eviction, token, approval, finalize, log.

In come a target (with `subresource` set) and a request, out goes a Response. `status` and the other plain
ones are ordinary updates and patches of the object.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Protocol

from pratique.devcluster.admission import Attributes
from pratique.devcluster.api import Api
from pratique.devcluster.auth import Tokens
from pratique.devcluster.deletes import DeleteOptions
from pratique.devcluster.http import changes, reads, tables
from pratique.devcluster.http.messages import Request, Response, answer, decode, decode_json
from pratique.devcluster.registry import Resource
from pratique.devcluster.writes import Change, Target, now
from pratique.kube import jsonpath, objects, patch, schema, selectors, status

Object = dict[str, Any]
SCALE = Resource(group="autoscaling", version="v1", plural="scales", kind="Scale", namespaced=True)
SCALE_COLUMNS = [
    tables.NAME,
    {"name": "Desired", "type": "integer", "format": "", "description": "", "priority": 0},
    {"name": "Available", "type": "integer", "format": "", "description": "", "priority": 0},
    tables.AGE,
]
_BUILTIN_PATHS = {
    "specReplicasPath": ".spec.replicas",
    "statusReplicasPath": ".status.replicas",
    "labelSelectorPath": ".spec.selector",
}
MINIMUM_TOKEN_SECONDS = 600


class Logs(Protocol):
    """The node, as `kubectl logs` needs it."""

    async def logs(
        self, pod: Object, container: str, *, follow: bool = False, previous: bool = False, **options: Any
    ) -> AsyncIterator[bytes]:
        """Return a container's output."""
        ...


def scale_of(resource: Resource, obj: Object) -> Object:
    """Return an object's Scale."""
    paths = resource.scale or _BUILTIN_PATHS
    replicas = _first(obj, paths["specReplicasPath"])
    state: Object = {"replicas": _first(obj, paths["statusReplicasPath"]) or 0}
    selector = _first(obj, paths.get("labelSelectorPath") or ".none")
    if isinstance(selector, dict):
        plain = selector.get("matchLabels") if "matchLabels" in selector else selector
        selector = _selector_text(selector, plain or {})
    if selector:
        state["selector"] = selector
    metadata = {
        key: obj["metadata"][key]
        for key in ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
        if key in obj["metadata"]
    }
    spec = {"replicas": replicas} if replicas else {}
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": metadata,
        "spec": spec,
        "status": state,
    }


def _selector_text(selector: Object, labels: dict[str, str]) -> str:
    if "matchExpressions" not in selector and "matchLabels" not in selector:
        return ",".join(f"{key}={value}" for key, value in sorted(selector.items()))
    words = [f"{key}={value}" for key, value in sorted(labels.items())]
    for item in selector.get("matchExpressions") or []:
        values = ",".join(item.get("values") or [])
        operator = {"In": "in", "NotIn": "notin"}.get(item["operator"])
        if operator:
            words.append(f"{item['key']} {operator} ({values})")
        else:
            words.append(item["key"] if item["operator"] == "Exists" else f"!{item['key']}")
    return ",".join(words)


def _first(obj: Object, path: str) -> Any:
    found = jsonpath.find(obj, path)
    return found[0] if found else None


def show_scale(scale: Object, request: Request) -> Response:
    """Answer a Scale, as an object or as a row."""
    if request.form().shape != "Table":
        return answer(scale, form=request.form())
    metadata = {"resourceVersion": scale["metadata"].get("resourceVersion", "")}
    made = tables.table(SCALE, [scale], metadata=metadata, include="", columns=True)
    age = made["rows"][0]["cells"][-1]
    made["columnDefinitions"] = SCALE_COLUMNS
    wanted, have = scale["spec"].get("replicas", 0), scale["status"].get("replicas", 0)
    made["rows"][0]["cells"] = [scale["metadata"]["name"], wanted, have, age]
    return answer(made)


async def scale(api: Api, target: Target, request: Request) -> Response:
    """Read or change how many replicas an object wants."""
    resource = target.resource
    if request.method == "GET":
        stored = api.store.get(resource.key, target.name, target.namespace)
        if stored is None:
            raise status.missing(resource.plural, resource.group, target.name)
        return show_scale(scale_of(resource, api.kinds.present(resource, stored)), request)
    body = await request.body()
    if request.method == "PUT":
        wanted = decode(body, request.content_type)
        change_scale: Any = lambda old: wanted  # noqa: E731
    else:
        change_scale = _scale_patch(request.content_type, decode_json(body))
    seen: list[tuple[Object, Object]] = []

    def make(old: Object) -> Object:
        before = scale_of(resource, old)
        after = change_scale(before)
        if not isinstance(after, dict):
            raise status.bad_request("a Scale is an object")
        version = (after.get("metadata") or {}).get("resourceVersion")
        if version and version != before["metadata"]["resourceVersion"]:
            raise status.conflict(resource.plural, resource.group, target.name)
        replicas = (after.get("spec") or {}).get("replicas", 0)
        _check_replicas(replicas, target.name)
        seen[:] = [(before, {**before, "spec": {"replicas": replicas} if replicas else {}})]
        path = (resource.scale or _BUILTIN_PATHS)["specReplicasPath"]
        return objects.with_path(old, path, replicas)

    def attributes(view: Attributes) -> None:
        view.kind = ("autoscaling", "v1", "Scale")
        view.old_object, view.object = seen[0]

    context = changes.context_of(request)
    made = await api.writes.update(target, Change(make, attributes=attributes), context)
    return show_scale(scale_of(resource, made), request)


def _check_replicas(replicas: Any, name: str) -> None:
    if not isinstance(replicas, int) or isinstance(replicas, bool):
        text = (
            f"json: cannot unmarshal {schema.kind_of(replicas)} into Go struct field ScaleSpec.spec.replicas"
        )
        raise status.bad_request(f'Scale in version "v1" cannot be handled as a Scale: {text} of type int32')
    if replicas < 0:
        error = status.invalid("spec.replicas", replicas, "must be greater than or equal to 0")
        raise status.unacceptable("Scale", "autoscaling", name, errors=[error])


def _scale_patch(media: str, body: Any) -> Any:
    def change(old: Object) -> Any:
        try:
            if media == changes.JSON_PATCH:
                return patch.apply_json_patch(old, body)
        except patch.PatchError as error:
            raise status.bad_request(error.message) from None
        return patch.merge(old, body)

    return change


async def binding(api: Api, target: Target, request: Request) -> Response:
    """Bind a pod to a node."""
    body = decode(await request.body(), request.content_type)
    node = ((body or {}).get("target") or {}).get("name")
    if not node:
        error = status.required("target.name")
        raise status.unacceptable("Binding", "", target.name, errors=[error])

    def make(old: Object) -> Object:
        have = (old.get("spec") or {}).get("nodeName")
        if have:
            detail = f'pod {target.name} is already assigned to node "{have}"'
            raise status.conflict("pods/binding", "", target.name, detail=detail)
        if gates := (old.get("spec") or {}).get("schedulingGates"):
            detail = f"pod {target.name} has non-empty .spec.schedulingGates {gates}"
            raise status.conflict("pods/binding", "", target.name, detail=detail)
        state = old.get("status") or {}
        conditions = [item for item in state.get("conditions") or [] if item.get("type") != "PodScheduled"]
        time = now()
        scheduled = {
            "type": "PodScheduled",
            "status": "True",
            "lastProbeTime": None,
            "lastTransitionTime": time,
        }
        old["spec"]["nodeName"] = node
        old["status"] = {**state, "conditions": [*conditions, scheduled]}
        return old

    def attributes(view: Attributes) -> None:
        view.kind = ("", "v1", "Binding")
        view.operation, view.object, view.old_object = "CREATE", body, None

    context = changes.context_of(request)
    await api.writes.update(target, Change(make, attributes=attributes), context)
    return answer(
        {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}, code=201
    )


async def eviction(api: Api, target: Target, request: Request) -> Response:
    """Delete a pod, if its disruption budget allows it."""
    body = decode(await request.body(), request.content_type) or {}
    pod = api.store.get("pods", target.name, target.namespace)
    if pod is None:
        raise status.missing("pods", "", target.name)
    _check_budgets(api, pod)
    context = changes.context_of(request)
    options = DeleteOptions.read(body.get("deleteOptions") or {})
    await api.deletes.delete(Target(target.resource, target.namespace, target.name), options, context)
    return answer(
        {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}, code=201
    )


def _check_budgets(api: Api, pod: Object) -> None:
    """Refuse an eviction that a disruption budget does not allow, as often as it is tried."""
    for budget in api.store.list("poddisruptionbudgets.policy", objects.namespace(pod)):
        spec, state = budget.get("spec") or {}, budget.get("status") or {}
        if not selectors.compile_selector(spec.get("selector"))(objects.labels(pod)):
            continue
        if (pod.get("status") or {}).get("phase") in ("Pending", "Succeeded", "Failed"):
            continue
        if state.get("disruptionsAllowed", 0) > 0:
            continue
        want, have = state.get("desiredHealthy", 0), state.get("currentHealthy", 0)
        cause = {
            "reason": "DisruptionBudget",
            "message": f"The disruption budget {objects.name(budget)} needs {want} healthy pods and has {have} "
            "currently",
        }
        text = "Cannot evict pod as it would violate the pod's disruption budget."
        raise status.make(429, "TooManyRequests", text, details={"causes": [cause]})


async def token(api: Api, target: Target, request: Request, *, tokens: Tokens) -> Response:
    """Issue a token for a ServiceAccount."""
    body = decode(await request.body(), request.content_type) or {}
    account = api.store.get("serviceaccounts", target.name, target.namespace)
    if account is None:
        raise status.missing("serviceaccounts", "", target.name)
    spec = body.get("spec") or {}
    seconds = spec.get("expirationSeconds") or 3600
    if seconds < MINIMUM_TOKEN_SECONDS:
        detail = "may not specify a duration less than 10 minutes"
        error = status.invalid("spec.expirationSeconds", seconds, detail)
        raise status.unacceptable("TokenRequest", "authentication.k8s.io", "", errors=[error])
    issued = tokens.issue(account, seconds=seconds, audiences=spec.get("audiences") or [])
    made = {
        "kind": "TokenRequest",
        "apiVersion": "authentication.k8s.io/v1",
        "metadata": {"name": target.name, "namespace": target.namespace, "creationTimestamp": now()},
        "spec": {**spec, "expirationSeconds": seconds, "audiences": issued.audiences, "boundObjectRef": None},
        "status": {"token": issued.text, "expirationTimestamp": issued.expires},
    }
    return answer(made, code=201)


async def log(api: Api, target: Target, request: Request, *, node: Logs | None) -> Response:
    """Answer a container's output."""
    pod = api.store.get("pods", target.name, target.namespace)
    if pod is None:
        raise status.missing("pods", "", target.name)
    containers = [item["name"] for item in pod["spec"].get("containers") or []]
    initial = [item["name"] for item in pod["spec"].get("initContainers") or []]
    container = request.query.get("container", "")
    if not container:
        if len(containers) + len(initial) != 1:
            text = f"a container name must be specified for pod {target.name}, choose one of: [{' '.join(containers)}]"
            if initial:
                text += f" or one of the init containers: [{' '.join(initial)}]"
            raise status.bad_request(text)
        container = containers[0]
    if container not in (*containers, *initial):
        raise status.bad_request(f"container {container} is not valid for pod {target.name}")
    if node is None:
        raise status.make(501, "NotImplemented", "this cluster runs no containers")
    seconds = request.number("sinceSeconds")
    stream = await node.logs(
        pod,
        container,
        follow=request.flag("follow"),
        previous=request.flag("previous"),
        tail=request.number("tailLines"),
        since=None if seconds is None else float(seconds),
        timestamps=request.flag("timestamps"),
        limit=request.number("limitBytes"),
    )
    return Response(200, media="text/plain", stream=stream)


async def finalize(api: Api, target: Target, request: Request) -> Response:
    """Replace a namespace's finalizers."""
    obj = await changes.read_object(request, target.resource)
    made = await api.writes.update(
        target, Change(lambda old: obj, replaces=True), changes.context_of(request)
    )
    return reads.show(target.resource, made, request)


def unsupported(name: str) -> status.StatusError:
    """Say that a subresource needs containers that this cluster does not run."""
    text = f"pods/{name} is not supported by the embedded cluster: its pods are no containers"
    return status.make(501, "NotImplemented", text, details={})
