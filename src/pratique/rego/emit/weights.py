"""What a policy's text costs by itself: the work of a rule, the size of what it makes, how deep it calls.

Comes in: a plan. Goes out: for each rule how many steps its function counts as it is entered, how deep it calls, and
for each loop how many steps a turn is. An evaluation counts the turns of its loops; what needs no loop is bounded by
the policy's text, but the bound can be exponential: functions that call others twice, arrays that hold the array
before twice. Rules are acyclic, so it is worked out here, and only what is out of the ordinary counts anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from pratique.rego.builtins.registry import Builtin
from pratique.rego.plan import ir, walk
from pratique.rego.runtime.references import is_collection, values
from pratique.rego.runtime.values import Value, is_object

# Expressions that one step stands for: a turn of a loop with a longer body counts as several.
EXPRESSIONS: Final = 32
# A rule of so many expressions, with all that it calls, counts them; so does one that makes values of so many parts.
HEAVY: Final = 512
LARGE: Final = 256
# No bound needs more digits.
_MOST: Final = 1 << 48
_MOST_PARTS: Final = 1 << 16
# What is small, whatever it is made of.
_SMALL: Final = frozenset({"boolean", "number", "string"})


@dataclass(frozen=True, slots=True)
class Size:
    """How many parts a value has at most: `own`, and `copies` times those of the largest argument."""

    own: int = 1
    copies: int = 0

    def __add__(self, other: Size) -> Size:
        return Size(min(_MOST, self.own + other.own), min(_MOST, self.copies + other.copies))

    def __or__(self, other: Size) -> Size:
        return Size(max(self.own, other.own), max(self.copies, other.copies))

    def given(self, argument: Size) -> Size:
        """Return the size where the parameters have this one."""
        return Size(
            min(_MOST, self.own + self.copies * argument.own), min(_MOST, self.copies * argument.copies)
        )


_ONE: Final = Size()
_NOTHING: Final = Size(0)
_ARGUMENT: Final = Size(0, 1)


class Weights:
    """The weights of a plan's rules."""

    def __init__(self, plan: ir.Plan, builtins: Mapping[str, Builtin]) -> None:
        """Work them out, what is called before what calls it."""
        self._plan = plan
        self._builtins = builtins
        self._works: dict[int, int] = {}
        # By rule, and by `~node` for the document at a node.
        self._sizes: dict[int, Size] = {}
        self._largest: dict[int, int] = {}
        self._heights: dict[int, int] = {}
        for place in _in_order(plan):
            if place < 0:
                self._node(plan.nodes[~place])
            else:
                self._rule(plan.rules[place])

    def turn(self, steps: Iterable[ir.Step], ends: Iterable[ir.Expr]) -> int:
        """Return how many steps a turn of a loop with this body is."""
        work = sum(map(self._cost, walk.expressions(steps)))
        work += sum(self._cost(each) for end in ends for each in walk.below(end))
        return 1 + work // EXPRESSIONS

    def entry(self, number: int) -> int:
        """Return how many steps a rule counts as it is entered: none unless it is out of the ordinary."""
        work, largest = self._works[number], self._largest[number]
        return max(work // EXPRESSIONS if work > HEAVY else 0, largest if largest > LARGE else 0)

    def height(self, number: int) -> int:
        """Return how many rules stand on each other at most in a call of this one, itself included."""
        return self._heights[number]

    def _node(self, node: ir.Node) -> None:
        below = [~child for child in node.children.values()] + [node.rule] * (node.rule >= 0)
        self._heights[~node.number] = max([self._heights.get(each, 0) for each in below], default=0)
        size = _ONE
        for each in below:
            size += self._sizes.get(each, _ONE)
        self._sizes[~node.number] = size

    def _rule(self, rule: ir.Rule) -> None:
        exprs = [expr for clause in walk.clauses(rule) for expr in walk.of_clause(clause)]
        self._heights[rule.number] = 1 + max(
            [self._heights.get(each, 0) for each in _called(rule)], default=0
        )
        self._works[rule.number] = 1 + sum(map(self._cost, exprs))
        measure = _Measure(self._sizes, self._builtins, dict.fromkeys(rule.params, _ARGUMENT))
        size = _NOTHING
        for clause in walk.clauses(rule):
            measure.steps(clause.steps)
            found = measure.all((*clause.keys, clause.value))
            size = size | found if rule.kind in {"complete", "function"} else size + found
        self._sizes[rule.number] = size | _ONE
        self._largest[rule.number] = measure.largest

    def _cost(self, expr: ir.Expr) -> int:
        if not isinstance(expr, ir.Call):
            return 1
        # What counts its own work is one expression to its callers.
        work = self._works.get(expr.rule, 1)
        return 1 if work > HEAVY else work


class _Measure:
    """Sizes of what stands in one rule, its locals as they are bound."""

    def __init__(
        self, sizes: Mapping[int, Size], builtins: Mapping[str, Builtin], locals_: dict[str, Size]
    ) -> None:
        self._sizes = sizes
        self._builtins = builtins
        self._locals = locals_
        self.largest = 1

    def steps(self, steps: Iterable[ir.Step]) -> None:
        """Take note of what steps bind, and of what the blocks inside them do."""
        for step in steps:
            found = self.all(walk.own(step))
            inner = _NOTHING
            match step:
                case ir.Scan(_, key, value) | ir.Every(_, key, value) | ir.Walk(_, key, value):
                    self._locals[key] = self._locals[value] = found
            for block, last in walk.nested(step):
                self.steps(block)
                inner += self.all(last)
            match step:
                case ir.Assign(local):
                    self._locals[local] = found
                case ir.Collect(local):
                    self._locals[local] = _ONE + inner

    def all(self, exprs: Iterable[ir.Expr]) -> Size:
        """Return the size of all of these together."""
        size = _NOTHING
        for each in exprs:
            size += self._of(each)
        return size

    def _of(self, expr: ir.Expr) -> Size:
        size = self._made(expr)
        self.largest = max(self.largest, size.own + size.copies)
        return size

    def _made(self, expr: ir.Expr) -> Size:
        match expr:
            case ir.Const(value):
                return Size(_parts(value))
            case ir.Local(name):
                return self._locals.get(name, _ONE)
            case ir.Get(base):
                return self._of(base)
            case ir.RuleValue(rule) | ir.Union(rule):
                return self._sizes.get(rule, _ONE)
            case ir.Extent(node):
                return self._sizes.get(~node, _ONE)
            case ir.Call(rule, args):
                arguments = _NOTHING
                for each in args:
                    arguments |= self._of(each)
                return self._sizes.get(rule, _ONE).given(arguments | _ONE)
            case ir.Builtin(name, args):
                size = _ONE + self.all(args)
                known = self._builtins.get(name)
                return _ONE if known is not None and known.result in _SMALL else size
            case ir.Array() | ir.SetOf() | ir.ObjectOf():
                return _ONE + self.all(walk.parts(expr))
            case ir.Compare(_, left, right):
                self.all((left, right))
        return _ONE


def _parts(value: Value) -> int:
    """Return how many parts a constant has."""
    found, waiting = 0, [value]
    while waiting and found < _MOST_PARTS:
        each = waiting.pop()
        found += 1
        if is_object(each):
            waiting.extend(each.keys())
        if is_collection(each):
            waiting.extend(values(each))
    return found


def _called(rule: ir.Rule) -> list[int]:
    """Return the rules that a rule asks, and `~node` for the nodes."""
    found: dict[int, None] = {}
    for clause in walk.clauses(rule):
        for expr in walk.of_clause(clause):
            match expr:
                case ir.Call(number) | ir.RuleValue(number) | ir.Union(number):
                    found[number] = None
                case ir.Extent(node):
                    found[~node] = None
        found.update(dict.fromkeys(_stand_ins(clause.steps)))
    return list(found)


def _stand_ins(steps: Iterable[ir.Step]) -> Iterable[int]:
    for step in steps:
        if isinstance(step, ir.Enter):
            yield from [each.by_rule for each in step.replacements if each.by_rule >= 0]
        for block, _ in walk.nested(step):
            yield from _stand_ins(block)


def _in_order(plan: ir.Plan) -> list[int]:
    """Return all rules, and `~node` for all nodes, what is asked before what asks."""
    edges: dict[int, list[int]] = {rule.number: _called(rule) for rule in plan.rules}
    for node in plan.nodes:
        edges[~node.number] = [~child for child in node.children.values()] + [node.rule] * (node.rule >= 0)
    done: dict[int, None] = {}
    begun: set[int] = set()
    for start in edges:
        waiting = [start]
        # No recursion: a chain may be longer than Python's stack.
        while waiting:
            last = waiting[-1]
            following = [] if last in begun else [each for each in edges[last] if each not in begun]
            begun.add(last)
            if following:
                waiting.extend(following)
                continue
            waiting.pop()
            done.setdefault(last)
    return list(done)
