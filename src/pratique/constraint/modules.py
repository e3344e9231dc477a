"""The frame that Gatekeeper puts around a template's Rego: package, imports, references, required rule.

In: the main module and the libraries as sources. Out: the main module's package, as the path that its rules
are found under. Checked here (gatekeeper.md 2.4): libraries live in `package lib.<name>`, imports are
`data.lib...` or `future...` alone, of `data` only `inventory` and `lib` are read, the required rule exists.
It does not compile.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any, Final

from pratique import rego
from pratique.errors import Location, SourceError
from pratique.rego import nodes

READABLE: Final = ("inventory", "lib")

_INVALID: Final = "invalid ConstraintTemplate: "
# Where a tree points back to its module, or says nothing about references.
_SKIPPED: Final = frozenset({"span", "head_span", "module", "annotations", "written"})


class ModuleError(SourceError):
    """A module does not fit into Gatekeeper's frame; `status` is Gatekeeper's text."""

    def __init__(self, message: str, location: Location, *, status: str, hint: str = "") -> None:
        super().__init__(message, location, hint=hint)
        self.status = _INVALID + status


def check(main: rego.Source, libs: Sequence[rego.Source], *, required: str) -> str:
    """Check the modules of a template, and return the package of the main one.

    Raises `ModuleError`, and `rego.CompileError` for what cannot be parsed.
    """
    module = rego.parse_module(main)
    parsed = [rego.parse_module(lib) for lib in libs]
    for one in parsed:
        _check_library(one)
    for one in (module, *parsed):
        for imported in one.imports:
            _check_import(imported)
    for one in (module, *parsed):
        for span, name in references(one):
            if name not in READABLE:
                raise _bad_reference(one, span, name)
    if not any(rule.path and rule.path[0] == required and not rule.function for rule in module.rules):
        raise ModuleError(
            f"the rule `{required}` is missing",
            _start(module),
            status=f"invalid rego: invalid module: missing required rules: [{required}]",
            hint=f'write `{required}[{{"msg": msg}}] {{ ... }}`'
            if module.version == "v0"
            else f'write `{required} contains {{"msg": msg}} if {{ ... }}`',
        )
    return ".".join(module.package[1:])


def _check_library(module: nodes.Module) -> None:
    package = module.package[1:]
    if len(package) < 2 or package[0] != "lib":
        shown = ".".join(package)
        raise ModuleError(
            f"a library's package is `lib.<name>`, not `{shown}`",
            _start(module),
            status=f'invalid rego: invalid module prefix: "{shown}" is not below "lib"',
            hint="begin it with `package lib.NAME`",
        )


def _check_import(imported: nodes.Import) -> None:
    if imported.path[0] == "future" or imported.path[:2] == ("data", "lib"):
        return
    path = ".".join(imported.path)
    if path == "rego.v1":
        hint = "write the policy under `code` with `version: v1`, and leave this line out"
    else:
        hint = "import only `data.lib.NAME` or `future.keywords`; write `data.inventory` where it is used"
    raise ModuleError(
        f"`import {path}` is not allowed in a template",
        imported.span.location(),
        status=f'invalid import: bad import: "{path}"',
        hint=hint,
    )


def _bad_reference(module: nodes.Module, span: Any, name: str) -> ModuleError:
    shown = f"data.{name}" if name else "data"
    return ModuleError(
        f"`{shown}` is not there for a template",
        span.location(),
        status=f'invalid rego: check refs failed on module "{module.source.file}": disallowed ref {shown}',
        hint="a template reads `input`, `data.inventory` and its own libraries under `data.lib`",
    )


def references(node: Any) -> Iterator[tuple[Any, str]]:
    """Yield what is read under `data`, with its place: the first name, or "" for `data` as a whole."""
    if isinstance(node, nodes.Ref) and isinstance(node.head, nodes.Var) and node.head.name == "data":
        first = node.path[0] if node.path else None
        yield (
            node.span,
            first.value if isinstance(first, nodes.Scalar) and isinstance(first.value, str) else "",
        )
        for step in node.path:
            yield from references(step)
    elif isinstance(node, nodes.Var):
        if node.name == "data":
            yield node.span, ""
    elif isinstance(node, (tuple, list)):
        for item in node:
            yield from references(item)
    elif dataclasses.is_dataclass(node):
        if isinstance(node, nodes.Call) and node.parts[0] == "data":
            yield node.span, node.parts[1] if len(node.parts) > 1 else ""
        for field in dataclasses.fields(node):
            if field.name not in _SKIPPED and field.name not in ("source", "imports", "comments", "package"):
                yield from references(getattr(node, field.name))


def _start(module: nodes.Module) -> Location:
    if module.package_span is not None:
        return module.package_span.location()
    return Location(module.source.file, 1, 1)
