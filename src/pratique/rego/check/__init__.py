"""A syntax tree as written to one with every name decided; `nodes` says what that guarantees.

A pass a file: `modules` and `resolve` (with `scopes`, `calls`, `withs`, `metadata`), `conflicts`, `undeclared`,
`safety` (with `outputs`), `graph`; `policy` runs them in order.
"""

from pratique.rego.check.capabilities import Capabilities
from pratique.rego.check.policy import check, check_query

__all__ = ["Capabilities", "check", "check_query"]
