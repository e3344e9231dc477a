"""The cluster's mutators and ExpansionTemplates, in a `MutationSystem` and an `Expander`.

In: watches of the API server. Out: both always hold what the cluster holds; listeners hear of each change,
and what a mutator or template cannot be (or whom it contradicts) is kept beside it as a fault, for `status`.
Knows neither webhook nor audit.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from pratique.agent import logs, status
from pratique.agent.metrics import Metrics
from pratique.client import resources
from pratique.client.informer import Change, Informer
from pratique.client.kube import KubeClient, Object
from pratique.client.resources import Resource
from pratique.constraint.expansion import Expander, ExpansionError
from pratique.mutation import Lookup, MutationSystem, MutatorError

CONFLICT = "ErrConflictingSchema"
WATCHED = (*resources.MUTATORS, resources.EXPANSION_TEMPLATES)

Key = tuple[Resource, str]


@dataclass(slots=True)
class Known:
    """One mutator or template: the object as last seen, and what is wrong with it."""

    obj: Object
    fault: str = ""
    conflict: str = ""

    @property
    def errors(self) -> list[Object]:
        """Return the entries of `status.byPod[].errors`."""
        wrong = [{"message": self.fault}] if self.fault else []
        return wrong + ([{"type": CONFLICT, "message": self.conflict}] if self.conflict else [])


class Mutators:
    """Follows what mutates and expands; `run` it as a task."""

    def __init__(
        self, client: KubeClient, *, metrics: Metrics, lookup: Lookup | None = None, annotate: bool = False
    ) -> None:
        self.system = MutationSystem(lookup, annotate=annotate, told=metrics.came_to_rest)
        self.expander = Expander(self.system)
        self.known: dict[Key, Known] = {}
        self._metrics = metrics
        self._listeners: list[Callable[[], None]] = []
        self._touched: list[Callable[[Key], None]] = []
        self._informers = [
            Informer(client, resource, handler=self._handler(resource)) for resource in WATCHED
        ]

    def listen(self, listener: Callable[[], None]) -> None:
        """Call `listener` at each change that makes verdicts on what is generated old."""
        self._listeners.append(listener)

    def on_status(self, touched: Callable[[Key], None]) -> None:
        """Call `touched` when something was taken in, or came into a conflict or out of it."""
        self._touched.append(touched)

    def entry(self, resource: Resource, name: str) -> tuple[Object, Object] | None:
        """Return an object, and what a pod's entry of its status says; None when it is gone."""
        known = self.known.get((resource, name))
        if known is None:
            return None
        meta = known.obj["metadata"]
        entry: Object = {"observedGeneration": meta.get("generation", 1)}
        if resource is resources.EXPANSION_TEMPLATES:
            # Gatekeeper gives the faults of an ExpansionTemplate no type.
            errors = [{"message": error["message"]} for error in known.errors]
            entry["templateUID"] = meta.get("uid", "")
        else:
            errors = known.errors
            entry |= {"mutatorUID": meta.get("uid", "")} | status.flag("enforced", not errors)
        return known.obj, entry | ({"errors": errors} if errors else {})

    def unready(self) -> list[str]:
        """Return what has not been taken in yet since the start.

        A kind that the cluster does not serve is not waited for; it is followed when it comes.
        """
        return [
            one.resource.full_name for one in self._informers if not one.synced.is_set() and not one.error
        ]

    async def run(self) -> None:
        """Follow the cluster until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for informer in self._informers:
                tasks.create_task(informer.run())

    def _handler(self, resource: Resource) -> Callable[[Change, Object], None]:
        def handle(change: Change, obj: Object) -> None:
            self._met(resource, change, obj)

        return handle

    def _met(self, resource: Resource, change: Change, obj: Object) -> None:
        key = (resource, obj["metadata"]["name"])
        known = self.known.get(key)
        if change == "deleted":
            self.known.pop(key, None)
            self._remove(*key)
        elif known is not None and known.obj.get("spec") == obj.get("spec"):
            known.obj = obj
            return
        else:
            self.known[key] = Known(obj, self._put(resource, obj))
        self._settle(key)

    def _put(self, resource: Resource, obj: Object) -> str:
        """Take an object in, and return what is wrong with it, or nothing."""
        name = obj["metadata"]["name"]
        started = time.perf_counter()
        fault = ""
        try:
            if resource is resources.EXPANSION_TEMPLATES:
                self.expander.put_template(obj)
            else:
                self.system.put(obj)
        except (MutatorError, ExpansionError) as error:
            if not (isinstance(error, ExpansionError) and error.cycle):
                fault = error.message
                # What stood there before must not act in the name of a text that says something else.
                self._remove(resource, name)
                logs.warning("not in force", kind=resource.kind, name=name, reason=error.render())
        if resource is not resources.EXPANSION_TEMPLATES:
            seconds = time.perf_counter() - started
            self._metrics.mutator_ingested("error" if fault else "active", seconds=seconds)
        return fault

    def _remove(self, resource: Resource, name: str) -> None:
        if resource is resources.EXPANSION_TEMPLATES:
            self.expander.remove_template(name)
        else:
            self.system.remove(resource.kind, name)

    def _settle(self, changed: Key) -> None:
        """Find the conflicts anew: one object's change may bring others into one, or out of it."""
        cyclic = self.expander.conflicts()
        for key, known in self.known.items():
            resource, name = key
            if resource is resources.EXPANSION_TEMPLATES:
                conflict = "template forms expansion cycle" if name in cyclic else ""
            else:
                conflict = self.system.conflict_text(resource.kind, name)
            if conflict != known.conflict or key == changed:
                known.conflict = conflict
                self._touch(key)
        self._count()
        for listener in self._listeners:
            listener()

    def _touch(self, key: Key) -> None:
        for touched in self._touched:
            touched(key)

    def _count(self) -> None:
        states: dict[bool, list[str]] = {False: [], True: []}
        conflicting = 0
        for (resource, _), known in self.known.items():
            expands = resource is resources.EXPANSION_TEMPLATES
            states[expands].append("error" if known.errors else "active")
            conflicting += bool(known.conflict) and not expands
        self._metrics.mutators_counted(states[False], templates=states[True], conflicting=conflicting)
