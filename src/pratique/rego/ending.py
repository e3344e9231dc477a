"""How an evaluation ends when it has no answer, or too large a one.

Comes in: what generated code raised, or its answer and the limits. Goes out: the error that tells a person, at the
place in the policy where that is known.
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any, Final

from pratique.errors import Location
from pratique.rego.emit.module import Emitted
from pratique.rego.runtime import references
from pratique.rego.runtime.errors import INTERNAL_ERROR, NOWHERE, EvaluationError, LimitError
from pratique.rego.runtime.state import Limits
from pratique.rego.runtime.values import COLLECTIONS, Value

# Characters of a text in an answer that count as one value more.
_CHARACTERS: Final = 1024


def failed(emitted: Emitted, error: Exception) -> EvaluationError:
    """Return what an evaluation ends with: whatever went wrong, with the policy's line where that is known."""
    place = _place_of(emitted, error.__traceback__) or NOWHERE
    if isinstance(error, EvaluationError):
        if not error.location.line:
            error.location = place
        return error
    if isinstance(error, RecursionError):
        return LimitError(
            "the evaluation goes too deep: a value nests some hundred levels",
            place,
            hint="flatten the input, or the values that this policy makes",
        )
    if isinstance(error, MemoryError):
        return LimitError("the evaluation needs more memory than there is", place, hint="collect less")
    if isinstance(error, UnicodeError):
        message = "a text holds half of a surrogate pair, which is no sign"
        return EvaluationError(INTERNAL_ERROR, message, place)
    # A fault of ours must stay an error of this evaluation.
    message = f"the engine failed: {type(error).__name__}: {error}"
    failure = EvaluationError(INTERNAL_ERROR, message, place, hint="please report this policy")
    failure.__cause__ = error
    return failure


def _place_of(emitted: Emitted, trace: TracebackType | None) -> Location | None:
    """Return the place in the policy where generated code was when an exception left it."""
    found = None
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == emitted.filename:
            span = emitted.places[trace.tb_lineno - 1]
            if span is not None:
                found = span
        trace = trace.tb_next
    return None if found is None else found.location()


def refuse_large(found: Value, limits: Limits, emitted: Emitted, entry: Callable[..., Any]) -> None:
    """Raise LimitError for an answer that is too large, at the rule that gave it."""
    if not limits.output or not _larger(found, limits.output):
        return
    code = entry.__code__
    span = emitted.places[code.co_firstlineno - 1] if code.co_filename == emitted.filename else None
    raise LimitError(
        f"the answer holds more than {limits.output} values",
        NOWHERE if span is None else span.location(),
        hint="let the policy answer with less, or raise the limit `output`",
    )


def _larger(value: Value, most: int) -> bool:
    """Tell whether a value holds more than so many values; a long text counts for several."""
    left = most
    waiting = [value]
    while waiting:
        each = waiting.pop()
        left -= 1 + (len(each) // _CHARACTERS if type(each) is str else 0)
        if left < 0:
            return True
        if type(each) in COLLECTIONS:
            waiting.extend(references.values(each))
    return False
