"""Give each namespace its ServiceAccount and root certificates; empty one that ends.

Sources: `pkg/controller/{namespace,serviceaccount}` and `certificates/rootcacertpublisher` of Kubernetes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from pratique.devcluster.controllers import conditions
from pratique.devcluster.controllers.base import (
    Api,
    Controller,
    Object,
    copied,
    deleting,
    name_of,
    namespace_of,
    uid_of,
)
from pratique.kube import status

ROOT_CA = "kube-root-ca.crt"
_PATIENCE = 0.7
_ROOT_CA_NOTE = {
    "kubernetes.io/description": "Contains a CA bundle that can be used to verify the kube-apiserver when "
    "using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is "
    "guaranteed across distributions of Kubernetes clusters."
}


class NamespaceContents(Controller):
    """Keeps `default` and `kube-root-ca.crt` in every namespace."""

    name = "service-account-controller"
    watches = ("namespaces", "serviceaccounts", "configmaps")

    def __init__(self, api: Api, ca: str) -> None:
        super().__init__(api)
        self._ca = ca

    def keys_for(self, change: str, resource: str, obj: Object) -> Iterable[str]:
        """Return the namespace, when it is new or lost one of the two."""
        if resource == "namespaces":
            return [name_of(obj)]
        ours = {"serviceaccounts": "default", "configmaps": ROOT_CA}[resource]
        return [namespace_of(obj)] if name_of(obj) == ours and change != "ADDED" else []

    async def sync(self, key: str) -> None:
        """Create what is missing."""
        namespace = self.api.get("namespaces", key)
        if namespace is None or deleting(namespace):
            return
        if self.api.get("serviceaccounts", "default", key) is None:
            account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}
            await self.api.create("serviceaccounts", account, namespace=key, user=self.user)
        present = self.api.get("configmaps", ROOT_CA, key)
        data = {"ca.crt": self._ca}
        if present is None:
            metadata = {"name": ROOT_CA, "annotations": dict(_ROOT_CA_NOTE)}
            certificates = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
            await self.api.create("configmaps", certificates, namespace=key, user=self.user)
        elif present.get("data") != data:
            await self.api.update("configmaps", {**copied(present), "data": data}, user=self.user)


class NamespaceDeletion(Controller):
    """Empties a namespace that is being deleted, and lets it go when it is empty."""

    name = "namespace-controller"
    watches = ("namespaces",)

    def keys_for(self, change: str, resource: str, obj: Object) -> Iterable[str]:
        """Return namespaces that are being deleted."""
        return [name_of(obj)] if deleting(obj) else []

    def notice(self, change: str, resource: str, obj: Object) -> None:
        """Begin after a moment: who deletes a namespace and then waits for that must still find it."""
        if resource == "namespaces" and deleting(obj):
            self.queue.add_after(name_of(obj), _PATIENCE)

    async def sync(self, key: str) -> None:
        """Delete the content; while something remains, say what."""
        namespace = self.api.get("namespaces", key)
        if namespace is None or not deleting(namespace):
            return
        if (namespace.get("status") or {}).get("phase") != "Terminating":
            changed = copied(namespace)
            changed["status"] = {**(namespace.get("status") or {}), "phase": "Terminating"}
            namespace = await self.api.update("namespaces", changed, subresource="status", user=self.user)
        problems = await self._empty(key)
        remaining = self._content(key)
        if remaining or problems:
            await self._write_conditions(namespace, remaining, problems)
            self.queue.add_after(key, _PATIENCE)
            return
        changed = copied(namespace)
        finalizers = (namespace.get("spec") or {}).get("finalizers") or []
        changed["spec"]["finalizers"] = [name for name in finalizers if name != "kubernetes"]
        await self.api.update("namespaces", changed, subresource="finalize", user=self.user)

    def _content(self, key: str) -> list[tuple[str, Object]]:
        seen, found = set(), []
        for resource in self.api.resources():
            if resource.namespaced and resource.key not in seen:
                seen.add(resource.key)
                found += [(resource.key, obj) for obj in self.api.list(resource.key, key)]
        return found

    async def _empty(self, key: str) -> list[str]:
        problems = []
        for resource, obj in self._content(key):
            if deleting(obj):
                continue
            try:
                await self.api.delete(
                    resource,
                    name_of(obj),
                    namespace=key,
                    uid=uid_of(obj),
                    propagation="Background",
                    user=self.user,
                )
            except status.StatusError as error:
                if error.code not in (404, 409):
                    problems.append(error.message)
        return problems

    async def _write_conditions(
        self, namespace: Object, remaining: list[tuple[str, Object]], problems: list[str]
    ) -> None:
        current = self.api.get("namespaces", name_of(namespace))
        if current is None:
            return
        items = list((current.get("status") or {}).get("conditions") or ())
        for built in _explain(remaining, problems):
            items = _put(items, built)
        if items != ((current.get("status") or {}).get("conditions") or []):
            changed = copied(current)
            changed["status"]["conditions"] = items
            await self.api.update("namespaces", changed, subresource="status", user=self.user)


def _put(items: list[Object], new: Object) -> list[Object]:
    """Replace a condition in its place; the order of a namespace's conditions is fixed."""
    for at, old in enumerate(items):
        if old["type"] == new["type"]:
            if {**old, "lastTransitionTime": ""} == {**new, "lastTransitionTime": ""}:
                return items
            kept = old["lastTransitionTime"] if old["status"] == new["status"] else new["lastTransitionTime"]
            return [*items[:at], {**new, "lastTransitionTime": kept}, *items[at + 1 :]]
    return [*items, new]


def _explain(remaining: list[tuple[str, Object]], problems: list[str]) -> list[Object]:
    made = [
        ("DiscoveryFailure", "False", "ResourcesDiscovered", "All resources successfully discovered"),
        (
            "GroupVersionParsingFailure",
            "False",
            "ParsedGroupVersions",
            "All legacy kube types successfully parsed",
        ),
    ]
    if problems:
        texts = ", ".join(sorted(set(problems)))
        said = f"Failed to delete all resource types, {len(problems)} remaining: {texts}"
        made.append(("ContentFailure", "True", "ContentDeletionFailed", said))
    else:
        said = "All content successfully deleted, may be waiting on finalization"
        made.append(("ContentFailure", "False", "ContentDeleted", said))
    built = [conditions.build(f"NamespaceDeletion{kind}", *rest) for kind, *rest in made]
    counts = Counter(_dotted(resource) for resource, _ in remaining)
    finalizers = Counter(f for _, obj in remaining for f in obj["metadata"].get("finalizers") or ())
    if counts:
        parts = ", ".join(f"{name} has {count} resource instances" for name, count in sorted(counts.items()))
        said = f"Some resources are remaining: {parts}"
        built.append(conditions.build("NamespaceContentRemaining", "True", "SomeResourcesRemain", said))
    else:
        said = "All content successfully removed"
        built.append(conditions.build("NamespaceContentRemaining", "False", "ContentRemoved", said))
    if finalizers:
        parts = ", ".join(
            f"{name} in {count} resource instances" for name, count in sorted(finalizers.items())
        )
        said = f"Some content in the namespace has finalizers remaining: {parts}"
        built.append(conditions.build("NamespaceFinalizersRemaining", "True", "SomeFinalizersRemain", said))
    else:
        said = "All content-preserving finalizers finished"
        built.append(
            conditions.build("NamespaceFinalizersRemaining", "False", "ContentHasNoFinalizers", said)
        )
    return built


def _dotted(resource: str) -> str:
    # Upstream prints `configmaps.` for the core group.
    return resource if "." in resource else f"{resource}."
