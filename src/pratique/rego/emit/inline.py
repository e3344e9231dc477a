"""Calls of builtins as Python of their own: the usual operands in line, everything else by `ask`.

Comes in: a call and its operands as Python. Goes out: text that has the builtin's answer, or None where there is
no shorter way than the call. What is written here says the same as the function in `rego.builtins`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Protocol, TypeAlias

from pratique.rego.builtins import globs, registry, sprintf
from pratique.rego.builtins.patterns import searcher
from pratique.rego.emit.known import Piece
from pratique.rego.emit.names import Names
from pratique.rego.plan import ir
from pratique.rego.runtime import references
from pratique.rego.runtime.errors import BuiltinError
from pratique.rego.runtime.work import LONG

_WIDE: Final = 1 << 64

Args: TypeAlias = list[Piece]


class Scope(Protocol):
    """What a call needs of where it stands."""

    names: Names
    plan: ir.Plan
    builtins: Mapping[str, registry.Builtin]

    @property
    def state(self) -> str:
        """The name of the state."""

    def fresh(self, letter: str = "t") -> str:
        """Return a name that nothing else has."""

    def local(self, expr: ir.Expr) -> Piece:
        """Return an operand as Python."""


def short(expr: ir.Builtin, args: Args, scope: Scope) -> Piece | None:
    """Return the call as Python, if there is a shorter way than to call the builtin."""
    if not genuine(expr.name, scope):
        return None
    call = _Call(expr, args, scope)
    if expr.name in _STRINGS:
        return call.of_strings(*_STRINGS[expr.name])
    if expr.name in _TYPES:
        return Piece(_TYPES[expr.name].format(args[0].text), True, "bool") if args[0].simple else None
    maker = _MAKERS.get(expr.name)
    return None if maker is None else maker(call)


def genuine(name: str, scope: Scope) -> bool:
    """Tell whether a builtin is ours, and nothing replaces it."""
    return name not in scope.plan.mocked and scope.builtins[name] is registry.lookup(name)


class _Call:
    """One call in the making."""

    def __init__(self, expr: ir.Builtin, args: Args, scope: Scope) -> None:
        self.expr = expr
        self.args = args
        self.scope = scope

    @property
    def texts(self) -> list[str]:
        """The operands' text."""
        return [arg.text for arg in self.args]

    @property
    def simple(self) -> bool:
        """Whether every operand is a name or a constant."""
        return all(arg.simple for arg in self.args)

    def slow(self) -> str:
        """Return the call out of line."""
        scope, name = self.scope, self.expr.name
        function = scope.names.builtin(name)
        place = scope.names.place(self.expr.span)
        return f"ask({scope.state}, {function}, {place}, {', '.join(self.texts)})"

    def guarded(self, quick: str, conditions: list[str], kind: str) -> Piece:
        """Return the quick text where the conditions hold, else the call out of line."""
        if not conditions:
            return Piece(f"({quick})", True, kind)
        return Piece(f"({quick} if {' and '.join(conditions)} else {self.slow()})", False, kind)

    def of_strings(self, template: str, kind: str) -> Piece | None:
        """Return a call whose operands are all strings."""
        if not self.simple or any(arg.kind not in {"", "str"} for arg in self.args):
            return None
        unsure = [f"type({arg.text}) is str" for arg in self.args if arg.kind != "str"]
        if kind != "bool" and not self.args[0].const:
            # What makes long texts is called, and counted there.
            unsure.append(f"len({self.args[0].text}) < {LONG}")
        return self.guarded(template.format(*self.texts), list(dict.fromkeys(unsure)), kind)


_STRINGS: Final[dict[str, tuple[str, str]]] = {
    "startswith": ("{0}.startswith({1})", "bool"),
    "endswith": ("{0}.endswith({1})", "bool"),
    "contains": ("{1} in {0}", "bool"),
    "trim_prefix": ("{0}.removeprefix({1})", "str"),
    "trim_suffix": ("{0}.removesuffix({1})", "str"),
}
_TYPES: Final[dict[str, str]] = {
    "is_array": "type({}) is list",
    "is_boolean": "type({}) is bool",
    "is_null": "{} is None",
    "is_number": "type({}) in NUMBERS",
    "is_object": "type({}) in OBJECTS",
    "is_set": "type({}) is Set",
    "is_string": "type({}) is str",
}


def _count(call: _Call) -> Piece | None:
    (arg,) = call.args
    if arg.kind in {"list", "set", "object", "str"}:
        return Piece(f"len({arg.text})", True, "int")
    if not arg.simple or arg.kind:
        return None
    return call.guarded(f"len({arg.text})", [f"type({arg.text}) in COUNTED"], "int")


def _lower(call: _Call) -> Piece | None:
    (arg,) = call.args
    if not arg.simple:
        return None
    conditions = [] if arg.kind == "str" else [f"type({arg.text}) is str"]
    conditions += [f"len({arg.text}) < {LONG}", f"{arg.text}.isascii()"]
    return call.guarded(f"{arg.text}.lower()", conditions, "str")


def _split(call: _Call) -> Piece | None:
    separator = call.args[1]
    if not (separator.const and separator.value):
        return None
    return call.of_strings("{0}.split({1})", "list")


def path_or(expr: ir.Builtin, args: Args, scope: Scope) -> tuple[str, str] | None:
    """Return `object.get` of a path of known texts as a chain, and as the call for where something has no `get`."""
    if expr.name != "object.get" or not genuine(expr.name, scope):
        return None
    base, path, default = args
    if not (path.const and type(path.value) is list and path.value and base.simple and default.simple):
        return None
    if not all(type(name) is str for name in path.value):
        return None
    names = [scope.names.const(name) for name in path.value]
    chain = "".join([f".get({name}, U)" for name in names[:-1]])
    slow = _Call(expr, args, scope).slow()
    quick = f"{base.text}{chain}.get({names[-1]}, {default.text})"
    return f"({quick} if type({base.text}) is dict else {slow})", slow


def _object_get(call: _Call) -> Piece | None:
    base, name, default = call.args
    if not (base.simple and default.simple and name.simple) or name.kind not in {"", "str"}:
        return None
    conditions = [f"type({base.text}) is dict"]
    if name.kind != "str":
        conditions.append(f"type({name.text}) is str")
    return call.guarded(f"{base.text}.get({name.text}, {default.text})", conditions, "")


def _arithmetic(operator: str) -> Callable[[_Call], Piece | None]:
    def made(call: _Call) -> Piece | None:
        left, right = call.args
        if left.kind == right.kind == "set" and operator == "-":
            return Piece(f"without({left.text}, {right.text})", True, "set")
        if operator == "-" and left.simple and right.simple and right.kind == "set" and not left.kind:
            return call.guarded(f"without({left.text}, {right.text})", [f"type({left.text}) is Set"], "set")
        if not call.simple or any(arg.kind not in {"", "int"} for arg in call.args):
            return None
        unsure = [f"type({arg.text}) is int" for arg in call.args if arg.kind != "int"]
        kind = "" if unsure else "int"
        if operator == "*":
            # Squares of squares have no bounds: what is large is called, and looked at there.
            unsure += [f"-{_WIDE} < {arg.text} < {_WIDE}" for arg in call.args if not arg.const]
        return call.guarded(f"{left.text} {operator} {right.text}", list(dict.fromkeys(unsure)), kind)

    return made


def _to_number(call: _Call) -> Piece | None:
    (arg,) = call.args
    if not arg.simple or arg.kind not in {"", "int"}:
        return None
    return call.guarded(arg.text, [] if arg.kind == "int" else [f"type({arg.text}) is int"], "")


def _regex_match(call: _Call) -> Piece | None:
    pattern, text = call.args
    if not (pattern.const and type(pattern.value) is str and text.simple):
        return None
    return _found(call, pattern.value, text)


def _glob_match(call: _Call) -> Piece | None:
    pattern, delimiters, text = call.args
    if not (pattern.const and delimiters.const and type(pattern.value) is str and text.simple):
        return None
    try:
        return _found(call, globs.regex(pattern.value, delimiters.value), text)
    except (BuiltinError, registry.RefusalError):
        return None


def _found(call: _Call, pattern: str, text: Piece) -> Piece | None:
    try:
        searcher(pattern)
    except BuiltinError:
        return None
    search = call.scope.names.pattern(pattern)
    conditions = [] if text.kind == "str" else [f"type({text.text}) is str"]
    if not text.const:
        # A search of a long text is counted.
        conditions.append(f"len({text.text}) < {LONG}")
    return call.guarded(f"{search}({text.text}) is not None", conditions, "bool")


def _member(call: _Call) -> Piece | None:
    value, collection = call.args
    if collection.kind in {"list", "set"} and collection.const and call.simple:
        members = list(references.values(collection.value))
        if members and all(type(each) is str for each in members):
            table = call.scope.names.strings(members)
            return Piece(f"({_is_string(value)}{value.text} in {table})", True, "bool")
    return Piece(f"member({value.text}, {collection.text})", True, "bool")


def _is_string(piece: Piece) -> str:
    return "" if piece.kind == "str" else f"type({piece.text}) is str and "


def _member_at(call: _Call) -> Piece | None:
    return Piece(f"member_at({', '.join(call.texts)})", True, "bool")


def _any_match(method: str) -> Callable[[_Call], Piece | None]:
    def made(call: _Call) -> Piece | None:
        text, parts = call.args
        if not (text.simple and parts.const and parts.kind in {"list", "set"}):
            return None
        texts = tuple(references.values(parts.value))
        if not all(type(each) is str for each in texts):
            return None
        conditions = [] if text.kind == "str" else [f"type({text.text}) is str"]
        return call.guarded(f"{text.text}.{method}({call.scope.names.keys(texts)})", conditions, "bool")

    return made


def _replace(call: _Call) -> Piece | None:
    _, old, new = call.args
    # What can make a text longer is called, and looked at there.
    if not new.const or type(new.value) is not str:
        return None
    known = old.const and type(old.value) is str and old.value
    if not new.value or (known and len(new.value) <= len(old.value)):
        return call.of_strings("{0}.replace({1}, {2})", "str")
    return None


# The largest number that builtins take for an offset.
_MACHINE: Final = 2**63 - 1


def _substring(call: _Call) -> Piece | None:
    text, start, length = call.args
    if text.const and type(text.value) is not str:
        return None
    counted = length.const and type(length.value) is int and length.value <= _MACHINE
    if not (call.simple and counted) or start.kind not in {"", "int"}:
        return None
    conditions = [] if text.kind == "str" else [f"type({text.text}) is str"]
    if not text.const:
        conditions.append(f"len({text.text}) < {LONG}")
    if start.kind != "int":
        conditions.append(f"type({start.text}) is int")
    if start.const and (type(start.value) is not int or start.value > _MACHINE):
        return None
    if not start.const or start.value < 0:
        conditions.append(f"0 <= {start.text} <= {_MACHINE}")
    rest = "" if length.value < 0 else f"{start.text} + {length.text}"
    return call.guarded(f"{text.text}[{start.text}:{rest}]", conditions, "str")


def _sprintf(call: _Call) -> Piece | None:
    template = call.args[0]
    items = call.expr.args[1]
    if not (template.const and type(template.value) is str):
        return None
    given: list[ir.Expr]
    if isinstance(items, ir.Array):
        given = list(items.items)
    elif isinstance(items, ir.Const) and type(items.value) is list:
        given = [ir.Const(value) for value in items.value]
    else:
        return None
    parts = sprintf.simple(template.value)
    if parts is None or len(parts) < 2 * len(given) + 1:
        return None
    return _printed(call, sprintf.filled(parts, len(given)), given)


def _printed(call: _Call, parts: tuple[str, ...], given: list[ir.Expr]) -> Piece:
    # Text that is known joins its neighbours; `{K1}` is a name in the table of constants.
    scope = call.scope
    made: list[str] = []
    text = parts[0]
    for index, expr in enumerate(given):
        verb = parts[2 * index + 1]
        if isinstance(expr, ir.Const):
            text += sprintf.shown(verb, expr.value)
        else:
            if text:
                made.append(f"{{{scope.names.const(text)}}}")
            operand = scope.local(expr)
            made.append(_shown(operand, verb, scope))
            text = ""
        text += parts[2 * index + 2]
    if text or not made:
        made.append(f"{{{scope.names.const(text)}}}")
    if all(isinstance(expr, ir.Const) for expr in given):
        return Piece(scope.names.const(text), True, "str", True, text)
    formatted = f'f"{"".join(made)}"'
    # Two texts in one can double it, call after call, and one that is long is copied.
    name, known = scope.fresh(), scope.names.const("sprintf")
    return Piece(f"({name} if len({name} := {formatted}) < {LONG} else longer({known}, {name}))", True, "str")


def _shown(piece: Piece, verb: str, scope: Scope) -> str:
    if piece.kind == "str" and verb != "d":
        return f"{{{piece.text}}}"
    function = scope.names.builtin("sprintf.shown")
    slow = f"{function}({scope.names.const(verb)}, {piece.text})"
    if verb == "d" or not piece.simple or piece.kind:
        return f"{{{slow}}}"
    return f"{{{piece.text} if type({piece.text}) is str else {slow}}}"


_MAKERS: Final[dict[str, Callable[[_Call], Piece | None]]] = {
    "count": _count,
    "glob.match": _glob_match,
    "internal.member_2": _member,
    "internal.member_3": _member_at,
    "lower": _lower,
    "minus": _arithmetic("-"),
    "mul": _arithmetic("*"),
    "object.get": _object_get,
    "plus": _arithmetic("+"),
    "regex.match": _regex_match,
    "replace": _replace,
    "split": _split,
    "strings.any_prefix_match": _any_match("startswith"),
    "strings.any_suffix_match": _any_match("endswith"),
    "sprintf": _sprintf,
    "substring": _substring,
    "to_number": _to_number,
}
# What needs no call as a rule.
SHORT: Final = frozenset({*_STRINGS, *_TYPES, *_MAKERS})
