"""An evaluation told step by step, as `opa eval --explain` prints it.

Comes in: events in their order. Goes out: those that a person asked for, and their text: place, expression, values.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath
from typing import Any, Final, Literal

from pratique.rego.runtime.text import rego_text
from pratique.rego.runtime.tracing import Event
from pratique.rego.runtime.values import UNDEFINED

Mode = Literal["full", "notes", "fails", "debug"]

_IDEAL: Final = 64
_WIDEST: Final = 32
_PADDING: Final = 4


def select(events: Sequence[Event], mode: Mode) -> list[Event]:
    """Return the events of a mode: `notes` and `fails` keep, for each, the bodies that led to it."""
    if mode == "notes":
        return leading_to(events, {"Note"})
    if mode == "fails":
        return leading_to(events, {"Fail"})
    return [event for event in events if event.op != "Case"]


def leading_to(events: Iterable[Event], wanted: set[str]) -> list[Event]:
    """Return the events of these kinds, each after the bodies entered since the one before (OPA's lineage)."""
    found: list[Event] = []
    entered: dict[int, Event] = {}
    for event in events:
        if event.op in wanted:
            path = [event]
            current = entered.get(event.frame)
            while current is not None and current is not path[-1]:
                path.append(current)
                current = entered.get(current.parent)
            found += reversed(path)
            entered = {}
        if event.op in ("Enter", "Redo") and event.site.kind != "expression":
            entered[event.frame] = event
    return found


def pretty(events: Sequence[Event], *, query: str, values: bool = False, indent: str = "") -> str:
    """Return the text of a trace, a line an event; places in the file `query` are the query's own.

    With `indent`, every cell and every line's end stand behind it, as `opa test` prints traces.
    """
    files = _shortened([event.site.span.location() for event in events], query)
    depths: dict[int, int] = {}
    rows = []
    for event in events:
        depth = depths.get(event.frame, 0)
        if not depth:
            depth = depths[event.frame] = depths.get(event.parent, 0) + 1
        line = event.site.span.location().line
        file = event.site.span.source.file
        row = [f"{'query' if file == query else files.get(file, file)}:{line}", _told(event, depth)]
        if values:
            row.append(_values(event))
        rows.append(row)
    widths = [
        max((len(row[index].encode()) for row in rows), default=0)
        for index in range(len(rows[0]) if rows else 0)
    ]
    return "".join([_line(row, widths, indent) for row in rows])


def _line(row: list[str], widths: list[int], indent: str) -> str:
    # Go pads to bytes counted as characters.
    cells = [f"{cell.ljust(width + _PADDING)} " for cell, width in zip(row[:-1], widths, strict=False)]
    return indent + indent.join([*cells, row[-1], "\n"])


def _told(event: Event, depth: int) -> str:
    outer = event.op == "Enter" or (event.op == "Redo" and event.site.kind != "expression")
    lead = "| " * (depth - 1 if outer else depth)
    if event.op == "Note":
        return f'{lead}Note "{event.message}"'
    return f"{lead}{event.op} {event.site.text}{f' {event.message}' if event.message else ''}"


def _values(event: Event) -> str:
    shown = [
        f"{name}: {truncated(rego_text(event.values[name]), _WIDEST)}"
        for name in sorted(event.site.shown)
        if event.values.get(name, UNDEFINED) is not UNDEFINED
    ]
    return f"{{{', '.join(shown)}}}"


def truncated(text: str, width: int) -> str:
    """Return the text, cut to so many bytes with an ellipsis."""
    raw = text.encode()
    return text if len(raw) <= width else raw[: width - 3].decode(errors="ignore") + "..."


def as_data(events: Iterable[Event], *, query: str) -> list[dict[str, Any]]:
    """Return the events as JSON data: OPA's names, with each node as its text."""
    found = []
    for event in events:
        place = event.site.span.location()
        found.append(
            {
                "op": event.op,
                "query_id": event.frame,
                "parent_id": event.parent,
                "type": {"rule": "rule", "body": "body", "expression": "expr"}[event.site.kind],
                "node": event.site.text,
                "location": {
                    "file": "" if place.file == query else place.file,
                    "row": place.line,
                    "col": place.column,
                },
                "locals": {
                    name: value for name, value in sorted(event.values.items()) if value is not UNDEFINED
                },
                "message": event.message,
            }
        )
    return found


def _shortened(places: Sequence[Any], query: str) -> dict[str, str]:
    # Long paths lose their longest common part, as much of it as the ideal width asks for.
    widest = max(
        (len(f"{'query' if each.file == query else each.file}:{each.line}") for each in places), default=0
    )
    files = list(dict.fromkeys([each.file for each in places if each.file != query]))
    if widest <= _IDEAL or not files:
        return {}
    common = _common([_folders(file) for file in files])
    spare = _IDEAL - (widest - len(common) + 3)
    if spare > 0:
        common = common[: max(0, len(common) - spare)]
    if len(common) <= 3:
        return {}
    return {file: file.replace(common, "...", 1) for file in files}


def _folders(file: str) -> str:
    folder = str(PurePosixPath(file).parent).removeprefix("/")
    head, slash, rest = folder.partition("/")
    return rest if slash and head else folder


def _common(texts: list[str]) -> str:
    shortest = min(texts, key=len)
    for size in range(len(shortest), 0, -1):
        for start in range(len(shortest) - size + 1):
            part = shortest[start : start + size]
            if all(part in text for text in texts):
                return part
    return ""
