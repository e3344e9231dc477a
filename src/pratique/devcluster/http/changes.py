"""POST, PUT, PATCH and DELETE of objects: from a request's body to a write.

In come a target and a request, out goes a Response with what was stored. What a write does is `writes` and
`deletes`; subresources with bodies of their own are in `subresources`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pratique.devcluster import fieldsets, managed
from pratique.devcluster.api import Api
from pratique.devcluster.deletes import DeleteOptions
from pratique.devcluster.http import reads
from pratique.devcluster.http.messages import Request, Response, answer, decode, decode_json, decode_yaml
from pratique.devcluster.registry import Resource
from pratique.devcluster.shapes import PatchGuide
from pratique.devcluster.writes import Change, Context, Target, now
from pratique.kube import objects, patch, status

Object = dict[str, Any]
JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
VALIDATIONS = ("Ignore", "Warn", "Strict")


def context_of(request: Request) -> Context:
    """Return who writes and how, from a request's user and query."""
    query = request.query
    options: Object = {}
    if query.get("dryRun"):
        if query["dryRun"] != "All":
            error = status.unsupported("dryRun", [query["dryRun"]], ["All"])
            raise status.unacceptable("CreateOptions", "meta.k8s.io", "", errors=[error])
        options["dryRun"] = ["All"]
    for name in ("fieldManager", "fieldValidation"):
        if query.get(name):
            options[name] = query[name]
    validation = query.get("fieldValidation") or "Warn"
    if validation not in VALIDATIONS:
        error = status.unsupported("fieldValidation", validation, VALIDATIONS)
        raise status.unacceptable("CreateOptions", "meta.k8s.io", "", errors=[error])
    agent = request.headers.get("user-agent", "unknown").partition("/")[0]
    return Context(
        user=request.user,
        manager=query.get("fieldManager") or agent,
        dry_run="dryRun" in options,
        field_validation=validation,
        options=options,
        warnings=request.warnings,
    )


async def read_object(request: Request, resource: Resource) -> Object:
    """Return the object in a request's body, of the kind that its address wants."""
    obj = decode(await request.body(), request.content_type)
    if not isinstance(obj, dict):
        what = "array" if isinstance(obj, list) else type(obj).__name__
        raise status.bad_request(f"json: cannot unmarshal {what} into Go value of type v1.{resource.kind}")
    kind, version = obj.get("kind") or resource.kind, obj.get("apiVersion") or resource.api_version
    if kind != resource.kind:
        given = objects.split_api_version(version)[1]
        raise status.bad_request(f'{kind} in version "{given}" cannot be handled as a {resource.kind}')
    if version != resource.api_version:
        raise status.bad_request(
            f"the API version in the data ({version}) does not match the expected API version"
            f" ({resource.api_version})"
        )
    return obj


async def create(api: Api, target: Target, request: Request) -> Response:
    """Create an object."""
    request.form()
    obj = await read_object(request, target.resource)
    made = await api.writes.create(target, obj, context_of(request))
    return reads.show(target.resource, made, request, code=201)


async def update(api: Api, target: Target, request: Request) -> Response:
    """Replace an object."""
    request.form()
    obj = await read_object(request, target.resource)
    if not objects.name(obj) and target.name:
        obj = objects.with_path(obj, "metadata.name", target.name)
    change = Change(lambda old: objects.copy(obj), replaces=True)
    made = await api.writes.update(target, change, context_of(request))
    return reads.show(target.resource, made, request)


async def apply_patch(api: Api, target: Target, request: Request) -> Response:
    """Change an object by one of the four kinds of patch."""
    request.form()
    media = request.content_type
    accepted = [JSON_PATCH, MERGE_PATCH, APPLY_PATCH]
    if not target.resource.custom:
        accepted.insert(2, STRATEGIC_PATCH)
    if media not in accepted:
        raise status.unsupported_media_type(accepted)
    body = await request.body()
    if media == APPLY_PATCH:
        return await _apply(api, target, request, decode_yaml(body))
    change = Change(_patcher(api, target.resource, media, decode_json(body)))
    context = context_of(request)
    try:
        made = await api.writes.update(target, change, context)
    except status.StatusError as error:
        raise _as_patch_error(error, body, media) from None
    return reads.show(target.resource, made, request)


def _as_patch_error(error: status.StatusError, body: bytes, media: str) -> status.StatusError:
    """Return a complaint about unknown fields as one about the patch, as the API server does."""
    _, found, text = error.message.partition("strict decoding error: ")
    if error.reason != "BadRequest" or not found:
        return error
    shown = body.decode()
    if media == STRATEGIC_PATCH:
        # The API server prints the patch after it was applied, which takes the merged lists out of it.
        shown = patch.go_map(patch.without_lists(decode_json(body)))
    elif media == MERGE_PATCH:
        shown = patch.go_map(decode_json(body))
    complaint = status.invalid("patch", shown, found + text)
    return status.unacceptable("", "", "", errors=[complaint])


def _patcher(api: Api, resource: Resource, media: str, body: Any) -> Any:
    shape = api.kinds.shape(resource)

    def make(old: Object) -> Object:
        try:
            if media == JSON_PATCH:
                result = patch.apply_json_patch(old, body)
            elif media == MERGE_PATCH:
                result = patch.merge(old, body)
            else:
                result = patch.strategic(old, body, PatchGuide(shape))
        except patch.PatchError as error:
            raise _unpatchable(media, error) from None
        if not isinstance(result, dict):
            raise status.bad_request("the patch leaves no object")
        return result

    return make


def _unpatchable(media: str, error: patch.PatchError) -> status.StatusError:
    if media != JSON_PATCH:
        return status.bad_request(error.message)
    # apiserver's patcher answers with client-go's generic text for the code, and keeps the cause.
    text = "the server rejected our request due to an error in our request"
    return status.make(422, "Invalid", text, details={})


async def _apply(api: Api, target: Target, request: Request, config: Any) -> Response:
    resource, context = target.resource, context_of(request)
    if not isinstance(config, dict):
        raise status.bad_request("error decoding YAML: an apply patch is an object")
    if not request.query.get("fieldManager"):
        error = status.required("fieldManager", "is required for apply patch")
        raise status.unacceptable("PatchOptions", "meta.k8s.io", "", errors=[error])
    config = _checked_config(api, target, config)
    manager = managed.Manager(context.manager, "Apply", resource.api_version, target.subresource)
    shape, force = api.kinds.shape(resource), request.flag("force")
    if api.store.get(resource.key, target.name, target.namespace) is None:
        if target.subresource:
            raise status.missing(resource.plural, resource.group, target.name)
        applied = managed.apply({}, config, shape, manager=manager, force=force)
        made = await api.writes.create(
            replace(target, name=""),
            config,
            replace(context, field_validation="Ignore"),
            entries=lambda old, new: managed.finish(applied, old={}, now=now()),
        )
        return reads.show(resource, made, request, code=201)
    latest: list[managed.Applied] = []

    def make(old: Object) -> Object:
        applied = managed.apply(old, config, shape, manager=manager, force=force)
        latest[:] = [applied]
        # A resourceVersion in the configuration is a precondition; without one, the live one stands.
        return applied.object

    def entries(old: Object, new: Object) -> list[Object]:
        return managed.finish(latest[0], old=old, now=now())

    made = await api.writes.update(
        target, Change(make, entries=entries), replace(context, field_validation="Ignore")
    )
    return reads.show(resource, made, request)


def _checked_config(api: Api, target: Target, config: Object) -> Object:
    """Return a configuration to apply, of the right kind, name and type."""
    resource = target.resource
    kind, version = config.get("kind"), config.get("apiVersion")
    if kind != resource.kind or version != resource.api_version:
        raise status.bad_request(
            f"incorrect version or kind specified in apply patch: {version} {kind}, expected"
            f" {resource.api_version} {resource.kind}"
        )
    metadata = dict(config.get("metadata") or {})
    if metadata.get("name", target.name) != target.name:
        raise status.bad_request(
            f"the name of the object ({metadata['name']}) does not match the name on the URL ({target.name})"
        )
    if metadata.get("managedFields"):
        raise status.bad_request("metadata.managedFields must be nil")
    metadata["name"] = target.name
    if target.namespace:
        metadata.setdefault("namespace", target.namespace)
    config = {**config, "metadata": metadata}
    unknown = fieldsets.undeclared(config, api.kinds.shape(resource))
    if unknown:
        problems = [f"{path}: field not declared in schema" for path in unknown]
        text = (
            problems[0] if len(problems) == 1 else "errors:\n" + "\n".join(f"  {item}" for item in problems)
        )
        group_version = f"{resource.group}/{resource.version}"
        what = f"({target.namespace}/{target.name}; {group_version}, Kind={resource.kind})"
        raise status.make(500, "", f"failed to create typed patch object {what}: {text}")
    # Types are checked now, while the configuration is what the client wrote; its defaults are not wanted.
    api.kinds.read(resource, config)
    return config


async def delete_options(request: Request) -> tuple[DeleteOptions, Context]:
    """Return the options of a deletion, from body and query."""
    body = await request.body()
    given = decode(body, request.content_type) if body.strip() else {}
    if not isinstance(given, dict):
        raise status.bad_request("json: cannot unmarshal the body into Go value of type v1.DeleteOptions")
    wire = {key: value for key, value in given.items() if key not in ("kind", "apiVersion") and value}
    query = request.query
    if "gracePeriodSeconds" in query:
        wire["gracePeriodSeconds"] = request.number("gracePeriodSeconds")
    if given.get("gracePeriodSeconds") == 0:
        wire["gracePeriodSeconds"] = 0
    if query.get("propagationPolicy"):
        wire["propagationPolicy"] = query["propagationPolicy"]
    dry_run = "All" in (wire.get("dryRun") or []) or query.get("dryRun") == "All"
    if dry_run:
        wire["dryRun"] = ["All"]
    context = Context(
        user=request.user, dry_run=dry_run, options=wire, warnings=request.warnings, manager="unknown"
    )
    return DeleteOptions.read(wire), context


async def delete(api: Api, target: Target, request: Request) -> Response:
    """Delete an object."""
    options, context = await delete_options(request)
    return answer(await api.deletes.delete(target, options, context))


async def delete_collection(api: Api, target: Target, request: Request) -> Response:
    """Delete every object that a list with the same selectors would show."""
    options, context = await delete_options(request)
    page = reads.select(api, target, request)
    for obj in page.items:
        one = replace(target, name=objects.name(obj), namespace=objects.namespace(obj))
        try:
            await api.deletes.delete(one, options, context)
        except status.StatusError as error:
            if error.reason != "NotFound":
                raise
    return answer(reads.list_object(target.resource, page))
