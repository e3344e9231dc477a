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
_UNREAD: Final = frozenset(
    {"span", "head_span", "module", "annotations", "written", "source", "imports", "comments", "package"}
)
ANY: Final = "*"


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
    if not any(rule.path and rule.path[0] == required and not rule.function for rule in module.rules):
        raise ModuleError(
            f"the rule `{required}` is missing",
            _start(module),
            status=f"invalid rego: invalid module: missing required rules: [{required}]",
            hint=f'write `{required}[{{"msg": msg}}] {{ ... }}`'
            if module.version == "v0"
            else f'write `{required} contains {{"msg": msg}} if {{ ... }}`',
        )
    parsed = [rego.parse_module(lib) for lib in libs]
    for one in parsed:
        _check_library(one)
    for one in (module, *parsed):
        for imported in one.imports:
            _check_import(imported)
    for one in (module, *parsed):
        bad = [(span, path) for span, path in references(one) if not path or path[0] not in READABLE]
        if bad:
            raise _bad_reference(one, bad)
    return ".".join(module.package[1:])


def _check_library(module: nodes.Module) -> None:
    package = module.package[1:]
    if len(package) < 2 or package[0] != "lib":
        shown = ".".join(package)
        raise ModuleError(
            f"a library's package is `lib.<name>`, not `{shown}`",
            _start(module),
            status=f"invalid lib prefix: path data.{shown} not found in lib prefixes",
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
        status=f'invalid import: {"cannot import input" if imported.path[0] == "input" else "bad import"}: "{path}"',
        hint=hint,
    )


def _bad_reference(module: nodes.Module, bad: list[tuple[Any, tuple[str, ...]]]) -> ModuleError:
    span, path = bad[0]
    shown = f"data.{path[0]}" if path and path[0] != ANY else "data"
    refs = "".join(f"disallowed ref {span.text}\n" for span, _ in bad)
    where = told_file(module.source.file)
    return ModuleError(
        f"`{shown}` is not there for a template",
        span.location(),
        status="invalid data references: check refs failed on module {"
        + f"{where}}}: errors ({len(bad)}):\n{refs}",
        hint="a template reads `input`, `data.inventory` and its own libraries under `data.lib`",
    )


def told_file(file: str) -> str:
    """Return the name that Gatekeeper gives to a module of a template, of our `template`, `lib0`, `lib1`, ..."""
    number = file.removeprefix("lib")
    return f'libs["lib_{number}"]' if number.isdigit() else file


def inventory_kinds(modules: Sequence[nodes.Module]) -> set[tuple[str, str]]:
    """Return what modules read of `data.inventory`: group and version, and kind, each `*` where it is worked out."""
    found: set[tuple[str, str]] = set()
    for _, path in references(modules):
        if path and path[0] not in ("inventory", ANY):
            continue
        first = {"cluster": 2, "namespace": 3}.get(path[1], 0) if len(path) > 1 else 0
        version, kind, *_ = (*path[first:], ANY, ANY) if first else (ANY, ANY)
        found.add((version, kind))
    return found


def references(node: Any) -> Iterator[tuple[Any, tuple[str, ...]]]:
    """Yield what is read under `data`: its place, and its path with `*` for each step that is worked out."""
    if isinstance(node, nodes.Ref) and isinstance(node.head, nodes.Var) and node.head.name == "data":
        yield (
            node.span,
            tuple(
                step.value if isinstance(step, nodes.Scalar) and isinstance(step.value, str) else ANY
                for step in node.path
            ),
        )
        for step in node.path:
            yield from references(step)
    elif isinstance(node, nodes.Var):
        if node.name == "data":
            yield node.span, ()
    elif isinstance(node, (tuple, list)):
        for item in node:
            yield from references(item)
    elif dataclasses.is_dataclass(node):
        if isinstance(node, nodes.Call) and node.parts[0] == "data":
            yield node.span, node.parts[1:]
        for field in dataclasses.fields(node):
            if field.name not in _UNREAD:
                yield from references(getattr(node, field.name))


def _start(module: nodes.Module) -> Location:
    if module.package_span is not None:
        return module.package_span.location()
    return Location(module.source.file, 1, 1)
