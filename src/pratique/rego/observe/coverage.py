"""Which expressions and rules of a policy were evaluated, in OPA's JSON format (`opa eval|test --coverage`).

Comes in: the parsed modules, and events. Goes out: ranges that were covered and ranges that were not, a percentage
of lines for each file and for all. A rule's head is covered when the rule has answered, an expression when it has
been evaluated, whatever came of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, NamedTuple

from pratique.rego import extents, nodes
from pratique.rego.runtime.tracing import Event
from pratique.rego.source import Span


class Range(NamedTuple):
    """From a place to the place behind the end; rows and columns count from 1."""

    row: int
    col: int
    end_row: int
    end_col: int

    def contains(self, other: Range) -> bool:
        """Whether the other range lies inside this one."""
        return self[:2] <= other[:2] and self[2:] >= other[2:]

    def rows(self) -> range:
        """Return the rows that the range touches."""
        return range(self.row, self.end_row + 1)

    def data(self, kinds: Sequence[str] = ()) -> dict[str, Any]:
        """Return the range as OPA's JSON has it."""
        found: dict[str, Any] = {
            "start": {"row": self.row, "col": self.col},
            "end": {"row": self.end_row, "col": self.end_col},
        }
        return {**found, "kinds": list(kinds)} if kinds else found


@dataclass(frozen=True, slots=True)
class File:
    """One file's ranges, and its rows by what became of them."""

    covered: list[Range]
    missed: list[Range]
    kinds: Mapping[Range, list[str]]

    @property
    def covered_rows(self) -> int:
        """The number of rows with something covered."""
        return len({row for each in self.covered for row in each.rows()})

    @property
    def missed_rows(self) -> list[int]:
        """The rows with something that is not covered."""
        return sorted({row for each in self.missed for row in each.rows()})


@dataclass(frozen=True, slots=True)
class Report:
    """The coverage of all files."""

    files: dict[str, File]

    @property
    def percentage(self) -> float:
        """Covered rows in a hundred."""
        covered = sum(each.covered_rows for each in self.files.values())
        return _percentage(covered, sum(len(each.missed_rows) for each in self.files.values()))

    def data(self) -> dict[str, Any]:
        """Return the report as OPA's JSON has it."""
        return {
            "files": {name: _file_data(each) for name, each in sorted(self.files.items())},
            "covered_lines": sum(each.covered_rows for each in self.files.values()),
            "not_covered_lines": sum(len(each.missed_rows) for each in self.files.values()),
            "coverage": _plain(self.percentage),
        }

    def missed(self) -> list[str]:
        """Return the rows that are not covered, as `file:row` or `file:first-last`."""
        found = []
        for name, each in sorted(self.files.items()):
            for first, last in _runs(each.missed_rows):
                found.append(f"{name}:{first}" if first == last else f"{name}:{first}-{last}")
        return found


def _file_data(file: File) -> dict[str, Any]:
    percentage = _percentage(file.covered_rows, len(file.missed_rows))
    found = {
        "covered": [each.data() for each in file.covered],
        "not_covered": [each.data(file.kinds.get(each, ())) for each in file.missed],
        "covered_lines": file.covered_rows,
        "not_covered_lines": len(file.missed_rows),
        "coverage": _plain(percentage),
    }
    return {name: value for name, value in found.items() if value}


def _percentage(covered: int, missed: int) -> float:
    return 100.0 * covered / (covered + missed) if covered + missed else 0.0


def _plain(number: float) -> float | int:
    return int(number) if number == int(number) else number


def _runs(rows: Sequence[int]) -> Iterator[tuple[int, int]]:
    start = 0
    for index, row in enumerate(rows):
        if index + 1 == len(rows) or rows[index + 1] != row + 1:
            yield rows[start], row
            start = index + 1


class Coverage:
    """Takes events as they happen; `kind` is what an evaluation under other conditions would explain."""

    def __init__(self, modules: Iterable[nodes.Module]) -> None:
        self._modules = {module.source.file: module for module in modules}
        self._covered: dict[str, set[Range]] = {}

    def record(self, event: Event) -> None:
        """Take note of an expression that is evaluated, or of a rule that answers."""
        if event.op == "Eval" or (event.op == "Exit" and event.site.kind == "rule"):
            if event.site.hidden:
                return
            span = event.site.span
            if span.source.file in self._modules:
                self._covered.setdefault(span.source.file, set()).add(range_of(span))

    def report(self, others: Mapping[str, Coverage] | None = None) -> Report:
        """Return the report; what only one of the `others` has covered is marked with that one's name."""
        files = {}
        for name, module in self._modules.items():
            covered = sorted(self._covered.get(name, ()))
            missed = sorted({each for each in map(range_of, _places(module)) if not _inside(each, covered)})
            kinds = {
                each: [
                    kind
                    for kind, other in (others or {}).items()
                    if _inside(each, other._covered.get(name, ()))
                ]
                for each in missed
            }
            files[name] = File(covered, missed, kinds)
        return Report(files)


def _inside(wanted: Range, ranges: Iterable[Range]) -> bool:
    return any(each.contains(wanted) for each in ranges)


def range_of(span: Span) -> Range:
    """Return a span as a range."""
    end_row, end_col = span.source.position(span.end)
    return Range(*span.source.position(span.start), end_row, end_col)


def _places(module: nodes.Module) -> Iterator[Span]:
    for rule in module.rules:
        yield from _rule_places(rule)


def _rule_places(rule: nodes.Rule) -> Iterator[Span]:
    yield extents.head(rule)
    implied = extents.implied(rule)
    if implied is not None:
        yield implied
    for node in (*rule.keys, *(rule.args or ()), rule.value, rule.body if implied is None else ()):
        yield from _expressions(node)
    if rule.otherwise is not None:
        yield from _rule_places(rule.otherwise)


def _expressions(node: Any) -> Iterator[Span]:
    match node:
        case nodes.Not(body) if not node.braced:
            # The expression inside is the same one, negated.
            yield extents.literal(node)
            for part in body:
                yield from _inside_of(part)
            return
        case nodes.Test() | nodes.Unify() | nodes.Every() | nodes.Not() | nodes.Logical():
            yield extents.literal(node)
    yield from _inside_of(node)


def _inside_of(node: Any) -> Iterator[Span]:
    if isinstance(node, tuple) and not isinstance(node, Span):
        for item in node:
            yield from _expressions(item)
    elif is_dataclass(node) and not isinstance(node, nodes.Module):
        for each in fields(node):
            if each.name != "span":
                yield from _expressions(getattr(node, each.name))
