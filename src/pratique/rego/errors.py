"""What can be wrong with a policy's text: OPA's error codes, a place, and a hint.

`Problem` is one fault; `CompileError` carries those of one compilation, at most ten, ordered by place.
Errors of evaluation are in `runtime.errors`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from types import TracebackType
from typing import Any, Final, ParamSpec, TypeVar

from pratique.errors import Location, SourceError

P = ParamSpec("P")
T = TypeVar("T")

PARSE_ERROR: Final = "rego_parse_error"
COMPILE_ERROR: Final = "rego_compile_error"
TYPE_ERROR: Final = "rego_type_error"
UNSAFE_ERROR: Final = "rego_unsafe_var_error"
RECURSION_ERROR: Final = "rego_recursion_error"

MOST: Final = 10


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault of a policy: OPA's code, what is wrong, where, and what to write instead.

    >>> from pratique import rego
    >>> try:
    ...     rego.parse_module(rego.Source("a.rego", "package a\\np := 'x'\\n"))
    ... except rego.CompileError as error:
    ...     problem = error.problems[0]
    >>> problem.code, problem.location.line, problem.location.column, problem.hint
    ('rego_parse_error', 2, 6, 'write strings in double quotes: "text"')
    """

    code: str
    message: str
    location: Location
    hint: str = ""
    # Lines that explain the message, as OPA writes them.
    details: tuple[str, ...] = ()
    # The same for programs, in the shape of OPA's JSON.
    data: Mapping[str, Any] | None = field(default=None, repr=False, compare=False)

    def __str__(self) -> str:
        lines = [f"{self.location}: {self.code}: {self.message}", *self.details]
        return "\n\t".join(lines)

    def render(self) -> str:
        """Return `file:line:column: code: message`, the line with a caret, and the hint."""
        parts = [str(self)]
        if excerpt := self.location.excerpt():
            parts.append(excerpt)
        if self.hint:
            parts.append(f"hint: {self.hint}")
        return "\n".join(parts)


class CompileError(SourceError):
    """A policy does not compile; `problems` holds at most ten, in the order of their places.

    `str(error)` has a line for each of them, `error.render()` what a person reads: the policy's line, a caret, a hint.

    >>> from pratique import rego
    >>> rego.compile([rego.Source("a.rego", "package a\\np := len(input.xs)\\n")])
    Traceback (most recent call last):
    pratique.rego.errors.CompileError: a.rego:2:6: rego_type_error: undefined function len
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        found = list(dict.fromkeys(problems))
        found.sort(key=lambda one: (one.location.file, one.location.line, one.location.column))
        self.problems: tuple[Problem, ...] = tuple(found[:MOST])
        self.omitted = len(found) - len(self.problems)
        first = found[0]
        super().__init__(f"{first.code}: {first.message}", first.location, hint=first.hint)

    def render(self) -> str:
        """Return all problems as a person reads them."""
        parts = [problem.render() for problem in self.problems]
        if self.omitted:
            parts.append(f"and {self.omitted} more; the first {MOST} are shown")
        return "\n".join(parts)

    def limited(self, most: int) -> str:
        """Return at most so many problems as a person reads them."""
        return "\n".join([problem.render() for problem in self.problems[: max(most, 1)]])

    def __str__(self) -> str:
        return "\n".join(map(str, self.problems))


def shallow(function: Callable[P, T]) -> Callable[P, T]:
    """Return a pass of the compiler that tells of text that is nested too deeply for it, where Python would give up.

    The place is that of the rule which was looked at.
    """

    @wraps(function)
    def called(*args: P.args, **options: P.kwargs) -> T:
        try:
            return function(*args, **options)
        except RecursionError as error:
            message = "this is nested too deeply, or is a chain of too many operators"
            raise CompileError(
                [Problem(COMPILE_ERROR, message, _rule(error.__traceback__), "name parts of it in rules")]
            ) from None

    return called


def _rule(trace: TracebackType | None) -> Location:
    found = Location("", 0, 0)
    while trace is not None:
        span = getattr(trace.tb_frame.f_locals.get("rule"), "span", None)
        if span is not None:
            found = span.location()
        trace = trace.tb_next
    return found
