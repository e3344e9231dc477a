"""A whole policy to its plan: the tree of rules, then every rule, then what a query asks.

Comes in: checked modules, and perhaps a query. Goes out: an `ir.Plan`, every rule as it stands.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass

from pratique.rego import nodes
from pratique.rego.plan import ir
from pratique.rego.plan.bodies import Bodies
from pratique.rego.plan.order import ordered
from pratique.rego.plan.scope import Counter, Policy, Watching
from pratique.rego.plan.tree import Group, Place, Tree
from pratique.rego.plan.watch import Watched
from pratique.rego.runtime.values import key


def plan(
    checked: nodes.Checked,
    *,
    query: nodes.Query | None = None,
    printing: bool = False,
    watched: Watching | None = None,
) -> ir.Plan:
    """Return the plan of a policy; a query becomes its last rule. `watched` code reports what it does."""
    policy = Policy(_tree(checked), printing=printing, watched=watched)
    for each in _withs(checked, query):
        _note(policy, each)
    rules = [_rule(policy, group) for group in policy.tree.groups]
    if query is not None:
        rules.append(_query(policy, query, len(rules)))
    return ir.Plan(
        tuple(rules),
        tuple(map(_node, policy.tree.places)),
        frozenset(policy.mocked),
        frozenset(policy.mocked_rules),
        tuple(policy.bases),
        watched is not None,
        watched is None or watched.early_exit,
        printing,
        policy.input_replaced,
    )


def _tree(checked: nodes.Checked) -> Tree:
    tree = Tree()
    for module in checked.modules:
        tree.package(module.package[1:])
    for path, rules in checked.rules.items():
        group = tree.group(path[1:])
        group.members.extend(rules)
        for rule in rules:
            # `f() = x` is a rule without arguments, and a call of it has no answer (as in OPA's v0).
            if rule.args:
                group.arity = len(rule.args)
    tree.join()
    return tree


def _node(place: Place) -> ir.Node:
    children = {name: child.number for name, child in place.children.items()}
    group = place.group
    if group is None:
        return ir.Node(place.number, place.path, children)
    if group.function:
        return ir.Node(place.number, place.path, children, function=True)
    return ir.Node(place.number, place.path, children, rule=group.number, joined=place.joined)


# --- what `with` replaces ----------------------------------------------------------------------------------


def _withs(checked: nodes.Checked, query: nodes.Query | None) -> Iterator[nodes.With]:
    for module in checked.modules:
        # Most policies have none, and a search of the text is much cheaper than one of the tree.
        if "with" in module.source.text:
            for rules in checked.rules.values():
                for rule in rules:
                    yield from _found(rule)
            break
    if query is not None:
        yield from _found(query.body)


def _found(node: object) -> Iterator[nodes.With]:
    if isinstance(node, nodes.With):
        yield node
    if isinstance(node, tuple) and not hasattr(node, "_fields"):
        for item in node:
            yield from _found(item)
    elif is_dataclass(node) and not isinstance(node, nodes.Module):
        for each in fields(node):
            if each.name != "module":
                yield from _found(getattr(node, each.name))


def _note(policy: Policy, each: nodes.With) -> None:
    if each.kind == "input":
        policy.input_replaced = True
    elif each.kind == "data":
        policy.replaced.add(each.path)
    elif each.kind == "builtin":
        policy.mocked.add(".".join(each.path))
    else:
        place = policy.tree.find(each.path[1:])
        if place is not None and place.group is not None:
            policy.mocked_rules.add(place.group.number)


# --- rules -------------------------------------------------------------------------------------------------


def _rule(policy: Policy, group: Group) -> ir.Rule:
    counter = Counter()
    params = tuple([f"a{index}" for index in range(max(0, group.arity))])
    clauses = []
    default = None
    for rule in group.members:
        if rule.default:
            default = _clause(policy, rule, params, counter)
        else:
            clauses.append(_clause(policy, rule, params, counter))
    first = group.members[0]
    place = policy.tree.find(group.path)
    vanishing = _kind(group) in {"set", "object"} and _below_keys(policy, group.path)
    return ir.Rule(
        group.number,
        group.path,
        _kind(group),
        tuple(clauses),
        params,
        default,
        cached=not group.function,
        joined=place is not None and place.joined,
        replaceable=any(group.path[: len(path)] == path for path in policy.replaced),
        span=first.span,
        empties=() if vanishing else tuple(_empty(group)),
        vanishing=vanishing,
        sparse=_sparse(group),
    )


def _below_keys(policy: Policy, path: tuple[str, ...]) -> bool:
    """Tell whether rules above a path begin with a variable key: OPA works out what is below those as their entries."""
    places = [policy.tree.find(path[:length]) for length in range(1, len(path))]
    return any(place is not None and place.group is not None and _sparse(place.group) for place in places)


def _sparse(group: Group) -> bool:
    return any(rule.keys and not rule.constant_keys for rule in group.members)


def _empty(group: Group) -> Iterator[tuple[tuple[ir.Const, ...], bool]]:
    """Yield the places below a rule that heads name by constants: they are there before any body holds."""
    # By `values.key`: 1 and true are different places.
    constant = [tuple([key(each.value) for each in rule.constant_keys]) for rule in group.members]
    above = {keys for rule, keys in zip(group.members, constant, strict=True) if len(keys) < len(rule.keys)}
    told = set()
    for rule, keys in zip(group.members, constant, strict=True):
        ended = len(keys) == len(rule.keys)
        multi = ended and rule.kind == "set"
        length = len(keys) - (ended and not multi)
        place = keys[:length], multi
        if length and place not in told and not any(keys[:upto] in above for upto in range(length)):
            told.add(place)
            yield tuple([ir.Const(each.value) for each in rule.constant_keys[:length]]), multi


def _kind(group: Group) -> ir.Kind:
    first = group.members[0]
    if group.function:
        return "function"
    if any(rule.keys for rule in group.members):
        return "object"
    return "set" if first.kind == "set" else "complete"


def _clause(policy: Policy, rule: nodes.Rule, params: tuple[str, ...], counter: Counter) -> ir.Clause:
    make = Watched if policy.watched else Bodies
    body = make(policy, counter, modern_not=rule.modern_not)
    body.span = rule.head_span or rule.span
    if rule.args:
        body.arguments(rule.args, params)
    head, result = body.rule(rule)
    body.span = rule.head_span or rule.span
    keys = tuple([body.local(body.term(each)) for each in head])
    value = body.term(result)
    otherwise = None if rule.otherwise is None else _clause(policy, rule.otherwise, params, counter)
    steps = tuple(body.steps)
    if policy.printing or policy.watched is not None:
        steps = ordered(steps, deep=True)
    return ir.Clause(steps, keys, value, body.span, otherwise, multi=rule.kind == "set")


def _query(policy: Policy, query: nodes.Query, number: int) -> ir.Rule:
    body = (Watched if policy.watched else Bodies)(policy, Counter())
    body.body(query.body)
    pairs = tuple([(ir.Const(name), body.bound[variable.name]) for name, variable in query.variables])
    steps = ordered(tuple(body.steps), deep=policy.printing or policy.watched is not None)
    clause = ir.Clause(steps, (), ir.ObjectOf(pairs), body.span)
    return ir.Rule(number, (), "bindings", (clause,), cached=False, span=body.span)
