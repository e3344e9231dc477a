"""What a printer is: its column definitions, and the function that makes a row's cells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

Object = dict[str, Any]
Cells = Callable[[Object, datetime], list[Any]]

_DESCRIPTIONS = {
    "Name": "Name must be unique within a namespace.",
    "Age": "The time since the object was created.",
    "Created At": "The time at which the object was created.",
}


@dataclass(frozen=True, slots=True)
class Printer:
    """The columns of one kind and what fills them."""

    columns: list[Object]
    cells: Cells


def printer(names: str, cells: Cells) -> Printer:
    """Make a printer from `Name, Ready, Up-to-date:integer, IP*`: type after a colon, `*` for wide only."""
    return Printer([_column(name.strip()) for name in names.split(",")], cells)


def _column(text: str) -> Object:
    name, _, kind = text.removesuffix("*").partition(":")
    return {
        "name": name,
        "type": kind or "string",
        "format": "name" if name == "Name" else "",
        "description": _DESCRIPTIONS.get(name, name),
        "priority": 1 if text.endswith("*") else 0,
    }
