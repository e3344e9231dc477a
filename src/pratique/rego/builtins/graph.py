"""graph.*: what can be reached in an object of node to neighbours."""

from __future__ import annotations

from collections.abc import Collection

from pratique.rego.builtins.registry import builtin
from pratique.rego.runtime import references
from pratique.rego.runtime.errors import TYPE_ERROR, BuiltinError
from pratique.rego.runtime.values import UNDEFINED, Set, Value, key, type_name
from pratique.rego.runtime.work import work


def _neighbours(graph: Value, node: Value) -> Collection[Value] | None:
    """Return the neighbours in order, or nothing for a node that the graph does not have."""
    edges = references.get(graph, node)
    if edges is UNDEFINED:
        return None
    return list(edges) if type(edges) is list or type(edges) is Set else ()


def _roots(name: str, roots: Value) -> list[Value]:
    if type(roots) is not list and type(roots) is not Set:
        raise BuiltinError(TYPE_ERROR, f"{name}: operand 2 must be {{array, set}} but got {type_name(roots)}")
    return list(roots)


@builtin("graph.reachable", "object, array|set -> set", accepts="object, any", cost=0)
def reachable(graph: Value, roots: Value) -> Value:
    """Return the nodes of the graph that can be reached from these, themselves included."""
    found: dict[object, Value] = {}
    waiting = _roots("graph.reachable", roots)
    while waiting:
        node = waiting.pop()
        at = key(node)
        if at in found:
            continue
        edges = _neighbours(graph, node)
        if edges is not None:
            work(len(edges))
            found[at] = node
            waiting.extend(edges)
    return Set.of_table(found)


@builtin("graph.reachable_paths", "object, array|set -> set", accepts="object, any", cost=0)
def reachable_paths(graph: Value, roots: Value) -> Value:
    """Return the longest paths from these nodes, each until it ends or would meet itself."""
    found: list[list[Value]] = []
    # A path so far, and the node that comes next.
    waiting: list[tuple[list[Value], frozenset[object], Value]] = []
    for root in _roots("graph.reachable_paths", roots):
        edges = _neighbours(graph, root)
        if edges is None:
            continue
        following = list(edges)
        if not following:
            found.append([root])
        # OPA lets a root meet itself once, right away.
        waiting.extend([([root], frozenset(), node) for node in following])
    while waiting:
        path, seen, node = waiting.pop()
        edges = None if key(node) in seen else _neighbours(graph, node)
        if edges is None:
            found.append(path)
            continue
        path = [*path, node]
        following = list(edges)
        # Each goes on from a path and a set of its own.
        work(2 * len(path) + len(following))
        if not following:
            found.append(path)
            continue
        seen = seen | {key(node), key(path[0])}
        waiting.extend([(path, seen, each) for each in following])
    return Set(found)
