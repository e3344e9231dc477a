"""Source text in the making: lines with their depth and the place in the policy that they come from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, TypeAlias

from pratique.rego.source import Span

INDENT: Final = "    "


@dataclass(frozen=True, slots=True)
class Lookup:
    """The line `into = ` what stands at `keys` (names of texts) below `base`, one after the other.

    `easy` says that the base has `get`; `wary` that it is often none that has.
    """

    into: str
    base: str
    keys: tuple[str, ...]
    easy: bool = False
    wary: bool = False

    def quick(self) -> str:
        """Return the line for objects; undefined has `get` too."""
        return f"{self.into} = {self.base}{''.join([f'.get({name}, U)' for name in self.keys])}"

    def slow(self) -> str:
        """Return the line for whatever stands there."""
        if len(self.keys) == 1:
            return f"{self.into} = get({self.base}, {self.keys[0]})"
        return f"{self.into} = path({self.base}, ({', '.join(self.keys)}))"

    def alone(self) -> list[str]:
        """Return the lines where it has no neighbours."""
        if self.easy and len(self.keys) == 1:
            return [self.quick()]
        if len(self.keys) == 1:
            return [f"{self.quick()} if type({self.base}) is dict else get({self.base}, {self.keys[0]})"]
        slow = self.slow()
        sure = (
            f" if type({self.base}) is dict else {slow.removeprefix(f'{self.into} = ')}" if self.wary else ""
        )
        return [f"try: {self.quick()}{sure}", f"except AttributeError: {slow}"]


@dataclass(frozen=True, slots=True)
class Either:
    """A line that is there only where the answer of its rule is kept for who asks again, or only where it is not."""

    text: str
    kept: bool


Row: TypeAlias = "tuple[int, str | Lookup | Either, Span | None]"


@dataclass(slots=True)
class Fail:
    """How a step that fails leaves: `continue` in a scan, `break` or `return` outside; and whether one did."""

    statement: str
    used: bool = False

    def __str__(self) -> str:
        self.used = True
        return self.statement


class Lines:
    """Lines of source; `at` is the place that the lines to come are for."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.depth = 0
        self.at: Span | None = None

    def add(self, text: str | Lookup | Either) -> None:
        """Append a line."""
        self.rows.append((self.depth, text, self.at))

    @property
    def ended(self) -> bool:
        """Whether nothing that is added at this depth could be reached."""
        depth, text, _ = self.rows[-1] if self.rows else (-1, "", None)
        if isinstance(text, Either):
            text = text.text
        return depth == self.depth and isinstance(text, str) and text.startswith("return ")

    @contextmanager
    def indented(self) -> Iterator[None]:
        """Let the lines within be one level deeper."""
        self.depth += 1
        yield
        self.depth -= 1

    def child(self) -> Lines:
        """Return an empty sheet whose lines are for the same place."""
        made = Lines()
        made.at = self.at
        return made

    def extend(self, other: Lines) -> None:
        """Append the lines of another sheet at the present depth."""
        self.rows.extend((self.depth + depth, text, place) for depth, text, place in other.rows)

    def once(self, inner: Lines, fail: Fail) -> None:
        """Append a block that failing steps leave by `break`; it needs a loop only if there are any."""
        if not fail.used:
            self.extend(inner)
            return
        self.add("while True:")
        with self.indented():
            self.extend(inner)
            if not inner.ended:
                self.add("break")

    def written(self, *, kept: bool) -> tuple[str, list[Span | None]]:
        """Return the source and, line by line, the place in the policy; `kept` says if the rule's answer is."""
        rows = list(_written(_chosen(self.rows, kept=kept)))
        text = "".join([f"{INDENT * depth}{text}\n" for depth, text, _ in rows])
        return text, [place for _, _, place in rows]


def _chosen(rows: list[Row], *, kept: bool) -> list[tuple[int, str | Lookup, Span | None]]:
    found: list[tuple[int, str | Lookup, Span | None]] = []
    for depth, text, place in rows:
        if not isinstance(text, Either):
            found.append((depth, text, place))
        elif text.kept is kept:
            found.append((depth, text.text, place))
    return found


def _written(rows: list[tuple[int, str | Lookup, Span | None]]) -> Iterator[tuple[int, str, Span | None]]:
    """Yield the rows as text: lookups that follow each other ask once whether all of them are in objects."""
    at = 0
    while at < len(rows):
        depth, text, place = rows[at]
        at += 1
        if isinstance(text, str):
            yield depth, text, place
            continue
        run = [(text, place)]
        while not text.wary and at < len(rows):
            deep, other, place = rows[at]
            if deep != depth or isinstance(other, str) or other.wary:
                break
            run.append((other, place))
            at += 1
        yield from _run(run, depth)


def _run(run: list[tuple[Lookup, Span | None]], depth: int) -> Iterator[tuple[int, str, Span | None]]:
    if all(each.easy and len(each.keys) == 1 for each, _ in run):
        for each, place in run:
            yield depth, each.quick(), place
    elif len(run) == 1:
        ((each, place),) = run
        for line in each.alone():
            yield depth, line, place
    else:
        # An error is free while there is none, and `type` is not.
        yield depth, "try:", run[0][1]
        for each, place in run:
            yield depth + 1, each.quick(), place
        yield depth, "except AttributeError:", run[0][1]
        for each, place in run:
            yield depth + 1, each.slow(), place
