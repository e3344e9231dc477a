"""strings.render_template: Go's text/template over Rego's values.

Comes in: a template, and an object. Goes out: text. Numbers of the object are strings to Go (`json.Number`), so
`if` holds for 0, and `eq .n 5` is refused; what is missing prints as `<undefined>`. Of Go's language only complex
numbers are not there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, NoReturn

from pratique.rego.builtins import template_functions as functions
from pratique.rego.builtins.gofmt import GoValue, Int, JsonNumber, go_type, plain
from pratique.rego.builtins.jsons import decoder
from pratique.rego.builtins.jsons import parsed as parsed_json
from pratique.rego.builtins.registry import builtin
from pratique.rego.builtins.template_functions import MISSING, FunctionError, truth
from pratique.rego.builtins.template_lexer import TemplateError
from pratique.rego.builtins.template_nodes import (
    Action,
    Block,
    Branch,
    Call,
    Chain,
    Command,
    Constant,
    Dot,
    Field,
    Function,
    Jump,
    Nil,
    Pipe,
    Template,
    Term,
    Text,
    Variable,
)
from pratique.rego.builtins.template_parser import parse
from pratique.rego.runtime.text import rego_text
from pratique.rego.runtime.values import Value
from pratique.rego.runtime.work import CHARACTERS, charge_members, work

_DEEPEST: Final = 200
_NO_VALUE: Final = "<no value>"
_DECODER: Final = decoder(parse_float=JsonNumber, parse_int=JsonNumber)


@builtin("strings.render_template", "string, object -> string", grows=True)
def render_template(template: Value, values: Value) -> Value:
    """Return a template of Go's text/template, filled in from the object."""
    text = rego_text(values)
    parsed_json(text)  # what JSON does not have (sets, keys that are no strings) is refused
    rendered = _Renderer(_parsed(template)).text(_DECODER.decode(text))
    return rendered.replace(_NO_VALUE, "<undefined>")


@lru_cache(maxsize=256)
def _parsed(text: str) -> Template:
    return parse(text, functions.NAMES)


class _JumpError(Exception):
    def __init__(self, kind: str) -> None:
        self.kind = kind


@dataclass(slots=True)
class _Scope:
    """The variables that are known, the latest last."""

    names: list[tuple[str, GoValue]]

    def find(self, name: str) -> GoValue:
        return next(value for known, value in reversed(self.names) if known == name)

    def assign(self, name: str, value: GoValue) -> None:
        for index in range(len(self.names) - 1, -1, -1):
            if self.names[index][0] == name:
                self.names[index] = (name, value)
                return


class _Renderer:
    def __init__(self, template: Template) -> None:
        self._template = template
        self._out: list[str] = []
        self._depth = 0
        self._named = "template"

    def text(self, values: dict[str, Any]) -> str:
        self._block(self._template.body, values, _Scope([("$", values)]))
        return "".join(self._out)

    def _fail(self, node: Any, message: str) -> NoReturn:
        raise self._error(node, message)

    def _error(self, node: Any, message: str) -> TemplateError:
        before = self._template.text[: node.at]
        column = len(before.rpartition("\n")[2].encode())
        place = f"template:{before.count(chr(10)) + 1}:{column}"
        return TemplateError(f'template: {place}: executing "{self._named}" at <{node}>: {message}')

    # --- nodes -------------------------------------------------------------------------------------------

    def _block(self, nodes: Block, dot: GoValue, scope: _Scope) -> None:
        work(1 + len(nodes))
        for node in nodes:
            if self._out:
                work(len(self._out[-1]) // CHARACTERS)
            if isinstance(node, Text):
                self._out.append(node.text)
            elif isinstance(node, Action):
                value = self._pipe(node.pipe, dot, scope)
                if not node.pipe.declared:
                    self._out.append(_NO_VALUE if value is MISSING or value is None else plain(value))
            elif isinstance(node, Branch):
                self._branch(node, dot, scope)
            elif isinstance(node, Call):
                self._call(node, dot, scope)
            elif isinstance(node, Jump):
                raise _JumpError(node.kind)

    def _branch(self, node: Branch, dot: GoValue, scope: _Scope) -> None:
        known = len(scope.names)
        try:
            if node.kind == "range":
                self._range(node, dot, scope)
                return
            value = self._pipe(node.pipe, dot, scope)
            if truth(value):
                self._block(node.body, value if node.kind == "with" else dot, scope)
            else:
                self._block(node.otherwise, dot, scope)
        finally:
            del scope.names[known:]

    def _range(self, node: Branch, dot: GoValue, scope: _Scope) -> None:
        known = len(scope.names)
        value = self._pipe(node.pipe, dot, scope, declares=False)
        pairs = self._pairs(node, value)
        for key, item in pairs:
            self._declare(node.pipe, key, item, scope)
            try:
                self._block(node.body, item, scope)
            except _JumpError as jump:
                if jump.kind == "break":
                    break
            finally:
                del scope.names[known:]
        if not pairs:
            self._block(node.otherwise, dot, scope)

    def _pairs(self, node: Branch, value: GoValue) -> list[tuple[GoValue, GoValue]]:
        if isinstance(value, list):
            return [(Int(index), item) for index, item in enumerate(value)]
        if isinstance(value, dict):
            return [(name, value[name]) for name in sorted(value)]
        if isinstance(value, Int):
            if len(node.pipe.declared) > 1:
                self._fail(node.pipe, f"can't use {value} to iterate over more than one variable")
            charge_members(max(0, value))
            return [(Int(index), Int(index)) for index in range(value)]
        if value is None or value is MISSING:
            return []
        raise self._error(node.pipe, f"range can't iterate over {plain(value)}")

    def _declare(self, pipe: Pipe, key: GoValue, item: GoValue, scope: _Scope) -> None:
        names = pipe.declared
        values = [key, item] if len(names) == 2 else [item]
        for name, value in zip(names, values, strict=False):
            if pipe.assigns:
                scope.assign(name, value)
            else:
                scope.names.append((name, value))

    def _call(self, node: Call, dot: GoValue, scope: _Scope) -> None:
        body = self._template.defined.get(node.name)
        if body is None:
            self._fail(node, f'template "{node.name}" not defined')
        if self._depth == _DEEPEST:
            self._fail(node, f"exceeded maximum template depth ({_DEEPEST})")
        given = MISSING if node.pipe is None else self._pipe(node.pipe, dot, scope)
        self._depth += 1
        outer, self._named = self._named, node.name
        self._block(body, given, _Scope([("$", given)]))
        self._named = outer
        self._depth -= 1

    # --- pipelines ---------------------------------------------------------------------------------------

    def _pipe(self, pipe: Pipe, dot: GoValue, scope: _Scope, *, declares: bool = True) -> GoValue:
        value: GoValue = MISSING
        for stage, command in enumerate(pipe.commands):
            value = self._command(command, dot, scope, () if stage == 0 else (value,))
        if declares:
            for name in pipe.declared:
                if pipe.assigns:
                    scope.assign(name, value)
                else:
                    scope.names.append((name, value))
        return value

    def _command(self, command: Command, dot: GoValue, scope: _Scope, final: tuple[GoValue, ...]) -> GoValue:
        first = command.terms[0]
        if isinstance(first, Function):
            return self._function(first, command, dot, scope, final)
        if len(command.terms) > 1 or final:
            if isinstance(first, Field | Variable | Chain):
                self._no_method(first, command, dot, scope)
            if isinstance(first, Pipe):
                self._fail(first, f"can't give argument to non-function {first}")
            self._fail(first, f"can't give argument to non-function {first}")
        if isinstance(first, Nil):
            self._fail(first, "nil is not a command")
        return self._value(first, dot, scope)

    def _no_method(
        self, first: Field | Variable | Chain, command: Command, dot: GoValue, scope: _Scope
    ) -> None:
        self._value(first, dot, scope)
        if isinstance(first, Variable) and not first.names:
            self._fail(first, f"can't give argument to non-function {first}")
        name = first.names[-1]
        self._fail(first, f"{name} is not a method but has arguments")

    def _value(self, term: Term, dot: GoValue, scope: _Scope) -> GoValue:
        if isinstance(term, Constant):
            return term.value
        if isinstance(term, Dot):
            return dot
        if isinstance(term, Nil):
            return None
        if isinstance(term, Field):
            return self._fields(term, dot, term.names)
        if isinstance(term, Variable):
            return self._fields(term, scope.find(term.name), term.names)
        if isinstance(term, Chain):
            if isinstance(term.node, Nil):
                self._fail(term, f"indirection through explicit nil in {term}")
            return self._fields(term, self._value(term.node, dot, scope), term.names)
        if isinstance(term, Pipe):
            return self._pipe(term, dot, scope)
        return self._function(term, Command(term.at, (term,)), dot, scope, ())

    def _fields(self, node: Term, value: GoValue, names: tuple[str, ...]) -> GoValue:
        for name in names:
            if value is MISSING:
                continue
            if value is None:
                self._fail(node, f"nil pointer evaluating interface {{}}.{name}")
            if not isinstance(value, dict):
                self._fail(node, f"can't evaluate field {name} in type {_held(node, value)}")
            value = value.get(name, MISSING)
        return value

    def _function(
        self, first: Function, command: Command, dot: GoValue, scope: _Scope, final: tuple[GoValue, ...]
    ) -> GoValue:
        name = first.name
        operands = command.terms[1:]
        given = len(operands) + len(final)
        least, most = functions.COUNTS[name]
        if given < least or (most is not None and given > most):
            want = f"{least}" if most is not None else f"at least {least}"
            self._fail(first, f"wrong number of args for {name}: want {want} got {given}")
        if name in ("and", "or"):
            return self._short(name, operands, dot, scope, final)
        values = [*(self._value(operand, dot, scope) for operand in operands), *final]
        if name in ("printf", "call"):
            self._check_first(name, operands[0] if operands else first, values[0], command)
        try:
            return _FUNCTIONS[name](*values)
        except FunctionError as error:
            self._fail(command, f"error calling {name}: {error}")

    def _check_first(self, name: str, shown: Term, value: GoValue, command: Command) -> None:
        if name == "call":
            what = "call of nil" if value is None else f"non-function {shown} of type {go_type(value)}"
            self._fail(command, f"error calling call: {what}")
        if type(value) is JsonNumber:
            self._fail(shown, "wrong type for value; expected string; got json.Number")
        if not isinstance(value, str):
            self._fail(shown, f"expected string; found {plain(value)}")

    def _short(
        self, name: str, operands: tuple[Term, ...], dot: GoValue, scope: _Scope, final: tuple[GoValue, ...]
    ) -> GoValue:
        value: GoValue = MISSING
        for operand in operands:
            value = self._value(operand, dot, scope)
            if truth(value) is (name == "or"):
                return value
        return final[0] if final else value


_FUNCTIONS: Final[dict[str, Callable[..., GoValue]]] = functions.TABLE


def _held(node: Any, value: GoValue) -> str:
    # What comes out of a map is held by an interface.
    return (
        "interface {}"
        if isinstance(node, Field | Variable) and not isinstance(value, Int)
        else go_type(value)
    )
