"""`gator test`: everything in the files is judged by the policies that are among them.

In: `Sources`. Out: `Finding`s, in gator's order. Templates come first, then constraints, then every object is
put into the inventory (only when some template reads it) and judged, and so is what it would generate
(gatekeeper.md 6.1). Files without policies and Namespaces are read once and forgotten, so memory grows with
what is found, not with what is read.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from pratique.constraint import (
    GATOR,
    Constraint,
    Library,
    Programs,
    Review,
    TemplateTime,
    Violation,
    validation,
)
from pratique.constraint.expansion import GENERATED, imply
from pratique.constraint.program import Sink
from pratique.errors import InputError, Location, PratiqueError, SourceError
from pratique.kube import objects as names
from pratique.kube.match import group_kind
from pratique.offline.entries import STDIN, Entry
from pratique.offline.generator import Generator
from pratique.offline.sources import Sources

TEMPLATES: Final = "templates.gatekeeper.sh"
CONSTRAINTS: Final = "constraints.gatekeeper.sh"
# What a document that holds a policy or a Namespace has in its text.  An escape (`"gate\\x6beeper.sh"`) is
# legal in YAML and hides it: a text with one is parsed too.
_FIRST: Final = ("gatekeeper.sh", "Namespace", "\\x", "\\u", "\\U")

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Finding:
    """One violation, with the object that it is about and the document that it was read from."""

    violation: Violation
    constraint: Constraint
    object: dict[str, Any] = field(repr=False)
    entry: Entry = field(repr=False)
    allowed: str = ""  # the reason that the object gives for it
    known: bool = False  # it stands in the baseline

    @property
    def namespaces(self) -> tuple[str, ...]:
        """Return the namespace of its object, which is a Namespace's own name; none for a cluster's own objects."""
        if group_kind(self.object) == ("", "Namespace"):
            return (names.name(self.object),)
        return (names.namespace(self.object),) if names.namespace(self.object) else ()

    @property
    def accepted(self) -> bool:
        """Tell whether it is there, and nothing is to be done about it now."""
        return self.known or bool(self.allowed)

    @property
    def denies(self) -> bool:
        """Tell whether it makes a test fail."""
        return not self.accepted and "deny" in (self.violation.actions or (self.violation.action,))

    def location(self) -> Location:
        """Return where the offending field stands (found anew each time: it costs a parse)."""
        return self.entry.locate(self.violation.field)


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the first pass over the files found."""

    library: Library
    generator: Generator
    constraints: dict[tuple[str, str], Constraint]

    def review(self, found: dict[str, Any]) -> Review:
        """Return the question about an object."""
        # gator asks with an empty Namespace about cluster-scoped objects, which `scope` then sees (6.1).
        return Review.from_object(found, namespace=self.generator.namespace_of(found), show_namespace=False)

    def times(self, found: dict[str, Any]) -> list[TemplateTime]:
        """Return how long each template takes over an object."""
        return self.library.times(self.review(found), GATOR)


class NothingGivenError(InputError):
    """There is nothing to look at."""

    def __init__(self, flag: str = "-f") -> None:
        super().__init__(
            "no input data identified", hint=f"name files with `{flag}`, or pipe manifests to standard input"
        )


def check(
    sources: Sources,
    *,
    say: Say,
    tick: Callable[[int], None] = lambda _: None,
    sink: Sink | None = None,
    times: Callable[[list[TemplateTime]], None] | None = None,
) -> list[Finding]:
    """Judge everything that the sources hold.

    `say` hears warnings, `tick` how many objects are done, `sink` what policies print, `times` how long each
    template took over an object (which is judged once more for it).

    Raises the error of whatever cannot be read, with its file and line.
    """
    loaded = _load(sources, Programs(sink=sink))
    defined: dict[tuple[str, str, str, str], str] = {}
    found: list[Finding] = []
    done = 0
    for entry, found_object in objects(sources):
        _warn_of_duplicates(found_object, entry, defined, say)
        if times is not None:
            times(loaded.times(found_object))
        found += _judge(loaded, entry, found_object)
        done += 1
        tick(done)
    if not done:
        raise NothingGivenError
    # gator sorts the answers of all reviews together.
    found.sort(key=lambda finding: finding.violation.order)
    return found


def objects(sources: Sources) -> Iterator[tuple[Entry, dict[str, Any]]]:
    """Yield every object of the sources, freshly parsed."""
    for entry in sources.entries():
        yield from _objects_of(entry)


def _needed_first(sources: Sources) -> Iterator[tuple[Entry, dict[str, Any]]]:
    """Yield policies and Namespaces; a document that names neither is not parsed."""
    for entry in sources.entries(_FIRST):
        yield from _objects_of(entry)


def _objects_of(entry: Entry) -> Iterator[tuple[Entry, dict[str, Any]]]:
    value = entry.read()
    if value is None or value == {}:
        return
    if not isinstance(value, dict) or not isinstance(value.get("kind"), str) or not value["kind"]:
        raise SourceError("a Kubernetes object needs `kind`", entry.locate(), hint="write `kind: ...`")
    version = value.get("apiVersion")
    if not isinstance(version, str) or not version.rpartition("/")[2]:
        raise SourceError(
            "a Kubernetes object needs `apiVersion`",
            entry.locate("apiVersion"),
            hint="write `apiVersion: ...`",
        )
    yield entry, value


def _load(sources: Sources, programs: Programs) -> Loaded:
    """Read policies, and what must be known before the first object is judged."""
    library = Library(programs=programs)
    policies: dict[str, list[tuple[Entry, dict[str, Any]]]] = {TEMPLATES: [], CONSTRAINTS: [], "": []}
    for entry, found in _needed_first(sources):
        group, _ = group_kind(found)
        if group in policies:
            policies[group].append((entry, found))
        elif Generator.wants(found):
            policies[""].append((entry, found))
    for entry, found in policies[TEMPLATES]:
        library.put_template(found, document=entry.document())
    constraints = {}
    for entry, found in policies[CONSTRAINTS]:
        constraint = _put_constraint(library, entry, found)
        constraints[constraint.kind, constraint.name] = constraint
    if any(_reads_inventory(template.rego) for template in library.templates()):
        for entry, found in objects(sources):
            _put_inventory(library, entry, found)
    return Loaded(library, Generator(policies[""]), constraints)


def _put_constraint(library: Library, entry: Entry, found: dict[str, Any]) -> Constraint:
    try:
        return library.put_constraint(found)
    except SourceError:
        raise
    except PratiqueError as error:
        raise SourceError(error.message, entry.locate(), hint=error.hint) from error


def _put_inventory(library: Library, entry: Entry, found: dict[str, Any]) -> None:
    try:
        library.put_inventory(found)
    except InputError as error:
        raise SourceError(error.message, entry.locate("metadata"), hint=error.hint) from error


def _reads_inventory(source: Any) -> bool:
    return any("inventory" in text for text in itertools.chain((source.rego,), source.libs))


def _judge(loaded: Loaded, entry: Entry, found: dict[str, Any]) -> list[Finding]:
    library, generator = loaded.library, loaded.generator
    if group_kind(found)[0] == CONSTRAINTS:
        # gator judges a constraint with the defaults that loading it filled in.
        found = dict(loaded.constraints[validation.key(found)].object)
    review = loaded.review(found)
    violations = library.review(review, GATOR)
    changed, resultants = generator.expand(entry, found)
    for resultant in resultants:
        review = Review.from_object(
            resultant.object, namespace=review.namespace, source=GENERATED, show_namespace=False
        )
        violations += imply(library.review(review, GATOR), resultant)
    return [
        Finding(
            violation,
            loaded.constraints[violation.constraint_kind, violation.constraint_name],
            changed,
            entry,
        )
        for violation in violations
    ]


def _warn_of_duplicates(
    found: dict[str, Any], entry: Entry, defined: dict[tuple[str, str, str, str], str], say: Say
) -> None:
    name = names.name(found)
    key = (*group_kind(found), names.namespace(found), name)
    before = defined.get(key)
    defined[key] = entry.file
    if before is not None:
        say(
            f'WARNING - Resource named "{name}" (from {_source(entry.file)}) is already defined in '
            f"{_source(before)}"
        )


def _source(file: str) -> str:
    return file if file == STDIN else f'file: "{file}"'
