"""The syntax tree of Rego: one set of nodes, first as written (`parse`), then with names decided (`check`).

What `parse` produces: the text's own structure. Names are as written, `_` is `Var("_")`, a rule's `path` is
relative to its package, infix operators are calls of the builtin that they stand for (`a + b` is `plus`,
`x in y` is `internal.member_2`; `infix` is set), every node has a span.

What `check` guarantees about the modules that it hands on:

- **Variables.** A `Var` is a local variable, wherever it stands, except as the `head` of a `Ref`, where it may
  also be `input` or `data`. Within one rule (one `else` link of it) one name is one variable: one that shadows
  another is renamed to `name$2`; a wildcard is `$1`, `$2`, ... and never occurs twice; a variable that no author
  wrote starts with `~`. `Var.label` is what the author wrote.
- **References.** A `Ref` starts at a local `Var`, at a composite term or call, or at `Var("input")` or
  `Var("data")` with an absolute path: rules of the own package, imports and aliases are resolved. Bare `input`
  and `data` are a `Ref` with an empty `path`. A head that is itself a `Ref` does not occur: paths are joined.
- **Calls.** `Call.parts` is the name of a builtin (`("array", "concat")`), or starts with `"data"` and is the
  absolute path of a function. `Call.output` is the extra last argument that takes the result (`count(xs, n)`),
  already taken out of `args`: read it as `output = call`. `print` is dropped unless it is wanted.
- **Literals.** `Some` is gone (its variables are renamed). `:=` is a `Unify` with `declares` set. Nested calls
  stay nested. A reference stands before its literal, as `~r1 = xs[x]`, where it binds what the literal needs
  elsewhere (`x == xs[x]`). A template string is a call of `internal.template_string` with one array: strings,
  and set comprehensions of one variable. What `rego.metadata` answers is a `Scalar` whose value is composite.
- **Order.** Bodies, nested ones too, are ordered so that every literal finds its inputs bound by what stands
  before it; the author's order is kept where it can be.
- **With.** `With.kind` says what is replaced: `input` or `data` (`path` is what follows that root), `function`
  or `builtin` (`path` is its name's parts); `by` is the function or builtin that stands in, if it is one, else
  `value` is.
- **Rules.** `path` is absolute, starts with `"data"` and is the longest prefix of plain strings; `keys` is the
  rest of the head's reference. Arguments are patterns: others have become a literal of the body. `modern_not`
  says whether `future.keywords.not` is on in the module (else rego.md 2.1's hoisting applies to `not`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from pratique.rego.source import Source, Span, Version

Path: TypeAlias = tuple[str, ...]

# --- terms -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Scalar:
    """Null, a boolean, a number or a string; a number that is no integer is a Decimal with the author's digits."""

    value: Any
    span: Span = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Var:
    """A name; `_` as written is a wildcard."""

    name: str
    span: Span = field(repr=False, compare=False)

    @property
    def wildcard(self) -> bool:
        """Whether this stands for a value that nobody looks at."""
        return self.name[0] == "$" or self.name == "_"

    @property
    def label(self) -> str:
        """The name that the author wrote."""
        return self.name.partition("$")[0] or "_"


@dataclass(frozen=True, slots=True)
class Ref:
    """A reference: `head.a[term]`."""

    head: Term
    path: tuple[Term, ...]
    span: Span = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a builtin or a function.

    The span of an infix call is its operator; `extent` is all of it, from its left operand to its right one, or
    from one parenthesis to the other where it stands in parentheses.
    """

    parts: Path
    args: tuple[Term, ...]
    span: Span = field(repr=False, compare=False)
    output: Term | None = None
    infix: bool = field(default=False, compare=False)
    extent: Span | None = field(default=None, repr=False, compare=False)

    @property
    def name(self) -> str:
        """The dotted name."""
        return ".".join(self.parts)

    @property
    def builtin(self) -> bool:
        """Whether this calls a builtin (in a checked tree)."""
        return self.parts[0] != "data"


@dataclass(frozen=True, slots=True)
class Array:
    """`[a, b]`."""

    items: tuple[Term, ...]
    span: Span = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class SetOf:
    """`{a, b}` or `set()`."""

    items: tuple[Term, ...]
    span: Span = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Object:
    """`{k: v}`."""

    pairs: tuple[tuple[Term, Term], ...]
    span: Span = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Comprehension:
    """`[value | body]`, `{value | body}` or `{key: value | body}`."""

    kind: Literal["array", "set", "object"]
    key: Term | None
    value: Term
    body: Body
    span: Span = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Template:
    """`$"text {expression}"` as written: texts and expressions in turn. Not in a checked tree."""

    parts: tuple[str | Expr, ...]
    span: Span = field(repr=False, compare=False)


Term: TypeAlias = Scalar | Var | Ref | Call | Array | SetOf | Object | Comprehension | Template

# --- literals of a body ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class With:
    """`with target as value`; `kind`, `path` and `by` are filled in by `check`."""

    target: Ref
    value: Term
    span: Span = field(repr=False, compare=False)
    kind: Literal["", "input", "data", "function", "builtin"] = ""
    path: tuple[Any, ...] = ()
    by: Path = ()


@dataclass(frozen=True, slots=True)
class Test:
    """A term that must be neither undefined nor false."""

    term: Term
    span: Span = field(repr=False, compare=False)
    withs: tuple[With, ...] = ()


@dataclass(frozen=True, slots=True)
class Unify:
    """`left = right`, or `left := right` (`declares`)."""

    left: Term
    right: Term
    span: Span = field(repr=False, compare=False)
    withs: tuple[With, ...] = ()
    declares: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Not:
    """`not literal`, or `not { body }` (`braced`); `withs` are evaluated outside the negation."""

    body: Body
    span: Span = field(repr=False, compare=False)
    withs: tuple[With, ...] = ()
    braced: bool = False


@dataclass(frozen=True, slots=True)
class Some:
    """`some x, y` as written. Not in a checked tree."""

    names: tuple[Var, ...]
    span: Span = field(repr=False, compare=False)
    withs: tuple[With, ...] = ()


@dataclass(frozen=True, slots=True)
class SomeIn:
    """`some key, value in domain`; key and value may be patterns whose variables are declared here."""

    key: Term | None
    value: Term
    domain: Term
    span: Span = field(repr=False, compare=False)
    withs: tuple[With, ...] = ()


@dataclass(frozen=True, slots=True)
class Every:
    """`every key, value in domain { body }`; key and value are variables."""

    key: Var | None
    value: Var
    domain: Term
    body: Body
    span: Span = field(repr=False, compare=False)
    withs: tuple[With, ...] = ()


@dataclass(frozen=True, slots=True)
class Logical:
    """`left and right`, `left or right`: each side an expression, or a body in braces, and binds nothing outside."""

    operator: Literal["and", "or"]
    left: Body
    right: Body
    span: Span = field(repr=False, compare=False)
    withs: tuple[With, ...] = ()
    left_braced: bool = False
    right_braced: bool = False

    @property
    def sides(self) -> tuple[tuple[Body, bool], tuple[Body, bool]]:
        """Both bodies, each with whether it is in braces."""
        return (self.left, self.left_braced), (self.right, self.right_braced)


Expr: TypeAlias = Test | Unify | Not | Some | SomeIn | Every | Logical
Body: TypeAlias = tuple[Expr, ...]

# --- rules and modules -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule as written, with its `else` links.

    `kind` is `value` (one value at the reference: a complete rule, a function, or an entry of an object where `keys`
    is not empty) or `set` (`value` is one member of the set at the reference). `args` is None unless it is a function.
    """

    path: Path
    keys: tuple[Term, ...]
    args: tuple[Term, ...] | None
    kind: Literal["value", "set"]
    value: Term
    body: Body
    span: Span = field(repr=False, compare=False)
    default: bool = False
    assigned: bool = field(default=False, compare=False)
    otherwise: Rule | None = None
    head_span: Span | None = field(default=None, repr=False, compare=False)
    module: Module | None = field(default=None, repr=False, compare=False)
    annotations: tuple[Annotation, ...] = field(default=(), repr=False, compare=False)

    @property
    def function(self) -> bool:
        """Whether the rule takes arguments."""
        return self.args is not None

    @property
    def constant_keys(self) -> tuple[Scalar, ...]:
        """The keys before the first that is worked out."""
        found: list[Scalar] = []
        for key in self.keys:
            if not isinstance(key, Scalar):
                break
            found.append(key)
        return tuple(found)

    @property
    def modern_not(self) -> bool:
        """Whether `future.keywords.not` is on in the rule's module."""
        return self.module is not None and self.module.modern_not


@dataclass(frozen=True, slots=True)
class Import:
    """`import path as alias`; `name` is what it is called here."""

    path: Path
    alias: str
    span: Span = field(repr=False, compare=False)

    @property
    def name(self) -> str:
        """The name that the import declares."""
        return self.alias or self.path[-1]


@dataclass(frozen=True, slots=True)
class Comment:
    """`# text`, without the sign."""

    text: str
    span: Span = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Annotation:
    """A metadata block: its YAML as data, its scope, and where it stands."""

    scope: str
    value: dict[str, Any]
    span: Span = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Module:
    """One file. `package` starts with `"data"`; `version` is the syntax that the file is read in."""

    source: Source = field(repr=False)
    package: Path
    imports: tuple[Import, ...]
    rules: tuple[Rule, ...]
    version: Version = "v1"
    modern_not: bool = False
    comments: tuple[Comment, ...] = field(default=(), repr=False)
    annotations: tuple[Annotation, ...] = field(default=(), repr=False)
    package_span: Span | None = field(default=None, repr=False, compare=False)
    keywords: frozenset[str] = field(default=frozenset(), repr=False)


@dataclass(frozen=True, slots=True)
class Query:
    """A checked query: its body, and the variables that a caller sees, by the name that the caller wrote."""

    body: Body
    variables: tuple[tuple[str, Var], ...]


@dataclass(frozen=True, slots=True)
class Checked:
    """All modules of a policy, checked; `rules` groups them by absolute path, in the order of the modules."""

    modules: tuple[Module, ...]
    rules: dict[Path, tuple[Rule, ...]]
    # What `types` knows of them, for queries.
    types: object = field(default=None, repr=False, compare=False)
