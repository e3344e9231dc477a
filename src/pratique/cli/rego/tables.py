"""Tables in boxes, as `opa eval -f pretty` draws them."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence


def boxed(rows: Sequence[Sequence[str]], header: Sequence[str] = ()) -> str:
    """Return rows of cells in a box, below a centred heading if there is one."""
    listed = [list(header), *map(list, rows)] if header else [list(row) for row in rows]
    widths = [max(_width(row[index]) for row in listed) for index in range(len(listed[0]))]
    bars = ["─" * (width + 2) for width in widths]
    lines = [f"┌{'┬'.join(bars)}┐"]
    if header:
        lines += [_line([_centred(cell, width) for cell, width in zip(header, widths, strict=True)])]
        lines += [f"├{'┼'.join(bars)}┤"]
    for row in rows:
        lines.append(_line([_left(cell, width) for cell, width in zip(row, widths, strict=True)]))
    lines.append(f"└{'┴'.join(bars)}┘")
    return "".join([f"{line}\n" for line in lines])


def _line(cells: list[str]) -> str:
    return f"│ {' │ '.join(cells)} │"


def _left(text: str, width: int) -> str:
    return text + " " * (width - _width(text))


def _centred(text: str, width: int) -> str:
    spare = width - _width(text)
    return " " * (spare // 2) + text + " " * (spare - spare // 2)


def _width(text: str) -> int:
    # Columns on a terminal: wide characters take two, combining ones none.
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )
