"""Unification, decided now: each occurrence of a variable either binds it or is compared with it.

No unifier runs later. `unify` takes two terms; `match` a term that may have free variables and an atom.
"""

from __future__ import annotations

from collections.abc import Sequence

from pratique.rego import nodes
from pratique.rego.check.variables import of_term
from pratique.rego.plan import ir
from pratique.rego.plan.terms import Terms
from pratique.rego.runtime import references
from pratique.rego.runtime.values import UNDEFINED, equal, is_object


class Patterns(Terms):
    """A body in the making that can unify terms."""

    def unify(self, left: nodes.Term, right: nodes.Term) -> None:
        """Add the steps of `left = right`, whichever way round variables become bound."""
        waiting = [(left, right)]
        while waiting:
            later: list[tuple[nodes.Term, nodes.Term]] = []
            for one, two in waiting:
                pairs = self._unified(one, two)
                later.extend(pairs)
            if later == waiting:
                raise AssertionError("a checked body leaves no variable unbound")
            waiting = later

    def _unified(self, left: nodes.Term, right: nodes.Term) -> list[tuple[nodes.Term, nodes.Term]]:
        # Returns what is left to do once other variables are bound.
        if isinstance(left, nodes.Array) and isinstance(right, nodes.Array):
            if len(left.items) != len(right.items):
                self._matches_nothing(left, right)
                return []
            if not (self.evaluable(left) and self.evaluable(right)):
                return list(zip(left.items, right.items, strict=True))
        if self.evaluable(right):
            if self.evaluable(left):
                self.same(self.value(left), self.value(right))
            else:
                self.match(left, self.term(right))
            return []
        if self.evaluable(left):
            self.match(right, self.term(left))
            return []
        if is_wildcard(left) or is_wildcard(right):
            return self._ignored(right if is_wildcard(left) else left)
        if isinstance(left, nodes.Object) and isinstance(right, nodes.Object):
            return self._objects(left, right)
        return [(left, right)]

    def _ignored(self, term: nodes.Term) -> list[tuple[nodes.Term, nodes.Term]]:
        # `_ = [x, f(y)]`: nothing to compare; what can be worked out still has to be defined.
        if isinstance(term, nodes.Array):
            return [(nodes.Var("_", item.span), item) for item in term.items if not is_wildcard(item)]
        return []

    def _objects(self, left: nodes.Object, right: nodes.Object) -> list[tuple[nodes.Term, nodes.Term]]:
        ours = {_constant_key(name): item for name, item in left.pairs}
        theirs = {_constant_key(name): item for name, item in right.pairs}
        if ours.keys() != theirs.keys():
            self._matches_nothing(left, right)
            return []
        return [(item, theirs[name]) for name, item in ours.items()]

    def same(self, left: ir.Expr, right: ir.Expr) -> None:
        """Add a comparison."""
        if isinstance(left, ir.Const) and isinstance(right, ir.Const):
            if left.value is UNDEFINED or not equal(left.value, right.value):
                self.never()
            return
        self.steps.append(ir.Test(ir.Compare("==", left, right), self.span))

    def match(self, pattern: nodes.Term, value: ir.Expr) -> None:
        """Add the steps that match a pattern with an atom: bind what is free, compare what is not."""
        if isinstance(pattern, nodes.Var) and not self.evaluable(pattern):
            self.bound[pattern.name] = self.local(value)
            return
        if self.evaluable(pattern):
            self.same(self.value(pattern), value)
            return
        if isinstance(pattern, nodes.Array):
            self._match_array(pattern, value)
        elif isinstance(pattern, nodes.Object):
            self._match_object(pattern, value)
        elif isinstance(pattern, nodes.SetOf):
            # A member without a value is in no set (as in OPA).
            self._matches_nothing(pattern)
        else:
            raise AssertionError("a checked body leaves no variable unbound")

    def _matches_nothing(self, *terms: nodes.Term) -> None:
        """Fail, where terms cannot match: what follows is never reached, but its variables are known there."""
        self.never()
        for variable in of_term(*terms).own:
            self.bound.setdefault(variable, ir.Const(UNDEFINED))

    def arguments(self, patterns: tuple[nodes.Term, ...], params: tuple[str, ...]) -> None:
        """Add the steps that match a function's arguments with its parameters."""
        self.match_all([(pattern, ir.Local(name)) for pattern, name in zip(patterns, params, strict=True)])

    def _match_array(self, pattern: nodes.Array, value: ir.Expr) -> None:
        if isinstance(value, ir.Array):
            if len(value.items) != len(pattern.items):
                self._matches_nothing(pattern)
                return
            items = list(value.items)
        else:
            value = self.local(value)
            if not self._shaped(value, "array", len(pattern.items)):
                self._matches_nothing(pattern)
                return
            items = [self._member(value, ir.Const(index)) for index in range(len(pattern.items))]
        self.match_all(list(zip(pattern.items, items, strict=True)))

    def _match_object(self, pattern: nodes.Object, value: ir.Expr) -> None:
        value = self.local(value)
        if not self._shaped(value, "object", len(pattern.pairs)):
            self._matches_nothing(pattern)
            return
        pairs = []
        for name, item in pattern.pairs:
            if not self.evaluable(name):
                # A key without a value is in no object (as in OPA).
                self._matches_nothing(name)
            pairs.append((item, self._member(value, self.term(name))))
        self.match_all(pairs)

    def match_all(self, pairs: Sequence[tuple[nodes.Term, ir.Expr]]) -> None:
        """Match patterns with atoms, free variables first, so that `[x, {x}]` can compare its second item."""
        later = []
        for item, found in pairs:
            if not isinstance(item, nodes.Var) or self.evaluable(item):
                later.append((item, found))
            elif not item.wildcard:
                self.bound[item.name] = self.local(found)
        for item, found in later:
            if self.evaluable(item):
                self.same(self.value(item), found)
            else:
                self.match(item, self.assign(found))

    def _member(self, value: ir.Expr, name: ir.Expr) -> ir.Expr:
        if isinstance(value, ir.Const) and isinstance(name, ir.Const):
            return ir.Const(references.get(value.value, name.value))
        return ir.Get(value, (name,))

    def _shaped(self, value: ir.Expr, kind: str, size: int) -> bool:
        if isinstance(value, ir.Const):
            found = value.value
            fits = type(found) is list if kind == "array" else is_object(found)
            return bool(fits) and len(found) == size
        assert isinstance(value, ir.Local)
        self.steps.append(ir.Shape(value.name, "array" if kind == "array" else "object", size, self.span))
        return True


def is_wildcard(term: nodes.Term) -> bool:
    """Tell whether the term is `_`."""
    return isinstance(term, nodes.Var) and term.wildcard


def _constant_key(term: nodes.Term) -> object:
    return term.value if isinstance(term, nodes.Scalar) else term
