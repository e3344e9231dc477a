"""trace, print, walk, opa.runtime, and what the engine knows by name only."""

from __future__ import annotations

from pratique.rego.builtins.registry import builtin
from pratique.rego.runtime import references
from pratique.rego.runtime.state import State
from pratique.rego.runtime.values import Value

builtin("walk", "any -> any", unchecked=True, relation=True)(references.walk)


@builtin("trace", "string -> boolean", needs_state=True)
def trace(state: State, message: Value) -> Value:
    """Hold; what it is told is for an explanation of the evaluation."""
    tracer = (state.root or state).tracer
    if tracer is not None:
        tracer.note(message)
    return True


@builtin("opa.runtime", "-> object", nondeterministic=True)
def runtime() -> Value:
    """Return what a policy may know about its host: nothing, until the host says otherwise."""
    return {}


@builtin("print", "...", void=True, unchecked=True)
def printed(*_: Value) -> Value:
    """Hold; the compiler turns the call into one that knows its place."""
    return True


@builtin("internal.print", "array -> boolean", void=True)
def internal_print(_: Value) -> Value:
    """Hold; as `print`."""
    return True
