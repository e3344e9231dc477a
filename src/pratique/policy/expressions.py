"""Azure's `[...]` expressions: read and evaluated over plain values.

In: a document with strings such as `[parameters('x').paths]`, and a `Context` that answers what only the
caller knows. Out: the same document with every expression replaced by its value. Grammar and the list of
functions: azure-policy.md 1.5; limits: 1.6. It knows nothing of rules, definitions or clusters.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pratique.policy import functions
from pratique.policy.errors import ExpressionError

MAX_LENGTH: Final = 81_920
MAX_NESTING: Final = 64
MAX_PARAMETERS: Final = 128

_TOKEN = re.compile(
    r"\s*(?:(?P<string>'(?:[^']|'')*')|(?P<number>-?\d+(?:\.\d+)?)|(?P<name>[A-Za-z_][\w]*)|(?P<sign>[()\[\].,]))"
)


@dataclass(frozen=True, slots=True)
class Literal:
    """A string or a number."""

    value: Any


@dataclass(frozen=True, slots=True)
class Call:
    """A function call."""

    name: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Access:
    """`.name` or `[index]` on what stands before it."""

    subject: Node
    index: Node


Node = Literal | Call | Access


@dataclass(frozen=True, slots=True)
class Context:
    """What expressions may ask for: parameters, and the functions that need the resource at hand."""

    parameters: Mapping[str, Any] = field(default_factory=dict)
    special: Mapping[str, Callable[..., Any]] = field(default_factory=dict)

    def parameter(self, name: Any) -> Any:
        """Return a parameter's value, by its name in any case."""
        if name in self.parameters:
            return self.parameters[name]
        wanted = str(name).casefold()
        for known, value in self.parameters.items():
            if known.casefold() == wanted:
                return value
        raise ExpressionError(
            f"there is no parameter `{name}`",
            hint=f"declare it under `parameters`, which has {', '.join(sorted(self.parameters)) or 'none'}",
        )


def is_expression(text: object) -> bool:
    """Tell whether a value is an expression: a string in brackets that is not escaped by `[[`."""
    return isinstance(text, str) and text.startswith("[") and text.endswith("]") and not text.startswith("[[")


def resolve(document: Any, context: Context) -> Any:
    """Return the document with every expression in it evaluated, and `[[` unescaped."""
    if isinstance(document, str):
        if is_expression(document):
            return evaluate(document, context)
        return document[1:] if document.startswith("[[") else document
    if isinstance(document, dict):
        return {key: resolve(value, context) for key, value in document.items()}
    if isinstance(document, list):
        return [resolve(value, context) for value in document]
    return document


def evaluate(text: str, context: Context) -> Any:
    """Return the value of one expression."""
    return _evaluate(parse(text), context)


def parse(text: str) -> Node:
    """Read one expression, brackets included."""
    if len(text) > MAX_LENGTH:
        raise ExpressionError(f"expression of {len(text)} characters, the most is {MAX_LENGTH}")
    parser = _Parser(text)
    node = parser.expression(0)
    parser.end()
    return node


class _Parser:
    """Recursive descent over the tokens of one expression."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[tuple[str, str]] = []
        body, at = text[1:-1], 0
        while body[at:].strip():
            match = _TOKEN.match(body, at)
            if match is None or match.lastgroup is None:
                raise ExpressionError(f"cannot read `{text}` at `{body[at:].strip()[:20]}`")
            self.tokens.append((match.lastgroup, match[match.lastgroup]))
            at = match.end()
        self.at = 0

    def peek(self) -> str:
        return self.tokens[self.at][1] if self.at < len(self.tokens) else ""

    def take(self) -> tuple[str, str]:
        if self.at >= len(self.tokens):
            raise ExpressionError(f"`{self.text}` ends too early")
        self.at += 1
        return self.tokens[self.at - 1]

    def expect(self, sign: str) -> None:
        kind, text = self.take()
        if kind != "sign" or text != sign:
            raise ExpressionError(f"`{self.text}` has `{text}` where `{sign}` should stand")

    def end(self) -> None:
        if self.at < len(self.tokens):
            raise ExpressionError(f"`{self.text}` goes on with `{self.peek()}` after its end")

    def expression(self, depth: int) -> Node:
        if depth > MAX_NESTING:
            raise ExpressionError(f"`{self.text[:60]}` nests deeper than {MAX_NESTING} functions")
        kind, text = self.take()
        node: Node
        if kind == "string":
            node = Literal(text[1:-1].replace("''", "'"))
        elif kind == "number":
            node = Literal(float(text) if "." in text else int(text))
        elif kind == "name":
            node = self.call(text, depth)
        else:
            raise ExpressionError(f"`{self.text}` has `{text}` where a value should stand")
        return self.accesses(node, depth)

    def call(self, name: str, depth: int) -> Node:
        self.expect("(")
        arguments: list[Node] = []
        while self.peek() != ")":
            if arguments:
                self.expect(",")
            arguments.append(self.expression(depth + 1))
            if len(arguments) > MAX_PARAMETERS:
                raise ExpressionError(f"`{name}` has more than {MAX_PARAMETERS} parameters")
        self.expect(")")
        return Call(name, tuple(arguments))

    def accesses(self, node: Node, depth: int) -> Node:
        while self.peek() in (".", "["):
            _, sign = self.take()
            if sign == ".":
                kind, name = self.take()
                if kind != "name":
                    raise ExpressionError(f"`{self.text}` has `{name}` where a property's name should stand")
                node = Access(node, Literal(name))
            else:
                node = Access(node, self.expression(depth + 1))
                self.expect("]")
        return node


# `if`, `and`, `or` and `coalesce` look at their later arguments only when they need them.
_LAZY: Final = frozenset({"if", "and", "or", "coalesce"})


def _evaluate(node: Node, context: Context) -> Any:
    if isinstance(node, Literal):
        return node.value
    if isinstance(node, Access):
        return _access(_evaluate(node.subject, context), _evaluate(node.index, context))
    name = node.name.casefold()
    if name == "parameters":
        if len(node.arguments) != 1:
            raise ExpressionError("`parameters` takes one name")
        return context.parameter(_evaluate(node.arguments[0], context))
    if name in _LAZY:
        return _lazy(name, node.arguments, context)
    arguments = [_evaluate(argument, context) for argument in node.arguments]
    function = context.special.get(name) or functions.FUNCTIONS.get(name)
    if function is None:
        raise ExpressionError(
            f"there is no function `{node.name}`", hint="see the functions in docs/reference/policy.md"
        )
    try:
        return function(*arguments)
    except ExpressionError:
        raise
    except (TypeError, ValueError, KeyError, IndexError, ArithmeticError, OverflowError) as error:
        raise ExpressionError(f"`{node.name}` cannot take these arguments: {error}") from error


def _lazy(name: str, arguments: tuple[Node, ...], context: Context) -> Any:
    if name == "if":
        if len(arguments) != 3:
            raise ExpressionError("`if` takes a condition and two values")
        chosen = arguments[1] if functions.truth(_evaluate(arguments[0], context)) else arguments[2]
        return _evaluate(chosen, context)
    if name == "coalesce":
        values = (_evaluate(argument, context) for argument in arguments)
        return next((value for value in values if value is not None), None)
    results = (functions.truth(_evaluate(argument, context)) for argument in arguments)
    return all(results) if name == "and" else any(results)


def _access(subject: Any, index: Any) -> Any:
    if isinstance(subject, dict) and isinstance(index, str):
        if index in subject:
            return subject[index]
        wanted = index.casefold()
        for name, value in subject.items():
            if name.casefold() == wanted:
                return value
        raise ExpressionError(
            f"there is no property `{index}`", hint=f"there are {', '.join(sorted(subject)) or 'none'}"
        )
    if isinstance(subject, list) and isinstance(index, int) and not isinstance(index, bool):
        if 0 <= index < len(subject):
            return subject[index]
        raise ExpressionError(f"index {index} is outside of an array of {len(subject)}")
    raise ExpressionError(f"`{index}` cannot be read from a value that is no object or array")
