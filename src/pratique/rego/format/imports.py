"""Which imports a module has when it is written for a target, and their layout.

`import rego.v1` and those of `future.keywords` say how a file is read: they come and go with the target. The others
are sorted within the groups that blank lines make.
"""

from __future__ import annotations

from dataclasses import dataclass

from pratique.rego.format.rules import Rules
from pratique.rego.format.style import KEYWORDS_IMPORT, V1_IMPORT, V2_IMPORT, Target, asked, directive
from pratique.rego.nodes import Module, Path


@dataclass(frozen=True, slots=True)
class Line:
    """An import to write, and the line on which it counts as standing; `added` is one that the author did not write."""

    path: Path
    alias: str
    row: int
    text: str = ""
    added: bool = False


def planned(module: Module, target: Target, *, drop: bool) -> list[Line]:
    """Return the imports of a module for a target; `drop` leaves out those that v1 does not need."""
    position = module.source.position
    lines = [
        Line(each.path, each.alias, position(each.span.start)[0], each.span.text) for each in module.imports
    ]
    below = 1 + max((each.row for each in lines if directive(each.path)), default=0)
    v2 = any(each.path == V2_IMPORT for each in lines)
    if v2 or (target == "v1" and drop):
        lines = [each for each in lines if each.path != V1_IMPORT]
    elif target == "v0v1" and all(each.path != V1_IMPORT for each in lines):
        lines.append(Line(V1_IMPORT, "", below, added=True))
    v1_imported = v2 or any(each.path == V1_IMPORT for each in lines)
    if (target != "v0" and drop) or v1_imported:
        lines = [each for each in lines if each.path[:2] != KEYWORDS_IMPORT]
        below = 1 + max((each.row for each in lines if directive(each.path)), default=0)
        lines += (
            [] if v2 else [Line((*KEYWORDS_IMPORT, each), "", below, added=True) for each in asked(module)]
        )
    return sorted(lines, key=lambda each: each.row)


class Imports(Rules):
    """Writes imports."""

    def imports(self, lines: list[Line]) -> None:
        """Write imports: groups with a blank line between them, each sorted by path, comments at their ends kept."""
        rows = {float(each.row) for each in lines}
        ends = {each.row: each.text for each in self.comments if each.row in rows}
        self.comments = [each for each in self.comments if each.row not in rows]
        groups: list[list[Line]] = []
        for line in lines:
            if groups and line.row - groups[-1][-1].row <= 1:
                groups[-1].append(line)
            else:
                groups.append([line])
        for group in groups:
            self.advance(group[0].row)
            for line in sorted(group, key=lambda each: (each.path, each.alias)):
                self.start_line()
                self.write(f"import {self.path(line.path, line.text)}")
                if line.alias:
                    self.write(f" as {line.alias}")
                if line.row in ends:
                    self.write(f" {ends[line.row]}")
                self.end_line()
            self.blank_line()

    def path(self, path: Path, text: str) -> str:
        """Return a path of plain strings as it is written; `text` is what the author wrote."""
        first, *rest = path
        return first + "".join(self.dotted(name, quoted=f'["{name}"]' in text) for name in rest)
