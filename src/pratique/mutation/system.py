"""All mutators of a cluster, and what they make of an object.

In: mutators as plain dicts, and objects. Out: `Mutated`: the new object, who applied, and the JSON patch. The
mutators apply in the order of kind and name, again and again until a whole pass changes nothing; those whose
shapes conflict do not apply (gatekeeper.md 1.9). What was handed in is never changed.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from pratique.kube import diff, objects
from pratique.kube.match import Candidate, MatchError
from pratique.mutation import external, shapes
from pratique.mutation.apply_to import GVK
from pratique.mutation.errors import MutationError
from pratique.mutation.external import Lookup
from pratique.mutation.mutator import Mutator, MutatorId, read

ANNOTATION_MUTATIONS = "gatekeeper.sh/mutations"
ANNOTATION_ID = "gatekeeper.sh/mutation-id"


Told = Callable[[bool, int], None]


class Mutated(NamedTuple):
    """What mutation made: `object` is the one handed in where nothing changed."""

    object: dict[str, Any]
    applied: tuple[MutatorId, ...]
    patch: list[dict[str, Any]]


class MutationSystem:
    """The mutators of one cluster (or of one folder of files)."""

    def __init__(
        self,
        lookup: Lookup | None = None,
        *,
        annotate: bool = False,
        new_id: Callable[[], str] = lambda: str(uuid.uuid4()),
        told: Told | None = None,
    ) -> None:
        """Ask providers through `lookup`; with `annotate`, changed objects say which mutators changed them.

        `told` hears of each object whether it came to rest, and after how many passes (0: nothing applied).
        """
        self._lookup = lookup
        self._annotate = annotate
        self._new_id = new_id
        self._told = told
        self._mutators: dict[MutatorId, Mutator] = {}
        self._conflicts: dict[MutatorId, frozenset[MutatorId]] | None = {}
        self._index: dict[tuple[GVK, str], tuple[Mutator, ...]] = {}

    # --- mutators ---

    def put(self, document: Mapping[str, Any]) -> Mutator:
        """Add or replace a mutator; raises `MutatorError`, and what was there then stays.

        One whose shape conflicts with another's is kept, and neither applies: ask `conflicts`.
        """
        mutator = read(document)
        self._mutators[mutator.id] = mutator
        self._forget()
        return mutator

    def remove(self, kind: str, name: str) -> None:
        """Take a mutator out; one that is not there is no error."""
        if self._mutators.pop(MutatorId(kind, "", name), None) is not None:
            self._forget()

    def mutators(self) -> list[Mutator]:
        """Return all mutators, in the order in which they apply."""
        return [self._mutators[key] for key in sorted(self._mutators)]

    def conflicts(self, kind: str, name: str) -> tuple[MutatorId, ...]:
        """Return the mutators that one conflicts with, itself among them; none if it applies."""
        return tuple(sorted(self._conflicting().get(MutatorId(kind, "", name), ()), key=str))

    def conflict_text(self, kind: str, name: str) -> str:
        """Return what the status of a conflicting mutator says, or an empty text."""
        found = self.conflicts(kind, name)
        listed = ",".join(map(str, found))
        return f"the following mutators have conflicting schemas: [{listed}]" if found else ""

    def _forget(self) -> None:
        self._conflicts = None
        self._index.clear()

    def _conflicting(self) -> dict[MutatorId, frozenset[MutatorId]]:
        if self._conflicts is None:
            self._conflicts = shapes.conflicts(self._mutators.values())
        return self._conflicts

    def _for_kind(self, gvk: GVK, operation: str) -> tuple[Mutator, ...]:
        found = self._index.get((gvk, operation))
        if found is None:
            disabled = self._conflicting()
            found = tuple(
                one
                for one in self.mutators()
                if one.id not in disabled
                and one.admits(gvk, operation)
                and one.matcher.admits(gvk[0], gvk[2])
            )
            self._index[gvk, operation] = found
        return found

    # --- objects ---

    def mutate(
        self,
        found: dict[str, Any],
        *,
        namespace: Mapping[str, Any] | None = None,
        operation: str = "",
        source: str = "Original",
        username: str = "",
    ) -> Mutated:
        """Apply all mutators that match; `namespace` is the Namespace object that the object is in.

        Raises `MutationError` when one of them fails, or when they do not come to rest.
        """
        passes = _Passes()
        try:
            mutated = self._mutate(found, _Request(namespace, operation, source, username), passes)
        except MutationError:
            if self._told is not None:
                self._told(False, passes.count)
            raise
        if self._told is not None:
            self._told(True, passes.count)
        return mutated

    def _mutate(self, found: dict[str, Any], request: _Request, passes: _Passes) -> Mutated:
        unchanged = Mutated(found, (), [])
        if not self._for_kind(objects.gvk(found), request.operation):
            return unchanged
        result: dict[str, Any] = objects.copy(found)
        before = found
        applied: dict[MutatorId, Mutator] = {}
        for number in range(1, len(self._mutators) + 2):
            passes.count = number
            touched = self._pass(result, request)
            if not touched or diff.same(before, result):
                if before is not found:
                    return self._finish(found, result, applied)
                passes.count = 0
                return unchanged
            applied.update((one.id, one) for one in touched)
            before = objects.copy(result)
        raise MutationError(
            f"mutation not converging: mutation {self._new_id()} not converging for {_shown(result)}",
            hint="two mutators undo each other's change: " + ", ".join(str(one) for one in sorted(applied)),
        )

    def _pass(self, result: dict[str, Any], request: _Request) -> list[Mutator]:
        """Apply every mutator once, in place; returns those that reached their location."""
        touched: list[Mutator] = []
        gvk = objects.gvk(result)
        waiting = list(reversed(self._for_kind(gvk, request.operation)))
        while waiting:
            mutator = waiting.pop()
            if self._apply(mutator, result, request):
                touched.append(mutator)
                if objects.gvk(result) != gvk:
                    # It changed the kind: those after it that are for the new kind go on.
                    gvk = objects.gvk(result)
                    later = [one for one in self._for_kind(gvk, request.operation) if one.id > mutator.id]
                    waiting = later[::-1]
        return touched

    def _apply(self, mutator: Mutator, result: dict[str, Any], request: _Request) -> bool:
        try:
            if not mutator.matches(Candidate(result, request.namespace, request.source)):
                return False
        except MatchError as error:
            raise MutationError(
                f"matching for mutator {mutator.id} failed for {_shown(result)}: "
                f"failed to run Match criteria: {error.message}"
            ) from error
        try:
            return mutator.apply(result, username=request.username)
        except MutationError as error:
            raise MutationError(
                f"mutation {self._new_id()} for mutator {mutator.id} failed for {_shown(result)}: "
                f"{error.message}"
            ) from error

    def _finish(
        self, found: dict[str, Any], result: dict[str, Any], applied: dict[MutatorId, Mutator]
    ) -> Mutated:
        external.resolve(result, self._lookup)
        if self._annotate:
            metadata = result.setdefault("metadata", {})
            annotations = metadata.get("annotations") or {}
            labels = ", ".join(sorted(one.label for one in applied.values()))
            metadata["annotations"] = {
                **annotations,
                ANNOTATION_MUTATIONS: labels,
                ANNOTATION_ID: self._new_id(),
            }
        return Mutated(result, tuple(sorted(applied)), diff.json_patch(found, result))


class _Passes:
    """How many passes an object has been through; none if nothing applied."""

    __slots__ = ("count",)

    def __init__(self) -> None:
        self.count = 0


class _Request(NamedTuple):
    """What is known around an object."""

    namespace: Mapping[str, Any] | None
    operation: str
    source: str
    username: str


def _shown(found: Mapping[str, Any]) -> str:
    group, _, kind = objects.gvk(found)
    metadata = objects.metadata(found)
    name = metadata.get("name") or metadata.get("generateName") or ""
    return f"{group} {kind} {metadata.get('namespace') or ''} {name}"
