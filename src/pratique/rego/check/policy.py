"""All passes in order: names, calls, conflicts, safety, recursion.

Comes in: parsed modules. Goes out: `nodes.Checked`, or one `CompileError` with the problems of all passes that could
run: a later pass is skipped when an earlier one has found something, since it would only report the consequences.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

from pratique.rego.builtins.registry import Builtin, table
from pratique.rego.check import metadata
from pratique.rego.check.capabilities import Capabilities
from pratique.rego.check.conflicts import check_conflicts
from pratique.rego.check.graph import check_recursion
from pratique.rego.check.modules import (
    check_arguments,
    check_defaults,
    check_imports,
    check_names,
    check_used,
    globals_of,
    rule_names,
)
from pratique.rego.check.resolve import Resolver
from pratique.rego.check.safety import Safety
from pratique.rego.check.undeclared import Undeclared
from pratique.rego.check.variables import of_literal
from pratique.rego.check.world import World
from pratique.rego.errors import CompileError
from pratique.rego.nodes import Body, Checked, Module, Path, Query, Rule, Term, Var
from pratique.rego.source import Span
from pratique.rego.types import Types

_DEFAULT: Final = Capabilities()


def _world(
    modules: Sequence[Module],
    capabilities: Capabilities | None,
    builtins: Mapping[str, Builtin] | None,
    *,
    printing: bool,
) -> World:
    known = {**table(), **builtins} if builtins else table()
    return World(modules, known, capabilities or _DEFAULT, printing=printing)


def _stop(world: World) -> None:
    if world.problems:
        raise CompileError(world.problems)


def _late(world: World) -> None:
    if world.late:
        raise CompileError(world.late)


def check(
    modules: Sequence[Module],
    *,
    capabilities: Capabilities | None = None,
    builtins: Mapping[str, Builtin] | None = None,
    printing: bool = False,
) -> Checked:
    """Return the modules with every name decided and every body in a safe order; raises `CompileError`."""
    world = _world(modules, capabilities, builtins, printing=printing)
    names = rule_names(modules)
    reads: dict[Path, list[tuple[Term, ...]]] = {}
    spans: dict[Path, Span] = {}
    resolved: list[tuple[Rule, dict[str, Path]]] = []
    for module in modules:
        check_imports(world, module)
        check_names(world, module)
        check_defaults(world, module)
        globals_ = globals_of(module, names)
        resolver = Resolver(world, globals_, module)
        for rule in module.rules:
            path = (*module.package, *rule.path)
            if rule.args:
                check_arguments(world, rule)
            resolver.reads = reads.setdefault(path, [])
            spans.setdefault(path, rule.head_span or rule.span)
            resolved.append((resolver.resolved_rule(rule, path), globals_))
            if world.capabilities.strict:
                resolver.unused_arguments(rule)
        if world.capabilities.strict:
            check_used(world, module, resolver.used)
    check_conflicts(world)
    _stop(world)
    orders = [Safety(world, modern_not=rule.modern_not, names=names) for rule, names in resolved]
    for (rule, _), safety in zip(resolved, orders, strict=True):
        Undeclared(world, safety).rule(rule)
    _stop(world)
    rules: dict[Path, list[Rule]] = {}
    for (rule, _), safety in zip(resolved, orders, strict=True):
        rules.setdefault(rule.path, []).append(safety.rule(rule))
    edges = check_recursion(world, reads, spans)
    _stop(world)
    types = Types(
        world.builtins,
        edges,
        printing=printing,
        schemas=world.capabilities.schemas,
        annotations=partial(metadata.of_rule, world) if metadata.has_schemas(world) else None,
    )
    by_path: dict[Path, list[Rule]] = {}
    for rule, _ in resolved:
        by_path.setdefault(rule.path, []).append(rule)
    world.late += types.rules(by_path)
    _late(world)
    return Checked(tuple(modules), {path: tuple(group) for path, group in rules.items()}, types)


def check_query(
    body: Body,
    checked: Checked,
    *,
    capabilities: Capabilities | None = None,
    builtins: Mapping[str, Builtin] | None = None,
    printing: bool = False,
    module: Module | None = None,
) -> Query:
    """Return the query with every name decided and its body in a safe order; raises `CompileError`.

    The query stands in `module`: its package and its imports give names.
    """
    world = _world(checked.modules, capabilities, builtins, printing=printing)
    globals_: dict[str, Path] = {}
    if module is not None:
        globals_ = globals_of(module, {module.package: {}, **rule_names(checked.modules)})
    resolver = Resolver(world, globals_, None)
    found, scope = resolver.resolved_query(body)
    _stop(world)
    safety = Safety(world, modern_not=False)
    Undeclared(world, safety).body(found, set())
    _stop(world)
    ordered, bound = safety.body(found, set())
    _stop(world)
    types = (
        checked.types if isinstance(checked.types, Types) else Types(world.builtins, {}, printing=printing)
    )
    world.late += types.query(found)
    _late(world)
    variables = _visible(ordered, bound, scope.local)
    return Query(ordered, variables)


def _visible(body: Body, bound: set[str], local: Mapping[str, str]) -> tuple[tuple[str, Var], ...]:
    """Return the variables that a caller sees: those of the query itself, by the names that it uses."""
    written = {variable: name for name, variable in local.items()}
    found: dict[str, Var] = {}
    for literal in body:
        for name, var in of_literal(literal).own.items():
            if name in bound and not var.wildcard:
                found.setdefault(written.get(name, name), var)
    return tuple(found.items())
