"""The syntax tree of Go's text/template. A node's text is what Go shows of it in an error."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from pratique.rego.builtins.gofmt import GoValue


@dataclass(frozen=True, slots=True)
class Dot:
    """`.`"""

    at: int

    def __str__(self) -> str:
        return "."


@dataclass(frozen=True, slots=True)
class Nil:
    """`nil`"""

    at: int

    def __str__(self) -> str:
        return "nil"


@dataclass(frozen=True, slots=True)
class Constant:
    """A boolean, number, string or character, with its own text."""

    at: int
    value: GoValue
    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Field:
    """`.a.b`"""

    at: int
    names: tuple[str, ...]

    def __str__(self) -> str:
        return "".join(f".{name}" for name in self.names)


@dataclass(frozen=True, slots=True)
class Variable:
    """`$x.a.b`; `$` alone is what the template was given."""

    at: int
    name: str
    names: tuple[str, ...] = ()

    def __str__(self) -> str:
        return ".".join((self.name, *self.names))


@dataclass(frozen=True, slots=True)
class Function:
    """The name of a function."""

    at: int
    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Chain:
    """`(pipeline).a.b`"""

    at: int
    node: Term
    names: tuple[str, ...]

    def __str__(self) -> str:
        inner = f"({self.node})" if isinstance(self.node, Pipe) else str(self.node)
        return inner + "".join(f".{name}" for name in self.names)


@dataclass(frozen=True, slots=True)
class Command:
    """A term, or a function with its operands."""

    at: int
    terms: tuple[Term, ...]

    def __str__(self) -> str:
        return " ".join(f"({term})" if isinstance(term, Pipe) else str(term) for term in self.terms)


@dataclass(frozen=True, slots=True)
class Pipe:
    """`$x := command | command`"""

    at: int
    declared: tuple[str, ...]
    assigns: bool
    commands: tuple[Command, ...]

    def __str__(self) -> str:
        names = f"{', '.join(self.declared)} {'=' if self.assigns else ':='} " if self.declared else ""
        return names + " | ".join(map(str, self.commands))


Term: TypeAlias = Dot | Nil | Constant | Field | Variable | Function | Chain | Pipe


@dataclass(frozen=True, slots=True)
class Text:
    """Text as it is."""

    text: str


@dataclass(frozen=True, slots=True)
class Action:
    """`{{pipeline}}`"""

    pipe: Pipe


@dataclass(frozen=True, slots=True)
class Branch:
    """`{{if}}`, `{{with}}` or `{{range}}` with what follows and its `else`."""

    kind: str
    pipe: Pipe
    body: Block
    otherwise: Block


@dataclass(frozen=True, slots=True)
class Call:
    """`{{template "name" pipeline}}`"""

    at: int
    name: str
    pipe: Pipe | None

    def __str__(self) -> str:
        return "{{template " + f'"{self.name}"' + (f" {self.pipe}" if self.pipe else "") + "}}"


@dataclass(frozen=True, slots=True)
class Jump:
    """`{{break}}` or `{{continue}}`"""

    kind: str


Node: TypeAlias = Text | Action | Branch | Call | Jump
Block: TypeAlias = tuple[Node, ...]


@dataclass(slots=True)
class Template:
    """A template's text, its own block, and the blocks that it defines by name."""

    text: str
    body: Block = ()
    defined: dict[str, Block] = field(default_factory=dict)
