"""IR expressions to Python expressions.

Comes in: one expression and the scope it stands in. Goes out: a `Piece`: text, whether it is surely defined,
and what kind of value it is where we know. Lookups become lines of their own, each prefix only once a block.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pratique.rego.builtins.registry import Builtin
from pratique.rego.emit.lines import Lines
from pratique.rego.emit.names import Names
from pratique.rego.plan import ir
from pratique.rego.runtime.values import UNDEFINED, Set, Value, make_object
from pratique.rego.source import Span

# Builtins that generated code has a shorter way for.
_ARITHMETIC: Final = {"plus": "+", "minus": "-", "mul": "*"}
# What a builtin's result is, by its signature.
_RESULTS: Final = {"boolean": "bool", "string": "str", "set": "set"}


@dataclass(frozen=True, slots=True)
class Piece:
    """Python text of an expression; `kind` is `str int bool list set object` or `""` for not known."""

    text: str
    defined: bool = False
    kind: str = ""
    const: bool = False
    value: Value = None


def kind_of(value: Value) -> str:
    """Return the kind of a constant."""
    names: dict[type, str] = {str: "str", int: "int", bool: "bool", list: "list", Set: "set", dict: "object"}
    return names.get(type(value), "")


class Scope:
    """What is known where code is being written: the state's name, kinds of locals, prefixes looked up."""

    def __init__(
        self, names: Names, plan: ir.Plan, builtins: Mapping[str, Builtin], *, counting: bool
    ) -> None:
        self.names = names
        self.counting = counting
        self.plan = plan
        self.builtins = builtins
        self.states = ["s"]
        self.kinds: dict[str, str] = {}
        self.found: dict[Any, str] = {}
        self._count = 0

    @property
    def state(self) -> str:
        """The name of the state that is read from."""
        return self.states[-1]

    def fresh(self, letter: str = "t") -> str:
        """Return a name that is not in use."""
        self._count += 1
        return f"{letter}{self._count}"

    def piece(self, expr: ir.Expr, out: Lines, into: str = "") -> Piece:
        """Return the expression as Python, after the lines that it needs; a last lookup or call goes `into`."""
        match expr:
            case ir.Const(value):
                if value is UNDEFINED:
                    return Piece("U")
                return Piece(self.names.const(value), True, kind_of(value), True, value)
            case ir.Local(name):
                return Piece(name, True, self.kinds.get(name, ""))
            case ir.Get():
                return self._get(expr, out, into)
            case ir.Call(rule, args):
                return self._call(rule, args, out)
            case ir.Builtin():
                return self._builtin(expr, out, into)
            case ir.Compare():
                return Piece(self._compared(expr, out), True, "bool")
            case ir.Array(items):
                return Piece(f"[{self._list(items, out)}]", True, "list")
            case ir.SetOf(items):
                return Piece(f"Set([{self._list(items, out)}])", True, "set")
            case ir.ObjectOf(pairs):
                return self._object(pairs, out)
        return self._document(expr, out)

    def _document(self, expr: ir.Expr, out: Lines) -> Piece:
        match expr:
            case ir.Input():
                return Piece(self._root("input", out))
            case ir.Data():
                return Piece(self._root("data", out))
            case ir.Stored(path):
                return Piece(f"stored({self.state}, {self.names.keys(path)})")
            case ir.RuleValue(rule):
                return self._rule(rule)
            case ir.Extent(node, keys):
                return Piece(f"at({self.state}, {self.names.node(node)}, {self._tuple(keys, out)})")
        raise AssertionError(f"no such expression: {expr!r}")

    def atom(self, expr: ir.Expr, out: Lines) -> Piece:
        """Return the expression as a name or a constant."""
        piece = self.piece(expr, out)
        if piece.const or piece.text.isidentifier():
            return piece
        name = self.fresh()
        out.add(f"{name} = {piece.text}")
        return Piece(name, piece.defined, piece.kind)

    def _list(self, items: tuple[ir.Expr, ...], out: Lines) -> str:
        return ", ".join([self.piece(item, out).text for item in items])

    def _tuple(self, items: tuple[ir.Expr, ...], out: Lines) -> str:
        if all(isinstance(item, ir.Const) for item in items):
            return self.names.keys(tuple(item.value for item in items if isinstance(item, ir.Const)))
        return f"({self._list(items, out)},)"

    def _object(self, pairs: tuple[tuple[ir.Expr, ir.Expr], ...], out: Lines) -> Piece:
        named = [(self.piece(name, out), self.piece(value, out)) for name, value in pairs]
        if all(name.kind == "str" for name, _ in named):
            return Piece(
                f"{{{', '.join([f'{name.text}: {value.text}' for name, value in named])}}}", True, "object"
            )
        listed = ", ".join([f"({name.text}, {value.text})" for name, value in named])
        return Piece(f"make_object([{listed}])", True)

    def _root(self, which: str, out: Lines) -> str:
        known = (self.state, which)
        if known not in self.found:
            self.found[known] = name = self.fresh(which)
            out.add(f"{name} = {self.state}.{which}")
        return self.found[known]

    def _rule(self, number: int) -> Piece:
        rule = self.plan.rules[number]
        kind = {"set": "set"}.get(rule.kind, "")
        if rule.replaceable:
            kind = ""
        return Piece(f"r{number}({self.state})", bool(kind), kind)

    def _get(self, expr: ir.Get, out: Lines, into: str) -> Piece:
        base = self.piece(expr.base, out)
        known: Any = (self.state, base.text)
        if not base.text.isidentifier():
            name = self.fresh()
            out.add(f"{name} = {base.text}")
            base = Piece(name, base.defined, base.kind)
        text = base.text
        for index, step in enumerate(expr.keys, 1):
            name_piece = self.piece(step, out)
            known = (known, name_piece.text)
            if known in self.found:
                text = self.found[known]
                continue
            name = into if into and index == len(expr.keys) else self.fresh()
            out.add(f"{name} = {_lookup(text, name_piece)}")
            self.found[known] = text = name
        return Piece(text)

    def _call(self, number: int, args: tuple[ir.Expr, ...], out: Lines) -> Piece:
        listed = "".join([f", {self.piece(arg, out).text}" for arg in args])
        if number not in self.plan.mocked_rules:
            return Piece(f"r{number}({self.state}{listed})")
        name = self.fresh()
        out.add(f"{name} = call_rule({self.state}, r{number}{listed})")
        return Piece(name)

    def _builtin(self, expr: ir.Builtin, out: Lines, into: str) -> Piece:
        args = [self.piece(arg, out) for arg in expr.args]
        texts = [arg.text for arg in args]
        mocked = expr.name in self.plan.mocked
        if not mocked:
            short = self._short(expr.name, args)
            if short is not None:
                return short
        function = self.names.builtin(expr.name, self.builtins[expr.name].function)
        name = into or self.fresh()
        if mocked:
            listed = "".join([f", {text}" for text in texts])
            call = f"call_builtin({self.state}, {self.names.const(expr.name)}, {function}{listed})"
        elif self.builtins[expr.name].needs_state:
            call = f"{function}({', '.join([self.state, *texts])})"
        else:
            call = f"{function}({', '.join(texts)})"
        self._guarded(name, call, expr.span, out)
        kind = "" if mocked else _RESULTS.get(self.builtins[expr.name].result, "")
        return Piece(name, False, kind)

    def _guarded(self, name: str, call: str, span: Span, out: Lines) -> None:
        out.add("try:")
        with out.indented():
            out.add(f"{name} = {call}")
        out.add("except BuiltinError as e:")
        with out.indented():
            out.add(f"{name} = failed({self.state}, e, {self.names.place(span)})")

    def _short(self, name: str, args: list[Piece]) -> Piece | None:
        kinds = [arg.kind for arg in args]
        if name == "count" and kinds[0] in {"list", "set", "object", "str"}:
            return Piece(f"len({args[0].text})", True, "int")
        if name in _ARITHMETIC and kinds == ["int", "int"]:
            return Piece(f"({args[0].text} {_ARITHMETIC[name]} {args[1].text})", True, "int")
        if name == "minus" and kinds == ["set", "set"]:
            return Piece(f"minus({args[0].text}, {args[1].text})", True, "set")
        if name == "internal.member_2":
            return Piece(f"member({args[0].text}, {args[1].text})", True, "bool")
        if name == "internal.member_3":
            return Piece(f"member_at({args[0].text}, {args[1].text}, {args[2].text})", True, "bool")
        return None

    # --- comparisons ---------------------------------------------------------------------------------------

    def _compared(self, expr: ir.Compare, out: Lines) -> str:
        # As a value: operands are atoms, hence defined.
        left, right = self.piece(expr.left, out), self.piece(expr.right, out)
        return comparison(expr.operator, left, right)

    def condition(self, expr: ir.Expr, out: Lines) -> str:
        """Return Python text that is true exactly when the expression is defined and not false."""
        if not isinstance(expr, ir.Compare):
            piece = self.atom(expr, out)
            if piece.defined and piece.kind == "bool":
                return piece.text
            if piece.defined:
                return f"{piece.text} is not False" if piece.kind == "" else "True"
            return f"{piece.text} is not U and {piece.text} is not False"
        left, right = self.atom(expr.left, out), self.atom(expr.right, out)
        text = comparison(expr.operator, left, right)
        unsure = [piece.text for piece in (left, right) if not piece.defined]
        if expr.operator == "==":
            # `equal` is false for one undefined side; for two it must be asked.
            unsure = unsure[1:]
        return " and ".join([*[f"{name} is not U" for name in dict.fromkeys(unsure)], text])


def _lookup(base: str, name: Piece) -> str:
    if name.kind == "str":
        return f"{base}.get({name.text}, U) if type({base}) is dict else get({base}, {name.text})"
    if name.kind == "int":
        return f"get({base}, {name.text})"
    return (
        f"{base}.get({name.text}, U) if type({base}) is dict and type({name.text}) is str"
        f" else get({base}, {name.text})"
    )


def comparison(operator: str, left: Piece, right: Piece) -> str:
    """Return Python text for a comparison of two values."""
    if operator in {"==", "!="}:
        return _equality(left, right, negated=operator == "!=")
    if left.kind == "int" and right.kind == "int":
        return f"{left.text} {operator} {right.text}"
    numbers = [piece for piece in (left, right) if piece.kind != "int"]
    if len(numbers) == 1 and numbers[0].kind == "":
        name = numbers[0].text
        return (
            f"({left.text} {operator} {right.text} if type({name}) is int"
            f" else compare({left.text}, {right.text}) {operator} 0)"
        )
    return f"compare({left.text}, {right.text}) {operator} 0"


def _equality(left: Piece, right: Piece, *, negated: bool) -> str:
    sign, word = ("!=", "is not") if negated else ("==", "is")
    for one, other in ((left, right), (right, left)):
        if not one.const:
            continue
        if type(one.value) is str or (type(one.value) is int and one.value not in (0, 1)):
            return f"{other.text} {sign} {one.text}"
        if one.kind == "int" and one.value in (0, 1) and other.kind != "int":
            # `True == 1` in Python, not in Rego.
            if negated:
                return f"({other.text} != {one.text} or {other.text} is {bool(one.value)})"
            return f"({other.text} == {one.text} and {other.text} is not {bool(one.value)})"
        if one.value is None or one.value is True or one.value is False:
            return f"{other.text} {word} {one.text}"
    if "str" in (left.kind, right.kind) or left.kind == right.kind == "int":
        return f"{left.text} {sign} {right.text}"
    call = f"equal({left.text}, {right.text})"
    return f"not {call}" if negated else call


def constant(expr: ir.Expr) -> tuple[bool, Value]:
    """Return whether the expression is known now, and its value."""
    match expr:
        case ir.Const(value):
            return True, value
        case ir.Array(items):
            found = [constant(item) for item in items]
            return all(known for known, _ in found), [value for _, value in found]
        case ir.SetOf(items):
            found = [constant(item) for item in items]
            return all(known for known, _ in found), Set([value for _, value in found])
        case ir.ObjectOf(pairs):
            both = [(constant(name), constant(value)) for name, value in pairs]
            known = all(name[0] and value[0] for name, value in both)
            return known, make_object([(name[1], value[1]) for name, value in both]) if known else None
    return False, None
