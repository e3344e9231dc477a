"""One evaluation: its documents, what it has worked out so far, what is replaced by `with`, its limits.

A `State` is what generated code carries (its `s`); `with` forks another one with fresh results. What all states of
one evaluation share (limits, builtin errors, the sink of `print`, the steps taken) is kept by the first, their
`root`. Steps are counted down in `left`, so that generated code pays a subtraction and no call; `refill` looks at
the limits once an allowance is used up.
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
from pratique.rego.runtime.values import UNDEFINED, Object, Undefined, Value, is_object, make_object

MISSING: Final = object()
# Steps between two looks at the clock, and what a forked state takes at a time.
ALLOWANCE: Final = 256
_SMALL: Final = 16
# Allowances become as large, or as small, as takes this part of the time that is allowed.
_PART: Final = 1 / 200
_MOST: Final = 16_384


@dataclass(frozen=True, slots=True)
class Limits:
    """What one evaluation may need; zero means no limit.

    `steps` counts turns of inner loops and calls, `seconds` is wall time, `output` the number of values in
    the answer.

    >>> from pratique import rego
    >>> rego.Limits(seconds=0.5)
    Limits(steps=20000000, seconds=0.5, output=1000000)
    """

    steps: int = 20_000_000
    seconds: float = 10.0
    output: int = 1_000_000
    # The steps until the first look at the limits.
    allowance: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "allowance", min(ALLOWANCE, self.steps) if self.steps else ALLOWANCE)


class State:
    """The documents as one part of an evaluation sees them, and the results worked out from them.

    Made without `__init__`, and what is rare has its value in the class: an evaluation takes microseconds.
    """

    input: Value
    data: Value
    left: int
    limits: Limits
    cache: list[Value] = []  # noqa: RUF012  # replaced as a whole, where a policy keeps answers
    strict: bool = False
    root: State | None = None
    mocks: dict[Any, Value] = {}  # noqa: RUF012  # replaced as a whole, never changed
    replaced: tuple[tuple[Value, ...], ...] = ()
    sink: Callable[[str, Location], None] | None = None
    spent: int = 0
    granted: int = 0
    started: float = 0.0
    looked: float = 0.0
    pace: int = ALLOWANCE
    errors: list[EvaluationError] | None = None
    notes: dict[Any, Value] | None = None
    tracer: Tracer | None = None

    def fork(self) -> State:
        """Return a state of the same documents with nothing worked out."""
        made = State()
        made.root = self.root or self
        made.input = self.input
        made.data = self.data
        made.cache = [MISSING] * len(self.cache)
        made.left = 0
        made.mocks = self.mocks
        made.replaced = self.replaced
        return made

    @property
    def memo(self) -> dict[Any, Value]:
        """What builtins keep for one evaluation."""
        root = self.root or self
        if root.notes is None:
            root.notes = {}
        return root.notes


def refill(state: State) -> None:
    """Grant further steps, or end the evaluation: its limits are reached."""
    root = state.root
    if root is not None:
        taken = _SMALL - state.left
        state.left = _SMALL
        root.left -= taken
        if root.left < 0:
            refill(root)
        return
    limits = state.limits
    granted = state.granted or limits.allowance
    state.spent = spent = state.spent + granted - state.left
    if limits.steps and spent > limits.steps:
        raise LimitError(
            f"the evaluation needs more than {limits.steps} steps",
            hint="narrow the loops of this policy, or raise the limit",
        )
    if limits.seconds:
        _look_at_the_clock(state, limits.seconds)
    state.granted = min(state.pace, limits.steps - spent) if limits.steps else state.pace
    state.left = state.granted


def _look_at_the_clock(state: State, seconds: float) -> None:
    now = time.monotonic()
    if not state.started:
        state.started = state.looked = now
        return
    if now - state.started > seconds:
        raise LimitError(
            f"the evaluation takes more than {seconds:g} seconds",
            hint="narrow the loops of this policy, or raise the limit",
        )
    took, part = now - state.looked, seconds * _PART
    state.looked = now
    if took > part:
        state.pace = max(1, int(state.pace * part / took))
    elif took * 4 < part:
        state.pace = min(_MOST, state.pace * 2)


def spend(state: State, steps: int) -> None:
    """Count the steps of a builtin that makes a lot out of a little."""
    state.left -= steps
    if state.left < 0:
        refill(state)


def failed(state: State, error: BuiltinError, location: Location) -> Undefined:
    """Take note of a builtin's refusal: undefined, or the end under strict builtin errors."""
    found = EvaluationError(error.code, error.message, location)
    root = state.root or state
    if root.strict:
        raise found from error
    if root.errors is None:
        root.errors = []
    root.errors.append(found)
    return UNDEFINED


def ask(state: State, function: Callable[..., Value], location: Location, *operands: Value) -> Value:
    """Call a builtin out of line: generated code comes here for operands that it has no short way for."""
    try:
        return function(*operands)
    except BuiltinError as error:
        return failed(state, error, location)


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
