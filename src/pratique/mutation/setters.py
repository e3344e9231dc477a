"""What mutators do at the end of their location: assign, change a set, change an image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pratique.kube.diff import same
from pratique.kube.objects import copy
from pratique.mutation.errors import MutationError
from pratique.mutation.image import Parts
from pratique.mutation.values import Placeholder
from pratique.mutation.walk import text_of, type_name

MERGE = "merge"
PRUNE = "prune"


@dataclass(frozen=True, slots=True)
class Assigned:
    """Put a value in place of what is there."""

    value: Any

    def set(self, parent: dict[str, Any], key: str) -> None:
        """Assign; a placeholder keeps what stood there, to ask its provider about it."""
        value = self.value
        if isinstance(value, Placeholder) and key in parent:
            before = parent[key]
            if isinstance(before, Placeholder):
                value = value.over(before.before)
            elif isinstance(before, str):
                value = value.over(before)
            else:
                raise MutationError(
                    "value assigned to external data placeholder is not a string, "
                    f"got {text_of(before)} ({type_name(before)})"
                )
        parent[key] = copy(value)

    def element(self) -> dict[str, Any]:
        """Return the assigned object."""
        if not isinstance(self.value, dict):
            raise MutationError(f"assign.value for keyed list is not an object: {text_of(self.value)}")
        copied: dict[str, Any] = copy(self.value)
        return copied


@dataclass(frozen=True, slots=True)
class Members:
    """Add what is missing in a list, in order, or take out what is there."""

    operation: str
    values: tuple[Any, ...]

    def set(self, parent: dict[str, Any], key: str) -> None:
        """Merge or prune; pruning what is not there changes nothing."""
        if key not in parent:
            if self.operation == MERGE:
                parent[key] = copy(list(self.values))
            return
        present = parent[key]
        if not isinstance(present, list):
            raise MutationError(f"{text_of(present)} is not a list of values, cannot treat it as a set")
        if self.operation == PRUNE:
            parent[key] = [one for one in present if not any(same(one, value) for value in self.values)]
            return
        merged = list(present)
        for value in self.values:
            if not any(same(value, one) for one in merged):
                merged.append(copy(value))
        parent[key] = merged

    def element(self) -> dict[str, Any]:
        """Refuse: a set has no keyed elements."""
        raise MutationError("mutator does not understand keyed lists")


@dataclass(frozen=True, slots=True)
class Image:
    """Replace parts of an image reference."""

    parts: Parts

    def set(self, parent: dict[str, Any], key: str) -> None:
        """Replace; a missing image becomes what the parts alone make."""
        before = parent.get(key, "")
        if not isinstance(before, str):
            raise MutationError(
                f"expected value at AssignImage location to be a string, got {text_of(before)} of type "
                f"{type_name(before)}"
            )
        parent[key] = self.parts.replace(before)

    def element(self) -> dict[str, Any]:
        """Refuse: an image is a text."""
        raise MutationError("mutator does not understand keyed lists")
