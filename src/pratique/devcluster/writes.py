"""Every write: from an object that somebody wants to an object in the store.

The order is kube-apiserver's: typed and defaulted, mutating admission, names and server fields, the kind's
own strategy, validation, validating admission, and then the store. In come objects and a `Context` (who,
dry run, field manager); out goes the stored object, or a StatusError. Knows no HTTP.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from pratique.devcluster import managed, strategy, validation
from pratique.devcluster.admission import Attributes, Chain
from pratique.devcluster.custom import strategy as custom_strategy
from pratique.devcluster.custom import validation as custom_validation
from pratique.devcluster.kinds import Kinds, in_order
from pratique.devcluster.registry import Resource
from pratique.devcluster.store import Store
from pratique.devcluster.users import API_SERVER, UserInfo
from pratique.kube import names, objects, schema, status

Object = dict[str, Any]
DEFINITIONS = "customresourcedefinitions.apiextensions.k8s.io"
ATTEMPTS = 8
"""How often a write starts again when the object changed while a webhook was asked."""

# Kinds that count their generations although, or although not, they have a spec: what their strategies do.
_WITHOUT_GENERATION = {
    *("namespaces", "services", "nodes", "persistentvolumes", "persistentvolumeclaims", "resourcequotas"),
    *("limitranges", "leases.coordination.k8s.io", "events", "horizontalpodautoscalers.autoscaling"),
    *("podtemplates", "certificatesigningrequests.certificates.k8s.io"),
    *("volumeattachments.storage.k8s.io", "csinodes.storage.k8s.io", "csidrivers.storage.k8s.io"),
}
_WITH_GENERATION = {
    "validatingwebhookconfigurations.admissionregistration.k8s.io",
    "mutatingwebhookconfigurations.admissionregistration.k8s.io",
    "priorityclasses.scheduling.k8s.io",
}


@dataclass(frozen=True, slots=True)
class Context:
    """Who writes, and how."""

    user: UserInfo = API_SERVER
    manager: str = "pratique"
    dry_run: bool = False
    field_validation: str = "Ignore"
    options: Object = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def wire_options(self, kind: Literal["Create", "Update", "Delete"]) -> Object:
        """Return the options as admission sees them."""
        return {"kind": f"{kind}Options", "apiVersion": "meta.k8s.io/v1", **self.options}


@dataclass(frozen=True, slots=True)
class Target:
    """What a write is aimed at."""

    resource: Resource
    namespace: str = ""
    name: str = ""
    subresource: str = ""


Entries = Callable[[Object, Object], list[Object]]
"""From the object before and after to its managed fields."""


@dataclass(frozen=True, slots=True)
class Change:
    """How an update makes the new object from the stored one, in the request's version."""

    make: Callable[[Object], Object]
    # The attributes' view when the request speaks of something else, such as a Scale.
    attributes: Callable[[Attributes], None] | None = None
    # The managed fields of the finished object; by default those of an update by the context's manager.
    entries: Entries | None = None
    replaces: bool = False


def now() -> str:
    """Return the present second as objects carry it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Writes:
    """Creates and updates objects; deletion is `deletes.Deletes`."""

    def __init__(self, store: Store, kinds: Kinds, chain: Chain) -> None:
        self.store = store
        self.kinds = kinds
        self.chain = chain

    async def create(
        self, target: Target, obj: Object, context: Context, *, entries: Entries | None = None
    ) -> Object:
        """Create an object and return it as stored."""
        resource = target.resource
        obj = self._read(resource, obj, context)
        check_address(obj, target)
        metadata = obj.setdefault("metadata", {})
        for name in ("resourceVersion", "uid", "generation", "creationTimestamp", "selfLink"):
            given = metadata.pop(name, None)
            if name == "resourceVersion" and given:
                raise status.bad_request("resourceVersion should not be set on objects to be created")
        metadata.pop("deletionTimestamp", None)
        metadata.pop("deletionGracePeriodSeconds", None)
        if not metadata.get("name") and metadata.get("generateName"):
            metadata["name"] = self._free_name(resource, metadata["generateName"], target.namespace)
        attributes = self._attributes("CREATE", target, context, new=obj, old=None)
        await self.chain.mutate(attributes)
        obj = self._read_again(resource, attributes)
        metadata = obj.setdefault("metadata", {})
        if resource.terminating:
            text = "create not allowed while custom resource definition is terminating"
            raise status.denied(resource.plural, resource.group, metadata.get("name", ""), detail=text)
        metadata.update(uid=str(uuid.uuid4()), creationTimestamp=now())
        self._prepare_create(resource, obj)
        obj = self._finish(resource, obj)
        self._manage(target, self.kinds.blank(resource), obj, context, entries=entries)
        self._validate(resource, obj, None)
        attributes.object, attributes.name = obj, objects.name(obj)
        await self.chain.validate(attributes)
        return self._insert(resource, obj, context)

    def _insert(self, resource: Resource, obj: Object, context: Context) -> Object:
        name, namespace = objects.name(obj), objects.namespace(obj)
        if self.store.get(resource.key, name, namespace) is not None:
            raise status.already_exists(resource.plural, resource.group, name)
        if context.dry_run:
            return obj
        stored = in_order(self.kinds.to_storage(resource, obj), custom=resource.custom)
        return self.kinds.present(resource, self.store.put(resource.key, stored))

    def _free_name(self, resource: Resource, prefix: str, namespace: str) -> str:
        for _ in range(ATTEMPTS):
            name = names.generate(prefix)
            if self.store.get(resource.key, name, namespace) is None:
                break
        return name

    async def update(self, target: Target, change: Change, context: Context) -> Object:
        """Change a stored object and return it as stored."""
        resource = target.resource
        for attempt in range(ATTEMPTS):
            stored = self.store.get(resource.key, target.name, target.namespace)
            if stored is None:
                raise status.missing(resource.plural, resource.group, target.name)
            old = self.kinds.present(resource, stored)
            new = await self._updated(target, old, change, context)
            if self.store.get(resource.key, target.name, target.namespace) is not stored:
                if attempt + 1 == ATTEMPTS or (change.replaces and _pinned(change.make(old))):
                    raise status.conflict(resource.plural, resource.group, target.name)
                continue
            return self._replace(target, old, new, context)
        raise status.conflict(resource.plural, resource.group, target.name)

    async def _updated(self, target: Target, old: Object, change: Change, context: Context) -> Object:
        resource = target.resource
        made = change.make(objects.copy(old))
        new = self._read(resource, made, context, in_order_of_body=change.replaces)
        self._check_identity(target, new, old, change)
        attributes = self._attributes("UPDATE", target, context, new=new, old=old)
        if change.attributes is not None:
            change.attributes(attributes)
            await self.chain.mutate(attributes)
        else:
            await self.chain.mutate(attributes)
            new = self._read_again(resource, attributes)
        self._prepare_update(target, new, old)
        new = self._finish(resource, new)
        self._manage(target, old, new, context, entries=change.entries)
        self._validate(resource, new, old, subresource=target.subresource)
        if change.attributes is None:
            attributes.object = new
        await self.chain.validate(attributes)
        return new

    def _replace(self, target: Target, old: Object, new: Object, context: Context) -> Object:
        resource = target.resource
        if context.dry_run:
            return new
        metadata = new["metadata"]
        if metadata.get("deletionTimestamp") and not metadata.get("finalizers"):
            ended = resource.key == "namespaces" and (new.get("spec") or {}).get("finalizers")
            if not metadata.get("deletionGracePeriodSeconds") and not ended:
                return self.store.remove(
                    resource.key, target.name, target.namespace, last=self.kinds.to_storage(resource, new)
                )
        if without_times(new) == without_times(old):
            return old
        stored = in_order(self.kinds.to_storage(resource, new), custom=resource.custom)
        return self.kinds.present(resource, self.store.put(resource.key, stored))

    def _attributes(
        self, operation: str, target: Target, context: Context, *, new: Object | None, old: Object | None
    ) -> Attributes:
        resource = target.resource
        kind: Literal["Create", "Update", "Delete"] = "Create" if operation == "CREATE" else "Update"
        return Attributes(
            operation=operation,
            group=resource.group,
            version=resource.version,
            resource=resource.plural,
            subresource=target.subresource,
            kind=(resource.group, resource.version, resource.kind),
            namespace=target.namespace,
            name=target.name or objects.name(new or {}),
            object=new,
            old_object=old,
            options=context.wire_options(kind),
            user=context.user,
            dry_run=context.dry_run,
            warnings=context.warnings,
        )

    def _read(
        self, resource: Resource, obj: Object, context: Context, *, in_order_of_body: bool = True
    ) -> Object:
        read = self.kinds.read(resource, obj)
        if read.unknown and context.field_validation != "Ignore":
            paths = read.unknown if in_order_of_body else sorted(read.unknown)
            complaints = [f'unknown field "{path}"' for path in paths]
            if context.field_validation == "Strict":
                raise status.bad_request(
                    f'{resource.kind} in version "{resource.version}" cannot be handled as a'
                    f" {resource.kind}: strict decoding error: {', '.join(complaints)}"
                )
            context.warnings.extend(text for text in complaints if text not in context.warnings)
        return {**read.object, "apiVersion": resource.api_version, "kind": resource.kind}

    def _read_again(self, resource: Resource, attributes: Attributes) -> Object:
        obj = attributes.object or {}
        return self.kinds.read(resource, obj).object

    def _finish(self, resource: Resource, obj: Object) -> Object:
        """Bring what strategies changed into the form of the types once more."""
        return obj if resource.custom else self.kinds.read(resource, obj).object

    def _prepare_create(self, resource: Resource, obj: Object) -> None:
        if resource.custom:
            custom_strategy.prepare_create(resource, obj)
        else:
            strategy.prepare_create(obj)
            if resource.key == DEFINITIONS:
                custom_strategy.prepare_definition(obj, None)
        if counts_generations(resource, obj):
            obj["metadata"]["generation"] = 1

    def _prepare_update(self, target: Target, new: Object, old: Object) -> None:
        resource = target.resource
        _keep_server_fields(new["metadata"], old["metadata"])
        if resource.custom:
            custom_strategy.prepare_update(resource, new, old, target.subresource)
        elif not target.subresource or target.subresource in ("status", "finalize", "binding"):
            strategy.prepare_update(new, old, target.subresource)
            if resource.key == DEFINITIONS and not target.subresource:
                custom_strategy.prepare_definition(new, old)
        if "generation" in old["metadata"]:
            new["metadata"]["generation"] = old["metadata"]["generation"]
            if _content(resource, new) != _content(resource, old):
                new["metadata"]["generation"] += 1

    def _check_identity(self, target: Target, new: Object, old: Object, change: Change) -> None:
        resource, metadata, before = target.resource, new.get("metadata") or {}, old["metadata"]
        if metadata.get("name") and metadata["name"] != target.name:
            given = f"the name of the object ({metadata['name']})"
            raise status.bad_request(f"{given} does not match the name on the URL ({target.name})")
        check_address(new, target)
        metadata["name"] = target.name
        new["metadata"] = metadata
        if (uid := metadata.get("uid")) and uid != before["uid"]:
            detail = f"Precondition failed: UID in precondition: {uid}, UID in object meta: {before['uid']}"
            raise status.conflict(resource.plural, resource.group, target.name, detail=detail)
        version = metadata.get("resourceVersion")
        if not version and change.replaces and resource.custom:
            error = status.invalid("metadata.resourceVersion", 0, "must be specified for an update")
            shown = status.FieldError(error.reason, error.field, error.text.replace(": 0:", ": 0x0:"))
            raise status.unacceptable(resource.kind, resource.group, target.name, errors=[shown])
        if version and version != before["resourceVersion"]:
            raise status.conflict(resource.plural, resource.group, target.name)

    def _manage(
        self, target: Target, old: Object, new: Object, context: Context, *, entries: Entries | None
    ) -> None:
        resource = target.resource
        if entries is not None:
            made = entries(old, new)
        else:
            manager = managed.Manager(context.manager, "Update", resource.api_version, target.subresource)
            made = managed.after_update(old, new, self.kinds.shape(resource), manager=manager, now=now())
        new["metadata"].pop("managedFields", None)
        if made:
            new["metadata"]["managedFields"] = made

    def _validate(
        self, resource: Resource, new: Object, old: Object | None, *, subresource: str = ""
    ) -> None:
        errors: list[Any] = list(
            validation.validate(new, old=old, namespaced=resource.namespaced, subresource=subresource)
        )
        if resource.custom and resource.schema is not None:
            # Of metadata, a definition's schema may speak of two names; the rest is the API server's own.
            named = {key: new["metadata"][key] for key in ("name", "generateName") if key in new["metadata"]}
            errors += schema.errors({**new, "metadata": named}, resource.schema)
        if resource.key == DEFINITIONS and not subresource:
            errors += custom_validation.validate(new, old)
        if errors:
            raise status.unacceptable(resource.kind, resource.group, objects.name(new), errors=errors)


def check_address(obj: Object, target: Target) -> None:
    """Give an object the namespace of its address; refuse one that names another."""
    if not target.resource.namespaced:
        if isinstance(obj.get("metadata"), dict):
            obj["metadata"].pop("namespace", None)
        return
    metadata = obj.setdefault("metadata", {})
    given = metadata.get("namespace")
    if given and given != target.namespace:
        raise status.bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )
    metadata["namespace"] = target.namespace


def counts_generations(resource: Resource, obj: Object) -> bool:
    """Tell whether a kind's changes are counted in `metadata.generation`."""
    if resource.custom or resource.key in _WITH_GENERATION:
        return True
    return "spec" in obj and resource.key not in _WITHOUT_GENERATION


def _content(resource: Resource, obj: Object) -> Object:
    """Return what a generation stands for."""
    ignored = {"metadata", "apiVersion", "kind"}
    if not resource.custom or "status" in resource.subresources:
        ignored.add("status")
    return {key: value for key, value in obj.items() if key not in ignored}


def _keep_server_fields(metadata: Object, before: Object) -> None:
    for name in (
        *("uid", "creationTimestamp", "generation", "resourceVersion", "deletionTimestamp"),
        *("deletionGracePeriodSeconds", "generateName"),
    ):
        metadata.pop(name, None)
        if name in before:
            metadata[name] = before[name]


def _pinned(obj: Object) -> bool:
    return bool((obj.get("metadata") or {}).get("resourceVersion"))


def without_times(obj: Object) -> Object:
    """Return an object without the times of its managers, which alone do not make a change."""
    metadata = dict(obj["metadata"])
    entries = metadata.get("managedFields") or []
    metadata["managedFields"] = [{k: v for k, v in entry.items() if k != "time"} for entry in entries]
    return {**obj, "metadata": metadata}
