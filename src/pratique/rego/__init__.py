"""Rego, compiled to Python: OPA's language and OPA's answers, over plain values.

    policy = rego.compile([rego.Source("a.rego", text)], entrypoints=["data.foo.violation"])
    policy.evaluate("data.foo.violation", {"review": ...}, data={"inventory": ...})

A text becomes an answer in six passes, one folder each: `parse`, `check`, `plan`, `emit`; `runtime` and
`builtins` are what the emitted code stands on. `engine` calls them in order.
"""

from pratique.rego.builtins.registry import Builtin
from pratique.rego.check import Capabilities
from pratique.rego.engine import Policy, compile, query  # the contract's own name
from pratique.rego.errors import CompileError, Problem
from pratique.rego.parse import module_data, parse_module
from pratique.rego.runtime.errors import BuiltinError, EvaluationError, LimitError
from pratique.rego.runtime.state import Limits
from pratique.rego.runtime.text import json_text, rego_text, to_json
from pratique.rego.runtime.values import UNDEFINED, Object, Set
from pratique.rego.source import Source, Version

__all__ = [
    "UNDEFINED",
    "Builtin",
    "BuiltinError",
    "Capabilities",
    "CompileError",
    "EvaluationError",
    "LimitError",
    "Limits",
    "Object",
    "Policy",
    "Problem",
    "Set",
    "Source",
    "Version",
    "compile",
    "json_text",
    "module_data",
    "parse_module",
    "query",
    "rego_text",
    "to_json",
]
