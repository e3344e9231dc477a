"""One module at a time: what its names mean, and what its imports, rule names and functions' heads must not be."""

from __future__ import annotations

from collections.abc import Iterable

from pratique.rego.check.constants import offender
from pratique.rego.check.variables import of_term, pattern_variables
from pratique.rego.check.world import World
from pratique.rego.errors import PARSE_ERROR, UNSAFE_ERROR
from pratique.rego.nodes import Import, Module, Path, Rule, Var
from pratique.rego.tokens import LOGICAL_KEYWORDS

_SWITCHES = {"future", "rego"}


def rule_names(modules: Iterable[Module]) -> dict[Path, dict[str, Path]]:
    """Return, for each package, the names that its rules begin with, and where they point."""
    found: dict[Path, dict[str, Path]] = {}
    for module in modules:
        names = found.setdefault(module.package, {})
        for rule in module.rules:
            names.setdefault(rule.path[0], (*module.package, rule.path[0]))
    return found


def globals_of(module: Module, names: dict[Path, dict[str, Path]]) -> dict[str, Path]:
    """Return the absolute path of each name that the module's package and imports give."""
    found = dict(names[module.package])
    for each in module.imports:
        if each.path[0] not in _SWITCHES:
            found[each.name] = each.path
    return found


def check_imports(world: World, module: Module) -> None:
    """Note imports that shadow each other (v1, strict)."""
    strict = world.capabilities.strict
    if module.version != "v1" and not strict:
        return
    seen: dict[str, Import] = {}
    for each in module.imports:
        if each.path[0] in _SWITCHES:
            if each.name in LOGICAL_KEYWORDS:
                # The one keyword that may end another import's path.
                seen.setdefault(each.name, each)
            continue
        if each.name in seen:
            first = seen[each.name].span.location()
            world.refuse(
                f"import must not shadow import {'.'.join(seen[each.name].path)} ({first})",
                each.span,
                hint="import it under another name: `as name`",
            )
        seen.setdefault(each.name, each)


def check_used(world: World, module: Module, used: set[str]) -> None:
    """Note imports whose name nothing in the module looks up (strict)."""
    for each in module.imports:
        if each.path[0] not in _SWITCHES and each.name not in used:
            alias = f" as {each.alias}" if each.alias else ""
            message = f"import {'.'.join(each.path)}{alias} unused"
            world.refuse(message, each.span, hint="take it out")


def check_names(world: World, module: Module) -> None:
    """Note rules that take the name of a root document (v1)."""
    if module.version != "v1" and not world.capabilities.strict:
        return
    for rule in module.rules:
        if rule.path[0] in {"input", "data"}:
            world.refuse(
                f"rules must not shadow {rule.path[0]} (use a different rule name)",
                rule.head_span or rule.span,
                hint=f"`{rule.path[0]}` is a document that is always there",
            )


def check_defaults(world: World, module: Module) -> None:
    """Note default values that are not constants."""
    for rule in module.rules:
        found = offender(rule.value) if rule.default else ""
        if found:
            world.refuse(
                f"illegal default rule (value cannot contain {found})",
                rule.value.span,
                code=PARSE_ERROR,
                hint="no variables, references or calls outside a comprehension",
            )


def check_arguments(world: World, rule: Rule) -> None:
    """Note what cannot stand in the head of a function: calls, and references to anything but its arguments."""
    bound: set[str] = set()
    for arg in rule.args or ():
        pattern_variables(arg, bound)
    uses = of_term(*(rule.args or ()))
    for call in uses.calls:
        hint = "compare in the body: `f(x) if x == ...`"
        world.refuse("rule arguments cannot contain calls", call.span, hint=hint)
    for ref in uses.refs:
        if isinstance(ref.head, Var) and ref.head.name not in bound:
            hint = "a head knows its arguments only; compare in the body"
            world.refuse(f"var {ref.head.label} is unsafe", ref.head.span, code=UNSAFE_ERROR, hint=hint)
