"""The intermediate form: what a rule does, step by step, with every decision about variables taken.

A clause is a flat list of steps; a step that fails ends this attempt (the next turn of the innermost scan, or
the next clause), so what follows a scan happens for each of its members. An expression is a value that may be
undefined; operands of calls and literals are atoms (`Const`, `Local` or literals of atoms) and always defined.
A local is assigned at one place and read after it. Nothing here knows of text, of Python or of a stack.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from pratique.rego.runtime.tracing import Site
from pratique.rego.runtime.values import Value
from pratique.rego.source import Span

# --- expressions -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Const:
    """A value known now."""

    value: Value


@dataclass(frozen=True, slots=True)
class Local:
    """A variable that is bound."""

    name: str


@dataclass(frozen=True, slots=True)
class Input:
    """The input document."""


@dataclass(frozen=True, slots=True)
class Data:
    """The base documents: data that no rule defines."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What base data holds at a path with a number in it, or of which some `with` replaces a part.

    A number finds an index, or a key of its digits.
    """

    path: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class RuleValue:
    """What a rule without arguments amounts to."""

    rule: int


@dataclass(frozen=True, slots=True)
class Union:
    """What a rule amounts to that is the members of these, all in one set; only what a scan goes through."""

    rule: int
    sources: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Extent:
    """The document at a path of the rule tree, base data and rules merged; keys may be atoms."""

    node: int
    keys: tuple[Expr, ...] = ()


@dataclass(frozen=True, slots=True)
class Get:
    """What stands at these keys, one after the other."""

    base: Expr
    keys: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a function of the policy."""

    rule: int
    args: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Builtin:
    """A call of a builtin."""

    name: str
    args: tuple[Expr, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Compare:
    """A comparison; `==` and the others are undefined when an operand is."""

    operator: Literal["==", "!=", "<", "<=", ">", ">="]
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class Array:
    """An array of atoms."""

    items: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class SetOf:
    """A set of atoms."""

    items: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class ObjectOf:
    """An object of atoms."""

    pairs: tuple[tuple[Expr, Expr], ...]


Expr: TypeAlias = (
    Const
    | Local
    | Input
    | Data
    | Stored
    | RuleValue
    | Union
    | Extent
    | Get
    | Call
    | Builtin
    | Compare
    | Array
    | SetOf
    | ObjectOf
)

# --- steps -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Assign:
    """Bind a local; fails when the expression is undefined."""

    local: str
    value: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class Test:
    """Go on unless the expression is undefined or false."""

    value: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class Shape:
    """Go on only for an array of this many items, or an object of this many keys."""

    local: str
    kind: Literal["array", "object"]
    size: int
    span: Span


@dataclass(frozen=True, slots=True)
class Scan:
    """Go on once for each member: its key (index, key, or the element of a set) and its value.

    Members come in the order of their keys where that is asked for.
    """

    source: Expr
    key: str
    value: str
    span: Span
    ordered: bool = False


@dataclass(frozen=True, slots=True)
class ScanKeys:
    """Go on once for each key of the document at a path of the rule tree."""

    node: int
    keys: tuple[Expr, ...]
    key: str
    span: Span
    ordered: bool = False


@dataclass(frozen=True, slots=True)
class Walk:
    """Go on once for each pair of path and value inside a document, from the top down."""

    source: Expr
    path: str
    value: str
    span: Span


@dataclass(frozen=True, slots=True)
class Not:
    """Go on only when the steps fail."""

    steps: tuple[Step, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Every:
    """Go on only when the steps hold for each member."""

    source: Expr
    key: str
    value: str
    steps: tuple[Step, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Collect:
    """Bind a local to what a comprehension collects."""

    local: str
    kind: Literal["array", "set", "object"]
    steps: tuple[Step, ...]
    key: Expr | None
    value: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class Replacement:
    """One `with`: input, a path of data, a function of the policy (`rule`) or a builtin, and what stands in.

    A function or builtin is replaced by a value or by another function (`rule`) or builtin.
    """

    target: Literal["input", "data", "function", "builtin"]
    path: tuple[Value, ...]
    rule: int
    name: str
    value: Expr | None
    by_rule: int = -1
    by_name: str = ""


@dataclass(frozen=True, slots=True)
class Enter:
    """From here to the matching `Leave`, everything is read with these replacements."""

    replacements: tuple[Replacement, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Leave:
    """The end of the innermost `Enter`."""


@dataclass(frozen=True, slots=True)
class Print:
    """Hand these to the sink of `print`; each is the steps that make one operand, and the operand."""

    parts: tuple[tuple[tuple[Step, ...], Expr], ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Watch:
    """Report what is done next (only in a policy that is compiled to be watched): see `runtime.tracing`."""

    frame: str
    op: Literal["enter", "eval", "exit", "case", "know"]
    site: Site
    values: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Branch:
    """Steps, and what stands where all of them hold: keys below a rule or of an object, and a value."""

    steps: tuple[Step, ...]
    keys: tuple[Expr, ...] = ()
    value: Expr | None = None


@dataclass(frozen=True, slots=True)
class Fork:
    """Go on once for each branch that holds; always the last step, and what follows it is in the branches."""

    branches: tuple[Branch, ...]
    span: Span


Step: TypeAlias = (
    Assign
    | Test
    | Shape
    | Scan
    | ScanKeys
    | Walk
    | Not
    | Every
    | Collect
    | Enter
    | Leave
    | Print
    | Watch
    | Fork
)

# --- rules -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Clause:
    """One body of a rule: steps, the keys below the rule (if its head has any), the value, and its `else`.

    With `multi` the value is one member of a set at those keys.
    """

    steps: tuple[Step, ...]
    keys: tuple[Expr, ...]
    value: Expr
    span: Span
    otherwise: Clause | None = None
    multi: bool = False


Kind: TypeAlias = Literal["complete", "set", "object", "function", "bindings"]


@dataclass(frozen=True, slots=True)
class Rule:
    """All clauses of one reference.

    `object` rules have keys below their reference; with `joined`
    other rules have a part in their document; `empties` are places of it that are there
    even if no clause holds: keys, and whether a set stands there. What is
    `vanishing` is undefined, not empty, if no clause holds; `sparse` rules
    make that of all below them. `bindings` is a query: its
    clauses' values are objects of its variables.
    """

    number: int
    path: tuple[str, ...]
    kind: Kind
    clauses: tuple[Clause, ...]
    params: tuple[str, ...] = ()
    default: Clause | None = None
    cached: bool = True
    joined: bool = False
    replaceable: bool = False
    span: Span | None = None
    empties: tuple[tuple[tuple[Const, ...], bool], ...] = ()
    vanishing: bool = False
    sparse: bool = False


@dataclass(frozen=True, slots=True)
class Node:
    """A place of the rule tree: a package, a prefix of one, or a rule (`rule` is -1 where there is none)."""

    number: int
    path: tuple[str, ...]
    children: dict[str, int] = field(default_factory=dict)
    rule: int = -1
    function: bool = False
    joined: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole policy: its rules, its tree, what some `with` replaces, and which base data is read where."""

    rules: tuple[Rule, ...]
    nodes: tuple[Node, ...]
    mocked: frozenset[str] = frozenset()
    mocked_rules: frozenset[int] = frozenset()
    bases: tuple[tuple[str, Span], ...] = ()
    watched: bool = False
    early_exit: bool = True
    printing: bool = False
    input_replaced: bool = False
