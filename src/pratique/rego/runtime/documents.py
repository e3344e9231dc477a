"""The rule tree at run time: what stands at a path of `data`, base data and rules together.

Comes in: a state and a node. Goes out: the document there. A rule that is asked for by its own path hides base
data; in the document of a whole package, base data wins where both have a value (as in OPA).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from pratique.rego.runtime import references
from pratique.rego.runtime.errors import ConflictError
from pratique.rego.runtime.state import MISSING, State
from pratique.rego.runtime.values import UNDEFINED, Object, Set, Value, equal, is_object, key, make_object


class Node:
    """A place of the rule tree at run time: its path, its children, and the rule that stands there.

    Where it is `joined`, rules of other places have a part in the document, and its own rule may give a `Branch`.
    """

    __slots__ = ("children", "function", "joined", "path", "rule")

    def __init__(self, path: tuple[str, ...], *, function: bool, joined: bool) -> None:
        self.path = path
        self.children: dict[str, Node] = {}
        self.rule: Callable[[State], Value] | None = None
        self.function = function
        self.joined = joined


def replacement(state: State, names: tuple[Value, ...]) -> Value:
    """Return what `with` has put where a rule stands, or MISSING."""
    for prefix in state.replaced:
        if names[: len(prefix)] == prefix:
            return references.path(state.data, names)
    return MISSING


def stored(state: State, names: Sequence[Value]) -> Value:
    """Return base data at a path; a number also finds a key of its digits, as in OPA's store."""
    base = state.data
    for name in names:
        found = references.get(base, name)
        if found is UNDEFINED and type(name) is int and type(base) is dict:
            found = base.get(str(name), UNDEFINED)
        base = found
    if state.replaced and state.root is not None and _replaced_below(state, names):
        # Read as a whole, what is replaced further down stands over base data, and hides none beside it (as in OPA).
        beside = references.path(state.root.data, names)
        return _overlaid(base, beside) if is_object(beside) else base
    return base


def _replaced_below(state: State, names: Sequence[Value]) -> bool:
    """Tell whether `with` has replaced something below a path of data, but nothing at or above it."""
    path = tuple(names)
    return any(each[: len(path)] == path for each in state.replaced) and not any(
        path[: len(each)] == each for each in state.replaced
    )


def at(state: State, node: Node, names: Sequence[Value]) -> Value:
    """Return the document at a path below a node: rules where there are any, else base data."""
    for index, name in enumerate(names):
        if node.rule is not None or node.function:
            return references.path(extent(state, node), names[index:])
        child = node.children.get(name) if type(name) is str else None
        if child is None or (state.replaced and replacement(state, node.path) is not MISSING):
            return stored(state, (*node.path, *names[index:]))
        node = child
    return extent(state, node)


def names_at(state: State, node: Node, names: Sequence[Value]) -> Iterable[Value]:
    """Return the keys of the document at a path below a node, without working out what stands there."""
    for index, name in enumerate(names):
        child = node.children.get(name) if type(name) is str and node.rule is None else None
        if child is None:
            return references.keys(at(state, node, names[index:]))
        node = child
    if node.rule is not None or node.function:
        return references.keys(extent(state, node))
    base = references.path(state.data, node.path)
    if state.replaced and replacement(state, node.path) is not MISSING:
        return references.keys(base)
    found = dict.fromkeys(base) if type(base) is dict else {}
    found.update(dict.fromkeys(node.children))
    return list(found)


def extent(state: State, node: Node) -> Value:
    """Return the whole document at a node; what is undefined in it is left out."""
    if state.replaced:
        found = replacement(state, node.path)
        if found is not MISSING:
            return found
    if not node.children:
        if node.rule is not None:
            found = node.rule(state)
            return grown(found) if type(found) is Branch else found
        if node.function:
            return UNDEFINED
    base = stored(state, node.path)
    if node.rule is not None:
        return _overlaid(base, grown(_branch(state, node)))
    merged: dict[str, Value] = {}
    tracer = (state.root or state).tracer
    for name, child in node.children.items():
        inner = extent(state, child)
        if tracer is not None:
            tracer.settle()
        if inner is not UNDEFINED:
            merged[name] = inner
    return _overlaid(base, merged)


def _overlaid(base: Value, value: Value) -> Value:
    # Base data over what rules say, all the way down.
    if not is_object(base):
        return value
    if type(base) is dict and type(value) is dict:
        made = dict(value)
        for name, inner in base.items():
            found = made.get(name, UNDEFINED)
            made[name] = _overlaid(inner, found) if is_object(inner) and is_object(found) else inner
        return made
    pairs = {key(name): (name, inner) for name, inner in value.items()}
    for name, inner in base.items():
        pairs[key(name)] = (name, inner)
    return make_object(pairs.values())


# --- what rules and comprehensions collect -----------------------------------------------------------------


def collect_object(pairs: list[tuple[Value, Value]]) -> Value:
    """Return the object of these pairs; one key with two values is a conflict."""
    plain: dict[str, Value] = {}
    for index, (name, value) in enumerate(pairs):
        if type(name) is not str:
            return _collect_any(plain, pairs[index:])
        found = plain.get(name, UNDEFINED)
        if found is UNDEFINED:
            plain[name] = value
        elif not equal(found, value):
            raise ConflictError("object keys must be unique")
    return plain


def _collect_any(plain: dict[str, Value], pairs: list[tuple[Value, Value]]) -> Object:
    table: dict[Any, tuple[Value, Value]] = {name: (name, value) for name, value in plain.items()}
    for name, value in pairs:
        found = table.setdefault(key(name), (name, value))
        if not equal(found[1], value):
            raise ConflictError("object keys must be unique")
    return Object(table)


@dataclass(slots=True)
class Branch:
    """A place in a document that rules define together: what is below is theirs, a `Leaf` is a value."""

    children: dict[Any, tuple[Value, Branch | Leaf]] = field(default_factory=dict)
    # Whether what is empty in it is left out: a rule begins with a variable key here.
    sparse: bool = False


@dataclass(slots=True)
class Leaf:
    """One value, or the members of a set."""

    multi: bool
    values: list[Value] = field(default_factory=list)


def collect_tree(rows: list[tuple[Sequence[Value], Value, bool]]) -> Value:
    """Return the document that a rule with keys below it defines: (keys, value, whether a set's member).

    UNDEFINED for a value makes an empty place, which gives way to whatever else is said about it.
    """
    return grown(collect_branch(rows))


def collect_branch(rows: list[tuple[Sequence[Value], Value, bool]], *, sparse: bool = False) -> Branch:
    """Return the same as a branch, for other rules to join in."""
    root = Branch(sparse=sparse)
    for names, value, multi in rows:
        _plant(root, names, value, multi=multi)
    return root


def _plant(branch: Branch, names: Sequence[Value], value: Value, *, multi: bool) -> None:
    for name in names[:-1]:
        branch = _below(branch, name)
    if value is UNDEFINED:
        if multi:
            branch.children.setdefault(key(names[-1]), (names[-1], Leaf(multi)))
        else:
            _below(branch, names[-1])
        return
    _, leaf = branch.children.setdefault(key(names[-1]), (names[-1], Leaf(multi)))
    if isinstance(leaf, Branch) or leaf.multi is not multi:
        if not _vacant(leaf):
            raise ConflictError("object keys must be unique")
        leaf = Leaf(multi)
        branch.children[key(names[-1])] = (names[-1], leaf)
    if multi or not leaf.values:
        leaf.values.append(value)
    elif not equal(leaf.values[0], value):
        raise ConflictError("object keys must be unique")


def _below(branch: Branch, name: Value) -> Branch:
    """Return the branch under a name, made if need be."""
    _, inner = branch.children.setdefault(key(name), (name, Branch()))
    if isinstance(inner, Leaf):
        if inner.values:
            raise ConflictError("object keys must be unique")
        inner = Branch()
        branch.children[key(name)] = (name, inner)
    return inner


def _vacant(tree: Branch | Leaf) -> bool:
    """Tell whether nothing is said at or below a place."""
    if isinstance(tree, Leaf):
        return not tree.values
    return all(_vacant(inner) for _, inner in tree.children.values())


def _branch(state: State, node: Node, *, sparse: bool = False) -> Branch:
    # The branch of a node's own rule (a copy: results are kept), joined by those below.
    root = Branch() if node.rule is None else _copied(node.rule(state))
    sparse = sparse or root.sparse
    for name, child in node.children.items():
        if child.children:
            below = _branch(state, child, sparse=sparse)
            if not (sparse and _vacant(below)):
                _join(root, name, below)
        elif child.rule is not None:
            value = child.rule(state)
            if type(value) is Branch:
                if not (sparse and _vacant(value)):
                    _join(root, name, _copied(value))
            elif type(value) is Set:
                _join(root, name, Leaf(True, list(value.values())))
            elif value is not UNDEFINED:
                _join(root, name, Leaf(False, [value]))
    return root


def _copied(tree: Branch) -> Branch:
    made = Branch(sparse=tree.sparse)
    for found, (name, inner) in tree.children.items():
        copy = Leaf(inner.multi, list(inner.values)) if isinstance(inner, Leaf) else _copied(inner)
        made.children[found] = (name, copy)
    return made


def _join(branch: Branch, name: Value, inner: Branch | Leaf) -> None:
    found = branch.children.get(key(name))
    if found is None:
        branch.children[key(name)] = (name, inner)
        return
    known = found[1]
    if isinstance(known, Leaf) and isinstance(inner, Leaf) and known.multi is inner.multi:
        if known.multi:
            known.values.extend(inner.values)
            return
        if equal(known.values[0], inner.values[0]):
            return
    elif isinstance(known, Branch) and isinstance(inner, Branch):
        for below, each in inner.children.values():
            _join(known, below, each)
        return
    elif _vacant(known) or _vacant(inner):
        branch.children[key(name)] = (name, inner if _vacant(known) else known)
        return
    raise ConflictError("object keys must be unique")


def grown(tree: Branch | Leaf) -> Value:
    """Return a branch as a value."""
    if isinstance(tree, Leaf):
        return Set(tree.values) if tree.multi else tree.values[0]
    return make_object([(name, grown(inner)) for name, inner in tree.children.values()])
