"""Calls that generated code cannot make in line: replaced functions, conflicts, `print`.

Stand-ins are kept in a state's `mocks` under the name of a builtin or the function of a rule.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import NoReturn

from pratique.errors import Location
from pratique.rego.runtime.errors import ConflictError
from pratique.rego.runtime.state import State, unmocked
from pratique.rego.runtime.text import plain_text
from pratique.rego.runtime.values import Value

RuleFunction = Callable[..., Value]


def replace_by_value(state: State, target: object, value: Value) -> None:
    """Let every call of a function answer this value."""
    state.mocks = {**state.mocks, target: (value, None, None)}


def replace_by_rule(state: State, target: object, function: RuleFunction) -> None:
    """Let a function of the policy answer in place of another function."""
    state.mocks = {**state.mocks, target: (None, function, None)}


def replace_by_builtin(state: State, target: object, function: RuleFunction) -> None:
    """Let a builtin answer in place of another function."""
    state.mocks = {**state.mocks, target: (None, None, function)}


def call_rule(state: State, function: RuleFunction, *args: Value) -> Value:
    """Call a function of the policy, or what stands in for it."""
    found = state.mocks.get(function)
    return function(state, *args) if found is None else _stand_in(state, found, args)


def call_builtin(state: State, name: str, function: RuleFunction, *args: Value) -> Value:
    """Call a builtin, or what stands in for it."""
    found = state.mocks.get(name)
    return _called(state, function, args) if found is None else _stand_in(state, found, args)


def _called(state: State, function: RuleFunction, args: tuple[Value, ...]) -> Value:
    return function(state, *args) if getattr(function, "needs_state", False) else function(*args)


def _stand_in(
    state: State,
    found: tuple[Value, RuleFunction | None, RuleFunction | None],
    args: tuple[Value, ...],
) -> Value:
    value, rule, builtin = found
    if rule is not None:
        return rule(unmocked(state), *args)
    return value if builtin is None else _called(state, builtin, args)


def conflict_rule() -> NoReturn:
    """Refuse a second value of a complete rule."""
    raise ConflictError("complete rules must not produce multiple outputs")


def conflict_function() -> NoReturn:
    """Refuse a second value of a function."""
    raise ConflictError("functions must not produce multiple outputs for same inputs")


def print_values(state: State, columns: tuple[list[Value], ...], location: Location) -> None:
    """Hand every combination of the operands to the sink of `print`; an undefined operand says so."""
    sink = (state.root or state).sink
    if sink is None:
        return
    choices = [column or [None] for column in columns]
    known = [bool(column) for column in columns]
    for row in product(*choices):
        texts = [
            plain_text(value) if there else "<undefined>" for value, there in zip(row, known, strict=True)
        ]
        sink(" ".join(texts), location)
