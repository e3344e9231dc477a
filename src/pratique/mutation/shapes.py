"""The shape of a kind, as mutators imply it, and which mutators contradict each other.

In: mutators. Out: the ids of all that are party to a contradiction, with those that each one meets on its way.
`spec.containers[name: x].image` says that containers is a list keyed by name; `spec.containers.image` says
that it is an object: neither may act, whichever came first, for the kinds and operations that they share
(gatekeeper.md 1.9). It is computed from the whole set, so it does not depend on order and heals by itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from pratique.mutation.apply_to import Binding
from pratique.mutation.location import Field, Item, Location
from pratique.mutation.mutator import UNKNOWN, Mutator, MutatorId

_LIST = "List"
_OBJECT = "Object"


@dataclass(slots=True)
class _Node:
    """One place in a kind: who speaks of it, and as what."""

    users: set[MutatorId] = field(default_factory=set)
    last: set[MutatorId] = field(default_factory=set)
    children: dict[str, dict[str, _Node]] = field(default_factory=dict)

    def add(self, mutator: Mutator) -> None:
        node = self
        node.users.add(mutator.id)
        for key, shape in _steps(mutator):
            node = node.children.setdefault(key, {}).setdefault(shape, _Node())
            node.users.add(mutator.id)
        if mutator.must_terminate:
            node.last.add(mutator.id)

    def along(self, mutator: Mutator) -> set[MutatorId]:
        """Return every mutator in a contradiction on a mutator's way."""
        found: set[MutatorId] = set()
        node = self
        for key, shape in _steps(mutator):
            found |= _contradictions(node.children[key])
            node = node.children[key][shape]
        return found


def conflicts(mutators: Iterable[Mutator]) -> dict[MutatorId, frozenset[MutatorId]]:
    """Return, for each mutator that may not act, all the mutators that it stands in conflict with."""
    roots: dict[Binding, _Node] = {}
    known = [mutator for mutator in mutators if mutator.bindings]
    for mutator in known:
        for binding in mutator.binds():
            roots.setdefault(binding, _Node()).add(mutator)
    met = {
        mutator.id: frozenset().union(*(roots[binding].along(mutator) for binding in mutator.binds()))
        for mutator in known
    }
    parties = frozenset().union(*met.values())
    return {one: found for one, found in met.items() if one in parties}


def _steps(mutator: Mutator) -> list[tuple[str, str]]:
    """Return each node's key and what stands there: that shows in the node which follows."""
    location: Location = mutator.location
    shapes = [_LIST if isinstance(node, Item) else _OBJECT for node in location[1:]]
    return [
        (node.name if isinstance(node, Field) else node.key, shape)
        for node, shape in zip(location, [*shapes, mutator.terminal], strict=True)
    ]


def _contradictions(shapes: dict[str, _Node]) -> set[MutatorId]:
    found: set[MutatorId] = set()
    # What stands at the end of an Assign is unknown, and contradicts nothing.
    known = [shape for shape in shapes if shape != UNKNOWN]
    for shape in known:
        if len(known) > 1 or (shape == _LIST and len(shapes[shape].children) > 1):
            found |= shapes[shape].users
    ends = set().union(*(node.last for node in shapes.values()))
    below = [
        grandchild
        for node in shapes.values()
        for by_shape in node.children.values()
        for grandchild in by_shape.values()
    ]
    if ends and below:
        found |= ends.union(*(grandchild.users for grandchild in below))
    return found
