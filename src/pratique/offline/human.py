"""What people read: gator's lines, made where an object is judged, in the process that does it.

In: a batch of documents. Out: `Told`: its lines, packed for `ordering`, and what else is told of its objects. Made here
a finding costs a fifth of what it costs as a `Finding`, and of an object with a hundred of them nothing travels but
text. INVARIANT: the lines are those of `gator.human`, in its order.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, Final, NamedTuple

from pratique.constraint import GATOR, Review
from pratique.constraint.library import Asked
from pratique.constraint.violation import Finding as Found
from pratique.kube import objects as names
from pratique.kube.match import group_kind
from pratique.offline import gator, judging, ordering, suppression
from pratique.offline.entries import Entry
from pratique.offline.finding import PREFIX, Finding, Subject
from pratique.offline.judging import Batch, Wanted
from pratique.offline.loading import CONSTRAINTS, Loaded, object_of

_PLAIN: Final = Wanted()


class Asking(NamedTuple):
    """Which lines are wanted: only of what is denied, none of some namespaces.

    Without a day, annotations that allow findings are not heeded.
    """

    deny_only: bool = False
    exempt: frozenset[str] = frozenset()
    today: date | None = None


class Told(NamedTuple):
    """What a batch came to: each object's file and names, lines, and warnings with what they are ordered by."""

    objects: list[tuple[str, Subject]]
    lines: bytes
    denied: bool
    accepted: int
    warnings: list[tuple[str, str]]


class _Parts(NamedTuple):
    """What is the same in all lines of a constraint: a key before and after the message, the line before it."""

    before: str
    after: str
    named: str
    denies: bool


def tell(loaded: Loaded, asking: Asking, batch: Batch) -> Told:
    """Judge the documents of a batch.

    Raises the error of the first document that cannot be read or judged.
    """
    telling = _Telling(loaded, asking, batch)
    for number, entry in batch.entries():
        found = object_of(entry)
        if found is not None:
            telling.take(number, entry, found)
    return telling.told()


class _Telling:
    """One batch, on its way to `Told`."""

    def __init__(self, loaded: Loaded, asking: Asking, batch: Batch) -> None:
        self._loaded = loaded
        self._asking = asking
        self._batch = batch
        self._parts: dict[Asked, _Parts] = {}
        self._keys: list[str] = []
        self._texts: list[str] = []
        self._objects: list[tuple[str, Subject]] = []
        self._denied = False
        self._accepted = 0
        self._warnings: list[tuple[str, str]] = []

    def told(self) -> Told:
        """Return what the batch came to."""
        lines = ordering.pack(self._keys, self._texts)
        return Told(self._objects, lines, self._denied, self._accepted, self._warnings)

    def take(self, number: int, entry: Entry, found: dict[str, Any]) -> None:
        """Judge one document."""
        generator = self._loaded.generator
        if not generator.idle or group_kind(found)[0] == CONSTRAINTS or self._has_notes(found):
            self._take_slowly(number, entry, found)
            return
        subject = judging.subject_of(found)
        self._objects.append((entry.file, subject))
        review = Review.from_object(found, namespace=generator.namespace_of(found), show_namespace=False)
        answers = self._loaded.library.answers(review, GATOR)
        if self._asking.exempt and not self._asking.exempt.isdisjoint(subject.namespaces):
            return
        opening = gator.opening(subject)
        for asked, each in answers:
            if each:
                self._take_lines(opening, asked, each)

    def _has_notes(self, found: dict[str, Any]) -> bool:
        annotations = names.metadata(found).get("annotations")
        return isinstance(annotations, dict) and any(key.startswith(PREFIX) for key in annotations)

    def _take_lines(self, opening: str, asked: Asked, each: Sequence[Found]) -> None:
        parts = self._parts.get(asked)
        if parts is None:
            kind, name = asked.key
            before, after = ordering.key(asked.actions[0], ""), ordering.key("", kind, name)
            parts = _Parts(before, after, gator.named(name), "deny" in asked.actions)
            self._parts[asked] = parts
        before, after, named, denies = parts
        if denies:
            self._denied = True
        elif self._asking.deny_only:
            return
        for message, _, _ in each:
            self._keys.append(f"{before}{ordering.escaped(message)}{after}")
            self._texts.append(f"{opening}{named}{gator.quote(message)}\n")

    def _take_slowly(self, number: int, entry: Entry, found: dict[str, Any]) -> None:
        """Judge a document that is more than what its text says, or says itself what is allowed."""
        judged = judging.judge_one(self._loaded, number, entry, found, _PLAIN)
        self._objects.append((judged.file, judged.subject))
        if not self._asking.exempt.isdisjoint(judged.subject.namespaces):
            return
        said: set[str] = set()
        for finding in sorted(judging.findings(self._loaded, self._batch, judged), key=_key):
            self._take_finding(finding, said)

    def _take_finding(self, finding: Finding, said: set[str]) -> None:
        if self._asking.today is not None:
            (finding,), problems = suppression.apply([finding], self._asking.today)
            for problem in problems:
                text = problem.render()
                if text not in said:
                    said.add(text)
                    self._warnings.append((_key(finding), text))
        self._accepted += finding.accepted
        self._denied |= finding.denies
        if finding.denies or not (finding.accepted or self._asking.deny_only):
            self._keys.append(_key(finding))
            self._texts.append(f"{gator.line(finding)}\n")


def _key(finding: Finding) -> str:
    violation = finding.violation
    return ordering.key(
        violation.action, violation.message, violation.constraint_kind, violation.constraint_name
    )
