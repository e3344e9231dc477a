"""Rego, compiled to Python: OPA's language and OPA's answers, over plain values.

    >>> from pratique import rego
    >>> text = 'package shop\\ndeny contains msg if {\\n\\tsome item in input.items\\n\\titem.price < 0\\n' \\
    ...     '\\tmsg := sprintf("%s costs %d", [item.name, item.price])\\n}\\n'
    >>> policy = rego.compile([rego.Source("shop.rego", text)], entrypoints=["data.shop.deny"])
    >>> policy.evaluate("data.shop.deny", {"items": [{"name": "tea", "price": -1}]})
    Set(['tea costs -1'])

Values are Python's own: `None`, `bool`, `int`, `Decimal` for other numbers, `str`, `list`, `dict`, and `Set`; an object
with a key that is no string is an `Object`, the absence of a value is `UNDEFINED`. A policy that does not compile
raises `CompileError`, one that cannot be evaluated `EvaluationError`; both derive from `pratique.errors.PratiqueError`.

A text becomes an answer in six passes, one folder each: `parse`, `check`, `plan`, `emit`; `runtime` and
`builtins` are what the emitted code stands on. `engine` calls them in order.
"""

from pratique.rego.builtins.registry import Builtin, RefusalError, define
from pratique.rego.builtins.registry import table as builtins
from pratique.rego.check import Capabilities
from pratique.rego.engine import Policy, compile, query, restore  # the contract's own name
from pratique.rego.errors import CompileError, Problem
from pratique.rego.parse import module_data, parse_module
from pratique.rego.runtime.errors import BuiltinError, EvaluationError, LimitError
from pratique.rego.runtime.numbers import parse_number
from pratique.rego.runtime.state import Limits
from pratique.rego.runtime.text import Spelled, json_text, rego_text, to_json
from pratique.rego.runtime.values import UNDEFINED, Object, Set
from pratique.rego.source import Source, Version
from pratique.rego.stored import FINGERPRINT

__all__ = [
    "FINGERPRINT",
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
    "RefusalError",
    "Set",
    "Source",
    "Spelled",
    "Version",
    "builtins",
    "compile",
    "define",
    "json_text",
    "module_data",
    "parse_module",
    "parse_number",
    "query",
    "rego_text",
    "restore",
    "to_json",
]
