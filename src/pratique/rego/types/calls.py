"""Calls against what functions take and give (OPA check.go, checkExprBuiltin, checkExprMember, checkExprWith)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from pratique.rego import spelled
from pratique.rego.builtins.registry import Builtin, table
from pratique.rego.errors import Problem
from pratique.rego.nodes import Scalar, Term, Var, With
from pratique.rego.source import Source, Span
from pratique.rego.types import declared, problems
from pratique.rego.types.algebra import keys_of, unifies, values_of
from pratique.rego.types.environment import Layer
from pratique.rego.types.kinds import ANY, Function, MaybeType, is_unknown
from pratique.rego.types.matching import fits
from pratique.rego.types.steps import Step

_MEMBER: Final = {("internal", "member_2"), ("internal", "member_3")}
_KEYED: Final = 3
# Whose results are of any type in OPA 1.17.
_VAGUE: Final = {
    "json.filter",
    "json.remove",
    "object.filter",
    "object.remove",
    "object.subset",
    "object.union",
    "object.union_n",
}
# Where the parts of a name stand does not matter.
NOWHERE: Final = Span(Source("", ""), 0, 0)


class Calls:
    """Checks calls of functions and builtins."""

    def __init__(self, builtins: Mapping[str, Builtin], *, older: bool = False) -> None:
        self.builtins = builtins
        # Whether to know only what OPA 1.17 does, which runs templates in Gatekeeper.
        self.older = older

    def builtin(self, name: str) -> Function | None:
        """Return the type of a builtin."""
        known = self.builtins.get(name)
        if known is None:
            return None
        found = declared.of_builtin(known, own=table().get(name) is not known)
        if self.older and name in _VAGUE:
            return Function(found.args, ANY, names=found.names)
        return found

    def function(self, layer: Layer, name: Sequence[object]) -> MaybeType:
        """Return the type of what a call names: a function's, or `any` if it is that of a rule that is wrong."""
        if name[0] == "data":
            return layer.document("data", tuple([Scalar(part, NOWHERE) for part in name[1:]]))
        return self.builtin(".".join(map(str, name)))

    def wrong(self, layer: Layer, step: Step, args: Sequence[Term]) -> Problem | None:
        """Return what is wrong with a call of these arguments, if anything; their variables get types."""
        if step.name in _MEMBER and not self.older:
            wrong = self._member(layer, step, args)
            if wrong is not None:
                return wrong
        function = self.function(layer, step.name)
        if function is ANY:
            return None
        if not isinstance(function, Function):
            return problems.problem(step.span, f"undefined function {spelled.path(step.name)}")
        return _arguments(layer, step, args, function)

    def _member(self, layer: Layer, step: Step, args: Sequence[Term]) -> Problem | None:
        """Return what is wrong with `in`: what is sought must be able to stand in the collection."""
        arity = step.inputs
        collection = layer.type(args[arity - 1])
        values = values_of(collection)
        if values is None:
            return None
        sought: list[tuple[Term, MaybeType]] = [(args[arity - 2], values)]
        if arity == _KEYED:
            sought.insert(0, (args[0], keys_of(collection)))
        for term, kind in sought:
            if is_unknown(kind):
                continue
            have = layer.type(term)
            if (not is_unknown(have) and not unifies(have, kind)) or not fits(layer, term, kind):
                return problems.mismatch(step.span, have, kind).problem
        return None

    def wrong_stand_in(self, layer: Layer, withs: Sequence[With]) -> Problem | None:
        """Return what is wrong with a function that stands in for another, if anything."""
        for each in withs:
            if each.kind not in {"function", "builtin"} or not each.by:
                continue
            replaced, by = self.function(layer, each.path), self.function(layer, each.by)
            if isinstance(replaced, Function) and isinstance(by, Function) and not unifies(replaced, by):
                what = "arity mismatch"
                name = tuple(map(str, each.path))
                fault = problems.wrong_arguments(each.span, name, what, by.args, replaced, result=False)
                return fault.problem
        return None


def _arguments(layer: Layer, step: Step, args: Sequence[Term], function: Function) -> Problem | None:
    have = [layer.type(arg) for arg in args]
    operands = function.operands
    what = ""
    if len(args) > len(operands) and function.rest is None:
        what = "too many arguments"
    elif len(args) < len(function.args):
        what = "too few arguments"
    if what:
        return problems.wrong_arguments(step.span, step.name, what, have, function).problem
    for place, arg in enumerate(args):
        kind, known = function.operand(place), have[place]
        what = "invalid argument(s)"
        if not is_unknown(known):
            if not unifies(known, kind):
                return problems.wrong_arguments(step.span, step.name, what, have, function).problem
            if isinstance(arg, Var | Scalar):
                continue
        if not fits(layer, arg, kind):
            have = [layer.type(each) for each in args]
            return problems.wrong_arguments(step.span, step.name, what, have, function).problem
    return None
