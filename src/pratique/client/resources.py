"""Which resources an API server serves: addresses of kinds, and the reading of discovery documents.

In: discovery documents (aggregated, or the older one a group version). Out: `Resource` values, which
every call of `client.kube` takes. Does no I/O.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind as it is addressed: group, version, plural name, and whether it lives in namespaces."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = False
    verbs: frozenset[str] = frozenset()
    subresources: frozenset[str] = frozenset()

    @property
    def api_version(self) -> str:
        """The `apiVersion` of its objects."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def full_name(self) -> str:
        """The name as kubectl prints it: `deployments.apps`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def path(self, name: str = "", *, namespace: str = "", subresource: str = "") -> str:
        """Return the URL path of the collection, or of one object."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        space = f"/namespaces/{namespace}" if self.namespaced and namespace else ""
        tail = f"/{name}" if name else ""
        return f"{root}{space}/{self.plural}{tail}{f'/{subresource}' if subresource else ''}"


NAMESPACES = Resource("", "v1", "namespaces", "Namespace")
PODS = Resource("", "v1", "pods", "Pod", namespaced=True)
SECRETS = Resource("", "v1", "secrets", "Secret", namespaced=True)
EVENTS = Resource("", "v1", "events", "Event", namespaced=True)
DEPLOYMENTS = Resource("apps", "v1", "deployments", "Deployment", namespaced=True)
LEASES = Resource("coordination.k8s.io", "v1", "leases", "Lease", namespaced=True)
CRDS = Resource("apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition")
VALIDATING_WEBHOOKS = Resource(
    "admissionregistration.k8s.io",
    "v1",
    "validatingwebhookconfigurations",
    "ValidatingWebhookConfiguration",
)
MUTATING_WEBHOOKS = Resource(
    "admissionregistration.k8s.io",
    "v1",
    "mutatingwebhookconfigurations",
    "MutatingWebhookConfiguration",
)
TEMPLATES = Resource("templates.gatekeeper.sh", "v1", "constrainttemplates", "ConstraintTemplate")
CONFIGS = Resource("config.gatekeeper.sh", "v1alpha1", "configs", "Config", namespaced=True)
SYNCSETS = Resource("syncset.gatekeeper.sh", "v1alpha1", "syncsets", "SyncSet")
ASSIGNS = Resource("mutations.gatekeeper.sh", "v1", "assign", "Assign")
ASSIGN_METADATAS = Resource("mutations.gatekeeper.sh", "v1", "assignmetadata", "AssignMetadata")
MODIFY_SETS = Resource("mutations.gatekeeper.sh", "v1", "modifyset", "ModifySet")
ASSIGN_IMAGES = Resource("mutations.gatekeeper.sh", "v1alpha1", "assignimage", "AssignImage")
MUTATORS = (ASSIGNS, ASSIGN_METADATAS, MODIFY_SETS, ASSIGN_IMAGES)
EXPANSION_TEMPLATES = Resource("expansion.gatekeeper.sh", "v1beta1", "expansiontemplate", "ExpansionTemplate")
PROVIDERS = Resource("externaldata.gatekeeper.sh", "v1beta1", "providers", "Provider")
CONSTRAINT_GROUP = "constraints.gatekeeper.sh"


def constraint_resource(kind: str) -> Resource:
    """Return the address of the constraints of one kind (their CRD's names are derived from it)."""
    return Resource(CONSTRAINT_GROUP, "v1beta1", kind.lower(), kind)


@dataclass(frozen=True, slots=True)
class Discovery:
    """What an API server serves: each group's versions in its order of preference, all resources."""

    resources: tuple[Resource, ...]
    failed: tuple[str, ...] = ()
    """Group versions whose server did not answer (an aggregated API that is down)."""

    def preferred(self) -> list[Resource]:
        """Return every kind once, in the version that its group prefers and serves it in."""
        seen: dict[tuple[str, str], Resource] = {}
        for resource in self.resources:
            seen.setdefault((resource.group, resource.plural), resource)
        return list(seen.values())

    def find(self, group: str, kind: str, *, version: str = "") -> Resource | None:
        """Return the resource of a kind; without `version` in the preferred one."""
        for resource in self.resources:
            if resource.kind == kind and resource.group == group and version in ("", resource.version):
                return resource
        return None


def from_aggregated(documents: Iterable[dict[str, Any]]) -> Discovery:
    """Read `APIGroupDiscoveryList` documents (apidiscovery.k8s.io/v2 and v2beta1)."""
    resources: list[Resource] = []
    failed: list[str] = []
    for document in documents:
        for item in document.get("items") or ():
            group = (item.get("metadata") or {}).get("name", "")
            for version in item.get("versions") or ():
                if version.get("freshness") == "Stale":
                    failed.append(f"{group}/{version['version']}")
                resources.extend(_aggregated(group, version))
    return Discovery(tuple(resources), tuple(failed))


def _aggregated(group: str, version: dict[str, Any]) -> Iterable[Resource]:
    for entry in version.get("resources") or ():
        kind = entry.get("responseKind") or {}
        if not kind.get("kind"):
            continue
        yield Resource(
            group,
            version["version"],
            entry["resource"],
            kind["kind"],
            namespaced=entry.get("scope") == "Namespaced",
            verbs=frozenset(entry.get("verbs") or ()),
            subresources=frozenset(sub["subresource"] for sub in entry.get("subresources") or ()),
        )


def from_resource_list(document: dict[str, Any]) -> list[Resource]:
    """Read one `APIResourceList`, as servers before 1.27 answer for each group version."""
    group, _, version = document.get("groupVersion", "").rpartition("/")
    entries = document.get("resources") or []
    subresources: dict[str, set[str]] = {}
    for entry in entries:
        plural, _, subresource = entry["name"].partition("/")
        if subresource:
            subresources.setdefault(plural, set()).add(subresource)
    return [
        Resource(
            group,
            version,
            entry["name"],
            entry["kind"],
            namespaced=bool(entry.get("namespaced")),
            verbs=frozenset(entry.get("verbs") or ()),
            subresources=frozenset(subresources.get(entry["name"], ())),
        )
        for entry in entries
        if "/" not in entry["name"]
    ]
