"""A finding: one violation, the object that it is about, and where both stand.

In: what a judgement gave, as plain values that may come from another process. Out: `Finding`, which holds neither
object nor text: it reads the document anew when somebody asks for more than a name, so that ten thousand findings
do not keep ten thousand manifests in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from pratique.constraint import Constraint
from pratique.constraint.fields import Fields
from pratique.errors import Location
from pratique.offline.entries import Entry

# Annotations of an object that concern findings about it (`suppression.py`).
PREFIX: Final = "allow.pratique.dev/"


class Subject(NamedTuple):
    """What an object is called."""

    api_version: str
    kind: str
    namespace: str
    name: str

    @property
    def namespaces(self) -> tuple[str, ...]:
        """Return its namespace, which is a Namespace's own name; none for a cluster's own objects."""
        if self.kind == "Namespace" and "/" not in self.api_version:
            return (self.name,)
        return (self.namespace,) if self.namespace else ()


class Row(NamedTuple):
    """One violation as plain values: what `Violation` says.

    `path` is the offending field's, and `place` the parts of its `Location`, when they were looked for at once.
    """

    constraint_kind: str
    constraint_name: str
    message: str
    action: str
    details: Any
    error: bool
    actions: tuple[str, ...]
    enforcement_action: str
    path: str | None = None
    place: tuple[str, int, int, str, int] | None = None


@dataclass(slots=True)
class Document:
    """Where an object was read: its document is found again by `fetch`, and `changed` is what mutators made of it.

    `notes` are its annotations that concern findings.
    """

    file: str
    subject: Subject
    fetch: Callable[[], Entry] = field(repr=False)
    changed: dict[str, Any] | None = field(default=None, repr=False)
    notes: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def entry(self) -> Entry:
        """Return the document, read anew."""
        return self.fetch()

    def object(self) -> dict[str, Any]:
        """Return the object as it was judged, freshly parsed unless a mutator changed it."""
        if self.changed is not None:
            return self.changed
        found = self.fetch().read()
        return found if isinstance(found, dict) else {}


@dataclass(slots=True)
class Finding:
    """One violation of one object."""

    violation: Row
    constraint: Constraint
    document: Document = field(repr=False)
    allowed: str = ""  # the reason that the object gives for it
    known: bool = False  # it stands in the baseline
    trace: str | None = field(default=None, repr=False)  # how its object was judged, step by step

    @property
    def accepted(self) -> bool:
        """Tell whether it is there, and nothing is to be done about it now."""
        return self.known or bool(self.allowed)

    @property
    def denies(self) -> bool:
        """Tell whether it makes a test fail."""
        return not self.accepted and "deny" in (self.violation.actions or (self.violation.action,))

    @property
    def subject(self) -> Subject:
        """Return what the object is called."""
        return self.document.subject

    @property
    def object(self) -> dict[str, Any]:
        """Return the object as it was judged (read anew each time: it costs a parse)."""
        return self.document.object()

    @property
    def field(self) -> str:
        """Return the path of the offending field, or an empty string."""
        violation = self.violation
        if violation.path is not None:
            return violation.path
        return Fields(self.object).find(violation.message, violation.details)

    def location(self) -> Location:
        """Return where the offending field stands."""
        place = self.violation.place
        return Location(*place) if place is not None else self.document.entry().locate(self.field)
