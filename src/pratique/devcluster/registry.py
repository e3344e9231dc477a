"""The resources that the server serves: the built-in table, and what CustomResourceDefinitions add.

In come definitions, out goes a `Resource` for a group, version and plural name. A resource is known inside
the server by its key, `pods` or `deployments.apps`; objects of one key live in one bucket of the store,
whatever version a client speaks. Knows nothing of HTTP, of objects or of who asks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
CUSTOM_VERBS = ("delete", "deletecollection", "get", "list", "patch", "create", "update", "watch")
REVIEW_VERBS = ("create",)


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource in one version; `key` names its bucket in the store."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool
    singular: str = ""
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ALL_VERBS
    subresources: tuple[str, ...] = ()
    storage_version: str = ""
    selectable: tuple[str, ...] = ()
    stored_as: str = ""
    custom: bool = False
    schema: dict[str, Any] | None = field(default=None, compare=False)
    columns: tuple[dict[str, Any], ...] = field(default=(), compare=False)
    scale: dict[str, str] | None = field(default=None, compare=False)
    list_kind: str = ""
    deprecation: str = ""
    terminating: bool = False

    @property
    def key(self) -> str:
        """Return the bucket's name: plural, a dot and the group, or the plural alone for the core group."""
        return self.stored_as or (f"{self.plural}.{self.group}" if self.group else self.plural)

    @property
    def api_version(self) -> str:
        """Return `apps/v1`, or `v1` for the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def stored(self) -> bool:
        """Tell whether objects of it are kept, as opposed to reviews that are only answered."""
        return "get" in self.verbs or "list" in self.verbs


def parse_builtin(text: str) -> Iterator[Resource]:
    """Read the table below: group/version lines, then one indented line a resource."""
    group = version = ""
    for line in text.splitlines():
        if not line.strip():
            continue
        if not line.startswith(" "):
            group, _, version = line.strip().rpartition("/")
            continue
        plural, kind, *words = line.split()
        options = dict(word.split("=", 1) for word in words if "=" in word)
        verbs = ALL_VERBS
        if "verbs" in options:
            verbs = tuple(options["verbs"].split(","))
        yield Resource(
            group=group,
            version=version,
            plural=plural,
            kind=kind,
            singular=kind.lower(),
            namespaced="cluster" not in words,
            short_names=_names(options.get("short")),
            categories=_names(options.get("in")),
            verbs=verbs,
            subresources=_names(options.get("sub")),
            selectable=_names(options.get("select")),
            stored_as=options.get("as", ""),
            storage_version=options.get("store", version),
        )


def _names(text: str | None) -> tuple[str, ...]:
    return tuple(text.split(",")) if text else ()


# One line a resource: plural, kind, then `cluster` for cluster scope and options. `select` names the fields
# a field selector may ask for beside metadata.name and metadata.namespace; `as` names another's bucket.
BUILTIN = """
v1
 bindings Binding verbs=create
 componentstatuses ComponentStatus cluster short=cs verbs=get,list
 configmaps ConfigMap short=cm
 endpoints Endpoints short=ep
 events Event short=ev select=involvedObject.kind,involvedObject.namespace,involvedObject.name,involvedObject.uid,involvedObject.apiVersion,involvedObject.resourceVersion,involvedObject.fieldPath,reason,reportingComponent,source,type
 limitranges LimitRange short=limits
 namespaces Namespace cluster short=ns verbs=create,delete,get,list,patch,update,watch sub=finalize,status select=status.phase
 nodes Node cluster short=no sub=proxy,status select=spec.unschedulable
 persistentvolumeclaims PersistentVolumeClaim short=pvc sub=status
 persistentvolumes PersistentVolume cluster short=pv sub=status
 pods Pod short=po in=all sub=attach,binding,ephemeralcontainers,eviction,exec,log,portforward,proxy,resize,status select=spec.nodeName,spec.restartPolicy,spec.schedulerName,spec.serviceAccountName,spec.hostNetwork,status.phase,status.podIP,status.podIPs,status.nominatedNodeName
 podtemplates PodTemplate
 replicationcontrollers ReplicationController short=rc in=all sub=scale,status select=status.replicas
 resourcequotas ResourceQuota short=quota sub=status
 secrets Secret select=type
 serviceaccounts ServiceAccount short=sa sub=token
 services Service short=svc in=all sub=proxy,status select=spec.clusterIP,spec.type
admissionregistration.k8s.io/v1
 mutatingwebhookconfigurations MutatingWebhookConfiguration cluster in=api-extensions
 validatingadmissionpolicies ValidatingAdmissionPolicy cluster in=api-extensions sub=status
 validatingadmissionpolicybindings ValidatingAdmissionPolicyBinding cluster in=api-extensions
 validatingwebhookconfigurations ValidatingWebhookConfiguration cluster in=api-extensions
apiextensions.k8s.io/v1
 customresourcedefinitions CustomResourceDefinition cluster short=crd,crds in=api-extensions sub=status
apiregistration.k8s.io/v1
 apiservices APIService cluster in=api-extensions sub=status
apps/v1
 controllerrevisions ControllerRevision
 daemonsets DaemonSet short=ds in=all sub=status
 deployments Deployment short=deploy in=all sub=scale,status
 replicasets ReplicaSet short=rs in=all sub=scale,status select=status.replicas
 statefulsets StatefulSet short=sts in=all sub=scale,status
authentication.k8s.io/v1
 selfsubjectreviews SelfSubjectReview cluster verbs=create
 tokenreviews TokenReview cluster verbs=create
authorization.k8s.io/v1
 localsubjectaccessreviews LocalSubjectAccessReview verbs=create
 selfsubjectaccessreviews SelfSubjectAccessReview cluster verbs=create
 selfsubjectrulesreviews SelfSubjectRulesReview cluster verbs=create
 subjectaccessreviews SubjectAccessReview cluster verbs=create
autoscaling/v2
 horizontalpodautoscalers HorizontalPodAutoscaler short=hpa in=all sub=status
autoscaling/v1
 horizontalpodautoscalers HorizontalPodAutoscaler short=hpa in=all sub=status store=v2
batch/v1
 cronjobs CronJob short=cj in=all sub=status
 jobs Job in=all sub=status select=status.successful
certificates.k8s.io/v1
 certificatesigningrequests CertificateSigningRequest cluster short=csr sub=approval,status select=spec.signerName
coordination.k8s.io/v1
 leases Lease
discovery.k8s.io/v1
 endpointslices EndpointSlice
events.k8s.io/v1
 events Event short=ev as=events select=involvedObject.kind,involvedObject.namespace,involvedObject.name,involvedObject.uid,regarding.kind,regarding.namespace,regarding.name,regarding.uid,reason,reportingController,type
flowcontrol.apiserver.k8s.io/v1
 flowschemas FlowSchema cluster sub=status
 prioritylevelconfigurations PriorityLevelConfiguration cluster sub=status
networking.k8s.io/v1
 ingressclasses IngressClass cluster
 ingresses Ingress short=ing sub=status
 ipaddresses IPAddress cluster short=ip
 networkpolicies NetworkPolicy short=netpol
 servicecidrs ServiceCIDR cluster sub=status
node.k8s.io/v1
 runtimeclasses RuntimeClass cluster
policy/v1
 poddisruptionbudgets PodDisruptionBudget short=pdb sub=status
rbac.authorization.k8s.io/v1
 clusterrolebindings ClusterRoleBinding cluster
 clusterroles ClusterRole cluster
 rolebindings RoleBinding
 roles Role
scheduling.k8s.io/v1
 priorityclasses PriorityClass cluster short=pc
storage.k8s.io/v1
 csidrivers CSIDriver cluster
 csinodes CSINode cluster
 csistoragecapacities CSIStorageCapacity
 storageclasses StorageClass cluster short=sc
 volumeattachments VolumeAttachment cluster sub=status
 volumeattributesclasses VolumeAttributesClass cluster short=vac
"""


class Registry:
    """Every resource served now; custom ones come and go with their definitions."""

    def __init__(self) -> None:
        self._by_path: dict[tuple[str, str, str], Resource] = {}
        self._main: dict[str, Resource] = {}
        self.generation = 0
        for resource in parse_builtin(BUILTIN):
            self._by_path[resource.group, resource.version, resource.plural] = resource
            if not resource.stored_as:
                self._main.setdefault(resource.key, resource)

    def find(self, group: str, version: str, plural: str) -> Resource | None:
        """Return the resource served at this address."""
        return self._by_path.get((group, version, plural))

    def by_key(self, key: str) -> Resource | None:
        """Return a bucket's resource in its storage version (`pods`, `deployments.apps`)."""
        return self._main.get(key)

    def by_kind(self, group: str, kind: str, version: str = "") -> Resource | None:
        """Return the resource of a group and kind, in the given version or in its storage version."""
        for resource in self._by_path.values() if version else self._main.values():
            if resource.kind == kind and resource.group == group and version in ("", resource.version):
                return resource
        return None

    def stored(self) -> list[Resource]:
        """Return one resource for each bucket, in its storage version."""
        return [resource for resource in self._main.values() if resource.stored]

    def served(self) -> list[Resource]:
        """Return every resource in every served version, in discovery's order."""
        return list(self._by_path.values())

    def put_custom(self, key: str, resources: list[Resource], *, storage: Resource) -> None:
        """Serve a definition's resources in place of those that it served before."""
        self.remove_custom(key)
        for resource in resources:
            self._by_path[resource.group, resource.version, resource.plural] = resource
        self._main[key] = storage
        self.generation += 1

    def remove_custom(self, key: str) -> None:
        """Serve a definition's resources no longer."""
        gone = [path for path, resource in self._by_path.items() if resource.custom and resource.key == key]
        for path in gone:
            del self._by_path[path]
        if self._main.pop(key, None) is not None:
            self.generation += 1

    def mark_terminating(self, key: str) -> None:
        """Go on serving a definition's resources, but refuse new objects."""
        for path, resource in list(self._by_path.items()):
            if resource.custom and resource.key == key:
                self._by_path[path] = replace(resource, terminating=True)
