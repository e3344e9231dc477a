"""Calls: which builtin or function it is, and whether it takes that many arguments of these kinds."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from pratique.rego import hints
from pratique.rego.builtins.registry import Builtin
from pratique.rego.check.world import World
from pratique.rego.errors import TYPE_ERROR
from pratique.rego.nodes import Array, Call, Comprehension, Module, Object, Rule, Scalar, SetOf, Term
from pratique.rego.runtime.values import type_name

_COLLECTIONS: Final = {Array: "array", SetOf: "set", Object: "object"}
_KINDS: Final = {"null", "boolean", "number", "string", "array", "set", "object"}
_INSTEAD: Final = {
    "all": "write `every x in xs { x }`",
    "any": "write `true in xs`",
    "net.cidr_overlap": "write `net.cidr_contains`",
    "re_match": "write `regex.match`",
    "set_diff": "write `left - right`",
}


def checked(world: World, call: Call, *, alone: bool, module: Module | None, local: bool = False) -> Call:
    """Return the call, its captured result taken out of the arguments; what is wrong with it is noted."""
    if call.parts[0] == "data":
        return _function(world, call, alone=alone)
    if not local and call.name in world.capabilities.denied:
        _denied(world, call)
        return call
    known = None if local else world.builtins.get(call.name)
    if known is None or call.parts[0] == "input":
        undefined(world, call)
        return call
    if call.infix:
        _types(world, call, known)
        return call
    _allowed(world, call, known, module)
    given, wanted = len(call.args), known.arity
    if known.void and not alone:
        world.refuse(f"{call.name}: nothing comes back from it", call.span, code=TYPE_ERROR)
    if wanted >= 0 and given != wanted:
        if alone and given == wanted + 1 and not known.void:
            call = replace(call, args=call.args[:-1], output=call.args[-1])
        else:
            _arity(world, call, known)
            return call
    _types(world, call, known)
    return call


def undefined(world: World, call: Call) -> None:
    """Note that a call's function does not exist."""
    hint = hints.of_function(call.parts, list(world.builtins))
    world.refuse(f"undefined function {call.name}", call.span, code=TYPE_ERROR, hint=hint)


def _function(world: World, call: Call, *, alone: bool) -> Call:
    place = world.find(call.parts)
    if place is None or not place.rules:
        undefined(world, call)
        return call
    wanted, given = max(place.arity, 0), len(call.args)
    if given == wanted and place.arity >= 0:
        return call
    if alone and given == wanted + 1 and place.arity >= 0:
        return replace(call, args=call.args[:-1], output=call.args[-1])
    plural = "argument" if given == 1 else "arguments"
    world.refuse(
        f"function {call.name} has arity {wanted}, got {given} {plural}",
        call.span,
        code=TYPE_ERROR,
        hint=_written(place.rules[0]) if place.arity >= 0 else "it is a rule: write its name alone",
    )
    return call


def _written(rule: Rule) -> str:
    """Return the head of a function, to show what it takes."""
    shown = (rule.head_span or rule.span).text.split("\n")[0]
    return f"it is written as `{shown}`"


def _denied(world: World, call: Call) -> None:
    # OPA takes a denied builtin out of its capabilities, so that is what it says.
    hint = f"`{call.name}` is switched off for policies here"
    world.refuse(f"undefined function {call.name}", call.span, code=TYPE_ERROR, hint=hint)


def _allowed(world: World, call: Call, known: Builtin, module: Module | None) -> None:
    name = known.name
    if known.refused:
        world.refuse(
            f"built-in function {name} is not available: {known.refused}", call.span, code=TYPE_ERROR
        )
    elif known.deprecated and (world.capabilities.strict or (module is not None and module.version == "v1")):
        world.refuse(
            f"deprecated built-in function calls in expression: {name}",
            call.span,
            code=TYPE_ERROR,
            hint=_INSTEAD.get(name, "it was taken out of Rego v1"),
            late=True,
        )


def _arity(world: World, call: Call, known: Builtin) -> None:
    have = ", ".join(kind_of(arg) for arg in call.args)
    want = ", ".join(known.operands)
    world.refuse(
        f"{known.name}: arity mismatch: have ({have}), want ({want})",
        call.span,
        code=TYPE_ERROR,
        hint=hints.OPERANDS[known.name]
        if known.name == "sprintf"
        else f"{known.name}({want}) -> {known.result}",
    )


def _types(world: World, call: Call, known: Builtin) -> None:
    if not world.typed:
        return
    for arg, operand in zip(call.args, known.operands, strict=False):
        kinds = kinds_of(world, arg)
        if operand in {"any", "..."} or not kinds or kinds & set(operand.split("|")):
            continue
        have = ", ".join("|".join(sorted(kinds_of(world, each))) or "any" for each in call.args)
        want = ", ".join(known.operands)
        hint = hints.OPERANDS.get(known.name) or f"{known.name}({want}) -> {known.result}"
        if call.infix:
            hint = hints.OPERATORS.get((known.name, min(kinds)), "")
        message = f"{known.name}: invalid argument(s): have ({have}), want ({want})"
        world.refuse(message, arg.span, code=TYPE_ERROR, hint=hint, late=True)
        return
    if call.output is not None and known.result in _KINDS:
        kind = kind_of(call.output)
        if kind not in {"any", known.result}:
            message = f"{known.name}: invalid argument(s): its result is {known.result}, not {kind}"
            world.refuse(message, call.output.span, code=TYPE_ERROR, late=True)


def kinds_of(world: World, term: Term) -> set[str]:
    """Return the types that a term may have; nothing for what is known only when it runs."""
    if isinstance(term, Call):
        known = world.builtins.get(term.name) if term.parts[0] != "data" else None
        found = set(known.result.split("|")) if known is not None and term.output is None else set()
        return found if found <= _KINDS else set()
    kind = kind_of(term)
    return set() if kind == "any" else {kind}


def kind_of(term: Term) -> str:
    """Return the type of a literal term, `any` for what is known only when it runs."""
    if isinstance(term, Scalar):
        return type_name(term.value)
    if isinstance(term, Comprehension):
        return term.kind
    return _COLLECTIONS.get(type(term), "any")
