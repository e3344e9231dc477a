"""What the audit knows: open records, and which constraints each object was judged by.

In: an object's matched constraints and violations. Out: records by key, totals by constraint, and what
changed since somebody last took the changes. Pure, in memory; it holds a record for each violation and,
for each object, no more than a reference to a shared tuple of the constraints that applied to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from pratique.constraint import Violation

Constraint = tuple[str, str]
"""(kind, name)"""

ObjectKey = tuple[str, str, str, str, str]
"""(group, version, kind, namespace, name)"""

ASSIGNMENT = "azure-policy-assignment-id"
REFERENCE = "azure-policy-definition-reference-id"


@dataclass(slots=True)
class Total:
    """How many objects a constraint judged, and how many of them violate it."""

    evaluated: int = 0
    violating: int = 0


@dataclass(slots=True)
class Record:
    """One component x one constraint, open since `first_seen`."""

    constraint: Constraint
    key: str
    subject: ObjectKey
    uid: str
    messages: tuple[str, ...]
    field: str
    action: str
    actions: tuple[str, ...]
    assignment_id: str
    reference_id: str
    first_seen: str
    last_seen: str

    @property
    def message(self) -> str:
        """All messages, a line each."""
        return "\n".join(self.messages)

    def says_the_same(self, other: Record) -> bool:
        """Tell whether nothing differs but the time."""
        return (self.messages, self.field, self.action, self.uid, self.assignment_id) == (
            other.messages,
            other.field,
            other.action,
            other.uid,
            other.assignment_id,
        )

    def document(self) -> dict[str, Any]:
        """Return the record as it is reported."""
        group, version, kind, namespace, name = self.subject
        return {
            "key": self.key,
            "constraintKind": self.constraint[0],
            "constraintName": self.constraint[1],
            "assignmentId": self.assignment_id,
            "referenceId": self.reference_id,
            "group": group,
            "version": version,
            "kind": kind,
            "namespace": namespace,
            "name": name,
            "uid": self.uid,
            "message": self.message,
            "messages": list(self.messages),
            "field": self.field,
            "action": self.action,
            "firstSeen": self.first_seen,
            "lastSeen": self.last_seen,
        }


@dataclass(slots=True)
class Changes:
    """What differs from what was taken before: keys to put and keys to take away."""

    upserts: set[str] = field(default_factory=set)
    removals: set[str] = field(default_factory=set)

    def __bool__(self) -> bool:
        return bool(self.upserts or self.removals)


def record_key(constraint: Constraint, subject: ObjectKey) -> str:
    """Return the key on which agent and service agree."""
    group, version, kind, namespace, name = subject
    return f"{constraint[0]}/{constraint[1]}|{group}/{version}/{kind}|{namespace}|{name}"


class Records:
    """The open records. Listeners are called after each change, with the constraints concerned."""

    def __init__(self) -> None:
        self.open: dict[str, Record] = {}
        self.totals: dict[Constraint, Total] = {}
        self._matched: dict[ObjectKey, tuple[Constraint, ...]] = {}
        self._shared: dict[tuple[Constraint, ...], tuple[Constraint, ...]] = {}
        self._by_object: dict[ObjectKey, list[str]] = {}
        self._by_constraint: dict[Constraint, dict[str, None]] = {}
        self._changes = Changes()
        self._listeners: list[Callable[[Iterable[Constraint]], None]] = []

    def listen(self, listener: Callable[[Iterable[Constraint]], None]) -> None:
        """Call `listener` with the constraints whose records or totals changed."""
        self._listeners.append(listener)

    def take(self) -> Changes:
        """Return the changes since the last call, and forget them."""
        taken, self._changes = self._changes, Changes()
        return taken

    def give_back(self, changes: Changes) -> None:
        """Take back changes that could not be told; what happened since then wins."""
        now = self._changes
        now.upserts |= {key for key in changes.upserts if key in self.open}
        now.removals |= {key for key in changes.removals | changes.upserts if key not in self.open}

    def of(self, constraint: Constraint) -> list[Record]:
        """Return the open records of one constraint."""
        return [self.open[key] for key in self._by_constraint.get(constraint, ())]

    def put(
        self,
        subject: ObjectKey,
        *,
        uid: str,
        matched: Iterable[Constraint],
        violations: Iterable[Violation],
        now: str,
    ) -> None:
        """Take in the verdict on one object; records that it no longer has are closed."""
        concerned = self._match(subject, tuple(sorted(matched)))
        found: dict[Constraint, list[Violation]] = {}
        for violation in violations:
            found.setdefault((violation.constraint_kind, violation.constraint_name), []).append(violation)
        before = self._by_object.get(subject, ())
        keys = []
        for constraint, group in found.items():
            record = _record(constraint, subject, group, uid=uid, now=now)
            keys.append(record.key)
            if self._open(record):
                concerned.add(constraint)
        for key in before:
            if key not in keys:
                concerned.add(self._close(key))
        if keys:
            self._by_object[subject] = keys
        else:
            self._by_object.pop(subject, None)
        self._notify(concerned)

    def drop(self, subject: ObjectKey) -> None:
        """Forget an object that is gone, or that is left alone from now on."""
        concerned = self._match(subject, ())
        for key in self._by_object.pop(subject, ()):
            concerned.add(self._close(key))
        self._notify(concerned)

    def drop_kind(self, group: str, kind: str) -> None:
        """Forget every object of a kind."""
        for subject in [one for one in self._matched if one[0] == group and one[2] == kind]:
            self.drop(subject)

    def drop_constraint(self, constraint: Constraint) -> None:
        """Close the records of a constraint that is no more."""
        for key in list(self._by_constraint.get(constraint, ())):
            subject = self.open[key].subject
            self._close(key)
            keys = [other for other in self._by_object[subject] if other != key]
            if keys:
                self._by_object[subject] = keys
            else:
                del self._by_object[subject]
        for subject, matched in self._matched.items():
            if constraint in matched:
                self._matched[subject] = self._share(tuple(one for one in matched if one != constraint))
        self.totals.pop(constraint, None)
        self._by_constraint.pop(constraint, None)
        self._notify({constraint})

    def _match(self, subject: ObjectKey, matched: tuple[Constraint, ...]) -> set[Constraint]:
        before = self._matched.get(subject, ())
        if matched:
            self._matched[subject] = self._share(matched)
        else:
            self._matched.pop(subject, None)
        if before == matched:
            return set()
        gone, come = set(before) - set(matched), set(matched) - set(before)
        for constraint in gone:
            self.total(constraint).evaluated -= 1
        for constraint in come:
            self.total(constraint).evaluated += 1
        return gone | come

    def _share(self, matched: tuple[Constraint, ...]) -> tuple[Constraint, ...]:
        return self._shared.setdefault(matched, matched)

    def total(self, constraint: Constraint) -> Total:
        """Return the figures of one constraint."""
        return self.totals.setdefault(constraint, Total())

    def settle(self, constraint: Constraint) -> None:
        """Take a constraint for judged, though perhaps there is nothing that it matches."""
        if constraint not in self.totals:
            self.total(constraint)
            self._notify({constraint})

    def _open(self, record: Record) -> bool:
        known = self.open.get(record.key)
        if known is None:
            self.total(record.constraint).violating += 1
            self._by_constraint.setdefault(record.constraint, {})[record.key] = None
        elif known.uid == record.uid:
            record.first_seen = known.first_seen
            if known.says_the_same(record):
                known.last_seen = record.last_seen
                return False
        self.open[record.key] = record
        self._changes.upserts.add(record.key)
        self._changes.removals.discard(record.key)
        return True

    def _close(self, key: str) -> Constraint:
        record = self.open.pop(key)
        if total := self.totals.get(record.constraint):
            total.violating -= 1
        self._by_constraint.get(record.constraint, {}).pop(key, None)
        self._changes.removals.add(key)
        self._changes.upserts.discard(key)
        return record.constraint

    def _notify(self, concerned: set[Constraint]) -> None:
        if concerned:
            for listener in self._listeners:
                listener(concerned)


def _record(
    constraint: Constraint, subject: ObjectKey, violations: list[Violation], *, uid: str, now: str
) -> Record:
    first = violations[0]
    messages = tuple(dict.fromkeys(violation.message for violation in violations))
    return Record(
        constraint=constraint,
        key=record_key(constraint, subject),
        subject=subject,
        uid=uid,
        messages=messages,
        field=next((violation.field for violation in violations if violation.field), ""),
        action=first.action,
        actions=tuple(dict.fromkeys(violation.action for violation in violations)),
        assignment_id=first.annotations.get(ASSIGNMENT, ""),
        reference_id=first.annotations.get(REFERENCE, ""),
        first_seen=now,
        last_seen=now,
    )
