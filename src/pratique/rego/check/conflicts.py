"""Rules that cannot stand beside each other: kinds that differ, two defaults, a package where a rule is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pratique.rego.check.world import Place, World
from pratique.rego.errors import TYPE_ERROR
from pratique.rego.nodes import Module, Path, Rule


def check_conflicts(world: World) -> None:
    """Note every conflict between rules, and between rules and packages."""
    _visit(world, world.root, ("data",))


def _visit(world: World, place: Place, path: Path) -> None:
    rules = place.rules
    name = ".".join(path)
    if rules:
        first = rules[0]
        if len({_kind(rule) for rule in rules}) > 1:
            other = next(rule for rule in rules if _kind(rule) != _kind(first))
            hint = f"one name is one thing: {_shown(first)} here, {_shown(other)} at {other.span.location()}"
            span = first.head_span or first.span
            world.refuse(f"conflicting rules {name} found", span, code=TYPE_ERROR, hint=hint)
        defaults = [rule for rule in rules if rule.default]
        if len(defaults) > 1:
            world.refuse(
                f"multiple default rules {name} found",
                defaults[1].head_span or defaults[1].span,
                code=TYPE_ERROR,
                hint=f"the other one is at {defaults[0].span.location()}",
            )
        if place.package is not None:
            where = rules[0].span.location()
            _package(world, place.package, f"package {name} conflicts with rule {name} defined at {where}")
        elif place.children and not any(rule.keys for rule in rules) and any(_ground(rule) for rule in rules):
            below = next(_rules(place.children, path), None)
            if below is not None:
                inner_path, inner_rule = below
                world.refuse(
                    f"rule {name} conflicts with rule {'.'.join(inner_path)} at {inner_rule.span.location()}",
                    first.head_span or first.span,
                    code=TYPE_ERROR,
                )
        _entries(world, rules, name)
    for child, inner in place.children.items():
        _visit(world, inner, (*path, child))


def _entries(world: World, rules: list[Rule], name: str) -> None:
    """Note rules with keys that differ in kind at the same constants: OPA's tree of rules has places for those too."""
    groups: dict[tuple[Any, ...], list[Rule]] = {}
    for rule in rules:
        if rule.keys:
            groups.setdefault(tuple([(type(key.value), key.value) for key in rule.constant_keys]), []).append(
                rule
            )
    for at, group in groups.items():
        other = next((rule for rule in group if rule.kind != group[0].kind), None)
        if other is not None:
            hint = (
                f"one place is one thing: a set or single values; the other one is at {other.span.location()}"
            )
            span = group[0].head_span or group[0].span
            shown = "".join([f"[{key.span.text}]" for key in group[0].keys])
            world.refuse(f"conflicting rules {name}{shown} found", span, code=TYPE_ERROR, hint=hint)
        whole = [rule for rule in group if rule.kind == "value" and len(rule.keys) == len(at)]
        below = next(
            (rules[0] for keys, rules in groups.items() if keys[: len(at)] == at and keys != at), None
        )
        if whole and below is not None:
            shown = "".join([f"[{key.span.text}]" for key in whole[0].keys])
            where = below.span.location()
            world.refuse(
                f"rule {name}{shown} conflicts with a rule below it at {where}",
                whole[0].head_span or whole[0].span,
                code=TYPE_ERROR,
            )


def _kind(rule: Rule) -> tuple[str, int]:
    if rule.args is not None:
        return "function", len(rule.args)
    if rule.keys:
        # Entries of an object, and sets below it, may stand under one name.
        return "object", 0
    return ("value" if rule.default else rule.kind), 0


def _shown(rule: Rule) -> str:
    kind, arity = _kind(rule)
    if kind == "function":
        return f"a function of {arity} argument{'' if arity == 1 else 's'}"
    return {"set": "a set", "object": "an object"}.get(kind, "a single value")


def _ground(rule: Rule) -> bool:
    return rule.args is None


def _rules(places: Mapping[str, Place], path: Path) -> Iterator[tuple[Path, Rule]]:
    for name, place in places.items():
        for rule in place.rules:
            yield (*path, name), rule
        yield from _rules(place.children, (*path, name))


def _package(world: World, module: Module, message: str) -> None:
    assert module.package_span is not None  # the parser always knows it
    world.refuse(message, module.package_span, code=TYPE_ERROR)
