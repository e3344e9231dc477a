"""Go's text/template read: a text becomes a tree, or is refused in Go's words."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from pratique.rego.builtins.gofmt import GoValue, Int
from pratique.rego.builtins.template_lexer import Token, fail, tokens
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
    Node,
    Pipe,
    Template,
    Term,
    Text,
    Variable,
)
from pratique.rego.runtime.numbers import integer
from pratique.rego.runtime.text import quote

_WORD: Final = 2**64
_FLOAT_BITS: Final = 1024  # an integer of more is no float either
_INTEGER: Final = re.compile(
    r"[+-]?(?:0[xX](?:_?[0-9a-fA-F])+|0[bB](?:_?[01])+|0[oO]?(?:_?[0-7])+|[1-9](?:_?[0-9])*|0)\Z"
)
_ESCAPE: Final = re.compile(
    r"\\(?:([abfnrtv\\'\"])|([0-7]{3})|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))|\\"
)
_LETTERS: Final = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def parse(text: str, functions: Iterable[str]) -> Template:
    """Return the tree of a template whose functions have these names. Raises TemplateError."""
    return _Parser(text, frozenset(functions)).template()


class _Parser:
    def __init__(self, text: str, functions: frozenset[str]) -> None:
        self._text = text
        self._functions = functions
        self._tokens = list(tokens(text))
        self._at = 0
        self._variables = ["$"]
        self._ranges = 0
        self._made = Template(text)

    def template(self) -> Template:
        nodes, ended = self._block(top=True)
        if ended.kind != "eof":
            raise self._fail(f"unexpected {_closing(ended)}")
        self._made.body = nodes
        return self._made

    # --- tokens ------------------------------------------------------------------------------------------

    def _fail(self, message: str) -> Exception:
        return fail(self._text, self._tokens[min(self._at, len(self._tokens) - 1)].at, message)

    def _peek(self) -> Token:
        return self._tokens[self._at]

    def _next(self) -> Token:
        token = self._tokens[self._at]
        self._at += 1
        return token

    def _skip_space(self) -> Token:
        while self._peek().kind == "space":
            self._at += 1
        return self._peek()

    def _expect(self, kind: str, context: str) -> Token:
        token = self._skip_space()
        if token.kind != kind:
            raise self._unexpected(token, context)
        return self._next()

    def _unexpected(self, token: Token, context: str) -> Exception:
        shown = {"eof": "EOF", "right": '"}}"'}.get(token.kind) or (
            f"<{token.text}>" if token.kind == token.text else quote(token.text)
        )
        return self._fail(f"unexpected {shown} in {context}")

    # --- nodes -------------------------------------------------------------------------------------------

    def _block(self, *, top: bool = False) -> tuple[Block, Token]:
        """Return nodes up to `{{end}}`, `{{else}}` or the end, and that token (its action still open)."""
        nodes: list[Node] = []
        while True:
            token = self._next()
            if token.kind == "eof":
                self._at -= 1
                if not top:
                    raise self._fail("unexpected EOF")
                return tuple(nodes), token
            if token.kind == "text":
                nodes.append(Text(token.text))
                continue
            word = self._skip_space()
            if word.kind in ("end", "else"):
                self._at += 1
                return tuple(nodes), word
            if word.kind == "define":
                if not top:
                    raise self._fail("unexpected <define> in command")
                self._definition()
                continue
            nodes.append(self._node(word))

    def _node(self, word: Token) -> Node:
        if word.kind in ("if", "range", "with"):
            self._at += 1
            return self._branch(word.kind)
        if word.kind in ("break", "continue"):
            self._at += 1
            self._expect("right", f"{{{{{word.kind}}}}}")
            if not self._ranges:
                raise self._fail(f"{{{{{word.kind}}}}} outside {{{{range}}}}")
            return Jump(word.kind)
        if word.kind == "template":
            self._at += 1
            return self._call(word)
        if word.kind == "block":
            self._at += 1
            return self._named_block(word)
        return Action(self._pipe("command", "right"))

    def _branch(self, kind: str) -> Branch:
        known = len(self._variables)
        pipe = self._pipe(kind, "right")
        self._ranges += kind == "range"
        body, ended = self._block()
        self._ranges -= kind == "range"
        otherwise: Block = ()
        if ended.kind == "else":
            word = self._skip_space()
            if (kind, word.kind) in {("if", "if"), ("with", "with")}:
                self._at += 1
                otherwise = (self._branch(kind),)
                del self._variables[known:]
                return Branch(kind, pipe, body, otherwise)
            self._expect("right", "input")
            otherwise, ended = self._block()
            if ended.kind != "end":
                raise self._fail("expected end; found {{else}}")
        self._expect("right", "end")
        del self._variables[known:]
        return Branch(kind, pipe, body, otherwise)

    def _name(self, context: str) -> str:
        token = self._skip_space()
        if token.kind not in ("string", "raw"):
            raise self._unexpected(token, context)
        self._at += 1
        return self._unquoted(token)

    def _call(self, word: Token) -> Call:
        name_at = self._skip_space().at
        name = self._name("template clause")
        if self._skip_space().kind == "right":
            self._at += 1
            return Call(name_at, name, None)
        return Call(name_at, name, self._pipe("template clause", "right"))

    def _named_block(self, word: Token) -> Call:
        name_at = self._skip_space().at
        name = self._name("block clause")
        pipe = self._pipe("block clause", "right")
        self._define(name, "block clause")
        return Call(name_at, name, pipe)

    def _definition(self) -> None:
        self._at += 1
        name = self._name("define clause")
        self._expect("right", "define clause")
        self._define(name, "define clause")

    def _define(self, name: str, context: str) -> None:
        outer, self._variables = self._variables, ["$"]
        ranges, self._ranges = self._ranges, 0
        body, ended = self._block()
        if ended.kind != "end":
            raise self._fail(f"unexpected {_closing(ended)} in {context}")
        self._expect("right", "end")
        self._variables, self._ranges = outer, ranges
        if name in self._made.defined and any(
            not isinstance(each, Text) or each.text.strip() for each in body
        ):
            raise self._fail(f"template: multiple definition of template {quote(name)}")
        self._made.defined[name] = body

    # --- pipelines ---------------------------------------------------------------------------------------

    def _pipe(self, context: str, end: str) -> Pipe:
        at = self._skip_space().at
        declared, assigns = self._declared(context)
        commands: list[Command] = []
        while True:
            token = self._skip_space()
            if token.kind == end:
                self._at += 1
                break
            if token.kind not in _STARTS:
                raise self._unexpected(token, context)
            commands.append(self._command())
        if not commands:
            raise self._fail(f"missing value for {context}")
        for stage, command in enumerate(commands[1:], 2):
            if isinstance(command.terms[0], Constant | Dot | Nil):
                raise self._fail(f"non executable command in pipeline stage {stage}")
        return Pipe(at, declared, assigns, tuple(commands))

    def _declared(self, context: str) -> tuple[tuple[str, ...], bool]:
        """Read `$x :=`, `$x =` or `$i, $x :=` if the pipeline begins so."""
        start = self._at
        names: list[str] = []
        while self._skip_space().kind == "variable":
            names.append(self._next().text)
            token = self._skip_space()
            if token.kind in ("declare", "assign"):
                self._at += 1
                if token.kind == "declare":
                    self._variables += names
                return tuple(names), token.kind == "assign"
            if token.kind != "comma":
                break
            self._at += 1
            if context != "range" or len(names) > 1:
                raise self._fail(f"too many declarations in {context}")
        self._at = start
        return (), False

    def _command(self) -> Command:
        at = self._skip_space().at
        terms: list[Term] = []
        while True:
            self._skip_space()
            operand = self._operand()
            if operand is not None:
                terms.append(operand)
            token = self._next()
            if token.kind == "space":
                continue
            if token.kind in ("right", "close"):
                self._at -= 1
            elif token.kind != "pipe":
                self._at -= 1
                raise self._unexpected(token, "operand")
            break
        if not terms:
            raise self._fail("empty command")
        return Command(at, tuple(terms))

    def _operand(self) -> Term | None:
        node = self._term()
        if node is None or self._peek().kind != "field":
            return node
        at = self._peek().at  # where Go says that a chain of names is
        names: list[str] = []
        while self._peek().kind == "field":
            names.append(self._next().text[1:])
        if isinstance(node, Field):
            return Field(at, (*node.names, *names))
        if isinstance(node, Variable):
            return Variable(at, node.name, (*node.names, *names))
        if isinstance(node, Constant | Nil | Dot):
            raise self._fail(f"unexpected . after term {quote(str(node))}")
        return Chain(at, node, tuple(names))

    def _term(self) -> Term | None:
        token = self._next()
        kind = token.kind
        if kind == "word":
            return self._word(token)
        if kind == "dot":
            return Dot(token.at)
        if kind == "nil":
            return Nil(token.at)
        if kind == "variable":
            if token.text not in self._variables:
                raise self._fail(f"undefined variable {quote(token.text)}")
            return Variable(token.at, token.text)
        if kind == "field":
            return Field(token.at, (token.text[1:],))
        if kind in ("string", "raw"):
            return Constant(token.at, self._unquoted(token), token.text)
        if kind == "char":
            char = self._unquoted(token)
            if len(char) != 1:
                raise self._fail(f"malformed character constant: {token.text}")
            return Constant(token.at, Int(ord(char)), token.text)
        if kind == "number":
            return Constant(token.at, self._number(token.text), token.text)
        if kind == "open":
            return self._pipe("parenthesized pipeline", "close")
        self._at -= 1
        return None

    def _word(self, token: Token) -> Term:
        if token.text in ("true", "false"):
            return Constant(token.at, token.text == "true", token.text)
        if token.text not in self._functions:
            raise self._fail(f"function {quote(token.text)} not defined")
        return Function(token.at, token.text)

    def _number(self, text: str) -> GoValue:
        plain = text.replace("_", "")
        if _INTEGER.match(text):
            legacy = re.match(r"[+-]?0[0-7]", plain)
            found = (
                int(plain, 8) if legacy else int(plain, 0) if plain.lstrip("+-")[0] == "0" else integer(plain)
            )
            if found.bit_length() > _FLOAT_BITS:
                raise self._fail(f"illegal number syntax: {quote(text)}")
            if not -_WORD // 2 <= found < _WORD:
                raise self._fail(f"integer overflow: {quote(text)}")
            return Int(found)
        try:
            number = float.fromhex(plain) if "x" in plain.lower() else float(plain)
        except ValueError:
            raise self._fail(f"illegal number syntax: {quote(text)}") from None
        # A float constant that is whole counts as an integer as well, and prints as one.
        return number

    def _unquoted(self, token: Token) -> str:
        if token.kind == "raw":
            return token.text[1:-1]

        def one(found: re.Match[str]) -> str:
            letter, octal, *hexadecimal = found.groups()
            if letter:
                return _LETTERS.get(letter, letter)
            digits = next(filter(None, hexadecimal), None)
            if not octal and not digits:
                raise self._fail("invalid syntax")
            return chr(int(octal, 8) if octal else int(digits or "", 16))

        return _ESCAPE.sub(one, token.text[1:-1])


_STARTS: Final = frozenset(
    ("word", "dot", "nil", "variable", "field", "string", "raw", "char", "number", "open")
)


def _closing(token: Token) -> str:
    return f"{{{{{token.text}}}}}"
