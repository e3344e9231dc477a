"""Scopes of local variables: what a name means where it stands, and whether it may be declared there.

A body is a scope; a nested body (comprehension, `every`) is one inside it. Names that `some`, `:=` or an argument
declares are local to theirs and hide what is outside; other variables belong to the whole rule.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from pratique.rego.check.variables import of_term
from pratique.rego.nodes import Array, Body, Call, Object, Ref, SetOf, Some, SomeIn, Term, Unify, Var

# How a name came into a scope, and what is said when it is declared again.
_AGAIN: Final = {
    "arg": "arg {} redeclared",
    "seen": "var {} referenced above",
    "assigned": "var {} assigned above",
    "declared": "var {} declared above",
}


class Names:
    """Gives every variable of one rule its own name."""

    __slots__ = ("number", "used")

    def __init__(self) -> None:
        self.used: set[str] = {"input", "data"}
        self.number = 0

    def wildcard(self) -> str:
        """Return a name for a `_`."""
        self.number += 1
        return f"${self.number}"

    def generated(self) -> str:
        """Return a name for a variable that no author wrote, and that is looked at."""
        self.number += 1
        return f"~t{self.number}"

    def fresh(self, name: str, *, nested: bool) -> str:
        """Return a name for a declared variable; only in the outermost body it may keep its own."""
        if not nested and name not in self.used:
            self.used.add(name)
            return name
        self.number += 1
        return f"{name}${self.number}"


@dataclass(slots=True)
class Scope:
    """One body: its declared names, and how each name came into it."""

    parent: Scope | None
    names: Names
    # Names that some literal of this body declares, wherever it stands.
    hidden: frozenset[str] = frozenset()
    local: dict[str, str] = field(default_factory=dict)
    came: dict[str, str] = field(default_factory=dict)
    declared: dict[str, Var] = field(default_factory=dict)
    assigned: dict[str, Var] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)

    def find(self, name: str) -> str | None:
        """Return the variable that a name means here, or None if no scope has declared it yet."""
        scope: Scope | None = self
        while scope is not None:
            found = scope.local.get(name)
            if found is not None:
                scope.used.add(name)
                if scope is not self:
                    self.came.setdefault(name, "seen")
                return found
            scope = scope.parent
        self.came.setdefault(name, "seen")
        return None

    def hides(self, name: str) -> bool:
        """Tell whether a body around here declares the name, so that it is no rule or import."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.hidden or name in scope.local:
                return True
            scope = scope.parent
        return False

    def declare(self, name: str, came: str) -> tuple[str, str]:
        """Declare a name; return the variable, and what is wrong with that, if anything."""
        known = self.came.get(name)
        if known is not None and (known != "arg" or came != "arg"):
            return self.local.get(name, name), _AGAIN[known].format(name)
        if known == "arg":
            return self.local[name], ""
        self.came[name] = came
        found = self.local[name] = self.names.fresh(name, nested=self.parent is not None)
        return found, ""

    def inner(self, body: Body = (), more: Iterable[str] = ()) -> Scope:
        """Return a scope for a nested body."""
        return Scope(self, self.names, declarations(body) | frozenset(more))


def declarations(body: Body) -> frozenset[str]:
    """Return the names that the literals of a body declare, nested bodies left out."""
    found: set[str] = set()
    for literal in body:
        if isinstance(literal, Unify):
            if literal.declares:
                _all_names(literal.left, found)
        elif isinstance(literal, SomeIn):
            # `some input in xs` compares with the input.
            iterated: set[str] = set()
            _all_names(literal.value, iterated)
            if literal.key is not None:
                _all_names(literal.key, iterated)
            found |= iterated - {"input", "data"}
        elif isinstance(literal, Some):
            found.update(var.name for var in literal.names)
    return frozenset(found - {"_"})


def _all_names(term: Term, found: set[str]) -> None:
    """Add every name in a pattern, those of keys too: none is a rule or an import in the whole body (as in OPA)."""
    uses = of_term(term)
    for source in (uses.own, uses.inside):
        found.update(source)


def iterated_names(term: Term) -> set[str]:
    """Return the names that a pattern of `some ... in` declares: all but those in its keys and closures.

    A set matches nothing that is not known: alone it declares nothing (OPA compile.go, rewriteSomeDeclStatement).
    """
    found: set[str] = set()
    if not isinstance(term, SetOf):
        pattern_names(term, found)
    return found - {"_", "input", "data"}


def pattern_names(term: Term, found: set[str]) -> None:
    """Add the names in a pattern; keys of objects are not part of it."""
    if isinstance(term, Var):
        found.add(term.name)
    elif isinstance(term, Array | SetOf):
        for item in term.items:
            pattern_names(item, found)
    elif isinstance(term, Object):
        for _, item in term.pairs:
            pattern_names(item, found)
    elif isinstance(term, Ref):
        for part in term.path:
            pattern_names(part, found)
    elif isinstance(term, Call):
        for arg in term.args:
            pattern_names(arg, found)
