"""One evaluation: its documents, what it has worked out so far, what is replaced by `with`, its limits.

A `State` is what generated code carries (its `s`); `with` makes another one with fresh results. All states of
one evaluation share one `Session`: limits, builtin errors, the sink of `print`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pratique.errors import Location
from pratique.rego.runtime import references
from pratique.rego.runtime.errors import (
    WITH_MERGE_ERROR,
    BuiltinError,
    ConflictError,
    EvaluationError,
    LimitError,
)
from pratique.rego.runtime.values import UNDEFINED, Object, Set, Undefined, Value, equal, key, make_object

MISSING: Final = object()


@dataclass(frozen=True, slots=True)
class Limits:
    """What one evaluation may need; zero means no limit.

    `steps` counts turns of inner loops and calls, `seconds` is wall time, `output` the number of values in
    the answer.
    """

    steps: int = 20_000_000
    seconds: float = 10.0
    output: int = 1_000_000


@dataclass(slots=True)
class Session:
    """What all states of one evaluation share."""

    limits: Limits
    strict: bool = False
    sink: Callable[[str, Location], None] | None = None
    steps: int = 0
    deadline: float = 0.0
    errors: list[EvaluationError] = field(default_factory=list)
    memo: dict[Any, Value] = field(default_factory=dict)


class Node:
    """A place of the rule tree at run time: its path, its children, and the rule that stands there."""

    __slots__ = ("children", "function", "path", "rule")

    def __init__(self, path: tuple[str, ...], *, function: bool) -> None:
        self.path = path
        self.children: dict[str, Node] = {}
        self.rule: Callable[[State], Value] | None = None
        self.function = function


class State:
    """The documents as one part of an evaluation sees them, and the results worked out from them."""

    __slots__ = ("cache", "data", "input", "mocks", "replaced", "session")

    def __init__(self, session: Session, value: Value, data: Value, size: int) -> None:
        self.session = session
        self.input = value
        self.data = data
        self.cache: list[Value] = [MISSING] * size
        self.mocks: dict[Any, Value] = {}
        self.replaced: tuple[tuple[Value, ...], ...] = ()

    def fork(self) -> State:
        """Return a state of the same documents with nothing worked out."""
        made = State(self.session, self.input, self.data, len(self.cache))
        made.mocks = self.mocks
        made.replaced = self.replaced
        return made


def tick(state: State, members: Value) -> None:
    """Count the members of an inner loop against the limits."""
    session = state.session
    kind = type(members)
    counts = kind is list or kind is dict or kind is Set or kind is Object
    session.steps = steps = session.steps + 1 + (len(members) if counts else 0)
    limits = session.limits
    if limits.steps and steps > limits.steps:
        raise LimitError(
            f"the evaluation needs more than {limits.steps} steps",
            hint="narrow the loops of this policy, or raise the limit",
        )
    if session.deadline and time.monotonic() > session.deadline:
        raise LimitError(
            f"the evaluation takes more than {limits.seconds:g} seconds",
            hint="narrow the loops of this policy, or raise the limit",
        )


def failed(state: State, error: BuiltinError, location: Location) -> Undefined:
    """Take note of a builtin's refusal: undefined, or the end under strict builtin errors."""
    found = EvaluationError(error.code, error.message, location)
    if state.session.strict:
        raise found from error
    state.session.errors.append(found)
    return UNDEFINED


# --- with --------------------------------------------------------------------------------------------------


def replace_input(state: State, names: Sequence[Value], value: Value) -> None:
    """Put a value into the input of a forked state; what stands in the way gives way."""
    state.input = _put(state.input, names, value)


def _put(base: Value, names: Sequence[Value], value: Value) -> Value:
    if not names:
        return value
    first = names[0]
    inner = _put(references.get(base, first) if _is_object(base) else UNDEFINED, names[1:], value)
    pairs = dict(base) if type(base) is dict else {}
    if type(first) is str and type(base) is not Object:
        pairs[first] = inner
        return pairs
    listed = list(base.items()) if _is_object(base) else []
    return make_object([*listed, (first, inner)])


def _is_object(value: Value) -> bool:
    return type(value) is dict or type(value) is Object


def replace_data(state: State, names: tuple[Value, ...], value: Value) -> None:
    """Put a value into the data of a forked state; rules at and below the path no longer answer."""
    inside = state.data
    for name in names[:-1]:
        inside = references.get(inside, name)
        if inside is UNDEFINED:
            break
        if not _is_object(inside):
            raise EvaluationError(WITH_MERGE_ERROR, "real and replacement data could not be merged")
    state.data = _put(state.data, names, value)
    state.replaced = (*state.replaced, names)


def replacement(state: State, names: tuple[Value, ...]) -> Value:
    """Return what `with` has put where a rule stands, or MISSING."""
    for prefix in state.replaced:
        if names[: len(prefix)] == prefix:
            return references.path(state.data, names)
    return MISSING


def unmocked(state: State) -> State:
    """Return a state in which no function is replaced: a stand-in calls the originals."""
    made = state.fork()
    made.mocks = {}
    return made


# --- the rule tree -----------------------------------------------------------------------------------------


def at(state: State, node: Node, names: Sequence[Value]) -> Value:
    """Return the document at a path below a node: rules where there are any, else base data."""
    for index, name in enumerate(names):
        if node.rule is not None or node.function:
            return references.path(extent(state, node), names[index:])
        if state.replaced and replacement(state, node.path) is not MISSING:
            break
        child = node.children.get(name) if type(name) is str else None
        if child is None:
            return references.path(state.data, (*node.path, *names[index:]))
        node = child
    else:
        return extent(state, node)
    return references.path(state.data, (*node.path, *names[index:]))


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
    """Return the whole document at a node: base data, overlaid by its rules; undefined ones are left out."""
    if state.replaced:
        found = replacement(state, node.path)
        if found is not MISSING:
            return found
    value: Value = UNDEFINED
    if node.rule is not None:
        value = node.rule(state)
        if not node.children:
            return value
    elif node.function:
        return UNDEFINED
    base = references.path(state.data, node.path)
    merged: dict[str, Value] = dict(base) if type(base) is dict else {}
    for name, child in node.children.items():
        inner = extent(state, child)
        if inner is not UNDEFINED:
            merged[name] = inner
    if value is UNDEFINED:
        return merged
    return merge(value, merged)


def merge(left: Value, right: Value) -> Value:
    """Return two objects as one, all the way down; two values at one place are a conflict."""
    if type(left) is dict and type(right) is dict:
        made = dict(left)
        for name, value in right.items():
            made[name] = merge(made[name], value) if name in made else value
        return made
    if type(left) is Set and type(right) is Set:
        return Set.of_table({**left.table(), **right.table()})
    if _is_object(left) and _is_object(right):
        table = {key(name): (name, value) for name, value in left.items()}
        for name, value in right.items():
            found = table.get(key(name))
            table[key(name)] = (name, value if found is None else merge(found[1], value))
        return Object(table)
    if not equal(left, right):
        raise ConflictError("object keys must be unique")
    return left


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


def collect_tree(rows: list[tuple[Sequence[Value], Value, bool]]) -> Value:
    """Return the document that a rule with keys below it defines: (keys, value, whether a set's member)."""
    root = _Branch()
    for names, value, multi in rows:
        _plant(root, names, value, multi=multi)
    return _grown(root)


@dataclass(slots=True)
class _Branch:
    children: dict[Any, tuple[Value, _Branch | _Leaf]] = field(default_factory=dict)


@dataclass(slots=True)
class _Leaf:
    multi: bool
    values: list[Value] = field(default_factory=list)


def _plant(branch: _Branch, names: Sequence[Value], value: Value, *, multi: bool) -> None:
    for name in names[:-1]:
        _, inner = branch.children.setdefault(key(name), (name, _Branch()))
        if isinstance(inner, _Leaf):
            raise ConflictError("object keys must be unique")
        branch = inner
    _, leaf = branch.children.setdefault(key(names[-1]), (names[-1], _Leaf(multi)))
    if isinstance(leaf, _Branch) or leaf.multi is not multi:
        raise ConflictError("object keys must be unique")
    if multi or not leaf.values:
        leaf.values.append(value)
    elif not equal(leaf.values[0], value):
        raise ConflictError("object keys must be unique")


def _grown(tree: _Branch | _Leaf) -> Value:
    if isinstance(tree, _Leaf):
        return Set(tree.values) if tree.multi else tree.values[0]
    return make_object([(name, _grown(inner)) for name, inner in tree.children.values()])
