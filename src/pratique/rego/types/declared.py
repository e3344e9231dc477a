"""The type of a builtin: read from the text of its declaration, when somebody asks for it.

`declaration("(x: number, y: number) => z: number")` is a `kinds.Function`. Types are written as OPA prints them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Final

from pratique.rego.builtins.registry import Builtin
from pratique.rego.types.declarations import DECLARATIONS
from pratique.rego.types.kinds import (
    ANY,
    BOOLEAN,
    NULL,
    NUMBER,
    STRING,
    Array,
    Function,
    Key,
    MaybeType,
    Object,
    OneOf,
    Set,
    Type,
)

_WORDS: Final[dict[str, Type]] = {
    "any": ANY,
    "null": NULL,
    "boolean": BOOLEAN,
    "number": NUMBER,
    "string": STRING,
    "array": Array((), ANY),
    "object": Object((), (ANY, ANY)),
    "set": Set(ANY),
}
_NAME: Final = re.compile(r"([\w$ ]+): ")
_WORD: Final = re.compile(r"[a-z]+")


@cache
def _texts() -> dict[str, str]:
    lines = DECLARATIONS.strip("\n").replace("\n    ", " ").split("\n")
    return dict([line.split(" ", 1) for line in lines])


@cache
def _known(name: str) -> Function | None:
    text = _texts().get(name)
    return None if text is None else declaration(text)


def of_builtin(builtin: Builtin, *, own: bool = False) -> Function:
    """Return the type of a builtin; of one's `own`, it is what its signature says."""
    found = None if own else _known(builtin.name)
    if found is not None:
        return found
    return Function(
        tuple([_signature(each) for each in builtin.operands if each != "..."]),
        None if builtin.void else _signature(builtin.result),
        rest=ANY if "..." in builtin.operands else None,
    )


@cache
def _signature(operand: str) -> Type:
    """Return the type that a signature's `string|number` says."""
    members = {each.order: each for each in [_WORDS[name] for name in operand.split("|")]}
    found = tuple([members[order] for order in sorted(members)])
    return found[0] if len(found) == 1 else OneOf(found)


def declaration(text: str) -> Function:
    """Return the type that a declaration's text says."""
    return _Reader(text).function()


class _Reader:
    """Reads the text of one declaration."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.place = 0

    def _next(self) -> str:
        return self.text[self.place : self.place + 1]

    def _take(self, token: str) -> bool:
        while self._next() == " ":
            self.place += 1
        if not self.text.startswith(token, self.place):
            return False
        self.place += len(token)
        return True

    def function(self) -> Function:
        """Read `(name: type, ...) => name: type`."""
        args: list[MaybeType] = []
        names: list[str] = []
        rest: MaybeType = None
        self._take("(")
        while not self._take(")"):
            names.append(self._name())
            args.append(self.type())
            if self._take("..."):
                rest = args.pop()
                names.pop()
            self._take(",")
        result: MaybeType = None
        if self._take("=>"):
            names.append(self._name())
            result = self.type()
        return Function(tuple(args), result, rest=rest, names=tuple(names))

    def _name(self) -> str:
        """Read a name and its colon, if there is one here."""
        while self._next() == " ":
            self.place += 1
        found = _NAME.match(self.text, self.place)
        if found is None:
            return ""
        self.place = found.end()
        return found[1]

    def type(self) -> Type:
        """Read a type."""
        while self._next() == " ":
            self.place += 1
        found = _WORD.match(self.text, self.place)
        assert found is not None, f"no type at {self.place} of {self.text}"
        self.place = found.end()
        word = found[0]
        if word == "array":
            items = tuple(self._listed())
            return Array(items, self._bracketed())
        if word == "set":
            return Set(self._bracketed())
        if word == "object":
            known = list(self._properties())
            return Object(known, self._others())
        if word == "any" and self._next() == "<":
            return OneOf(tuple(sorted(self._listed(), key=lambda each: each.order)))
        return _WORDS[word]

    def _listed(self) -> Iterator[Type]:
        if self._next() == "<":
            self._take("<")
            while not self._take(">"):
                yield self.type()
                self._take(",")

    def _properties(self) -> Iterator[tuple[Key, Type]]:
        if self._next() == "<":
            self._take("<")
            while not self._take(">"):
                yield Key(self._name()), self.type()
                self._take(",")

    def _bracketed(self) -> MaybeType:
        if self._next() != "[":
            return None
        self._take("[")
        found = self.type()
        self._take("]")
        return found

    def _others(self) -> tuple[Type, Type] | None:
        if self._next() != "[":
            return None
        self._take("[")
        key = self.type()
        self._take(":")
        found = key, self.type()
        self._take("]")
        return found
