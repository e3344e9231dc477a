"""Calls: which builtin or function it is, and whether it takes that many arguments of these kinds."""

from __future__ import annotations

from dataclasses import replace
from difflib import get_close_matches
from typing import Final

from pratique.rego.builtins.registry import Builtin
from pratique.rego.check.world import World
from pratique.rego.errors import TYPE_ERROR
from pratique.rego.nodes import Array, Call, Comprehension, Module, Object, Scalar, SetOf, Term
from pratique.rego.runtime.values import type_name

_COLLECTIONS: Final = {Array: "array", SetOf: "set", Object: "object"}
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
    name = call.name
    hint = ""
    near = get_close_matches(name, list(world.builtins), 1, 0.75)
    if near:
        hint = f"did you mean `{near[0]}`?"
    elif len(call.parts) > 1:
        hint = f"import it: `import data.{'.'.join(call.parts[:-1])}`"
    world.refuse(f"undefined function {name}", call.span, code=TYPE_ERROR, hint=hint)


def _function(world: World, call: Call, *, alone: bool) -> Call:
    place = world.find(call.parts)
    if place is None or not place.rules:
        undefined(world, call)
        return call
    wanted, given = place.arity, len(call.args)
    if place.arity < 0:
        undefined(world, call)
        return call
    if given == wanted:
        return call
    if alone and given == wanted + 1:
        return replace(call, args=call.args[:-1], output=call.args[-1])
    plural = "argument" if given == 1 else "arguments"
    world.refuse(f"function {call.name} has arity {wanted}, got {given} {plural}", call.span, code=TYPE_ERROR)
    return call


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
        )


def _arity(world: World, call: Call, known: Builtin) -> None:
    have = ", ".join(kind_of(arg) for arg in call.args)
    want = ", ".join(known.operands)
    world.refuse(
        f"{known.name}: arity mismatch: have ({have}), want ({want})",
        call.span,
        code=TYPE_ERROR,
        hint=f"{known.name}({want}) -> {known.result}",
    )


def _types(world: World, call: Call, known: Builtin) -> None:
    for arg, operand in zip(call.args, known.operands, strict=False):
        kind = kind_of(arg)
        if operand not in {"any", "..."} and kind != "any" and kind not in operand.split("|"):
            have = ", ".join(kind_of(each) for each in call.args)
            want = ", ".join(known.operands)
            world.refuse(
                f"{known.name}: invalid argument(s): have ({have}), want ({want})", arg.span, code=TYPE_ERROR
            )
            return


def kind_of(term: Term) -> str:
    """Return the type of a literal term, `any` for what is known only when it runs."""
    if isinstance(term, Scalar):
        return type_name(term.value)
    if isinstance(term, Comprehension):
        return term.kind
    return _COLLECTIONS.get(type(term), "any")
