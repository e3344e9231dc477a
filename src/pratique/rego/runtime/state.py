"""One evaluation: its documents, what it has worked out so far, what is replaced by `with`, its limits.

A `State` is what generated code carries (its `s`); `with` forks another one with fresh results. What all states of
one evaluation share (limits, builtin errors, the sink of `print`, the steps taken) is kept by the first, their
`root`. Steps are counted down in `left`, so that generated code pays a subtraction and no call; `refill` looks at
the limits once an allowance is used up.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pratique.errors import InputError, Location
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
_MOST: Final = 4096
# An evaluation without a look at the limits cannot answer with so much that was not there before.
_UNMEASURED: Final = 100_000
# Rules and functions that call each other no deeper than this are not looked at.
LEAST_DEPTH: Final = 16
# What the kernel counts memory in.
_UNITS: Final = 1 << 20 if sys.platform == "darwin" else 1 << 10


@dataclass(frozen=True, slots=True)
class Limits:
    """What one evaluation may need; zero means no limit.

    `steps` counts the turns of loops (a turn of more than 32 expressions as several), and what builtins and
    comparisons go through or make: members, and texts by 16 characters. `seconds` is wall time, `output` the number
    of values in the answer (a text is one for each 1,024 characters), `depth` how many rules and functions call
    each other, from 16 on, and `memory` by how many MiB the process may outgrow what it has been. Steps, output and
    depth are the same on every machine; time and memory are looked at every 4,096 steps or sooner.

    Raises `InputError` for what is no such number.

    >>> from pratique import rego
    >>> rego.Limits(seconds=0.5)
    Limits(steps=20000000, seconds=0.5, output=1000000, depth=256, memory=128)
    """

    steps: int = 20_000_000
    seconds: float = 10.0
    output: int = 1_000_000
    depth: int = 256
    memory: int = 128
    # The steps until the first look at the limits, and those that are counted to begin with: the answer of an
    # evaluation that has counted none is small, and not measured.
    allowance: int = field(init=False, repr=False)
    counted: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        for name in ("steps", "output", "depth", "memory"):
            if type(getattr(self, name)) is not int or getattr(self, name) < 0:
                raise _no_limit(name, getattr(self, name), "a whole number")
        if type(self.seconds) not in (int, float) or not self.seconds >= 0:
            raise _no_limit("seconds", self.seconds, "a number")
        if 0 < self.depth < LEAST_DEPTH:
            raise InputError(f"a depth of {self.depth} is too little", hint=f"write {LEAST_DEPTH} or more")
        object.__setattr__(self, "allowance", min(ALLOWANCE, self.steps or ALLOWANCE))
        object.__setattr__(self, "counted", int(0 < self.output < _UNMEASURED))


def _no_limit(name: str, value: object, wanted: str) -> InputError:
    return InputError(f"{name}={value!r} is no limit", hint=f"write {wanted} from 0 on; 0 means no limit")


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
    memory: int = 0
    pace: int = ALLOWANCE
    errors: list[EvaluationError] | None = None
    notes: dict[Any, Value] | None = None
    tracer: Tracer | None = None

    def fork(self) -> State:
        """Return a state of the same documents with nothing worked out; all of it may have to be again."""
        made = State()
        made.root = root = self.root or self
        spend(root, len(self.cache) + 1)
        made.input = self.input
        made.data = self.data
        made.cache = [MISSING] * len(self.cache)
        made.left = 0
        made.mocks = self.mocks
        made.replaced = self.replaced
        return made

    def spend(self, steps: int) -> None:
        """Count steps. Raises LimitError."""
        spend(self, steps)

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
            hint="each turn of a loop is a step, and so is what builtins go through: "
            "narrow the loops of this policy, or raise the limit `steps`",
        )
    if limits.seconds:
        _look_at_the_clock(state, limits.seconds)
    if limits.memory:
        _look_at_the_memory(state, limits.memory)
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
            hint="narrow the loops of this policy, or raise the limit `seconds`",
        )
    took, part = now - state.looked, seconds * _PART
    state.looked = now
    if took > part:
        state.pace = max(1, int(state.pace * part / took))
    elif took * 4 < part:
        state.pace = min(_MOST, state.pace * 2)


def _look_at_the_memory(state: State, most: int) -> None:
    # The largest size that the process had: what it has given back it may take again.
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if not state.memory:
        state.memory = size
    elif size - state.memory > most * _UNITS:
        raise LimitError(
            f"the evaluation needs {most} MiB more memory than there was",
            hint="collect less in the comprehensions and texts of this policy, or raise the limit `memory`",
        )


def spend(state: State, steps: int) -> None:
    """Count steps all at once. Raises LimitError."""
    state.left -= steps
    if state.left < 0:
        refill(state)


def descend(state: State, height: int) -> None:
    """Refuse to enter a rule on which so many others stand, if that is too deep."""
    most = (state.root or state).limits.depth
    if most and height > most:
        raise LimitError(
            f"rules and functions call each other {height} deep from here, and may {most} deep",
            hint="put fewer rules on top of each other, or raise the limit `depth`",
        )


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
