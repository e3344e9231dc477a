"""The tree of rules: which rules stand where, and which places are packages.

Comes in: the rules of all modules, each with its absolute reference. Goes out: places, and for each reference
the group of rules that define it together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from pratique.rego import nodes

Path = tuple[str, ...]


@dataclass(slots=True)
class Group:
    """Rules that define one reference together."""

    number: int
    path: Path
    members: list[nodes.Rule] = field(default_factory=list)
    arity: int = -1

    @property
    def function(self) -> bool:
        """Whether the rules take arguments."""
        return self.arity >= 0


@dataclass(slots=True)
class Place:
    """A node of the tree."""

    number: int
    path: Path
    children: dict[str, Place] = field(default_factory=dict)
    group: Group | None = None
    # Whether rules of other places have a part in the document here: rules below, or rules above with keys.
    joined: bool = False


class Tree:
    """All places and groups, found by path."""

    def __init__(self) -> None:
        self.places: list[Place] = []
        self.groups: list[Group] = []
        self.root = self._place(())

    def _place(self, path: Path) -> Place:
        made = Place(len(self.places), path)
        self.places.append(made)
        return made

    def package(self, path: Sequence[str]) -> Place:
        """Return the place at a path, made if need be."""
        place = self.root
        for name in path:
            if name not in place.children:
                place.children[name] = self._place((*place.path, name))
            place = place.children[name]
        return place

    def group(self, path: Sequence[str]) -> Group:
        """Return the group of rules at a path, made if need be."""
        place = self.package(path)
        if place.group is None:
            place.group = Group(len(self.groups), place.path)
            self.groups.append(place.group)
        return place.group

    def join(self, place: Place | None = None, *, keyed: bool = False) -> None:
        """Note at each place whether rules of other places have a part in its document; all rules are known now."""
        place = place or self.root
        partial = place.group is not None and any(rule.keys for rule in place.group.members)
        place.joined = bool(place.children) or (keyed and partial)
        for child in place.children.values():
            self.join(child, keyed=keyed or partial)

    def find(self, path: Sequence[str]) -> Place | None:
        """Return the place at a path, if there is one."""
        place: Place | None = self.root
        for name in path:
            place = place.children.get(name) if place is not None else None
        return place
