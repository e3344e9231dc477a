"""Bodies that report what they do: the same steps, with an `ir.Watch` before each expression and around each body.

Comes in and goes out what `Bodies` takes and gives. A policy is planned this way only to explain, profile or measure
the coverage of an evaluation; nothing of it is there otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, TypeGuard

from pratique.rego import extents, nodes, spelled
from pratique.rego.plan import ir
from pratique.rego.plan.bodies import Bodies
from pratique.rego.plan.flatten import Flat, Flattener, is_generated
from pratique.rego.plan.indexing import conditions
from pratique.rego.plan.scope import Counter, Policy
from pratique.rego.runtime.tracing import Part, Site

# Python nests no more than twenty loops, of which each operator takes two.
_CHAINED: Final = 6


class Watched(Bodies):
    """A body in the making that reports."""

    def __init__(
        self,
        policy: Policy,
        counter: Counter,
        bound: Mapping[str, ir.Expr] | None = None,
        *,
        modern_not: bool = False,
    ) -> None:
        super().__init__(policy, counter, bound, modern_not=modern_not)
        self.flattener = Flattener(modern_not=modern_not)
        self.frame = ""

    def inner(self) -> Watched:
        """Return a scope for a nested body, which reports as one of its own."""
        made = super().inner()
        made.flattener = self.flattener
        return made

    def body(self, literals: nodes.Body) -> None:
        """Add the steps of a nested body."""
        flat = self.flattener.body(literals)
        self._run(flat, self._site(flat))

    def sides(self, literal: nodes.Logical) -> list[nodes.Body]:
        """Return the two sides: each operator of a chain is told by itself, unless that nests too many loops."""
        chain = super().sides(literal)
        return chain if len(chain) > _CHAINED else [literal.left, literal.right]

    def side(self, literals: nodes.Body) -> None:
        """Add the steps of a side of `and` or `or`: one answer is enough."""
        flat = self.flattener.body(literals)
        self._run(flat, replace(self._site(flat), early=True))

    def rule(self, rule: nodes.Rule) -> tuple[tuple[nodes.Term, ...], nodes.Term]:
        """Add the steps of a rule's body; return its keys and value, for what is not worked out in the body."""
        tested = rule.keys if any(part.startswith("test_") for part in rule.path) else ()
        case = _Case(*self.flattener.heads(tested))
        rest = () if tested else rule.keys
        flat, heads = self.flattener.rule_body(rule.body, (*rest, rule.value), extents.implied(rule))
        if self.policy.watched is not None and self.policy.watched.indexing:
            self._index(tuple([each.literal for each in flat]), rule.args or ())
        shown = spelled.variables((*heads, *case.keys, *(rule.args or ())))
        self._run(
            flat,
            Site(
                "rule",
                spelled.path((*rule.path, *_constants(rule.keys))),
                extents.head(rule),
                self._names(),
                shown,
                early=self._early(rule),
            ),
            case if tested else None,
        )
        return case.keys or heads[:-1], heads[-1]

    def _early(self, rule: nodes.Rule) -> bool:
        # Whether the first answer is the last: all rules of the reference have the same constant value.
        if (
            rule.kind == "set"
            or rule.keys
            or self.policy.watched is None
            or not self.policy.watched.early_exit
        ):
            return False
        place = self.policy.tree.find(rule.path[1:])
        members = place.group.members if place is not None and place.group is not None else []
        found = [link.value for member in members if not member.default for link in _links(member)]
        return all(map(_ground, found)) and len({spelled.term(value) for value in found}) == 1

    def _index(self, flat: nodes.Body, args: tuple[nodes.Term, ...]) -> None:
        # Before the body is entered: what OPA's index would have asked.
        defined = self.policy.tree.root.children.keys()
        tests = Bodies(self.policy, self.counter, self.bound)
        tests.body(conditions(flat, args, defined))
        self.steps += tests.steps

    def _not(self, literal: nodes.Not) -> None:
        if not literal.braced and len(literal.body) == 1:
            # The expression inside is the same one, negated.
            inner = replace(literal.body[0], span=extents.literal(literal))
            literal = replace(literal, body=(inner,))
        super()._not(literal)

    def _print(self, call: nodes.Call) -> None:
        parts = []
        for number, arg in enumerate(call.args if self.policy.printing else ()):
            inner = self.inner()
            name = nodes.Var(f"~p{number}", arg.span)
            inner.body((nodes.Unify(name, arg, extents.term(arg)),))
            parts.append((tuple(inner.steps), inner.bound[name.name]))
        if parts:
            self.steps.append(ir.Print(tuple(parts), call.span))

    def _site(self, flat: tuple[Flat, ...]) -> Site:
        body = tuple([each.literal for each in flat])
        span = body[0].span if body else self.span
        return Site("body", spelled.body(body), span, self._names(), spelled.variables(body))

    def _run(self, flat: tuple[Flat, ...], place: Site, case: _Case | None = None) -> None:
        self.frame = f"f{self.counter.fresh()}"
        self._report("enter", place)
        waiting = list(flat)
        index = 0
        while waiting or case is not None:
            if case is not None and (not waiting or case.known(self.bound)):
                # As early as it can be told: what fails after it is a failed case.
                for each in self.flattener.body(case.body):
                    index = self._expression(index, each)
                self._case(case.keys)
                case = None
                continue
            index = self._expression(index, waiting.pop(0))
        self._report("exit", replace(place, names=self._names()))

    def _expression(self, index: int, flat: Flat) -> int:
        literal = flat.literal
        shown = spelled.variables(literal)
        if isinstance(literal, nodes.Test) and _is_document(literal.term):
            shown |= {spelled.term(literal.term)}
        site = Site(
            "expression",
            spelled.literal(literal),
            literal.span if is_generated(literal) else extents.literal(literal),
            ("input", *self._names()),
            shown,
            index,
            negated=isinstance(literal, nodes.Not),
            parts=tuple(parts(literal)),
            whole=flat.whole,
            hidden=flat.hidden,
        )
        self._report("eval", site)
        self.literal(literal)
        return index + 1

    def _test(self, term: nodes.Term) -> None:
        if not _is_document(term):
            super()._test(term)
            return
        # What a rule amounts to is worth showing where it fails.
        value = self.term(term)
        text = spelled.term(term)
        self.steps.append(
            ir.Watch(self.frame, "know", Site("expression", text, term.span, (text,)), (value,))
        )
        self.steps.append(ir.Test(value, self.span))

    def comprehension(self, term: nodes.Comprehension) -> ir.Expr:
        """Return the local that collects a comprehension; what its head needs is worked out in its body."""
        heads = (term.value,) if term.key is None else (term.key, term.value)
        late, terms = self.flattener.heads(heads)
        key = None if term.key is None else terms[0]
        return super().comprehension(replace(term, body=(*term.body, *late), key=key, value=terms[-1]))

    def _case(self, keys: tuple[nodes.Term, ...]) -> None:
        names = tuple([str(number) for number in range(len(keys))])
        values = tuple([self.local(self.term(key)) for key in keys])
        site = Site("expression", "", keys[0].span, names)
        self.steps.append(ir.Watch(self.frame, "case", site, values))

    def _names(self) -> tuple[str, ...]:
        return tuple([spelled.variable(name) for name in self.bound])

    def _report(self, op: Literal["enter", "eval", "exit"], site: Site) -> None:
        values = tuple(self.bound.values())
        self.steps.append(ir.Watch(self.frame, op, site, (ir.Input(), *values) if op == "eval" else values))


@dataclass(frozen=True, slots=True)
class _Case:
    """The keys of a parameterised test, and the body that works them out."""

    body: nodes.Body
    keys: tuple[nodes.Term, ...]

    def known(self, bound: Mapping[str, ir.Expr]) -> bool:
        """Whether everything that the keys stand on is bound."""
        own = {literal.left.name for literal in self.body if _binds(literal)}
        return all(name in bound or name in own for name in spelled.names((self.body, self.keys)))


def _constants(keys: tuple[nodes.Term, ...]) -> list[Any]:
    # Those at the beginning: a rule is called by them too.
    found = []
    for key in keys:
        if not isinstance(key, nodes.Scalar):
            break
        found.append(key.value)
    return found


def _binds(literal: nodes.Expr) -> TypeGuard[Any]:
    return isinstance(literal, nodes.Unify) and isinstance(literal.left, nodes.Var)


def _is_document(term: nodes.Term) -> bool:
    return isinstance(term, nodes.Ref) and isinstance(term.head, nodes.Var) and term.head.name == "data"


def parts(literal: nodes.Expr) -> Iterator[Part]:
    """Yield the parts of an expression whose values a person wants to see; what a comprehension holds is its own."""
    match literal:
        case nodes.Test(term):
            yield from _term_parts(term)
        case nodes.Unify(left, right):
            yield from _term_parts(left)
            yield from _term_parts(right)
        case nodes.SomeIn(domain=domain) | nodes.Every(domain=domain):
            yield from _term_parts(domain)
        case nodes.Not((only,)):
            yield from parts(only)
    for each in literal.withs:
        yield from _term_parts(each.value)


def _term_parts(term: nodes.Term) -> Iterator[Part]:
    match term:
        case nodes.Var() if not term.wildcard:
            yield Part(term.span, spelled.variable(term.name))
        case nodes.Ref(nodes.Var("data")):
            yield Part(term.span, spelled.term(term))
        case nodes.Ref(nodes.Var(head), path):
            keys = [part.value for part in path if isinstance(part, nodes.Scalar)]
            if len(keys) == len(path):
                yield Part(term.span, spelled.variable(head), tuple(keys))
            if head != "input":
                yield Part(term.head.span, spelled.variable(head))
            for part in path:
                yield from _term_parts(part)
        case nodes.Call(args=args):
            for arg in args:
                yield from _term_parts(arg)
        case nodes.Array(items) | nodes.SetOf(items):
            for item in items:
                yield from _term_parts(item)
        case nodes.Object(pairs):
            for name, item in pairs:
                yield from _term_parts(name)
                yield from _term_parts(item)


def _ground(term: nodes.Term) -> bool:
    match term:
        case nodes.Array(items) | nodes.SetOf(items):
            return all(map(_ground, items))
        case nodes.Object(pairs):
            return all(_ground(name) and _ground(item) for name, item in pairs)
    return isinstance(term, nodes.Scalar)


def _links(rule: nodes.Rule | None) -> Iterator[nodes.Rule]:
    while rule is not None:
        yield rule
        rule = rule.otherwise
