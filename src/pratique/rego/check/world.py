"""What all modules define together: packages, rules, functions; and the problems found so far."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from pratique.rego.builtins.registry import Builtin
from pratique.rego.check.bindings import is_constant
from pratique.rego.check.capabilities import Capabilities
from pratique.rego.errors import COMPILE_ERROR, Problem
from pratique.rego.nodes import Annotation, Module, Path, Rule, Scalar, Term
from pratique.rego.source import Span


@dataclass(slots=True)
class Place:
    """A node of the tree of rules."""

    children: dict[str, Place] = field(default_factory=dict)
    rules: list[Rule] = field(default_factory=list)
    package: Module | None = None

    @property
    def arity(self) -> int:
        """The number of arguments of the function that stands here, -1 if none does."""
        for rule in self.rules:
            if rule.args is not None:
                return len(rule.args)
        return -1

    def below(self, path: Path) -> Iterator[Path]:
        """Yield the paths of all rules at and below this place, which stands at `path`."""
        if self.rules:
            yield path
        for name, child in self.children.items():
            yield from child.below((*path, name))


class World:
    """The modules of a policy, by name."""

    def __init__(
        self,
        modules: Iterable[Module],
        builtins: Mapping[str, Builtin],
        capabilities: Capabilities,
        *,
        printing: bool,
    ) -> None:
        self.builtins = builtins
        self.capabilities = capabilities
        self.printing = printing
        self.problems: list[Problem] = []
        # What is told only if nothing else is wrong: OPA's checker of types comes last.
        self.late: list[Problem] = []
        self.root = Place()
        # By the absolute path of a package or rule, from whichever module they stand in.
        self.annotations: dict[Path, list[Annotation]] = {}
        for module in modules:
            for note in module.annotations:
                if note.scope in {"package", "subpackages"}:
                    self.annotations.setdefault(module.package, []).append(note)
            place = self.place(module.package[1:])
            place.package = place.package or module
            for rule in module.rules:
                self.place((*module.package[1:], *rule.path)).rules.append(rule)
                if rule.annotations:
                    path = (*module.package, *rule.path)
                    self.annotations.setdefault(path, []).extend(rule.annotations)

    def place(self, path: Path) -> Place:
        """Return the node at a path below `data`, made if need be."""
        place = self.root
        for name in path:
            found = place.children.get(name)
            if found is None:
                found = place.children[name] = Place()
            place = found
        return place

    def find(self, path: Path) -> Place | None:
        """Return the node at an absolute path (`("data", ...)`), if there is one."""
        place = self.root
        for name in path[1:]:
            found = place.children.get(name)
            if found is None:
                return None
            place = found
        return place

    def is_rule(self, path: Path) -> bool:
        """Tell whether a rule without arguments stands at an absolute path."""
        place = self.find(path)
        return place is not None and bool(place.rules) and place.arity < 0

    def reached(self, parts: tuple[Term, ...]) -> Iterator[Path]:
        """Yield the paths of the rules that a reference `data.parts` may read."""
        yield from _reached(self.root, ("data",), parts)

    def refuse(
        self, message: str, span: Span, *, code: str = COMPILE_ERROR, hint: str = "", late: bool = False
    ) -> None:
        """Take note of a problem; a `late` one is told only if there are no others."""
        (self.late if late else self.problems).append(Problem(code, message, span.location(), hint))


def _reached(place: Place, path: Path, parts: tuple[Term, ...]) -> Iterator[Path]:
    if not parts:
        yield from place.below(path)
        return
    if place.rules:
        yield path
    part = parts[0]
    if isinstance(part, Scalar):
        child = place.children.get(part.value) if isinstance(part.value, str) else None
        if child is not None:
            yield from _reached(child, (*path, part.value), parts[1:])
        return
    if is_constant(part):
        return
    for name, child in place.children.items():
        yield from _reached(child, (*path, name), parts[1:])
