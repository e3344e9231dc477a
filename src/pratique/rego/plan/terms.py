"""Terms to expressions: nested calls and references laid out in order.

`term` gives an atom, after the steps that it needs; `value` an expression that may be undefined, for where
that makes no difference. A variable in the brackets of a reference that is not bound yet becomes a scan.
"""

from __future__ import annotations

import itertools

from pratique.rego import nodes
from pratique.rego.plan import ir
from pratique.rego.plan.scope import Scope
from pratique.rego.plan.tree import Place
from pratique.rego.runtime import references
from pratique.rego.runtime.values import UNDEFINED, Set, Value, make_object


class Terms(Scope):
    """A body in the making that can read terms."""

    def term(self, term: nodes.Term) -> ir.Expr:
        """Return an atom; the body fails here when the term is undefined."""
        return self.assign(self.value(term))

    def value(self, term: nodes.Term) -> ir.Expr:
        """Return an expression for the term, which may be undefined."""
        match term:
            case nodes.Scalar():
                return ir.Const(term.value)
            case nodes.Var():
                return self.bound[term.name]
            case nodes.Ref():
                return self.reference(term)
            case nodes.Array():
                return array([self.term(item) for item in term.items])
            case nodes.SetOf():
                return set_of([self.term(item) for item in term.items])
            case nodes.Object():
                return object_of([(self.term(name), self.term(item)) for name, item in term.pairs])
            case nodes.Call():
                return self.call(term)
            case nodes.Comprehension():
                return self.comprehension(term)
        raise AssertionError(f"no such term: {term!r}")

    # --- what can be worked out ------------------------------------------------------------------------

    def evaluable(self, term: nodes.Term) -> bool:
        """Tell whether the term has a value without binding one of its own plain variables."""
        match term:
            case nodes.Var():
                return term.name in self.bound
            case nodes.Array() | nodes.SetOf():
                return all(map(self.evaluable, term.items))
            case nodes.Object():
                return all(self.evaluable(name) and self.evaluable(item) for name, item in term.pairs)
            case nodes.Ref():
                head = term.head
                return is_document(head) or self.evaluable(head)
            case nodes.Call():
                return all(map(self.evaluable, term.args))
        return True

    # --- references ------------------------------------------------------------------------------------

    def reference(self, term: nodes.Ref) -> ir.Expr:
        """Return what the reference points at, after the scans that its free variables ask for."""
        head = term.head
        if isinstance(head, nodes.Var) and head.name == "data":
            return self.data_reference(list(term.path))
        base = ir.Input() if is_document(head) else self.term(head)
        return self.inside(base, list(term.path))

    def inside(self, base: ir.Expr, parts: list[nodes.Term]) -> ir.Expr:
        """Return what stands at the parts inside a value."""
        keys: list[ir.Expr] = []
        for part in parts:
            if self.evaluable(part):
                keys.append(self.term(part))
                continue
            source = self.looked_up(base, keys)
            base, keys = self.scan(source, part), []
        return self.looked_up(base, keys)

    def looked_up(self, base: ir.Expr, keys: list[ir.Expr]) -> ir.Expr:
        """Return the lookup of keys in a base, folded if both are known."""
        if isinstance(base, ir.Const):
            while keys and isinstance(keys[0], ir.Const):
                found = references.get(base.value, keys[0].value)
                base, keys = ir.Const(found), keys[1:]
        return ir.Get(base, tuple(keys)) if keys else base

    def scan(self, source: ir.Expr, part: nodes.Term) -> ir.Expr:
        """Add a scan whose key is matched by a part that is not bound; return the member."""
        member = self.fresh()
        if isinstance(part, nodes.Var):
            name = "" if part.wildcard else self.fresh()
            self.steps.append(ir.Scan(source, name, member, self.span))
            if name:
                self.bound[part.name] = ir.Local(name)
            return ir.Local(member)
        name = self.fresh()
        self.steps.append(ir.Scan(source, name, member, self.span))
        self.match(part, ir.Local(name))
        return ir.Local(member)

    def data_reference(self, parts: list[nodes.Term]) -> ir.Expr:
        """Return what a reference into data points at: a rule, a package, or base data."""
        place = self.policy.tree.root
        for index, part in enumerate(parts):
            if place.group is not None and not place.joined and not place.group.function:
                return self.inside(ir.RuleValue(place.group.number), parts[index:])
            name = part.value if isinstance(part, nodes.Scalar) else None
            if place.group is not None or not isinstance(name, str):
                return self.dynamic(place, parts[index:])
            if name not in place.children:
                self.policy.bases[(*place.path, name)[0], self.span] = None
                return self.stored((*place.path, name), parts[index + 1 :])
            place = place.children[name]
        return self.document(place, [])

    def stored(self, path: tuple[Value, ...], parts: list[nodes.Term]) -> ir.Expr:
        """Return what stands below a path of base data."""
        known = [
            part.value for part in itertools.takewhile(_is_scalar, parts) if isinstance(part, nodes.Scalar)
        ]
        if len(known) == len(parts) and self.policy.replaces_below((*path, *known)):
            return ir.Stored((*path, *known))
        if any(type(name) is int for name in known):
            return self.inside(ir.Stored((*path, *known)), parts[len(known) :])
        return self.inside(ir.Get(ir.Data(), tuple(map(ir.Const, path))), parts)

    def dynamic(self, place: Place, parts: list[nodes.Term]) -> ir.Expr:
        """Return what stands below a place of the tree at keys that are known only when it runs."""
        if not place.children and place.group is None:
            return self.inside(ir.Get(ir.Data(), tuple(map(ir.Const, place.path))), parts)
        keys: list[ir.Expr] = []
        for part in parts:
            if self.evaluable(part):
                keys.append(self.local(self.term(part)))
                continue
            name = self.fresh()
            self.steps.append(ir.ScanKeys(place.number, tuple(keys), name, self.span))
            if isinstance(part, nodes.Var):
                if not part.wildcard:
                    self.bound[part.name] = ir.Local(name)
            else:
                self.match(part, ir.Local(name))
            keys.append(ir.Local(name))
        return self.document(place, keys)

    def document(self, place: Place, keys: list[ir.Expr]) -> ir.Expr:
        """Return the whole document at a place."""
        if not keys and place.group is not None and not place.joined:
            return ir.Const(UNDEFINED) if place.group.function else ir.RuleValue(place.group.number)
        return ir.Extent(place.number, tuple(keys))

    # --- calls -----------------------------------------------------------------------------------------

    def call(self, term: nodes.Call) -> ir.Expr:
        """Return a call of a function of the policy, a builtin, or an operator."""
        raise NotImplementedError

    def match(self, pattern: nodes.Term, value: ir.Expr) -> None:
        """Add the steps that match a pattern with an atom."""
        raise NotImplementedError

    def comprehension(self, term: nodes.Comprehension) -> ir.Expr:
        """Return the local that collects a comprehension."""
        raise NotImplementedError


def _is_scalar(term: nodes.Term) -> bool:
    return isinstance(term, nodes.Scalar)


def is_document(head: nodes.Term) -> bool:
    """Tell whether the head of a reference is `input` or `data`."""
    return isinstance(head, nodes.Var) and head.name in {"input", "data"}


def array(items: list[ir.Expr]) -> ir.Expr:
    """Return an array, a constant if its items are."""
    if all(isinstance(item, ir.Const) for item in items):
        return ir.Const([item.value for item in items if isinstance(item, ir.Const)])
    return ir.Array(tuple(items))


def set_of(items: list[ir.Expr]) -> ir.Expr:
    """Return a set, a constant if its items are."""
    if all(isinstance(item, ir.Const) for item in items):
        return ir.Const(Set([item.value for item in items if isinstance(item, ir.Const)]))
    return ir.SetOf(tuple(items))


def object_of(pairs: list[tuple[ir.Expr, ir.Expr]]) -> ir.Expr:
    """Return an object, a constant if its keys and values are."""
    known = [
        (name.value, value.value)
        for name, value in pairs
        if isinstance(name, ir.Const) and isinstance(value, ir.Const)
    ]
    if len(known) == len(pairs):
        return ir.Const(make_object(known))
    return ir.ObjectOf(tuple(pairs))
