"""Why a watched test failed: the expression, and the values of what stands in it, each below its place.

Comes in: the events of one evaluation. Goes out: a place and lines of text, as `opa test --var-values` prints them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pratique.errors import Location
from pratique.rego.observe.explain import truncated
from pratique.rego.runtime import references
from pratique.rego.runtime.text import rego_text
from pratique.rego.runtime.tracing import Event, Part
from pratique.rego.runtime.values import UNDEFINED
from pratique.rego.source import Span

_WIDEST: Final = 64


@dataclass(frozen=True, slots=True)
class Failure:
    """The expression that failed last."""

    place: Location
    lines: list[str]


@dataclass(frozen=True, slots=True)
class _Shown:
    title: str
    value: str
    row: int
    column: int
    line: str


def failure(events: Sequence[Event], *, query: str) -> Failure | None:
    """Return the last failure in the policy itself; None when nothing failed."""
    for index in range(len(events) - 1, -1, -1):
        event = events[index]
        every = event.site.text.startswith("every ")
        if event.op == "Fail" and event.site.span.source.file != query and not every:
            return _failure(event, events[:index])
    return None


def _failure(event: Event, before: Sequence[Event]) -> Failure:
    whole = event.site.whole or event.site.span
    parts = dict.fromkeys(event.site.parts, not event.site.negated)
    for each in before:
        if each.frame == event.frame and each.op == "Eval" and each.site.whole == whole:
            for part in each.site.parts:
                parts.setdefault(part, False)
    shown: dict[str, _Shown] = {}
    for part, current in parts.items():
        value = _value(event, part)
        if value is None and not current:
            continue
        title = part.span.text
        if title not in shown or shown[title].value == "undefined":
            place = part.span.location()
            text = "undefined" if value is None else value
            shown[title] = _Shown(title, text, place.line, place.column, place.text)
    return Failure(event.site.span.location(), [*_padded(whole), *_below(list(shown.values()))])


def _value(event: Event, part: Part) -> str | None:
    found = event.values.get(part.base, UNDEFINED)
    value = references.path(found, part.keys) if found is not UNDEFINED else UNDEFINED
    return None if value is UNDEFINED else rego_text(value)


def _padded(span: Span) -> list[str]:
    place = span.location()
    lead = "".join(["\t" if char == "\t" else " " for char in place.text[: place.column - 1]])
    return (lead + span.text).split("\n")


def _below(shown: list[_Shown]) -> list[str]:
    if not shown:
        return []
    if len({each.row for each in shown}) > 1 and any("\t" in each.line for each in shown):
        # Places on several lines with tabs cannot be pointed at from below.
        listed = [
            f"{each.title}: {truncated(each.value, _WIDEST)}"
            for each in sorted(shown, key=lambda one: one.title)
        ]
        return ["", "Where:", "", *listed]
    ordered = sorted(shown, key=lambda one: (one.column, -one.row, one.title))
    return [
        _arrows(ordered, None),
        *[_arrows(ordered[: index + 1], ordered) for index in range(len(ordered) - 1, -1, -1)],
    ]


def _arrows(shown: list[_Shown], every: list[_Shown] | None) -> str:
    # Bars below the places; with `every`, the last one's value in place of its bar.
    text, at = "", 0
    for index, each in enumerate(shown):
        last = index == len(shown) - 1
        if not last and each.column == shown[index + 1].column:
            continue
        while at < each.column - 1:
            text += "\t" if each.line[at : at + 1] == "\t" else " "
            at += 1
        if last and every is not None:
            shared = sum(other.column == each.column for other in every) > 1
            text += (f"{each.title}: " if shared else "") + truncated(each.value, _WIDEST)
        else:
            text += "|"
        at = each.column
    return text
