"""Texts of findings, made where an object is judged, in the process that does it: lines for people, JSON or YAML.

In: a batch of documents. Out: `Told`: a text for each finding, packed for `ordering`, and what else is told of its
objects. Made here, a finding costs a fifth of what it costs as a `Finding`, what is the same in many is made once, and
nothing travels but text. INVARIANT: the texts are those of `gator`'s three formats, in their order.
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
from pratique.offline.goyaml import Made
from pratique.offline.judging import Batch, Wanted
from pratique.offline.loading import CONSTRAINTS, Loaded, object_of

_PLAIN: Final = Wanted()


class Asking(NamedTuple):
    """Which texts are wanted: only of what is denied, none of some namespaces.

    Without a day, annotations that allow findings are not heeded.
    """

    format: str = gator.HUMAN
    deny_only: bool = False
    exempt: frozenset[str] = frozenset()
    today: date | None = None


class Told(NamedTuple):
    """What a batch came to: each object's file and names, texts, and warnings with what they are ordered by.

    `first` is the text that its first finding has if it is the first of all, with what it is ordered by.
    """

    objects: list[tuple[str, Subject]]
    texts: bytes
    denied: bool
    accepted: int
    warnings: list[tuple[str, str]]
    first: tuple[str, str] | None = None


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
        self._object: Made | None = None
        self._constraints: dict[tuple[str, str], Made] = {}

    def take(self, _subject: Subject, found: dict[str, Any]) -> None:
        """Go on to an object."""
        self._found, self._object = found, None

    def text(self, asked: Asked, finding: Found) -> str:
        """Return the text of something that was found about it."""
        constraint = asked.installed.constraint
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
        return self._result(row, constraint)

    def whole(self, finding: Finding) -> str:
        """Return the text of a finding."""
        self.take(finding.subject, finding.object)
        return self._result(finding.violation, finding.constraint)

    def _result(self, row: Row, constraint: Constraint) -> str:
        key = (constraint.kind, constraint.name)
        if key not in self._constraints:
            self._constraints[key] = self.made_constraint(constraint.object)
        if self._object is None:
            self._object = self.made_found(self._found)
        return self.made_result(row, self._constraints[key], self._object)

    made_constraint = staticmethod(gator.json_made)
    made_found = staticmethod(gator.json_made)
    made_result = staticmethod(gator.json_result)


class _YamlResults(_Results):
    """Makes the YAML of one object after the other, and remembers of what: the first of all is written otherwise."""

    def __init__(self) -> None:
        super().__init__()
        self._given: list[tuple[Row, Constraint, dict[str, Any]]] = []

    def first(self, number: int) -> str:
        """Return the text of what was made as number `number` if it is the first of all."""
        row, constraint, found = self._given[number]
        return gator.yaml_first(row, constraint.object, found)

    def _result(self, row: Row, constraint: Constraint) -> str:
        self._given.append((row, constraint, self._found))
        return super()._result(row, constraint)

    made_constraint = staticmethod(gator.yaml_constraint)
    made_found = staticmethod(gator.yaml_found)
    made_result = staticmethod(gator.yaml_result)


_MAKERS: Final[dict[str, type[_Lines | _Results]]] = {
    gator.HUMAN: _Lines,
    gator.JSON: _Results,
    gator.YAML: _YamlResults,
}


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
        self._maker: _Lines | _Results = _MAKERS[asking.format]()
        self._keys: list[str] = []
        self._texts: list[str] = []
        self._objects: list[tuple[str, Subject]] = []
        self._denied = False
        self._accepted = 0
        self._warnings: list[tuple[str, str]] = []

    def told(self) -> Told:
        """Return what the batch came to."""
        texts = ordering.pack(self._keys, self._texts)
        return Told(self._objects, texts, self._denied, self._accepted, self._warnings, self._first())

    def _first(self) -> tuple[str, str] | None:
        if not self._keys or not isinstance(self._maker, _YamlResults):
            return None
        number = min(range(len(self._keys)), key=self._keys.__getitem__)
        return self._keys[number], self._maker.first(number)

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
