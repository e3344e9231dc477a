"""From CustomResourceDefinitions to served resources, and back when a definition goes.

In come the definitions' changes, out go entries of the registry, the conditions in a definition's status,
and in the end the deletion of a definition's objects. Custom objects themselves are kept by `writes`.

Source: `apiextensions-apiserver/pkg/controller`.
"""

from __future__ import annotations

import asyncio
import logging
import re
from typing import Any, Protocol

from pratique.devcluster.registry import CUSTOM_VERBS, Registry, Resource
from pratique.devcluster.store import Store
from pratique.devcluster.users import UserInfo
from pratique.devcluster.writes import now
from pratique.kube import status

Object = dict[str, Any]
KEY = "customresourcedefinitions.apiextensions.k8s.io"
CLEANUP = "customresourcecleanup.apiextensions.k8s.io"
CLEANUP_PAUSE = 0.4
"""How long to wait before looking again whether finalizers let a definition's objects go."""
_FIELD_OF = {
    "PluralConflict": "plural",
    "SingularConflict": "singular",
    "ShortNamesConflict": "shortNames",
    "KindConflict": "kind",
    "ListKindConflict": "listKind",
}
"""Which of the names each conflict keeps back."""
log = logging.getLogger(__name__)
_VERSION = re.compile(r"v(\d+)(?:(alpha|beta)(\d+))?")


class Server(Protocol):
    """The part of the API that definitions change."""

    store: Store
    registry: Registry

    async def delete(self, resource: str, name: str, *, namespace: str = "", user: UserInfo) -> None:
        """Delete an object."""


USER = UserInfo("system:apiserver", ("system:masters", "system:authenticated"))


class Definitions:
    """Keeps the registry in step with the definitions in the store."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def start(self) -> None:
        """Serve every stored definition, and follow changes from now on."""
        for definition in self._server.store.list(KEY):
            self._serve(definition)
        self._server.store.subscribe(self._notice)
        for definition in self._server.store.list(KEY):
            self._notice("MODIFIED", KEY, definition)

    async def stop(self) -> None:
        """End all clean-ups."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def _notice(self, change: str, resource: str, obj: Object) -> None:
        if resource != KEY:
            return
        name = obj["metadata"]["name"]
        if change == "DELETED":
            self._server.registry.remove_custom(name)
            self._server.store.drop(name)
            self._retry_names(obj)
            return
        if obj["metadata"].get("deletionTimestamp"):
            self._server.registry.mark_terminating(name)
            if name not in self._tasks:
                task = asyncio.get_running_loop().create_task(self._clean_up(name))
                self._tasks[name] = task
                task.add_done_callback(lambda _: self._tasks.pop(name, None))
            return
        # What the naming and establishing controllers do; the next turn of the loop, so that the creation
        # is announced before its consequences.
        asyncio.get_running_loop().call_soon(self._establish, name)

    def _retry_names(self, gone: Object) -> None:
        """Give the names of a definition that went to those that waited for them."""
        for definition in self._server.store.list(KEY):
            if definition["spec"]["group"] == gone["spec"]["group"]:
                self._notice("MODIFIED", KEY, definition)

    def _establish(self, name: str) -> None:
        definition = self._server.store.get(KEY, name)
        if definition is None or definition["metadata"].get("deletionTimestamp"):
            return
        problems = self._name_problems(definition)
        before = definition.get("status") or {}
        conditions = {item["type"]: item for item in before.get("conditions") or []}
        names = definition["spec"]["names"]
        refused = {_FIELD_OF[reason] for reason, _ in problems}
        # Each name is accepted by itself; the short ones only together.
        accepted = {key: value for key, value in names.items() if key not in refused}
        accepted |= {
            key: value for key, value in (before.get("acceptedNames") or {}).items() if key in refused
        }
        if not problems:
            _set(conditions, "NamesAccepted", "True", "NoConflicts", "no conflicts found")
            _set(
                conditions,
                "Established",
                "True",
                "InitialNamesAccepted",
                "the initial names have been accepted",
            )
        else:
            # The last conflict found is the one reported, as in the original.
            reason, message = problems[-1]
            _set(conditions, "NamesAccepted", "False", reason, message)
            if conditions.get("Established", {}).get("status") != "True":
                _set(conditions, "Established", "False", "NotAccepted", "not all names are accepted")
        versions = _stored_versions(definition)
        after = {
            **before,
            "acceptedNames": accepted,
            "conditions": list(conditions.values()),
            "storedVersions": versions,
        }
        if after != before:
            updated = {**definition, "status": after, "metadata": dict(definition["metadata"])}
            definition = self._server.store.put(KEY, updated)
        if conditions["Established"]["status"] == "True":
            self._serve(definition)

    def _name_problems(self, definition: Object) -> list[tuple[str, str]]:
        """Return why a definition may not have its names, each as reason and message."""
        spec, own = definition["spec"], definition["metadata"]["name"]
        taken: dict[str, str] = {}
        kinds: dict[str, str] = {}
        for other in self._server.store.list(KEY):
            if other["metadata"]["name"] == own or other["spec"]["group"] != spec["group"]:
                continue
            accepted = (other.get("status") or {}).get("acceptedNames") or {}
            for word in (
                accepted.get("plural"),
                accepted.get("singular"),
                *(accepted.get("shortNames") or ()),
            ):
                if word:
                    taken[word] = word
            for word in (accepted.get("kind"), accepted.get("listKind")):
                if word:
                    kinds[word] = word
        names = spec["names"]
        checks = (
            ("PluralConflict", names.get("plural"), taken),
            ("SingularConflict", names.get("singular"), taken),
            *(("ShortNamesConflict", short, taken) for short in names.get("shortNames") or ()),
            ("KindConflict", names.get("kind"), kinds),
            ("ListKindConflict", names.get("listKind"), kinds),
        )
        return [
            (reason, f'"{word}" is already in use') for reason, word, used in checks if word and word in used
        ]

    def _serve(self, definition: Object) -> None:
        conditions = (definition.get("status") or {}).get("conditions") or []
        if not any(item["type"] == "Established" and item["status"] == "True" for item in conditions):
            return
        resources = served_resources(definition)
        storage = storage_resource(definition)
        self._server.registry.put_custom(definition["metadata"]["name"], resources, storage=storage)
        if definition["metadata"].get("deletionTimestamp"):
            self._server.registry.mark_terminating(definition["metadata"]["name"])

    async def _clean_up(self, name: str) -> None:
        """Delete a definition's objects, wait until they are gone, then let the definition go."""
        message = "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon"
        self._terminating(name, "True", "InstanceDeletionPending", message)
        deleted: set[str] = set()
        waited = False
        while left := self._server.store.list(name):
            fresh = [obj for obj in left if obj["metadata"]["uid"] not in deleted]
            if fresh:
                message = "CustomResource deletion is in progress"
                self._terminating(name, "True", "InstanceDeletionInProgress", message)
            for obj in fresh:
                metadata = obj["metadata"]
                deleted.add(metadata["uid"])
                try:
                    await self._server.delete(
                        name, metadata["name"], namespace=metadata.get("namespace", ""), user=USER
                    )
                except status.StatusError as error:
                    deleted.discard(metadata["uid"])
                    log.warning("cannot delete %s %s: %s", name, metadata["name"], error.message)
            if self._server.store.list(name):
                waited = True
                await asyncio.sleep(CLEANUP_PAUSE)
        if waited:
            # Whoever removed the last finalizer, and waits for the definition to go, must still find it.
            await asyncio.sleep(CLEANUP_PAUSE)
        definition = self._server.store.get(KEY, name)
        if definition is None:
            return
        metadata = dict(definition["metadata"])
        finalizers = [item for item in metadata.get("finalizers") or [] if item != CLEANUP]
        metadata["finalizers"] = finalizers
        if finalizers:
            self._server.store.put(KEY, {**definition, "metadata": metadata})
        else:
            metadata.pop("finalizers")
            self._server.store.remove(KEY, name, last={**definition, "metadata": metadata})

    def _terminating(self, name: str, value: str, reason: str, message: str) -> None:
        definition = self._server.store.get(KEY, name)
        if definition is None:
            return
        state = definition.get("status") or {}
        conditions = {item["type"]: item for item in state.get("conditions") or []}
        _set(conditions, "Terminating", value, reason, message)
        after = {**state, "conditions": list(conditions.values())}
        if after != state:
            self._server.store.put(
                KEY, {**definition, "metadata": dict(definition["metadata"]), "status": after}
            )


def _set(conditions: dict[str, Object], kind: str, value: str, reason: str, message: str) -> None:
    before = conditions.get(kind)
    time = now()
    if before and before["status"] == value:
        time = before["lastTransitionTime"]
    made = {"type": kind, "status": value, "lastTransitionTime": time, "reason": reason, "message": message}
    if before != made:
        conditions[kind] = made


def _stored_versions(definition: Object) -> list[str]:
    versions = list((definition.get("status") or {}).get("storedVersions") or [])
    for version in definition["spec"]["versions"]:
        if version.get("storage") and version["name"] not in versions:
            versions.append(version["name"])
    return versions


def storage_resource(definition: Object) -> Resource:
    """Return a definition's resource in the version that is stored."""
    versions = definition["spec"]["versions"]
    chosen = next((version for version in versions if version.get("storage")), versions[0])
    return _resource(definition, chosen)


def served_resources(definition: Object) -> list[Resource]:
    """Return a definition's resource in every version that it serves, the preferred one first."""
    served = [version for version in definition["spec"]["versions"] if version.get("served")]
    served.sort(key=lambda version: version_rank(version["name"]))
    return [_resource(definition, version) for version in served]


def version_rank(name: str) -> tuple[int, int, int, int, str]:
    """Return the sort key of versions: v2 before v1 before v1beta2, before words."""
    match = _VERSION.fullmatch(name)
    if match is None:
        return (1, 0, 0, 0, name)
    stage = {"": 0, "beta": 1, "alpha": 2}[match[2] or ""]
    return (0, stage, -int(match[1]), -int(match[3] or 0), name)


def _resource(definition: Object, version: Object) -> Resource:
    spec, names = definition["spec"], definition["spec"]["names"]
    subresources = version.get("subresources") or {}
    node = (version.get("schema") or {}).get("openAPIV3Schema")
    if spec.get("preserveUnknownFields") and node is not None:
        node = {**node, "x-kubernetes-preserve-unknown-fields": True}
    return Resource(
        group=spec["group"],
        version=version["name"],
        plural=names["plural"],
        kind=names["kind"],
        singular=names.get("singular") or names["kind"].lower(),
        list_kind=names.get("listKind") or f"{names['kind']}List",
        namespaced=spec.get("scope") == "Namespaced",
        short_names=tuple(names.get("shortNames") or ()),
        categories=tuple(names.get("categories") or ()),
        verbs=CUSTOM_VERBS,
        subresources=tuple(sorted(subresources)),
        selectable=tuple(item["jsonPath"].lstrip(".") for item in version.get("selectableFields") or ()),
        custom=True,
        schema=node,
        columns=tuple(version.get("additionalPrinterColumns") or ()),
        scale=subresources.get("scale"),
        deprecation=_deprecation(spec, names, version),
    )


def _deprecation(spec: Object, names: Object, version: Object) -> str:
    if not version.get("deprecated"):
        return ""
    if version.get("deprecationWarning"):
        return str(version["deprecationWarning"])
    text = f"{spec['group']}/{version['name']} {names['kind']} is deprecated"
    newer = [
        other["name"]
        for other in spec["versions"]
        if other.get("served")
        and not other.get("deprecated")
        and version_rank(other["name"]) < version_rank(version["name"])
    ]
    if newer:
        best = min(newer, key=version_rank)
        text += f"; use {spec['group']}/{best} {names['kind']}"
    return text
