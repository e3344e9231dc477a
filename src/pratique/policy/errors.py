"""What can be wrong with a policy document, with the code that Azure Resource Manager's clients print.

PolicyError(InputError)        code, target: where in the document
├─ DefinitionError             the definition itself
├─ ParameterError              a parameter's definition or value
├─ ExpressionError             a `[...]` expression
└─ ScopeError                  an id that is no scope, or a scope that cannot take it
"""

from __future__ import annotations

from pratique.errors import InputError


class PolicyError(InputError):
    """A policy document is wrong; `code` is ARM's, `target` the place in the document."""

    code = "InvalidPolicyDefinition"

    def __init__(self, message: str, *, target: str = "", code: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.target = target
        if code:
            self.code = code


class DefinitionError(PolicyError):
    """A definition cannot be used."""

    code = "InvalidPolicyDefinition"


class ParameterError(PolicyError):
    """A parameter's definition or value is wrong."""

    code = "InvalidPolicyParameters"


class ExpressionError(PolicyError):
    """An expression cannot be read or evaluated."""

    code = "InvalidPolicyRule"


class ScopeError(PolicyError):
    """An id is no scope."""

    code = "InvalidScope"
