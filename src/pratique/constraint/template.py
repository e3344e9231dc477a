"""A constraint template, read and checked up to its Rego text.

In: a ConstraintTemplate of version v1, v1beta1 or v1alpha1 as a plain dict, and the YAML document that it
was read from, where there is one. Out: `Template`. Texts of refusals are Gatekeeper's (gatekeeper.md 1.1).
It does not compile Rego; `rego_program` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from pratique.constraint import decode
from pratique.constraint import schema as crds
from pratique.constraint.errors import (
    CONVERSION_ERROR,
    CREATE_ERROR,
    INGEST_ERROR,
    NoEngineError,
    TemplateError,
)
from pratique.errors import Location
from pratique.kube import structural
from pratique.rego.source import Version

GROUP: Final = "templates.gatekeeper.sh"
VERSIONS: Final = ("v1", "v1beta1", "v1alpha1")
KIND: Final = "ConstraintTemplate"
TARGET: Final = "admission.k8s.gatekeeper.sh"
REGO: Final = "Rego"
CEL: Final = "K8sNativeValidation"
OPERATIONS: Final = ("*", "CREATE", "UPDATE", "DELETE", "CONNECT")

_INVALID: Final = "invalid ConstraintTemplate: "

Path = tuple[str | int, ...]


class Places(Protocol):
    """Where everything in a template's document stands: `kube.yaml.Document`, or what reads one when it is asked."""

    def location(self, path: Path = ()) -> Location:
        """Return where the value at a path stands."""

    def inside(self, path: Path, line: int, column: int) -> Location:
        """Return where a line and column inside a text value stand in the file."""


@dataclass(frozen=True, slots=True)
class RegoSource:
    """The Rego of a template: the main module, its libraries, and where each stands in the template."""

    rego: str
    libs: tuple[str, ...]
    version: Version
    path: Path
    libs_path: Path


@dataclass(frozen=True, slots=True)
class Template:
    """One template; `schema` is that of its constraints as a whole."""

    name: str
    kind: str
    rego: RegoSource
    schema: Mapping[str, Any] = field(repr=False)
    operations: frozenset[str]
    short_names: tuple[str, ...]
    annotations: Mapping[str, str]
    object: Mapping[str, Any] = field(repr=False)
    document: Places | None = field(default=None, repr=False)

    def admits(self, operation: str) -> bool:
        """Tell whether an admission operation concerns this template at all."""
        return not self.operations or "*" in self.operations or operation in self.operations

    def crd(self) -> dict[str, Any]:
        """Return the CRD of this template's constraints."""
        return crds.definition(
            self.kind, dict(self.schema), template=self.object, short_names=self.short_names
        )

    def place(self, path: Path = ()) -> Location:
        """Return where something stands in the file, or the template's name where no file is known."""
        return place(self.document, path, self.name)


def place(document: Places | None, path: Path, name: str) -> Location:
    """Return where a path of a template stands, as well as it is known."""
    if document is not None:
        return document.location(path)
    return Location(f"ConstraintTemplate/{name or '?'}", 1, 1)


def read(found: Mapping[str, Any], *, document: Places | None = None) -> Template:
    """Read and check a template.

    Raises `TemplateError`, whose `status` is the text that Gatekeeper would report.
    """
    return _Reader(found, document).read()


class _Reader:
    """Reads one template, knowing where to point."""

    def __init__(self, found: Any, document: Places | None) -> None:
        self.found = found if isinstance(found, Mapping) else {}
        self.document = document
        metadata = self.found.get("metadata")
        self.metadata: Mapping[str, Any] = metadata if isinstance(metadata, Mapping) else {}
        self.name = str(self.metadata.get("name") or "")

    def error(
        self,
        message: str,
        path: Path = (),
        *,
        code: str = CREATE_ERROR,
        hint: str = "",
        kind: type[TemplateError] = TemplateError,
    ) -> TemplateError:
        return kind(
            message, place(self.document, path, self.name), code=code, status=_INVALID + message, hint=hint
        )

    def read(self) -> Template:
        group, _, version = str(self.found.get("apiVersion", "")).partition("/")
        if self.found.get("kind") != KIND or group != GROUP or version not in VERSIONS:
            raise self.error(
                f"not a {KIND} of {GROUP}",
                ("apiVersion",),
                code=CONVERSION_ERROR,
                hint=f"write `apiVersion: {GROUP}/v1` and `kind: {KIND}`",
            )
        if wrong := decode.misfit(self.found):
            path, text = wrong
            raise self.error(
                text, path, code=CONVERSION_ERROR, hint="give it the type that the message names last"
            )
        names = self.mapping(("spec", "crd", "spec", "names"))
        self.no_word_beside_a_star()
        kind = names.get("kind")
        if not isinstance(kind, str) or not kind:
            raise self.error(f'ConstraintTemplate "{self.name}" does not specify CRD Kind', ("spec", "crd"))
        if self.name != kind.lower():
            raise self.error(
                f"the ConstraintTemplate's name \"{self.name}\" is not equal to the lowercase of CRD's Kind:"
                f' "{kind.lower()}"',
                ("metadata", "name") if self.name else ("metadata",),
                hint=f"name it `{kind.lower()}`, or change the kind",
            )
        target, operations = self.target()
        short_names = tuple(_texts(names.get("shortNames")))
        schema = self.schema(version)
        self.definable(kind, short_names, schema)
        return Template(
            name=self.name,
            kind=kind,
            rego=self.rego(target),
            schema=schema,
            operations=operations,
            short_names=short_names,
            annotations=self.annotations(),
            object=self.found,
            document=self.document,
        )

    def mapping(self, path: Path) -> Mapping[str, Any]:
        value: Any = self.found
        for step in path:
            value = value.get(step) if isinstance(value, Mapping) else None
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            raise self.error(f"`{'.'.join(map(str, path))}` must be an object", path, code=CONVERSION_ERROR)
        return value

    def annotations(self) -> dict[str, str]:
        found = self.metadata.get("annotations")
        return {str(name): str(value) for name, value in found.items()} if isinstance(found, Mapping) else {}

    def no_word_beside_a_star(self) -> None:
        """Refuse `*` among other operations, which Gatekeeper's webhook does before it looks at anything else."""
        for index, target in enumerate(self.mapping(("spec",)).get("targets") or ()):
            operations = _texts(target.get("operations")) if isinstance(target, Mapping) else []
            if "*" in operations and len(operations) > 1:
                raise self.error(
                    "if '*' is present, must not specify other operations",
                    ("spec", "targets", index, "operations"),
                    code=CONVERSION_ERROR,
                )

    def target(self) -> tuple[Mapping[str, Any], frozenset[str]]:
        path: Path = ("spec", "targets")
        targets = self.mapping(("spec",)).get("targets")
        if not isinstance(targets, list) or len(targets) != 1 or not isinstance(targets[0], Mapping):
            raise self.error(
                "must declare exactly one target", path, hint=f"write one with `target: {TARGET}`"
            )
        target = targets[0]
        if not target.get("target"):
            raise self.error("target name must not be empty", (*path, 0), hint=f"write `target: {TARGET}`")
        if target["target"] != TARGET:
            raise self.error(
                f'target "{target["target"]}" not recognized, known targets [{TARGET}]',
                (*path, 0, "target"),
            )
        operations = frozenset(_texts(target.get("operations")))
        for name in sorted(operations - set(OPERATIONS)):
            raise self.error(
                f"`{name}` is not an operation",
                (*path, 0, "operations"),
                hint=f"write some of {', '.join(OPERATIONS[1:])}",
            )
        return target, operations

    def rego(self, target: Mapping[str, Any]) -> RegoSource:
        """Return the Rego; the short form overrides an entry of `code` for the same engine."""
        base: Path = ("spec", "targets", 0)
        if target.get("rego"):
            return RegoSource(
                target["rego"], tuple(_texts(target.get("libs"))), "v0", (*base, "rego"), (*base, "libs")
            )
        entries = [entry for entry in target.get("code") or () if isinstance(entry, Mapping)]
        for index, entry in enumerate(entries):
            if entry.get("engine") == REGO and entry.get("source") is not None:
                return self.rego_source(entry["source"], (*base, "code", index, "source"))
        if any(entry.get("engine") == CEL for entry in entries):
            raise self.error(
                f"the template has only the engine {CEL}, which is not supported yet",
                base,
                hint=f"add an entry to `code` with `engine: {REGO}`",
                kind=NoEngineError,
            )
        raise self.ingest_error(
            "no language driver is installed that handles this constraint template: available drivers: map[Rego:1],"
            ' wanted ""',
            base,
            hint="write the policy under `rego`, or under `code` with `engine: Rego`",
            kind=NoEngineError,
        )

    def rego_source(self, source: Any, path: Path) -> RegoSource:
        """Read a `source`, in the words of Gatekeeper's Rego driver where something has another type than it reads."""
        if not isinstance(source, Mapping):
            raise self.ingest_error("could not recognize the type", path, hint="write `source: {rego: ...}`")
        if "rego" not in source:
            raise self.ingest_error(
                "rego source missing required field: rego", path, hint="write `source.rego`"
            )
        for name, what, known, wanted in (
            ("rego", "source", str, "string"),
            ("version", "version", str, "string"),
            ("libs", "libs", list, "[]interface{}"),
        ):
            value = source.get(name)
            if name in source and not isinstance(value, known):
                found = f"{_as_float(value)}, expected {wanted}"
                raise self.ingest_error(
                    f".{name} accessor error: {found}: while extracting Rego {what}", (*path, name)
                )
        libs = source.get("libs") or []
        for index, lib in enumerate(libs):
            if not isinstance(lib, str):
                found = f"{_as_float(lib)}, expected string"
                raise self.ingest_error(
                    f".libs accessor error: contains non-string key in the slice: {found}: while extracting Rego libs",
                    (*path, "libs", index),
                )
        version: Version = "v1" if source.get("version") == "v1" else "v0"
        return RegoSource(source["rego"], tuple(libs), version, (*path, "rego"), (*path, "libs"))

    def ingest_error(
        self, message: str, path: Path, *, hint: str = "", kind: type[TemplateError] = TemplateError
    ) -> TemplateError:
        """Return what Gatekeeper tells in the status alone."""
        status = f"Could not ingest Rego: {message}"
        where = place(self.document, path, self.name)
        return kind(message, where, code=INGEST_ERROR, status=status, hint=hint)

    def schema(self, version: str) -> dict[str, Any]:
        path: Path = ("spec", "crd", "spec", "validation")
        validation = self.mapping(path)
        # The defaults of the three versions of ConstraintTemplate itself (1.1).
        legacy = validation.get("legacySchema")
        if not isinstance(legacy, bool):
            legacy = version != "v1"
        parameters = validation.get("openAPIV3Schema")
        if parameters is not None and not isinstance(parameters, Mapping):
            raise self.error("`openAPIV3Schema` must be an object", (*path, "openAPIV3Schema"))
        given = None if parameters is None else structural.without_nulls(parameters)
        try:
            return crds.constraint_schema(given, legacy=legacy)
        except ValueError as error:
            raise self.error(str(error), (*path, "openAPIV3Schema"), code=CONVERSION_ERROR) from None

    def definable(self, kind: str, short_names: tuple[str, ...], schema: dict[str, Any]) -> None:
        """Refuse what could not stand in a CustomResourceDefinition."""
        # Gatekeeper's libraries are newer than the API server's, and count characters.
        wrong = [
            str(error).replace("63 bytes", "63 characters")
            for error in structural.name_errors(crds.names(kind, short_names))
        ]
        problems = structural.check_structural(schema, path="spec.validation.openAPIV3Schema")
        if not wrong and not problems:
            return
        found = [*wrong, *problems]
        path: Path = ("spec", "crd", "spec")
        raise self.error(
            found[0] if len(found) == 1 else f"[{', '.join(found)}]",
            (*path, "names") if wrong else (*path, "validation", "openAPIV3Schema"),
            hint="" if wrong else "give every field a `type`, or set `legacySchema: true`",
        )


def _as_float(value: Any) -> str:
    return f"{decode.printed(value)} is of the type {decode.go_type(value, floats=True)}"


def _texts(value: Any) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
