"""Calls: which builtin or function it is, and whether it takes that many arguments."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from pratique.rego import hints, spelled
from pratique.rego.builtins.registry import Builtin
from pratique.rego.check.world import World
from pratique.rego.errors import TYPE_ERROR
from pratique.rego.nodes import Call, Module, Rule
from pratique.rego.source import Span
from pratique.rego.types import wrong_arity

_INSTEAD: Final = {
    "all": "write `every x in xs { x }`",
    "any": "write `true in xs`",
    "net.cidr_overlap": "write `net.cidr_contains`",
    "re_match": "write `regex.match`",
    "set_diff": "write `left - right`",
}


def checked(  # a call is known by where it stands
    world: World,
    call: Call,
    *,
    alone: bool,
    module: Module | None,
    local: bool = False,
    place: Span | None = None,
) -> Call:
    """Return the call, its captured result taken out of the arguments; what is wrong with it is noted at `place`."""
    place = place or call.span
    if call.parts[0] == "data":
        return _function(world, call, place, alone=alone)
    if not local and call.name in world.capabilities.denied:
        _denied(world, call, place)
        return call
    known = None if local else world.builtins.get(call.name)
    if known is None or call.parts[0] == "input":
        undefined(world, call, place)
        return call
    if call.infix:
        return call
    _allowed(world, call, known, module)
    given, wanted = len(call.args), known.arity
    if known.void and not alone:
        said = f"{spelled.term(call)} used as value"
        world.refuse(said, call.span, code=TYPE_ERROR, hint="it has no value: let it stand alone")
    if wanted >= 0 and given != wanted:
        if alone and given == wanted + 1 and not known.void:
            call = replace(call, args=call.args[:-1], output=call.args[-1])
        else:
            _arity(world, call, known, place, alone=alone)
    return call


def undefined(world: World, call: Call, place: Span) -> None:
    """Note that a call's function does not exist."""
    hint = hints.of_function(call.parts, list(world.builtins))
    world.refuse(f"undefined function {spelled.path(call.parts)}", place, code=TYPE_ERROR, hint=hint)


def _function(world: World, call: Call, place: Span, *, alone: bool) -> Call:
    found = world.find(call.parts)
    if found is None or not found.rules:
        undefined(world, call, place)
        return call
    wanted, given = max(found.arity, 0), len(call.args)
    if given == wanted and found.arity >= 0:
        return call
    if alone and given == wanted + 1 and found.arity >= 0:
        return replace(call, args=call.args[:-1], output=call.args[-1])
    plural = "argument" if given == 1 else "arguments"
    world.refuse(
        f"function {spelled.path(call.parts)} has arity {wanted}, got {given} {plural}",
        place,
        code=TYPE_ERROR,
        hint=_written(found.rules[0]) if found.arity >= 0 else "it is a rule: write its name alone",
    )
    return call


def _written(rule: Rule) -> str:
    """Return the head of a function, to show what it takes."""
    shown = (rule.head_span or rule.span).text.split("\n")[0]
    return f"it is written as `{shown}`"


def _denied(world: World, call: Call, place: Span) -> None:
    # OPA takes a denied builtin out of its capabilities, so that is what it says.
    hint = f"`{call.name}` is switched off for policies here"
    world.refuse(f"undefined function {call.name}", place, code=TYPE_ERROR, hint=hint)


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


def _arity(world: World, call: Call, known: Builtin, place: Span, *, alone: bool) -> None:
    hint = hints.OPERANDS["sprintf"] if known.name == "sprintf" else ""
    world.problems.append(wrong_arity(world.builtins, call, known, place, alone=alone, hint=hint))
