"""Whole files: `package`, imports, rules; and queries."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from pratique.rego.errors import CompileError
from pratique.rego.lexer import SyntaxProblem
from pratique.rego.nodes import Body, Import, Module, Rule, Scalar, Term
from pratique.rego.parse import metadata
from pratique.rego.parse.rules import Rules
from pratique.rego.source import Source, Span
from pratique.rego.tokens import END, FUTURE_KEYWORDS, KEYWORDS, LOGICAL_KEYWORDS, NAME, STRING, WORDS

T = TypeVar("T")

_ROOTS = ("data", "input", "future", "rego")


class Modules(Rules):
    """Reads a module."""

    def module(self) -> Module:
        """Read the whole text."""
        if self.kinds[0] == END:
            raise self.refuse("empty module", 0, hint="start with `package name`")
        if self.kinds[0] != "package":
            raise self.unexpected("expected `package`", hint="start with `package name`")
        package, span = self.package()
        imports: list[Import] = []
        rules: list[Rule] = []
        starts: list[tuple[int, str]] = [(span.start, "package")]
        if self.kinds[self.at] in {"-", "/"} and self.touches(self.at):
            sign = self.kinds[self.at]
            raise self.unexpected(
                "expected a new line", hint=f'a name with `{sign}` is quoted: `a["b{sign}c"]`'
            )
        while True:
            kind = self.kinds[self.at]
            if kind == END:
                break
            start = self.at
            if kind == "import" and not self.starts_reference(start):
                imports.append(self.imported())
                starts.append((self.starts[start], "import"))
            elif kind == "package" and not self.starts_reference(start):
                raise self.unexpected("a module has one `package`")
            else:
                apart = not rules or self.new_line() or self.kinds[start - 1] == "}"
                rules.extend(self.rules() if apart else self.rules_beside(start))
                starts.append((self.starts[start], "rule"))
        comments = tuple(self.tokens.comments)
        annotations: tuple[metadata.Placed, ...] = ()
        if any(comment.text.lstrip().startswith("METADATA") for comment in comments):
            annotations = metadata.read(comments, starts)
        return metadata.attach(
            Module(
                self.source,
                package,
                tuple(imports),
                tuple(rules),
                "v1" if self.strict else "v0",
                modern_not=self.modern_not,
                comments=comments,
                package_span=span,
                keywords=frozenset(self.keywords),
            ),
            annotations,
        )

    def rules_beside(self, start: int) -> list[Rule]:
        """Read rules that stand on one line with the rule before them, which nobody writes on purpose."""
        known = len(self.problems)
        try:
            # `p := 1 if x` without the keyword `if` would be a rule called `if`.
            found = [] if self.problems or self.value in FUTURE_KEYWORDS else self.rules()
        except SyntaxProblem:
            found = []
        if not found or len(self.problems) > known:
            del self.problems[known:]
            self.at = start
            raise self.unexpected("expected a new line", hint=self.body_hint())
        return found

    def package(self) -> tuple[tuple[str, ...], Span]:
        """Read the `package` statement."""
        start = self.at
        self.at += 1
        return ("data", *self.path("the name of the package")), self.span(start)

    def path(self, what: str) -> list[str]:
        """Read a path of plain strings: `a.b["c d"]`."""
        kind = self.kinds[self.at]
        if kind != NAME and kind not in WORDS:
            hint = "the first name stands without quotes" if kind == STRING else ""
            raise self.unexpected(f"expected {what}", hint=hint)
        names = [self.value]
        self.at += 1
        while self.kinds[self.at] in {".", "["} and self.touches(self.at):
            at = self.at
            if self.kinds[at + 1] == NAME and self.ends[at] != self.starts[at + 1]:
                raise self.refuse("expected identifier after the point", at)
            part = self.part()
            if not isinstance(part, Scalar) or not isinstance(part.value, str):
                raise self.refuse(f"{what} must be made of plain strings", at)
            names.append(part.value)
        return names

    def imported(self) -> Import:
        """Read an `import`."""
        start = self.at
        self.at += 1
        at = self.at
        path = tuple(self.path("the path of an import"))
        if path[0] not in _ROOTS:
            raise self.refuse(
                f"unexpected import path, must begin with one of: {{data, future, input, rego}}, got: {path[0]}",
                at,
                hint=f"write `import data.{'.'.join(path)}`",
            )
        alias = ""
        if self.accept("as"):
            if self.kind != NAME:
                raise self.unexpected("expected a name after `as`")
            alias = self.value
            if alias in {"data", "input"}:
                message = f"unexpected import alias, must not be a reserved name, got: {alias}"
                raise self.refuse(message, self.at, hint="choose another name behind `as`")
            self.at += 1
        span = self.span(start)
        if path[0] in {"future", "rego"}:
            if alias:
                raise self.refuse(f"`{path[0]}` imports cannot be aliased", at)
            self.switch(path, at)
        elif not alias and len(path) > 1 and path[-1] in self.reserved():
            raise self.refuse(
                f"unexpected import path, must not end with a keyword, got: {path[-1]}",
                at,
                hint="import it under another name: `as name`",
            )
        return Import(path, alias, span)

    def reserved(self) -> set[str]:
        """Return the words that no import's path may end with (`and` and `or` may, as in OPA)."""
        return (self.keywords - LOGICAL_KEYWORDS) | (KEYWORDS - FUTURE_KEYWORDS)

    def switch(self, path: tuple[str, ...], at: int) -> None:
        """Turn on what an import of `future` or `rego` asks for."""
        if path == ("rego", "v1"):
            self.strict = True
            self.keywords |= FUTURE_KEYWORDS
        elif path == ("rego", "v2"):
            self.strict = True
            self.modern_not = True
            self.keywords |= FUTURE_KEYWORDS
            self.turn_on(LOGICAL_KEYWORDS)
        elif path == ("future", "keywords"):
            self.keywords |= FUTURE_KEYWORDS
            if self.source.newest:
                self.modern_not = True
                self.turn_on(LOGICAL_KEYWORDS)
        elif len(path) == 3 and path[1] == "keywords" and path[2] in LOGICAL_KEYWORDS:
            self.turn_on(frozenset(path[2:]))
        elif path == ("future", "keywords", "not"):
            self.modern_not = True
        elif len(path) == 3 and path[1] == "keywords" and path[2] in FUTURE_KEYWORDS:
            # `every` brings `in` with it, as in OPA.
            self.keywords |= {"in", "every"} if path[2] == "every" else {path[2]}
        elif path[0] == "rego":
            raise self.refuse(f"invalid import `{'.'.join(path)}`, must be one of: `rego.v1`, `rego.v2`", at)
        else:
            known = " ".join(sorted(FUTURE_KEYWORDS | LOGICAL_KEYWORDS | {"not"}))
            raise self.refuse(
                f"unexpected keyword, must be one of [{known}]"
                if path[1:2] == ("keywords",)
                else "invalid import, must be `future.keywords`",
                at,
            )

    def query(self) -> Body:
        """Read the whole text as one body."""
        self.kinds[-1] = "end of query"
        return self.body_until("end of query")


def _read(source: Source, read: Callable[[Modules], T]) -> tuple[Modules, T]:
    """Return a reader of the text, and what it reads; raises `CompileError`, with the place that was too deep too."""
    try:
        reader = Modules(source)
    except SyntaxProblem as error:
        raise CompileError([error.problem]) from None
    try:
        return reader, read(reader)
    except SyntaxProblem as error:
        raise CompileError([error.problem]) from None
    except RecursionError:
        problem = reader.refuse(
            "the text is nested too deeply", reader.at, hint="name parts of it in rules"
        ).problem
        raise CompileError([problem]) from None


def parse_module(source: Source) -> Module:
    """Return the syntax tree of a module; raises `CompileError`.

    >>> from pratique import rego
    >>> module = rego.parse_module(rego.Source("a.rego", "package a.b\\nimport data.c\\np := c.x\\n"))
    >>> module.package, [rule.path for rule in module.rules], [each.path for each in module.imports]
    (('data', 'a', 'b'), [('p',)], [('data', 'c')])
    """
    reader, module = _read(source, Modules.module)
    if reader.problems:
        raise CompileError(reader.problems)
    return module


def parse_query(source: Source, *, keywords: Iterable[str] = ()) -> Body:
    """Return the literals of a query; raises `CompileError`."""

    def read(reader: Modules) -> Body:
        reader.keywords |= set(keywords)
        return reader.query()

    return _read(source, read)[1]


def parse_term(source: Source) -> Term:
    """Return one term; raises `CompileError`."""

    def read(reader: Modules) -> Term:
        found = reader.infix()
        if reader.kind != END:
            raise reader.unexpected("expected nothing more")
        return found

    return _read(source, read)[1]
