"""The table of constants: what an author wrote, under names of our own making (`K0`, `K1`, ...)."""

from __future__ import annotations

from typing import Any, Final

from pratique.rego.builtins import patterns
from pratique.rego.runtime.tracing import Site
from pratique.rego.runtime.values import Value, key
from pratique.rego.source import Span

_INLINE: Final = {None: "None", True: "True", False: "False"}


class Names:
    """Names for constants, builtins, nodes and places, and the namespace that holds them."""

    def __init__(self) -> None:
        self.namespace: dict[str, Any] = {}
        self._known: dict[Any, str] = {}

    def const(self, value: Value) -> str:
        """Return the name of a constant."""
        if value is None or value is True or value is False:
            return _INLINE[value]
        # `1` and `1.0` are equal but print apart, so the text is part of the key.
        return self._name("K", (type(value), repr(value), key(value)), value)

    def keys(self, values: tuple[Value, ...]) -> str:
        """Return the name of a tuple of constants."""
        return self._name("P", ("tuple", tuple((type(value), repr(value)) for value in values)), values)

    def place(self, span: Span) -> str:
        """Return the name of a place in the policy."""
        return self._name("L", ("place", span.source.file, span.start, span.end), span.location())

    def site(self, site: Site) -> str:
        """Return the name of a place that reports."""
        return self._name("W", ("site", id(site)), site)

    def builtin(self, name: str, function: Any) -> str:
        """Return the name of a builtin's function."""
        return self._name("B", ("builtin", name), function)

    def pattern(self, text: str) -> str:
        """Return the name of the search of a pattern that RE2 takes."""
        return self._name("S", ("pattern", text), patterns.compiled(text).search)

    def strings(self, values: list[Value]) -> str:
        """Return the name of a table of strings, for `in`."""
        return self._name("F", ("strings", tuple(values)), frozenset(values))

    def node(self, number: int) -> str:
        """Return the name of a node of the rule tree."""
        return f"N{number}"

    def _name(self, letter: str, known: Any, value: Any) -> str:
        found = self._known.get(known)
        if found is None:
            found = f"{letter}{len(self._known)}"
            self._known[known] = found
            self.namespace[found] = value
        return found
