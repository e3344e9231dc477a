"""`rego.metadata.rule()` and `rego.metadata.chain()`: known when a policy is compiled, so constants from here on."""

from __future__ import annotations

from typing import Any, Final, Protocol

from pratique.rego.nodes import Annotation, Call, Module, Path, Rule, Scalar

CALLS: Final = frozenset({("rego", "metadata", "rule"), ("rego", "metadata", "chain")})


class Resolving(Protocol):
    """What is needed of the resolver."""

    module: Module | None
    rule: Rule | None


def constant(resolver: Resolving, parts: Path, call: Call) -> Scalar:
    """Return what the call amounts to in the rule that it stands in."""
    rule, module = resolver.rule, resolver.module
    own = _first(rule.annotations if rule is not None else (), "rule")
    if parts[-1] == "rule":
        return Scalar({} if own is None else shown(own), call.span)
    chain: list[dict[str, Any]] = []
    if rule is not None and module is not None:
        path = [*module.package, *rule.path]
        chain.append({"path": path} if own is None else {"annotations": shown(own), "path": path})
        document = _first(_document(module, rule), "document")
        if document is not None:
            chain.append({"annotations": shown(document), "path": path})
        for scope in ("package", "subpackages"):
            found = _first(module.annotations, scope)
            if found is not None:
                chain.append({"annotations": shown(found), "path": list(module.package)})
    return Scalar([_path_first(link) for link in chain], call.span)


def _path_first(link: dict[str, Any]) -> dict[str, Any]:
    return {name: ["data", *value[1:]] if name == "path" else value for name, value in link.items()}


def _document(module: Module, rule: Rule) -> tuple[Annotation, ...]:
    return tuple(note for other in module.rules if other.path == rule.path for note in other.annotations)


def _first(annotations: tuple[Annotation, ...], scope: str) -> Annotation | None:
    return next((note for note in annotations if note.scope == scope), None)


def shown(annotation: Annotation) -> dict[str, Any]:
    """Return an annotation as policies see it: its entries, and its scope."""
    return {**annotation.value, "scope": annotation.scope}
