"""The frame that Gatekeeper puts around a template's Rego: package, imports, required rule.

In: the main module and the libraries as sources. Out: the main module's package, as the path that its rules
are found under. Checked here (gatekeeper.md 2.4): libraries live in `package lib.<name>`, imports are
`data.lib...` or `future...` alone, the required rule exists. What rules may refer to under `data` is the
compiler's own check.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from pratique import rego
from pratique.errors import Location, SourceError

_PACKAGE = re.compile(r"package[ \t]+(?P<path>\S+)")
_IMPORT = re.compile(r"import[ \t]+(?P<path>[^\s#]+)")
_PATH = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*|\[\"[^\"\\]+\"\])*")


class ModuleError(SourceError):
    """A module does not fit into Gatekeeper's frame; `status` is Gatekeeper's text."""

    def __init__(self, message: str, location: Location, *, status: str, hint: str = "") -> None:
        super().__init__(message, location, hint=hint)
        self.status = status


def check(main: rego.Source, libs: Sequence[rego.Source], *, required: str) -> str:
    """Check the modules of a template, and return the package of the main one.

    Raises `ModuleError`.
    """
    package = _package(main)
    for lib in libs:
        path = _package(lib)
        if not path.startswith("lib.") or path == "lib.":
            raise ModuleError(
                f"a library's package is `lib.<name>`, not `{path}`",
                _location(lib, _first(lib)),
                status=f"invalid ConstraintTemplate: invalid module: package {path!r} is not under lib",
                hint="begin it with `package lib.NAME`",
            )
    for source in (main, *libs):
        for line, match in _statements(source, _IMPORT):
            _check_import(source, line, match)
    if not any(_rules(main, required)):
        raise ModuleError(
            f"the rule `{required}` is missing",
            _location(main, 1),
            status="invalid ConstraintTemplate: invalid rego: invalid module:"
            f" missing required rules: [{required}]",
            hint=f'write `{required}[{{"msg": msg}}] {{ ... }}`',
        )
    return package


def _package(source: rego.Source) -> str:
    for line, match in _statements(source, _PACKAGE):
        if not _PATH.fullmatch(match["path"]):
            raise ModuleError(
                f"`{match['path']}` is no package",
                _location(source, line),
                status=f"invalid ConstraintTemplate: invalid module: bad package {match['path']!r}",
            )
        return match["path"]
    raise ModuleError(
        "the module has no package",
        _location(source, 1),
        status="invalid ConstraintTemplate: 1 error occurred:"
        f" {source.name}:1: rego_parse_error: package expected",
        hint="begin it with `package NAME`",
    )


def _first(source: rego.Source) -> int:
    return next((line for line, _ in _statements(source, _PACKAGE)), 1)


def _check_import(source: rego.Source, line: int, match: re.Match[str]) -> None:
    path = match["path"]
    if path.split(".", 1)[0] == "future" or path == "data.lib" or path.startswith("data.lib."):
        return
    raise ModuleError(
        f"`import {path}` is not allowed in a template",
        _location(source, line),
        status=f'invalid ConstraintTemplate: invalid import: bad import: "{path}"',
        hint="import only `data.lib.NAME` or `future.keywords`; write `data.inventory` where it is used",
    )


def _statements(source: rego.Source, pattern: re.Pattern[str]) -> Iterator[tuple[int, re.Match[str]]]:
    for number, text in enumerate(source.text.split("\n"), start=1):
        if match := pattern.match(text.strip()):
            yield number, match


def _rules(source: rego.Source, name: str) -> Iterator[int]:
    head = re.compile(rf"(?:default[ \t]+)?{name}(?![\w])")
    for number, _ in _statements(source, head):
        yield number


def _location(source: rego.Source, line: int) -> Location:
    lines = source.text.split("\n")
    text = lines[line - 1] if line <= len(lines) else ""
    return Location(source.name, line, 1 + len(text) - len(text.lstrip()), text)
