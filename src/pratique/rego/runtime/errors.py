"""What can go wrong while a policy is evaluated.

    EvaluationError          the evaluation is over: `code`, `message`, and the place in the policy
    ├─ ConflictError         two different values where only one may be
    └─ LimitError            more steps, time, depth or output than allowed
    BuiltinError             one call has no answer: undefined, or fatal under strict builtin errors

The codes are OPA's. A builtin raises `BuiltinError`; only the engine turns it into an `EvaluationError`.
"""

from __future__ import annotations

from typing import Final

from pratique.errors import Location, PratiqueError

TYPE_ERROR: Final = "eval_type_error"
BUILTIN_ERROR: Final = "eval_builtin_error"
CONFLICT_ERROR: Final = "eval_conflict_error"
CANCEL_ERROR: Final = "eval_cancel_error"
INTERNAL_ERROR: Final = "eval_internal_error"

NOWHERE: Final = Location("", 0, 0)


class EvaluationError(PratiqueError):
    """A policy could not be evaluated: OPA's error code, what happened, and where in the policy.

    >>> from pratique import rego
    >>> text = "package a\\np := input.x\\np := input.y\\n"
    >>> policy = rego.compile([rego.Source("a.rego", text)])
    >>> try:
    ...     policy.evaluate("data.a.p", {"x": 1, "y": 2})
    ... except rego.EvaluationError as error:
    ...     print(error)
    a.rego:3:1: eval_conflict_error: complete rules must not produce multiple outputs
    """

    exit_code = 2

    def __init__(self, code: str, message: str, location: Location = NOWHERE, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.code = code
        self.location = location

    def render(self) -> str:
        """Return `file:line:column: code: message`, the line with a caret, and the hint."""
        where = f"{self.location}: " if self.location.line else ""
        parts = [f"{where}{self.code}: {self.message}"]
        if excerpt := self.location.excerpt():
            parts.append(excerpt)
        if self.hint:
            parts.append(f"hint: {self.hint}")
        return "\n".join(parts)

    def __str__(self) -> str:
        where = f"{self.location}: " if self.location.line else ""
        return f"{where}{self.code}: {self.message}"


class ConflictError(EvaluationError):
    """Two different values where only one may be."""

    def __init__(self, message: str, location: Location = NOWHERE) -> None:
        super().__init__(CONFLICT_ERROR, message, location)


class LimitError(EvaluationError):
    """An evaluation needed more than its limits allow.

    >>> from pratique import rego
    >>> limits = rego.Limits(steps=100)
    >>> rego.query([], "some x in input; some y in input; x + y == 0", input=list(range(1, 99)), limits=limits)
    Traceback (most recent call last):
    pratique.rego.runtime.errors.LimitError: query:1:18: eval_cancel_error: the evaluation needs more than 100 steps
    """

    def __init__(self, message: str, location: Location = NOWHERE, *, hint: str = "") -> None:
        super().__init__(CANCEL_ERROR, message, location, hint=hint)


# A text or a list that a call makes has at most so many characters or items: a chain of calls could double one again
# and again, and memory ends before steps do.
LONGEST: Final = 1 << 22


def too_long(name: str) -> LimitError:
    """Return the refusal of a text or a list past `LONGEST`."""
    return LimitError(f"{name} makes more than {LONGEST} characters or items", hint="put less together")


class BuiltinError(Exception):
    """One builtin call has no answer; `code` is `eval_type_error` or `eval_builtin_error`.

    A builtin of one's own raises `RefusalError`, which becomes this one; a caller meets it as an `EvaluationError`.

    >>> from pratique import rego
    >>> refused = []
    >>> policy = rego.compile([rego.Source("a.rego", "package a\\np := 1 / input.x\\n")])
    >>> policy.evaluate("data.a.p", {"x": 0}, errors=refused)
    UNDEFINED
    >>> str(refused[0])
    'a.rego:2:8: eval_builtin_error: div: divide by zero'
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
