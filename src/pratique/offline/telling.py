"""Texts of findings, made where an object is judged, in the process that does it: lines for people, or JSON.

In: a batch of documents. Out: `Told`: a text for each finding, packed for `ordering`, and what else is told of its
objects. Made here, a finding costs a fifth of what it costs as a `Finding`, what is the same in many is made once, and
nothing travels but text. INVARIANT: the texts are those of `gator.human` and `gator.as_json`, in their order.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, Final, NamedTuple

from pratique.constraint import GATOR, Constraint, Review
from pratique.constraint.library import Asked
from pratique.constraint.violation import Finding as Found
from pratique.kube import objects as names
from pratique.kube.match import group_kind
from pratique.offline import gator, judging, ordering, suppression
from pratique.offline.entries import Entry
from pratique.offline.finding import PREFIX, Finding, Row, Subject
from pratique.offline.judging import Batch, Wanted
from pratique.offline.loading import CONSTRAINTS, Loaded, object_of

_PLAIN: Final = Wanted()


class Asking(NamedTuple):
    """Which texts are wanted: only of what is denied, none of some namespaces.

    Without a day, annotations that allow findings are not heeded.
    """

    as_json: bool = False
    deny_only: bool = False
    exempt: frozenset[str] = frozenset()
    today: date | None = None


class Told(NamedTuple):
    """What a batch came to: each object's file and names, texts, and warnings with what they are ordered by."""

    objects: list[tuple[str, Subject]]
    texts: bytes
    denied: bool
    accepted: int
    warnings: list[tuple[str, str]]


class _Parts(NamedTuple):
    """What is the same in all keys of a constraint: what stands before the message, and after it."""

    before: str
    after: str
    denies: bool


class _Lines:
    """Makes the lines of one object after the other."""

    def __init__(self) -> None:
        self._opening = ""
        self._named: dict[tuple[str, str], str] = {}

    def take(self, subject: Subject, _found: dict[str, Any]) -> None:
        """Go on to an object."""
        self._opening = gator.opening(subject)

    def text(self, asked: Asked, finding: Found) -> str:
        """Return the text of something that was found about it."""
        named = self._named.get(asked.key)
        if named is None:
            named = self._named[asked.key] = gator.named(asked.key[1])
        return f"{self._opening}{named}{gator.quote(finding.message)}\n"

    def whole(self, finding: Finding) -> str:
        """Return the text of a finding."""
        return f"{gator.line(finding)}\n"


class _Results:
    """Makes the JSON of one object after the other."""

    def __init__(self) -> None:
        self._found: dict[str, Any] = {}
        self._object: gator.Made | None = None
        self._constraints: dict[tuple[str, str], gator.Made] = {}

    def take(self, _subject: Subject, found: dict[str, Any]) -> None:
        """Go on to an object."""
        self._found, self._object = found, None

    def text(self, asked: Asked, finding: Found) -> str:
        """Return the text of something that was found about it."""
        constraint = asked.installed.constraint
        if self._object is None:
            self._object = gator.made(self._found)
        row = Row(
            constraint.kind,
            constraint.name,
            finding.message,
            asked.actions[0],
            finding.details,
            finding.error,
            asked.actions,
            constraint.enforcement_action,
        )
        return gator.one_result(row, self._made(constraint), self._object)

    def whole(self, finding: Finding) -> str:
        """Return the text of a finding."""
        return gator.one_result(finding.violation, self._made(finding.constraint), gator.made(finding.object))

    def _made(self, constraint: Constraint) -> gator.Made:
        key = (constraint.kind, constraint.name)
        made = self._constraints.get(key)
        if made is None:
            made = self._constraints[key] = gator.made(constraint.object)
        return made


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
        self._maker: _Lines | _Results = _Results() if asking.as_json else _Lines()
        self._keys: list[str] = []
        self._texts: list[str] = []
        self._objects: list[tuple[str, Subject]] = []
        self._denied = False
        self._accepted = 0
        self._warnings: list[tuple[str, str]] = []

    def told(self) -> Told:
        """Return what the batch came to."""
        texts = ordering.pack(self._keys, self._texts)
        return Told(self._objects, texts, self._denied, self._accepted, self._warnings)

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
        self._maker.take(subject, found)
        for asked, each in answers:
            if each:
                self._take_answer(asked, each)

    def _has_notes(self, found: dict[str, Any]) -> bool:
        annotations = names.metadata(found).get("annotations")
        return isinstance(annotations, dict) and any(key.startswith(PREFIX) for key in annotations)

    def _take_answer(self, asked: Asked, each: Sequence[Found]) -> None:
        parts = self._parts.get(asked)
        if parts is None:
            kind, name = asked.key
            before, after = ordering.key(asked.actions[0], ""), ordering.key("", kind, name)
            parts = self._parts[asked] = _Parts(before, after, "deny" in asked.actions)
        before, after, denies = parts
        if denies:
            self._denied = True
        elif self._asking.deny_only:
            return
        text = self._maker.text
        for finding in each:
            self._keys.append(f"{before}{ordering.escaped(finding.message)}{after}")
            self._texts.append(text(asked, finding))

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
            self._texts.append(self._maker.whole(finding))


def _key(finding: Finding) -> str:
    violation = finding.violation
    return ordering.key(
        violation.action, violation.message, violation.constraint_kind, violation.constraint_name
    )
