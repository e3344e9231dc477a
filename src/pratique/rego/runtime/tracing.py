"""What an evaluation does, told step by step: the source of explanations, profiles and coverage.

Comes in: calls of instrumented code (`emit` writes them only when a policy is compiled to be watched). Goes out:
`Event`s to one sink, in the order and with the meaning of OPA's trace: a body is entered, its expressions are
evaluated one after the other, one fails or the body is left (`Exit`), and what was evaluated is gone back over
(`Redo`) in reverse. Code reports only what it does next; failing and going back are told from that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple

from pratique.rego.runtime.values import Value
from pratique.rego.source import Span

Op = Literal["Enter", "Eval", "Exit", "Fail", "Redo", "Note", "Case"]


class Part(NamedTuple):
    """A part of an expression with a value worth showing: what is written there, and where its value is found."""

    span: Span
    base: str
    keys: tuple[Value, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Site:
    """A place that reports: a rule, a body inside a rule, or one expression of them.

    `names` are those of the values that code hands over there, `shown` those that stand in its own text; `index`
    is an expression's place in its body, -1 for a body or a rule.
    """

    kind: Literal["rule", "body", "expression"]
    text: str
    span: Span
    names: tuple[str, ...] = ()
    shown: frozenset[str] = frozenset()
    index: int = -1
    early: bool = False
    negated: bool = False
    parts: tuple[Part, ...] = ()
    whole: Span | None = None
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class Event:
    """One step: what happened, where, in which body (`frame`) below which other, and the values known there."""

    op: Op
    site: Site
    frame: int
    parent: int
    values: dict[str, Value]
    message: str = ""


Sink = Callable[[Event], None]


@dataclass(slots=True)
class _Step:
    """One expression of the present attempt: the values that it saw, and bodies that it ended early in."""

    site: Site
    values: dict[str, Value]
    children: list[Frame] = field(default_factory=list)


class Frame:
    """One run of a body: its attempt so far, and whether it has answered."""

    __slots__ = ("exited", "left", "number", "parent", "path", "site", "tracer", "values")

    def __init__(self, tracer: Tracer, site: Site, number: int, parent: int) -> None:
        self.tracer = tracer
        self.site = site
        self.number = number
        self.parent = parent
        self.path: list[_Step] = []
        self.values: dict[str, Value] = {}
        self.exited = False
        self.left = False

    def eval(self, site: Site, values: Sequence[Value]) -> None:
        """Take note that an expression is about to be evaluated."""
        known = dict(zip(site.names, values, strict=True))
        if self.exited or len(self.path) > site.index:
            self._back(site.index)
            self._again()
        self.tracer.resume(self)
        self.values = known
        self.path.append(_Step(site, known))
        self._tell("Eval", site, known)

    def exit(self, site: Site, values: Sequence[Value]) -> None:
        """Take note that all expressions hold."""
        if self.exited:
            # A new answer without a new evaluation: the last expression has several.
            self._back(len(self.path))
            self._again()
        self.values = dict(zip(site.names, values, strict=True))
        self.exited = True
        self._tell("Exit", self.site, self.values, "early" if self.site.early else "")
        self.tracer.suspend(self)

    def leave(self) -> None:
        """Take note that the body has no further answer."""
        if not self.left:
            self._back(0)
            self.left = True
            self.tracer.suspend(self)

    def case(self, site: Site, values: Sequence[Value]) -> None:
        """Take note of the keys of one case of a test."""
        self._tell("Case", site, dict(zip(site.names, values, strict=True)))

    def know(self, site: Site, values: Sequence[Value]) -> None:
        """Take note of what the expression that is being evaluated amounts to."""
        step = self.path[-1]
        step.values = self.values = {**step.values, **dict(zip(site.names, values, strict=True))}

    def note(self, message: str) -> None:
        """Take note of what `trace` was told."""
        if self.path:
            step = self.path[-1]
            self._tell("Note", step.site, step.values, message)

    def _back(self, length: int) -> None:
        # What was evaluated last has failed, unless the body has answered; the rest is gone back over.
        path = self.path
        if self.exited:
            self._tell("Redo", self.site, self.values)
            self.exited = False
        elif path:
            step = path.pop()
            _leave(step)
            self._tell("Fail", step.site, step.values)
        while len(path) > length:
            self._redo(path.pop())

    def _again(self) -> None:
        # The expression with another answer stays in the attempt.
        # The bodies that ended early in it are done with only when it is.
        if self.path:
            self._tell("Redo", self.path[-1].site, self.values)

    def _redo(self, step: _Step) -> None:
        if not step.site.negated:
            # A negation has no other answer to look for.
            self._tell("Redo", step.site, self.values)
        _leave(step)

    def _tell(self, op: Op, site: Site, values: dict[str, Value], message: str = "") -> None:
        self.tracer.sink(Event(op, site, self.number, self.parent, values, message))


def _leave(step: _Step) -> None:
    for child in reversed(step.children):
        child.leave()
    step.children = []


class Tracer:
    """What one evaluation reports to: the bodies that are being run, innermost last."""

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self.stack: list[Frame] = []
        self._count = 0

    def enter(self, site: Site, values: Sequence[Value]) -> Frame:
        """Take note that a body is entered, and return what its code reports to."""
        self._count += 1
        frame = Frame(self, site, self._count, self.stack[-1].number if self.stack else 0)
        frame.values = dict(zip(site.names, values, strict=True))
        self.stack.append(frame)
        # A function's arguments become known to its rules only as they are matched.
        frame._tell("Enter", site, {} if site.kind == "rule" else frame.values)
        return frame

    def note(self, message: str) -> None:
        """Take note of what `trace` was told."""
        if self.stack:
            self.stack[-1].note(message)

    def settle(self) -> None:
        """Go back over the bodies that ended early in the present expression: one answer is all it asks for."""
        if self.stack and self.stack[-1].path:
            _leave(self.stack[-1].path[-1])

    def resume(self, frame: Frame) -> None:
        """Make a body that has answered, and goes on, the innermost one again."""
        if self.stack and self.stack[-1] is frame:
            return
        if frame in self.stack:
            del self.stack[self.stack.index(frame) + 1 :]
        else:
            self.stack.append(frame)

    def suspend(self, frame: Frame) -> None:
        """Take a body off; one that has answered without being left is gone back over with its caller."""
        if frame in self.stack:
            del self.stack[self.stack.index(frame) :]
        if not frame.left and self.stack and self.stack[-1].path:
            children = self.stack[-1].path[-1].children
            if frame not in children:
                children.append(frame)


class _Idle:
    """Stands for a body that was not entered."""

    def leave(self) -> None:
        """Do nothing."""


IDLE: Final = _Idle()


def enter(state: Any, site: Site, values: Sequence[Value]) -> Frame:
    """Return the frame of a body that generated code enters."""
    tracer: Tracer = (state.root or state).tracer
    return tracer.enter(site, values)
