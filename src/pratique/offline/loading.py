"""Policies out of sources: what must be known before the first object is judged.

In: `Sources`. Out: `Loaded`: a library with templates, constraints and what they look up, and the mutators and
expansions. A document that names nothing of that kind is not even parsed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from pratique.constraint import Constraint, Library, Programs
from pratique.errors import InputError, PratiqueError, SourceError
from pratique.kube.match import group_kind
from pratique.offline.entries import Entry
from pratique.offline.generator import Generator
from pratique.offline.outside import Outside
from pratique.offline.sources import Sources

TEMPLATES: Final = "templates.gatekeeper.sh"
CONSTRAINTS: Final = "constraints.gatekeeper.sh"
ANY: Final = "*"
# An escape (`"gate\\x6beeper.sh"`) is legal in YAML and hides a word: a text with one is parsed too.
_ESCAPES: Final = ("\\x", "\\u", "\\U")
# What a document that holds a policy or a Namespace has in its text.
_FIRST: Final = ("gatekeeper.sh", "Namespace", *_ESCAPES)


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the first pass over the files found."""

    library: Library
    generator: Generator
    constraints: dict[tuple[str, str], Constraint]


def load(sources: Sources, programs: Programs, outside: Outside | None = None) -> Loaded:
    """Read policies, and what must be known before the first object is judged; `outside` gets to know Providers."""
    library = Library(programs=programs)
    policies: dict[str, list[tuple[Entry, dict[str, Any]]]] = {TEMPLATES: [], CONSTRAINTS: [], "": []}
    for entry, found in objects(sources, _FIRST):
        group, _ = group_kind(found)
        if group in policies:
            policies[group].append((entry, found))
        elif Generator.wants(found):
            policies[""].append((entry, found))
    for entry, found in policies[TEMPLATES]:
        library.put_template(found, document=entry.places())
    constraints = {}
    for entry, found in policies[CONSTRAINTS]:
        constraint = _put_constraint(library, entry, found)
        constraints[constraint.kind, constraint.name] = constraint
    _put_inventory(library, sources)
    return Loaded(library, Generator(policies[""], outside=outside), constraints)


def objects(sources: Sources, words: tuple[str, ...] = ()) -> Iterator[tuple[Entry, dict[str, Any]]]:
    """Yield every object of the sources, freshly parsed; with `words`, of documents that have one of them."""
    for entry in sources.entries(words):
        found = object_of(entry)
        if found is not None:
            yield entry, found


def object_of(entry: Entry) -> dict[str, Any] | None:
    """Return the object of a document, None when it is empty; raises `SourceError`."""
    value = entry.read()
    if value is None or value == {}:
        return None
    if not isinstance(value, dict) or not isinstance(value.get("kind"), str) or not value["kind"]:
        raise SourceError("a Kubernetes object needs `kind`", entry.locate(), hint="write `kind: ...`")
    version = value.get("apiVersion")
    if not isinstance(version, str) or not version.rpartition("/")[2]:
        raise SourceError(
            "a Kubernetes object needs `apiVersion`",
            entry.locate("apiVersion"),
            hint="write `apiVersion: ...`",
        )
    if version.count("/") > 1:
        raise SourceError(
            f"`apiVersion: {version}` has more than one `/`",
            entry.locate("apiVersion"),
            hint="write GROUP/VERSION, or VERSION alone for Kubernetes' core objects",
        )
    return value


def _put_constraint(library: Library, entry: Entry, found: dict[str, Any]) -> Constraint:
    try:
        return library.put_constraint(found)
    except SourceError:
        raise
    except PratiqueError as error:
        raise SourceError(error.message, entry.locate(), hint=error.hint) from error


def _put_inventory(library: Library, sources: Sources) -> None:
    """Keep the objects that templates look up, and no others."""
    wanted = library.read_inventory()
    kinds = {kind for _, kind in wanted}
    if not wanted:
        return
    words = () if ANY in kinds else (*sorted(kinds), *_ESCAPES)
    for entry, found in objects(sources, words):
        version, kind = found["apiVersion"], found["kind"]
        if not wanted.isdisjoint({(version, kind), (version, ANY), (ANY, kind), (ANY, ANY)}):
            try:
                library.put_inventory(found)
            except InputError as error:
                raise SourceError(error.message, entry.locate("metadata"), hint=error.hint) from error
