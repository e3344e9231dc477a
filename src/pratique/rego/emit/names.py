"""The table of constants: what an author wrote, under names of our own making (`K0`, `K1`, ...)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from pratique.rego.builtins import patterns, sprintf
from pratique.rego.builtins.registry import Builtin
from pratique.rego.runtime.text import rego_text
from pratique.rego.runtime.tracing import Site
from pratique.rego.runtime.values import Value, key
from pratique.rego.source import Span

_INLINE: Final = {None: "None", True: "True", False: "False"}


# Functions that are not builtins, but are named in the table of constants as these are.
_HELPERS: Final[dict[str, Any]] = {"sprintf.shown": sprintf.shown}


def made(letter: str, origin: str, builtins: Mapping[str, Builtin]) -> Any:
    """Return what the table holds under `B` for a builtin's name, or under `S` for a pattern.

    Raises KeyError for a builtin that is not there.
    """
    if letter == "S":
        return patterns.searcher(origin)
    return _HELPERS.get(origin) or builtins[origin].function


class Names:
    """Names for constants, builtins, nodes and places, and the namespace that holds them."""

    def __init__(self, builtins: Mapping[str, Builtin], valued: Iterable[int]) -> None:
        """`valued` are the rules whose value may be kept."""
        self._valued = frozenset(valued)
        self.namespace: dict[str, Any] = {}
        self.origins: dict[str, str] = {}
        # The rules whose value generated code may ask for more than once.
        self.asked: set[int] = set()
        self._builtins = builtins
        self._known: dict[Any, str] = {}

    def const(self, value: Value) -> str:
        """Return the name of a constant."""
        if value is None or value is True or value is False:
            return _INLINE[value]
        # `1` and `1.0` are equal but print apart, so the text is part of the key.
        return self._name("K", (type(value), rego_text(value), key(value)), value)

    def keys(self, values: tuple[Value, ...]) -> str:
        """Return the name of a tuple of constants."""
        return self._name("P", ("tuple", tuple((type(value), rego_text(value)) for value in values)), values)

    def place(self, span: Span) -> str:
        """Return the name of a place in the policy."""
        return self._name("L", ("place", span.source.file, span.start, span.end), span.location())

    def site(self, site: Site) -> str:
        """Return the name of a place that reports."""
        return self._name("W", ("site", id(site)), site)

    def builtin(self, name: str) -> str:
        """Return the name of a builtin's function."""
        return self._made("B", name)

    def pattern(self, text: str) -> str:
        """Return the name of the search of a pattern that RE2 takes."""
        return self._made("S", text)

    def _made(self, letter: str, origin: str) -> str:
        name = self._name(letter, (letter, origin), made(letter, origin, self._builtins))
        self.origins[name] = origin
        return name

    def strings(self, values: list[Value]) -> str:
        """Return the name of a table of strings, for `in`."""
        return self._name("F", ("strings", tuple(values)), frozenset(values))

    def node(self, number: int) -> str:
        """Return the name of a node of the rule tree: whoever has it can ask for every rule."""
        self.asked.update(self._valued)
        return f"N{number}"

    def rule(self, number: int) -> str:
        """Return the name of a rule, which is going to be asked for its value."""
        if number in self._valued:
            self.asked.add(number)
        return f"r{number}"

    def _name(self, letter: str, known: Any, value: Any) -> str:
        found = self._known.get(known)
        if found is None:
            found = f"{letter}{len(self._known)}"
            self._known[known] = found
            self.namespace[found] = value
        return found
