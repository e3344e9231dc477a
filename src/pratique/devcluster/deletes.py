"""Deletion: at once, gracefully, or when the last finalizer is gone.

In come a target and DeleteOptions, out goes the object that still stands or a Status of success. Admission
is asked as for any write. What happens to owned objects is the garbage collector's work; here only its
finalizers are set. Knows no HTTP.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pratique.devcluster.admission import Attributes, Chain
from pratique.devcluster.kinds import Kinds
from pratique.devcluster.store import Store
from pratique.devcluster.writes import DEFINITIONS, Context, Target, now
from pratique.kube import status

Object = dict[str, Any]
DEFINITION_CLEANUP = "customresourcecleanup.apiextensions.k8s.io"
FOREGROUND, ORPHAN = "foregroundDeletion", "orphan"
# Kinds whose registries answer a deletion with the object itself.
_RETURNED = {"pods", "persistentvolumeclaims", "persistentvolumes", "services", "serviceaccounts"}


@dataclass(frozen=True, slots=True)
class DeleteOptions:
    """What a client may ask of a deletion."""

    grace: int | None = None
    propagation: str = ""
    uid: str = ""
    version: str = ""

    @classmethod
    def read(cls, body: Object) -> DeleteOptions:
        """Read the options of a request's body."""
        preconditions = body.get("preconditions") or {}
        propagation = body.get("propagationPolicy") or ""
        if body.get("orphanDependents") is not None:
            propagation = "Orphan" if body["orphanDependents"] else "Background"
        if propagation not in ("", "Background", "Foreground", "Orphan"):
            error = status.unsupported(
                "propagationPolicy", propagation, ["Foreground", "Background", "Orphan"]
            )
            raise status.unacceptable("DeleteOptions", "meta.k8s.io", "", errors=[error])
        return cls(
            grace=body.get("gracePeriodSeconds"),
            propagation=propagation,
            uid=preconditions.get("uid") or "",
            version=preconditions.get("resourceVersion") or "",
        )


class Deletes:
    """Deletes objects."""

    def __init__(self, store: Store, kinds: Kinds, chain: Chain) -> None:
        self.store = store
        self.kinds = kinds
        self.chain = chain

    async def delete(self, target: Target, options: DeleteOptions, context: Context) -> Object:
        """Delete one object; return it if it still stands, else the Status of success."""
        resource = target.resource
        stored = self._current(target)
        self._check(target, stored, options)
        shown = self.kinds.present(resource, stored)
        attributes = Attributes(
            operation="DELETE",
            group=resource.group,
            version=resource.version,
            resource=resource.plural,
            subresource=target.subresource,
            kind=(resource.group, resource.version, resource.kind),
            namespace=target.namespace,
            name=target.name,
            object=None,
            old_object=shown,
            options=context.wire_options("Delete"),
            user=context.user,
            dry_run=context.dry_run,
            warnings=context.warnings,
        )
        await self.chain.mutate(attributes)
        await self.chain.validate(attributes)
        stored = self._current(target)
        self._check(target, stored, options)
        return self._delete_now(target, stored, options, context)

    def _current(self, target: Target) -> Object:
        stored = self.store.get(target.resource.key, target.name, target.namespace)
        if stored is None:
            raise status.missing(target.resource.plural, target.resource.group, target.name)
        return stored

    def _check(self, target: Target, stored: Object, options: DeleteOptions) -> None:
        metadata, resource = stored["metadata"], target.resource
        for word, given, have in (
            ("UID", options.uid, metadata["uid"]),
            ("ResourceVersion", options.version, metadata["resourceVersion"]),
        ):
            if given and given != have:
                detail = (
                    f"Precondition failed: {word} in precondition: {given}, {word} in object meta: {have}"
                )
                raise status.conflict(resource.plural, resource.group, target.name, detail=detail)

    def _delete_now(self, target: Target, stored: Object, options: DeleteOptions, context: Context) -> Object:
        resource = target.resource
        grace = _grace(resource.key, stored, options)
        finalizers = _finalizers(resource.key, stored, options)
        waits_in_spec = resource.key == "namespaces" and (stored.get("spec") or {}).get("finalizers")
        if not finalizers and not grace and not waits_in_spec:
            if not context.dry_run:
                stored = self.store.remove(resource.key, target.name, target.namespace)
            if resource.key in _RETURNED:
                return self.kinds.present(resource, stored)
            return status.success(resource.plural, resource.group, target.name, uid=stored["metadata"]["uid"])
        marked = _mark(stored, grace, finalizers)
        if resource.key == "namespaces":
            marked["status"] = {**(marked.get("status") or {}), "phase": "Terminating"}
        if marked != stored and not context.dry_run:
            marked = self.store.put(resource.key, marked)
        return self.kinds.present(resource, marked)


def _grace(key: str, stored: Object, options: DeleteOptions) -> int:
    """Return how long an object may still stand: only pods on a node have that time."""
    if key != "pods":
        return 0
    spec, phase = stored.get("spec") or {}, (stored.get("status") or {}).get("phase")
    grace = options.grace
    if grace is None:
        grace = spec.get("terminationGracePeriodSeconds", 30)
    if not spec.get("nodeName") or phase in ("Succeeded", "Failed"):
        return 0
    before = stored["metadata"].get("deletionGracePeriodSeconds")
    return max(0, int(grace) if before is None else min(int(grace), int(before)))


def _finalizers(key: str, stored: Object, options: DeleteOptions) -> list[str]:
    finalizers = list(stored["metadata"].get("finalizers") or [])
    if options.propagation:
        kept = [name for name in finalizers if name not in (FOREGROUND, ORPHAN)]
        wanted = {"Foreground": [FOREGROUND], "Orphan": [ORPHAN]}.get(options.propagation, [])
        finalizers = [*kept, *wanted]
    if key == DEFINITIONS and DEFINITION_CLEANUP not in finalizers and not _is_marked(stored):
        finalizers.append(DEFINITION_CLEANUP)
    return finalizers


def _is_marked(stored: Object) -> bool:
    return bool(stored["metadata"].get("deletionTimestamp"))


def _mark(stored: Object, grace: int, finalizers: list[str]) -> Object:
    metadata = dict(stored["metadata"])
    before = metadata.get("deletionGracePeriodSeconds")
    if not metadata.get("deletionTimestamp") or (before is not None and grace < before):
        end = datetime.now(UTC) + timedelta(seconds=grace)
        metadata["deletionTimestamp"] = end.strftime("%Y-%m-%dT%H:%M:%SZ") if grace else now()
        metadata["deletionGracePeriodSeconds"] = grace
        if "generation" in metadata:
            metadata["generation"] += 1
    if finalizers:
        metadata["finalizers"] = finalizers
    else:
        metadata.pop("finalizers", None)
    return {**stored, "metadata": metadata}
