"""The cluster as the policy engine sees it: templates, constraints, namespaces, Config, in a `Library`.

In: watches of the API server. Out: a library that always holds what the cluster holds, the constraint
definitions that templates ask for, and a `PolicyChange` to each listener. What a template or constraint
cannot be is kept beside it as a fault, for `status`. Knows neither webhook nor audit.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from pratique.agent import logs
from pratique.agent.exclusions import Exclusions
from pratique.agent.metrics import Metrics
from pratique.agent.queue import WorkQueue
from pratique.client import resources
from pratique.client.addon import is_established
from pratique.client.informer import Change, Informer, Selection
from pratique.client.kube import ApiError, KubeClient, Object
from pratique.client.resources import Resource
from pratique.constraint import ConstraintError, Library, TemplateError

CONSTRAINT_LABEL = "gatekeeper.sh/constraint"
FIELD_MANAGER = "pratique-templates"
REFUSALS = (400, 403, 422)
"""Answers that will not be another one when the same is asked again."""


@dataclass(frozen=True, slots=True)
class PolicyChange:
    """Something changed that makes verdicts on existing objects old.

    `kinds` are the (group, kind) pairs that are concerned, `*` for all; None means every kind.
    """

    what: Literal[
        "constraint", "removed", "namespace", "exclusions", "inventory", "expansion", "external", "served"
    ]
    constraint: tuple[str, str] = ("", "")
    kinds: frozenset[tuple[str, str]] | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a template or constraint is not enforced, as `status.byPod[].errors[]` has it."""

    code: str
    message: str
    location: str = ""

    def document(self) -> Object:
        """Return the entry of `errors`."""
        entry = {"code": self.code, "message": self.message}
        return entry | ({"location": self.location} if self.location else {})


@dataclass(slots=True)
class Known:
    """One template or constraint: the object as last seen, and what is wrong with it."""

    obj: Object
    faults: tuple[Fault, ...] = ()
    undefined: tuple[Fault, ...] = ()
    """Why the API server does not take the definition of a template's constraints."""

    @property
    def errors(self) -> tuple[Fault, ...]:
        """Return all that is wrong."""
        return self.faults + self.undefined


@dataclass(slots=True)
class ConstraintKind:
    """The watch of one constraint kind."""

    informer: Informer
    task: asyncio.Task[None] | None = None
    members: dict[str, Known] = field(default_factory=dict)


def essence(obj: Object) -> Any:
    """Return what makes an object another policy: identity, spec, labels, annotations (not status, not versions)."""
    meta = obj["metadata"]
    return meta.get("uid"), obj.get("spec"), meta.get("labels"), meta.get("annotations")


def kinds_of(constraint: Object) -> frozenset[tuple[str, str]] | None:
    """Return the (group, kind) pairs that a constraint's match names; None when it names none."""
    entries = ((constraint.get("spec") or {}).get("match") or {}).get("kinds") or ()
    pairs = {
        (group, kind)
        for entry in entries
        if isinstance(entry, dict)
        for group in entry.get("apiGroups") or ("*",)
        for kind in entry.get("kinds") or ("*",)
    }
    return frozenset(pairs) or None


def covers(have: Any, want: Any) -> bool:
    """Tell whether `have` says at least all that `want` says (servers add defaults)."""
    if isinstance(want, dict):
        return isinstance(have, dict) and all(key in have and covers(have[key], want[key]) for key in want)
    if isinstance(want, list):
        return (
            isinstance(have, list)
            and len(have) == len(want)
            and all(covers(left, right) for left, right in zip(have, want, strict=True))
        )
    return bool(have == want)


class Cluster:
    """Follows policies and namespaces; `run` it as a task."""

    def __init__(self, client: KubeClient, library: Library, *, namespace: str, metrics: Metrics) -> None:
        self.library = library
        self.exclusions = Exclusions(namespace)
        self.templates: dict[str, Known] = {}
        self.kinds: dict[str, ConstraintKind] = {}
        self.config: Object | None = None
        self.namespaces = Informer(
            client, resources.NAMESPACES, handler=self._namespace, keep=without_managed_fields
        )
        self._client = client
        self._metrics = metrics
        self._listeners: list[Callable[[PolicyChange], None]] = []
        self._touched: list[Callable[[str, str], None]] = []
        self._config_touched: list[Callable[[tuple[Resource, str]], None]] = []
        self._labels: dict[str, Any] = {}
        self._template_watch = Informer(client, resources.TEMPLATES, handler=self._template)
        self._definitions = Informer(client, resources.CRDS, handler=self._definition, keep=_definition_kept)
        self._configs = Informer(
            client, resources.CONFIGS, handler=self._config, selection=Selection(namespace)
        )
        self._building = WorkQueue(self._build_definition, name="constraint definitions")
        self._tasks: asyncio.TaskGroup | None = None

    def listen(self, listener: Callable[[PolicyChange], None]) -> None:
        """Call `listener` at each change that makes earlier verdicts old."""
        self._listeners.append(listener)

    def on_status(self, touched: Callable[[str, str], None]) -> None:
        """Call `touched(kind, name)` when a template (kind empty) or constraint was taken in."""
        self._touched.append(touched)

    def on_config(self, touched: Callable[[tuple[Resource, str]], None]) -> None:
        """Call `touched` when the Config was taken in."""
        self._config_touched.append(touched)

    def config_entry(self) -> tuple[Object, Object] | None:
        """Return the Config, and what a pod's entry of its status says; None when there is none."""
        if self.config is None:
            return None
        meta = self.config["metadata"]
        return self.config, {
            "configUID": meta.get("uid", ""),
            "observedGeneration": meta.get("generation", 1),
        }

    @property
    def constraints(self) -> dict[tuple[str, str], Known]:
        """Every constraint by (kind, name)."""
        return {
            (kind, name): known
            for kind, watched in self.kinds.items()
            for name, known in watched.members.items()
        }

    def unready(self) -> list[str]:
        """Return what has not been taken in yet since the start; empty when all of it has."""
        waiting = [
            informer.resource.full_name
            for informer in (self.namespaces, self._template_watch, self._definitions)
            if not informer.synced.is_set()
        ]
        # Config may be undefined where only templates were installed; it is followed when it comes.
        if not self._configs.synced.is_set() and not self._configs.error:
            waiting.append(self._configs.resource.full_name)
        for known in self.templates.values():
            kind = _kind_of(known.obj)
            watched = self.kinds.get(kind)
            if not known.errors and (watched is None or not watched.informer.synced.is_set()):
                waiting.append(f"{kind} constraints")
        return waiting

    async def run(self) -> None:
        """Follow the cluster until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            for informer in (self.namespaces, self._template_watch, self._definitions, self._configs):
                tasks.create_task(informer.run())
            tasks.create_task(self._building.run())
            try:
                await asyncio.Event().wait()
            finally:
                # A last event that is still on its way must not start a watch in a group that ends.
                self._tasks = None

    async def fetch_namespace(self, name: str) -> Object | None:
        """Ask the API server for a namespace that the watch has not brought yet."""
        return await self._client.find(resources.NAMESPACES, name)

    def inventory_changed(self) -> None:
        """Tell the listeners that policies which look things up may judge otherwise now."""
        self._tell(PolicyChange("inventory"))

    def external_data_changed(self) -> None:
        """Tell the listeners that a provider came, went or changed, and with it what policies are told."""
        self._tell(PolicyChange("external"))

    def expansion_changed(self) -> None:
        """Tell the listeners that what objects would generate may be something else now."""
        self._tell(PolicyChange("expansion"))

    def _tell(self, change: PolicyChange) -> None:
        for listener in self._listeners:
            listener(change)

    def _touch(self, kind: str, name: str) -> None:
        for touched in self._touched:
            touched(kind, name)

    # ── templates ────────────────────────────────────────────────────────────────────────────────

    def _template(self, change: Change, obj: Object) -> None:
        name = obj["metadata"]["name"]
        known = self.templates.get(name)
        if change == "deleted":
            self.templates.pop(name, None)
            self.library.remove_template(name)
            if known:
                self._stop_kind(_kind_of(known.obj))
            self._count()
            return
        if known and essence(known.obj) == essence(obj):
            known.obj = obj
            return
        started = time.perf_counter()
        faults: tuple[Fault, ...] = ()
        try:
            self.library.put_template(obj)
        except TemplateError as error:
            faults = (Fault(error.code, error.status, str(error.location)),)
            logs.warning("a template is not in force", template=name, code=error.code, reason=error.render())
        status = "error" if faults else "active"
        self._metrics.ingestions.labels(status).inc()
        self._metrics.ingestion_seconds.labels(status).observe(time.perf_counter() - started)
        self.templates[name] = Known(obj, faults)
        if not faults:
            self._building.add(name)
            self._retry_constraints(_kind_of(obj))
        self._touch("", name)
        self._count()

    def _retry_constraints(self, kind: str) -> None:
        """A template's new version judges anew, and may cure constraints that the old one refused."""
        watched = self.kinds.get(kind)
        for known in list(watched.members.values()) if watched else ():
            self._put(known.obj)

    async def _build_definition(self, name: str) -> None:
        known = self.templates.get(name)
        if known is None or known.faults:
            return
        wanted = self.library.crd(name)
        have = self._definitions.get(wanted["metadata"]["name"])
        meta = {key: wanted["metadata"][key] for key in ("labels", "ownerReferences")}
        # Exactly what is wanted, and no more: what a schema no longer says must go.
        same = have and all(have["spec"].get(key) == value for key, value in wanted["spec"].items())
        if have and same and covers(have["metadata"], meta):
            self._start_kind(have)
            return
        try:
            made = await self._client.apply(wanted, resource=resources.CRDS, field_manager=FIELD_MANAGER)
        except ApiError as error:
            if error.code not in REFUSALS:
                raise
            word = "update" if have else "create"
            fault = Fault(f"{word}_error", f"Could not {word} CRD: {error.message}")
            logs.warning("a definition of constraints is refused", template=name, reason=error.message)
            known.undefined = (fault,)
        else:
            known.undefined = ()
            # A server that wrote nothing new tells of no change.
            self._start_kind(made)
        self._touch("", name)
        self._count()

    def _definition(self, change: Change, obj: Object) -> None:
        self._tell(PolicyChange("served"))
        name = obj["metadata"]["name"]
        if not name.endswith(f".{resources.CONSTRAINT_GROUP}"):
            return
        template = name.partition(".")[0]
        if change == "deleted":
            if template in self.templates:
                self._stop_kind(_kind_of(self.templates[template].obj))
                self._building.add(template)
            return
        if template in self.templates and not obj["metadata"].get("deletionTimestamp"):
            # Somebody may have edited it: it is compared, and put right, like a new one.
            self._building.add(template)
            self._start_kind(obj)

    # ── constraints ──────────────────────────────────────────────────────────────────────────────

    def _start_kind(self, definition: Object) -> None:
        kind = definition["spec"]["names"]["kind"]
        if not is_established(definition) or self._tasks is None:
            return
        if kind in self.kinds:
            self.kinds[kind].informer.wake()
            return
        informer = Informer(self._client, resources.constraint_resource(kind), handler=self._constraint)
        self.kinds[kind] = ConstraintKind(informer, self._tasks.create_task(informer.run()))
        self._touch("", kind.lower())

    def _stop_kind(self, kind: str) -> None:
        watched = self.kinds.pop(kind, None)
        if watched is None:
            return
        if watched.task:
            watched.task.cancel()
        for name in list(watched.members):
            self._remove(kind, name)

    def _constraint(self, change: Change, obj: Object) -> None:
        kind, name = obj["kind"], obj["metadata"]["name"]
        watched = self.kinds.get(kind)
        if watched is None:
            return
        known = watched.members.get(name)
        if change == "deleted":
            watched.members.pop(name, None)
            self._remove(kind, name)
            self._count()
            return
        if known and essence(known.obj) == essence(obj):
            known.obj = obj
            return
        before = kinds_of(known.obj) if known else frozenset()
        watched.members[name] = Known(obj)
        self._put(obj, before=before)

    def _put(self, obj: Object, *, before: frozenset[tuple[str, str]] | None = frozenset()) -> None:
        kind, name = obj["kind"], obj["metadata"]["name"]
        known = self.kinds[kind].members[name]
        try:
            self.library.put_constraint(obj)
            known.faults = ()
        except ConstraintError as error:
            known.faults = (Fault("ingest_error", error.message),)
            logs.warning("a constraint is not in force", kind=kind, constraint=name, reason=error.message)
        after = kinds_of(obj)
        concerned = None if before is None or after is None else before | after
        self._tell(PolicyChange("constraint", (kind, name), concerned))
        self._touch(kind, name)
        self._count()

    def _remove(self, kind: str, name: str) -> None:
        self.library.remove_constraint(kind, name)
        self._tell(PolicyChange("removed", (kind, name)))

    def _count(self) -> None:
        states = ["error" if known.errors else "active" for known in self.templates.values()]
        for status in ("active", "error"):
            self._metrics.templates.labels(status).set(states.count(status))
        self._metrics.constraints_counted(
            ((known.obj.get("spec") or {}).get("enforcementAction") or "deny", bool(known.faults))
            for known in self.constraints.values()
        )

    # ── the rest ─────────────────────────────────────────────────────────────────────────────────

    def _config(self, change: Change, obj: Object) -> None:
        if obj["metadata"]["name"] != "config":
            return
        before, self.config = self.config, None if change == "deleted" else obj
        if before and self.config and essence(before) == essence(obj):
            return
        for touched in self._config_touched:
            touched((resources.CONFIGS, "config"))
        if self.exclusions.load(self.config):
            self._tell(PolicyChange("exclusions"))
        self._tell(PolicyChange("inventory"))

    def _namespace(self, change: Change, obj: Object) -> None:
        name, labels = obj["metadata"]["name"], obj["metadata"].get("labels")
        if change == "deleted":
            self._labels.pop(name, None)
            return
        if name not in self._labels or self._labels[name] != labels:
            self._labels[name] = labels
            self._tell(PolicyChange("namespace", ("", name)))


def without_managed_fields(obj: Object) -> Object:
    """Return an object without its bookkeeping, which is often half of it."""
    meta = obj["metadata"]
    if "managedFields" in meta:
        return obj | {"metadata": {key: value for key, value in meta.items() if key != "managedFields"}}
    return obj


def _definition_kept(obj: Object) -> Object | None:
    ours = CONSTRAINT_LABEL in (obj["metadata"].get("labels") or {})
    return without_managed_fields(obj) if ours else None


def _kind_of(template: Object) -> str:
    spec = ((template.get("spec") or {}).get("crd") or {}).get("spec") or {}
    return str((spec.get("names") or {}).get("kind") or "")
