"""The whole list of what generated code may see, under the short names that it uses."""

from __future__ import annotations

from typing import Any, Final

from pratique.rego.runtime import calls, documents, numbers, references, state, text, tracing
from pratique.rego.runtime.errors import BuiltinError
from pratique.rego.runtime.values import (
    COUNTED,
    EMPTY,
    NUMBERS,
    OBJECTS,
    UNDEFINED,
    Set,
    compare,
    equal,
    gathered,
    make_object,
    ordered,
)

EXPORTED: Final[dict[str, Any]] = {
    # Python's own
    "AttributeError": AttributeError,
    "bool": bool,
    "dict": dict,
    "int": int,
    "len": len,
    "list": list,
    "str": str,
    "type": type,
    # values
    "MISSING": state.MISSING,
    "U": UNDEFINED,
    "COUNTED": COUNTED,
    "EMPTY": EMPTY,
    "NUMBERS": NUMBERS,
    "OBJECTS": OBJECTS,
    "Set": Set,
    "compare": compare,
    "equal": equal,
    "gathered": gathered,
    "make_object": make_object,
    "without": numbers.without,
    # references
    "get": references.get,
    "path": references.path,
    "rows_of": references.rows,
    "is_collection": references.is_collection,
    "items": references.items,
    "items_in_order": references.items_in_order,
    "keys": references.keys,
    "keys_in_order": references.keys_in_order,
    "member": references.member,
    "member_at": references.member_at,
    "sorted_values": ordered,
    "values": references.values,
    "values_in_order": references.values_in_order,
    "walk": references.walk,
    # rules
    "at": documents.at,
    "collect_object": documents.collect_object,
    "collect_tree": documents.collect_tree,
    "conflict_function": calls.conflict_function,
    "conflict_rule": calls.conflict_rule,
    "names_at": documents.names_at,
    "replacement": documents.replacement,
    "stored": documents.stored,
    "collect_branch": documents.collect_branch,
    # calls
    "BuiltinError": BuiltinError,
    "call_builtin": calls.call_builtin,
    "call_rule": calls.call_rule,
    "ask": state.ask,
    "failed": state.failed,
    "print_values": calls.print_values,
    # with
    "replace_by_builtin": calls.replace_by_builtin,
    "replace_by_rule": calls.replace_by_rule,
    "replace_by_value": calls.replace_by_value,
    "replace_data": state.replace_data,
    "replace_input": state.replace_input,
    # watching
    "IDLE": tracing.IDLE,
    "enter": tracing.enter,
    # limits
    "longer": text.longer,
    "descend": state.descend,
    "refill": state.refill,
    "spend": state.spend,
}
