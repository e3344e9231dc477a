"""The types of rules, in the order in which they depend on each other (OPA check.go, CheckTypes).

Comes in: rules with their names decided, by path, and which paths each reads. Goes out: what is wrong with them, and
`Types`, which answers queries: a tree of the documents that the rules give.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from pratique.rego.builtins.registry import Builtin
from pratique.rego.errors import Problem
from pratique.rego.nodes import Annotation, Body, Call, Object, Path, Rule, Scalar, Term, Var
from pratique.rego.source import Span
from pratique.rego.types import declared, kinds
from pratique.rego.types.annotated import Annotated, Schemas
from pratique.rego.types.bodies import Bodies
from pratique.rego.types.calls import Calls
from pratique.rego.types.documents import Node, ground_prefix, key_of
from pratique.rego.types.environment import Layer, Trees
from pratique.rego.types.flatten import Flattener, holds_references
from pratique.rego.types.kinds import ANY, Function, Key, MaybeType
from pratique.rego.types.order import ordered
from pratique.rego.types.problems import wrong_arguments
from pratique.rego.types.replaced import Replaced
from pratique.rego.types.steps import Step

# The annotations that hold for a rule, from the widest on.
Annotations = Callable[[Rule], Iterable[Annotation]]


class Types:
    """The types of all rules of a policy."""

    def __init__(
        self,
        builtins: Mapping[str, Builtin],
        edges: Mapping[Path, Sequence[Path]],
        *,
        printing: bool,
        schemas: Schemas | None = None,
        annotations: Annotations | None = None,
    ) -> None:
        self.edges = edges
        self.printing = printing
        self.tree = Node()
        self.functions: set[Path] = set()
        self.calls = Calls(builtins)
        self.replaced = Replaced(self.calls, self.affected)
        self.annotated = Annotated(schemas)
        self.annotations = annotations
        self.input = Node()

    def rules(self, rules: Mapping[Path, Sequence[Rule]]) -> list[Problem]:
        """Find out the types of all rules; return what is wrong with them."""
        self.functions = {path for path, group in rules.items() if group[0].args}
        modules = [group[0].module for group in rules.values()]
        self.calls.older = any(module is not None and not module.source.newest for module in modules)
        found: list[Problem] = []
        self.input.type, wrong = self.annotated.input()
        if wrong is not None:
            return [wrong]
        for path in self._in_order(rules):
            for rule in sorted(rules[path], key=_place):
                link: Rule | None = rule
                while link is not None:
                    found += self._rule(link)
                    link = link.otherwise
        return found

    def query(self, body: Body) -> list[Problem]:
        """Return what is wrong with a query of these rules."""
        flattener = Flattener(printing=self.printing, functions=self.functions)
        bodies = Bodies(flattener, self.calls, self.replaced, equates=False)
        return bodies.check(self._layer(bodies), ordered(flattener.body(body), set()))

    def affected(self, path: Path) -> Iterator[Path]:
        """Yield the paths of the rules at, above or below a path, and of all that depend on them."""
        length = len(path)
        waiting = [each for each in self.edges if each[:length] == path or path[: len(each)] == each]
        seen = set(waiting)
        while waiting:
            each = waiting.pop()
            yield each
            for other, reads in self.edges.items():
                if other not in seen and each in reads:
                    seen.add(other)
                    waiting.append(other)

    def _layer(self, bodies: Bodies) -> Layer:
        # As long as nothing is known, `data` may be anything.
        trees: tuple[Trees, ...] = ({"data": self.tree},) if self.tree.children else ()
        if self.input.type is not None:
            trees = (*trees, {"input": self.input})
        return Layer(None, bodies.looked_into, trees=trees, older=self.calls.older)

    def _in_order(self, rules: Mapping[Path, Sequence[Rule]]) -> Iterator[Path]:
        """Yield the paths, what a rule reads before the rule, otherwise in the order of the text."""
        first = {path: min(map(_place, group)) for path, group in rules.items()}
        by_place = sorted(first, key=first.__getitem__)
        done: set[Path] = set()
        for start in by_place:
            if start in done:
                continue
            done.add(start)
            trail = [(start, self._next(start, first))]
            while trail:
                path, waiting = trail[-1]
                following = next((each for each in waiting if each not in done), None)
                if following is None:
                    trail.pop()
                    yield path
                else:
                    done.add(following)
                    trail.append((following, self._next(following, first)))

    def _next(self, path: Path, first: Mapping[Path, tuple[str, int]]) -> Iterator[Path]:
        reads = [each for each in self.edges.get(path, ()) if each in first]
        return iter(sorted(reads, key=first.__getitem__))

    # --- one rule ------------------------------------------------------------------------------------------

    def _rule(self, rule: Rule) -> list[Problem]:
        flattener = Flattener(modern_not=rule.modern_not, printing=self.printing, functions=self.functions)
        head = _Head(flattener, rule)
        known: set[str] = set()
        for arg in head.args:
            _variables(arg, known)
        steps = ordered(head.steps, known)
        bodies = Bodies(flattener, self.calls, self.replaced)
        layer = self._layer(bodies)
        told: list[Problem] = []
        if self.annotations is not None and not self.calls.older:
            layer, told = self.annotated.layer(layer, self.annotations(rule), rule.span)
        wrong = bodies.check(layer, steps)
        keys = [key_of(key) for key in head.keys]
        path: list[Key | None] = [Key(name) for name in rule.path[1:]]
        if wrong:
            # Others that read it are not to blame.
            self.tree.put([*path, *keys], ANY)
            return told + wrong
        kind, ground = self._type(layer, rule, head)
        if kind is not None:
            self.tree.insert([*path, *keys[:ground]], kind)  # type: ignore[list-item]  # ground keys are known
        return told

    def _type(self, layer: Layer, rule: Rule, head: _Head) -> tuple[MaybeType, int]:
        """Return the type that a rule gives, and at how many of its head's keys."""
        if rule.args:
            for name in sorted({name for arg in head.args for name in _names(arg)}):
                if layer.variable(name) is None:
                    layer.variables[name] = ANY
            args = tuple([layer.type(arg) for arg in head.args])
            return Function(args, layer.type(head.value)), len(head.keys)
        kind = layer.type(head.value)
        if rule.kind == "set" and kind is not None:
            kind = kinds.Set(kind)
        ground = ground_prefix(head.keys)
        for key in reversed(head.keys[ground:]):
            of_key = layer.type(key)
            if kind is None or of_key is None:
                return None, ground
            kind = kinds.Object((), (of_key, kind))
        return kind, ground


class _Head:
    """A rule's head with plain terms, and the steps of its body, to which what was not plain is added."""

    def __init__(self, flattener: Flattener, rule: Rule) -> None:
        steps = flattener.body(rule.body)
        self.keys: list[Term] = []
        for key in rule.keys:
            plain = key
            if not isinstance(key, Scalar | Var):
                plain = flattener.fresh(key)
                steps.append(Step("eq", [plain, flattener.term(key, steps, ())], key.span))
            self.keys.append(plain)
        self.args = [flattener.term(arg, steps, ()) for arg in rule.args or ()]
        self.value = flattener.term(rule.value, steps, ())
        if holds_references(self.value):
            self.value = flattener.named(self.value, steps)
        for place, arg in enumerate(self.args):
            if holds_references(arg):
                self.args[place] = flattener.named(arg, steps)
        self.steps = steps


def _place(rule: Rule) -> tuple[str, int]:
    return rule.span.source.file, rule.span.start


def _names(term: Term) -> Iterator[str]:
    if isinstance(term, Var):
        yield term.name
    elif isinstance(term, Object):
        for pair in term.pairs:
            for each in pair:
                yield from _names(each)
    else:
        for each in getattr(term, "items", ()):
            yield from _names(each)


def _variables(term: Term, found: set[str]) -> None:
    found.update(_names(term))


def wrong_arity(
    builtins: Mapping[str, Builtin], call: Call, builtin: Builtin, place: Span, *, alone: bool, hint: str = ""
) -> Problem:
    """Return what is wrong with a call that has too few or too many arguments; `alone`, it is no part of another term.

    Nothing is known yet but what stands in the call itself.
    """
    flattener = Flattener()
    calls = Calls(builtins)
    bodies = Bodies(flattener, calls, Replaced(calls, lambda _: ()))
    layer = Layer(None, bodies.looked_into)
    have = [layer.type(flattener.term(arg, [], ())) for arg in call.args]
    if not alone:
        have.append(None)
    function = declared.of_builtin(builtin)
    fault = wrong_arguments(place, call.parts, "arity mismatch", have, function, result=False)
    return replace(fault.problem, hint=hint)
