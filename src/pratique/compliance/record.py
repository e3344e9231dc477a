"""A compliance record: one component and what one member of one assignment says of it.

In: what an agent reports (the wire form of a record, and totals). Out: `Record`. It is state, not an event:
`first_seen` stays, `last_seen` moves, `fixed_at` closes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pratique.compliance import state
from pratique.errors import InputError


@dataclass(frozen=True, slots=True)
class Record:
    """One component x one constraint, as reported."""

    key: str
    constraint_kind: str
    constraint_name: str
    assignment_id: str
    reference_id: str
    group: str
    version: str
    kind: str
    namespace: str
    name: str
    uid: str
    message: str
    messages: tuple[str, ...]
    field: str
    action: str
    first_seen: str
    last_seen: str
    fixed_at: str = ""

    @property
    def state(self) -> str:
        """Return what this record says of its component."""
        return state.COMPLIANT if self.fixed_at else state.NON_COMPLIANT

    @property
    def component_id(self) -> str:
        """Return the component as Azure names it: `namespace/name`, or the name alone."""
        return f"{self.namespace}/{self.name}" if self.namespace else self.name

    def to_wire(self) -> dict[str, Any]:
        """Return the record as it travels."""
        return {wire: _plain(getattr(self, own)) for own, wire in _FIELDS.items()}


_FIELDS = {
    "key": "key",
    "constraint_kind": "constraintKind",
    "constraint_name": "constraintName",
    "assignment_id": "assignmentId",
    "reference_id": "referenceId",
    "group": "group",
    "version": "version",
    "kind": "kind",
    "namespace": "namespace",
    "name": "name",
    "uid": "uid",
    "message": "message",
    "messages": "messages",
    "field": "field",
    "action": "action",
    "first_seen": "firstSeen",
    "last_seen": "lastSeen",
    "fixed_at": "fixedAt",
}
_REQUIRED = ("key", "constraintKind", "constraintName", "kind", "name")


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def key(
    constraint_kind: str,
    constraint_name: str,
    *,
    group: str,
    version: str,
    kind: str,
    namespace: str,
    name: str,
) -> str:
    """Return the key of a record, which both sides of a report agree on."""
    return f"{constraint_kind}/{constraint_name}|{group}/{version}/{kind}|{namespace}|{name}"


def read(document: Mapping[str, Any]) -> Record:
    """Read a record from its wire form.

    Raises `InputError` naming what is missing or no text.
    """
    values: dict[str, Any] = {}
    for own, wire in _FIELDS.items():
        value = document.get(wire)
        if own == "messages":
            if not isinstance(value or [], list):
                raise InputError("`messages` of a record must be an array")
            values[own] = tuple(map(str, value or ()))
            continue
        if value is not None and not isinstance(value, str):
            raise InputError(f"`{wire}` of a record must be text")
        if not value and wire in _REQUIRED:
            raise InputError(f"a record needs `{wire}`")
        values[own] = value or ""
    if not values["messages"] and values["message"]:
        values["messages"] = (values["message"],)
    return Record(**values)
