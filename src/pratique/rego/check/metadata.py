"""`rego.metadata.rule()` and `rego.metadata.chain()`: known when a policy is compiled, so constants from here on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, Protocol

from pratique.rego.check.world import World
from pratique.rego.nodes import Annotation, Call, Module, Path, Rule, Scalar

CALLS: Final = frozenset({("rego", "metadata", "rule"), ("rego", "metadata", "chain")})


class Resolving(Protocol):
    """What is needed of the resolver."""

    world: World
    module: Module | None
    rule: Rule | None


def constant(resolver: Resolving, parts: Path, call: Call) -> Scalar:
    """Return what the call amounts to in the rule that it stands in."""
    rule, module = resolver.rule, resolver.module
    own = _first(rule.annotations if rule is not None else (), "rule")
    if parts[-1] == "rule":
        return Scalar({} if own is None else shown(own), call.span)
    if rule is None or module is None:
        return Scalar([], call.span)
    notes = resolver.world.annotations
    where = (*module.package, *rule.path)
    chain: list[dict[str, Any]] = [_link(where, own)]
    document = _first(notes.get(where, ()), "document")
    if document is not None:
        chain.append(_link(where, document))
    package = module.package
    found = _first(notes.get(package, ()), "package")
    if found is not None:
        chain.append(_link(package, found))
    for length in range(len(package), 0, -1):
        found = _first(notes.get(package[:length], ()), "subpackages")
        if found is not None:
            chain.append(_link(package[:length], found))
    return Scalar(chain, call.span)


def _link(path: Path, annotation: Annotation | None) -> dict[str, Any]:
    link: dict[str, Any] = {"path": list(path[1:])}
    if annotation is not None:
        link["annotations"] = shown(annotation)
    return link


def _first(annotations: Iterable[Annotation], scope: str) -> Annotation | None:
    return next((note for note in annotations if note.scope == scope), None)


def shown(annotation: Annotation) -> dict[str, Any]:
    """Return an annotation as policies see it: its entries, and its scope."""
    return {**annotation.value, "scope": annotation.scope}


def has_schemas(world: World) -> bool:
    """Tell whether any annotation says what documents look like."""
    return any("schemas" in note.value for notes in world.annotations.values() for note in notes)


def of_rule(world: World, rule: Rule) -> list[Annotation]:
    """Return the annotations that hold for a rule, from the widest on."""
    assert rule.module is not None  # every rule of a checked tree has one
    package = rule.module.package
    found = [
        note
        for length in range(1, len(package) + 1)
        for note in world.annotations.get(package[:length], ())
        if note.scope == "subpackages"
    ]
    found += [note for note in world.annotations.get(package, ()) if note.scope == "package"]
    found += [note for note in world.annotations.get(rule.path, ()) if note.scope == "document"]
    return found + [note for note in rule.annotations if note.scope == "rule"]
