"""What a `with` replaces: input, a document of data, a function of the policy, a builtin."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal, Protocol

from pratique.rego.check.scopes import Scope
from pratique.rego.check.world import World
from pratique.rego.errors import TYPE_ERROR
from pratique.rego.nodes import Path, Ref, Scalar, Term, Var, With


class Resolving(Protocol):
    """What is needed of the resolver."""

    world: World

    def known(self, name: str) -> Path | None:
        """Return the absolute path that a rule or import gives a name."""

    def term(self, term: Term, scope: Scope) -> Term:
        """Return the term with every name decided."""

    def absolute(self, path: Path, rest: tuple[Term, ...], term: Term) -> Ref:
        """Return the reference to a global."""


def resolved(resolver: Resolving, each: With, scope: Scope) -> With:
    """Return the modifier with `kind`, `path` and `by` decided."""
    world = resolver.world
    path = _path(resolver, each.target, scope)
    if path is None:
        world.refuse("with keyword target must be a plain path", each.target.span)
        return replace(each, value=resolver.term(each.value, scope))
    if path[0] == "input":
        return replace(each, value=resolver.term(each.value, scope), kind="input", path=path[1:])
    if path[0] == "data":
        return _data(resolver, each, path, scope)
    name = ".".join(map(str, path))
    builtin = world.builtins.get(name)
    if builtin is None:
        world.refuse(
            "with keyword target must reference existing input, data, or a function",
            each.target.span,
            code=TYPE_ERROR,
        )
        return replace(each, value=resolver.term(each.value, scope))
    why = ""
    if builtin.relation:
        why = "target must not be a relation"
    elif builtin.void:
        why = "target must not be a void function"
    elif name == "eq" or path[0] == "internal" or name.startswith("rego.metadata."):
        why = f"replacement of `{name}` is not possible"
    if why:
        world.refuse(f"with keyword replacing built-in function: {why}", each.target.span)
    return _function(resolver, each, scope, path=path, kind="builtin")


def _path(resolver: Resolving, target: Ref, scope: Scope) -> tuple[Any, ...] | None:
    head = target.head
    if not isinstance(head, Var):
        return None
    names: list[Any] = []
    for part in target.path:
        if not isinstance(part, Scalar):
            return None
        names.append(part.value)
    known = None if scope.hides(head.name) else resolver.known(head.name)
    return (*(known or (head.name,)), *names)


def _data(resolver: Resolving, each: With, path: tuple[Any, ...], scope: Scope) -> With:
    world = resolver.world
    place = world.find(path)
    if place is not None:
        # Whoever replaces a rule depends on it.
        resolver.absolute(path, (), each.target)
    if place is not None and place.arity >= 0:
        return _function(resolver, each, scope, path=path, kind="function")
    for length in range(2, len(path)):
        above = world.find(path[:length])
        if above is not None and above.rules and above.arity < 0:
            world.refuse("with keyword cannot partially replace virtual document(s)", each.target.span)
            break
    return replace(each, value=resolver.term(each.value, scope), kind="data", path=path[1:])


def _function(
    resolver: Resolving,
    each: With,
    scope: Scope,
    *,
    path: tuple[Any, ...],
    kind: Literal["function", "builtin"],
) -> With:
    stand_in = _stand_in(resolver, each.value, scope)
    if stand_in[:1] == ("data",):
        value: Term = resolver.absolute(stand_in, (), each.value)
    else:
        value = each.value if stand_in else resolver.term(each.value, scope)
    return replace(each, value=value, path=path, kind=kind, by=stand_in)


def _stand_in(resolver: Resolving, value: Term, scope: Scope) -> Path:
    """Return the function or builtin that a value names, or nothing."""
    target = Ref(value, (), value.span) if isinstance(value, Var) else value
    if not isinstance(target, Ref):
        return ()
    if isinstance(target.head, Var) and scope.hides(target.head.name):
        return ()
    path = _path(resolver, target, scope)
    if path is None or not all(isinstance(name, str) for name in path):
        return ()
    if path[0] == "data":
        place = resolver.world.find(path)
        return path if place is not None and place.arity >= 0 else ()
    return path if ".".join(path) in resolver.world.builtins else ()
