"""One evaluation: its documents, what it has worked out so far, what is replaced by `with`, its limits.

A `State` is what generated code carries (its `s`); `with` makes another one with fresh results. All states of
one evaluation share one `Session`: limits, builtin errors, the sink of `print`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pratique.errors import Location
from pratique.rego.runtime import references
from pratique.rego.runtime.errors import (
    BuiltinError,
    EvaluationError,
    LimitError,
)
from pratique.rego.runtime.tracing import Tracer
from pratique.rego.runtime.values import UNDEFINED, Object, Set, Undefined, Value, is_object, make_object

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
    tracer: Tracer | None = None


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
    inner = _put(references.get(base, first) if is_object(base) else UNDEFINED, names[1:], value)
    pairs = dict(base) if type(base) is dict else {}
    if type(first) is str and type(base) is not Object:
        pairs[first] = inner
        return pairs
    listed = list(base.items()) if is_object(base) else []
    return make_object([*listed, (first, inner)])


def replace_data(state: State, names: tuple[Value, ...], value: Value) -> None:
    """Put a value into the data of a forked state; rules at and below the path no longer answer."""
    state.data = _put(state.data, names, value)
    state.replaced = (*state.replaced, names)


def unmocked(state: State) -> State:
    """Return a state in which no function is replaced: a stand-in calls the originals."""
    made = state.fork()
    made.mocks = {}
    return made
