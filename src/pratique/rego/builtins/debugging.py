"""trace, print, walk, opa.runtime, rego.*: looking into documents, policies and evaluations."""

from __future__ import annotations

from typing import NoReturn

from pratique.rego.builtins.registry import RefusalError, builtin
from pratique.rego.runtime import references
from pratique.rego.runtime.state import State
from pratique.rego.runtime.values import Value

builtin("walk", "any -> any", unchecked=True, relation=True, group="debugging")(references.walk)


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


@builtin("internal.test_case", "array", void=True)
def internal_test_case(_: Value) -> Value:
    """Hold; marks a case of a parameterised test."""
    return True


def _outside_of_rules(name: str) -> NoReturn:
    # Inside of a rule, the compiler has put the annotations in the call's place.
    raise RefusalError(f"the {name} function must only be called within the scope of a rule")


@builtin("rego.metadata.rule", "-> any")
def metadata_rule() -> Value:
    """Return the annotations of the rule that the call stands in."""
    _outside_of_rules("rego.metadata.rule")


@builtin("rego.metadata.chain", "-> array")
def metadata_chain() -> Value:
    """Return the annotations from the rule that the call stands in up to its package's outermost."""
    _outside_of_rules("rego.metadata.chain")
