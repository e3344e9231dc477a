"""`spec.applyTo`: the kinds, and the operations on them, that a mutator may change.

In: the list as written. Out: `Bindings`: the (group, version, kind, operation)s, without globs. An operation
that is not known (audit, expansion) is admitted only where every supported one is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pratique.mutation.errors import MutatorError

OPERATIONS: Final = ("CREATE", "UPDATE")
ANY: Final = "*"

GVK = tuple[str, str, str]
Binding = tuple[GVK, str]


@dataclass(frozen=True, slots=True)
class Bindings:
    """What `applyTo` says: for each kind, the operations; `""` among them stands for an unknown one."""

    kinds: Mapping[GVK, frozenset[str]]

    def admits(self, gvk: GVK, operation: str) -> bool:
        """Tell whether an operation on a kind is covered, by one entry alone."""
        operations = self.kinds.get(gvk)
        return operations is not None and operation in operations

    def each(self) -> Iterable[Binding]:
        """Return each kind with each supported operation on it."""
        for gvk, operations in self.kinds.items():
            for operation in OPERATIONS:
                if operation in operations:
                    yield gvk, operation


def read(entries: Any, *, kind: str, name: str) -> Bindings:
    """Read and check `spec.applyTo`; raises `MutatorError` with Gatekeeper's texts."""
    owner = f"{kind} mutator {name}"
    if entries is None:
        entries = []
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise MutatorError("`spec.applyTo` must be a list of objects")
    read_entries = [
        {part: strings(entry.get(part), f"spec.applyTo[{index}].{part}") for part in _PARTS}
        for index, entry in enumerate(entries)
    ]
    if any(not entry[part] for entry in read_entries for part in ("groups", "versions", "kinds")):
        raise MutatorError(
            f"invalid applyTo for {owner}, all of group, version and kind must be specified",
            hint='the core group is written `groups: [""]`',
        )
    if problems := [text for index, entry in enumerate(read_entries) for text in _problems(index, entry)]:
        raise MutatorError(f"invalid applyTo for {owner}: {'; '.join(problems)}")
    if not read_entries:
        raise MutatorError(f"applyTo required for {owner}")
    kinds: dict[GVK, frozenset[str]] = {}
    for entry in read_entries:
        operations = _effective(entry["operations"])
        for gvk in gvks(entry):
            kinds[gvk] = kinds.get(gvk, frozenset()) | operations
    return Bindings(kinds)


def gvks(entry: Mapping[str, list[str]]) -> list[GVK]:
    """Return the cross product of groups, versions and kinds."""
    return [
        (group, version, kind)
        for group in entry["groups"]
        for version in entry["versions"]
        for kind in entry["kinds"]
    ]


def strings(value: Any, path: str) -> list[str]:
    """Return a list of strings as it is; raises `MutatorError` naming its path."""
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise MutatorError(f"`{path}` must be a list of strings")
    return value


_PARTS: Final = ("groups", "versions", "kinds", "operations")


def _effective(operations: list[str]) -> frozenset[str]:
    if not operations or ANY in operations or set(OPERATIONS) <= set(operations):
        return frozenset((*OPERATIONS, ""))
    return frozenset(operations)


def _problems(index: int, entry: Mapping[str, list[str]]) -> Iterable[str]:
    seen = set()
    place = f"applyTo[{index}].operations"
    for operation in entry["operations"]:
        if operation in seen:
            yield f'duplicate operation "{operation}" in {place}'
        seen.add(operation)
        if operation not in (*OPERATIONS, ANY):
            yield f'invalid operation "{operation}" in {place}: must be one of CREATE, UPDATE, *'
    if ANY in seen and len(entry["operations"]) > 1:
        yield f'wildcard "*" in {place} must not be combined with other operations'
