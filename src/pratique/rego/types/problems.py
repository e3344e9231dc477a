"""What can be wrong with types, in OPA's words: the message, and the lines that explain it.

Comes in: a place, terms and their types. Goes out: `errors.Problem`. `Fault` says besides whether a type that is not
known is to blame, since such a fault is not told where another one explains it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from pratique.rego import hints, spelled
from pratique.rego.errors import TYPE_ERROR, Problem
from pratique.rego.nodes import Array, Object, Path, Ref, Scalar, SetOf, Term, Var
from pratique.rego.source import Span
from pratique.rego.types import data, difference
from pratique.rego.types.kinds import Function, Key, MaybeType, OneOf, is_unknown, shown
from pratique.rego.types.kinds import Object as ObjectType

_INFIX: Final = {
    "plus",
    "minus",
    "mul",
    "div",
    "rem",
    "or",
    "and",
    "lt",
    "lte",
    "gt",
    "gte",
    "neq",
    "equal",
    "eq",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """A problem, and whether only what is not known is to blame."""

    problem: Problem
    of_unknown: bool = False


def problem(
    span: Span,
    message: str,
    details: Sequence[str] = (),
    hint: str = "",
    said: Mapping[str, Any] | None = None,
) -> Problem:
    """Return a problem of types; `said` is what its details are for programs."""
    return Problem(TYPE_ERROR, message, span.location(), hint, tuple(details), said)


def _older(span: Span) -> bool:
    """Tell whether a policy is refused in the words of OPA 1.17, which runs templates in Gatekeeper."""
    return not span.source.newest


def mismatch(span: Span, left: MaybeType, right: MaybeType) -> Fault:
    """Return what is wrong with an equation that can never hold."""
    sides = {"a": data.type_data(left), "b": data.type_data(right)}
    found = problem(span, "match error", difference.unification(left, right, whole=_older(span)), said=sides)
    return Fault(found, is_unknown(left) or is_unknown(right))


def wrong_arguments(
    span: Span, name: Path, what: str, have: Sequence[MaybeType], function: Function, *, result: bool = True
) -> Fault:
    """Return what is wrong with a call whose arguments do not fit; `what` is said of them."""
    said = f"{spelled.path(name)}: {what}"
    lines = difference.arguments(have, function, result=result, whole=_older(span))
    operands = function.operands if result else function.args
    types = {"have": [data.type_data(each) for each in have], "want": data.wanted(function, operands)}
    found = problem(span, said, lines, _hint(name, have, function), types)
    return Fault(found, any(map(is_unknown, have)))


def _hint(name: Path, have: Sequence[MaybeType], function: Function) -> str:
    known = ".".join(name)
    if known in _INFIX:
        kinds = [shown(each).partition("[")[0].partition("<")[0] for each in have[: len(function.args)]]
        found = [hints.OPERATORS[known, kind] for kind in kinds if (known, kind) in hints.OPERATORS]
        return found[0] if found else ""
    return hints.OPERANDS.get(known, "")


# --- references --------------------------------------------------------------------------------------------


class Shown:
    """References as errors show them: what a variable of ours stands for in its place."""

    def __init__(self, subjects: Mapping[str, Term]) -> None:
        self.subjects = subjects

    def text(self, ref: Ref, length: int | None = None) -> str:
        """Return the text of a reference, or of its head and so many parts."""
        path = ref.path if length is None else ref.path[:length]
        return spelled.term(self._whole(replace(ref, path=path)))

    def _whole(self, ref: Ref) -> Ref:
        return replace(ref, head=self.written(ref.head), path=tuple(map(self.written, ref.path)))

    def written(self, term: Term) -> Term:
        """Return a term as its author wrote it."""
        if isinstance(term, Var):
            return self.subjects.get(term.name, term)
        if isinstance(term, Array):
            return replace(term, items=tuple(map(self.written, term.items)))
        if isinstance(term, SetOf):
            return replace(term, items=tuple(map(self.written, term.items)))
        if isinstance(term, Object):
            pairs = [(self.written(key), self.written(item)) for key, item in term.pairs]
            return replace(term, pairs=tuple(pairs))
        return term

    def undefined(
        self, ref: Ref, place: int, *, have: MaybeType, want: MaybeType, among: Sequence[Key] = ()
    ) -> Problem:
        """Return what is wrong with a reference whose part at `place` is no key of what it reaches into.

        `have` is the type of a part that is no constant, `want` that of the keys, `among` are the keys themselves.
        """
        text = self.text(ref)
        pad = " " * (len(self.text(ref, place)) + 1)
        part = spelled.term(self.written(ref.path[place]))
        lines = [text, f"{pad}^", f"{pad}have (type): {shown(have)}" if have else f"{pad}have: {part}"]
        if among:
            keys = [spelled.term(Scalar(key.value, ref.span)) for key in among]
            lines.append(f"{pad}want (one of): [{' '.join(keys)}]")
        elif want is None:
            lines.append(f"{pad}want (one of): []")
        else:
            lines.append(f"{pad}want (type): {want.text}")
        said: dict[str, Any] = {"ref": data.reference(self._whole(ref)), "pos": place + 1}
        if have is not None:
            said["have"] = data.type_data(have)
        said |= {"want": data.type_data(want), "oneOf": data.keys(among)}
        return problem(ref.head.span, f"undefined ref: {text}", lines, said=said)

    def unsupported(self, ref: Ref, place: int, have: MaybeType) -> Problem:
        """Return what is wrong with a reference whose part at `place` reaches into what has no parts."""
        text = self.text(ref)
        lines = [text, "^" * len(self.text(ref, place)), f"have: {shown(have) if have else '<nil>'}"]
        message = f"undefined ref: {text}"
        hint = ""
        if isinstance(have, Function):
            name = self._function(ref)
            message = f"function {name} used as reference, not called"
            hint = f"call it: `{name.rpartition('.')[2]}(...)`"
        said = {"ref": data.reference(self._whole(ref)), "pos": place, "have": data.type_data(have)}
        return problem(ref.head.span, message, lines, hint, said)

    def _function(self, ref: Ref) -> str:
        last = ref.path[-1] if ref.path else None
        if isinstance(last, Var) and last.name.startswith("~"):
            return self.text(ref, len(ref.path) - 1)
        return self.text(ref)


def members(kind: MaybeType) -> list[Key]:
    """Return the keys that are known of a type, in order, each once."""
    found: dict[object, Key] = {}

    def add(each: MaybeType) -> None:
        if isinstance(each, ObjectType):
            found.update({key.order: key for key, _ in each.static})
        elif isinstance(each, OneOf):
            for one in each.of:
                add(one)

    add(kind)
    return [found[order] for order in sorted(found)]  # type: ignore[type-var]  # orders are tuples
