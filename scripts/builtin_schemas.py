"""Write `src/pratique/devcluster/data/builtin.json.gz`: the types of Kubernetes' own API.

    pip download --no-deps kubernetes-validate && unzip kubernetes_validate-*.whl -d DEFINITIONS
    go mod download k8s.io/{api,apimachinery,apiextensions-apiserver}@v0.34.1     (or unzip from the proxy)
    python scripts/builtin_schemas.py DEFINITIONS/.../v1.34.0-local-strict/_definitions.json GO_FOLDER...

Descriptions, references and list types come from the published OpenAPI definitions (kubernetes-validate
carries them); the order of fields, what is a pointer, what is always written and the values of enumerations
come from the Go types, which the definitions do not tell. Each property gets `go: [code, type]`; the
code is read by `pratique.devcluster.typed`.
"""

from __future__ import annotations

import gzip
import json
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parent.parent / "src/pratique/devcluster/data/builtin.json.gz"
GROUPS = (
    *("admissionregistration.v1", "apps.v1", "authentication.v1", "authorization.v1", "autoscaling.v1"),
    *("autoscaling.v2", "batch.v1", "certificates.v1", "coordination.v1", "core.v1", "discovery.v1"),
    *("events.v1", "flowcontrol.v1", "networking.v1", "node.v1", "policy.v1", "rbac.v1", "scheduling.v1"),
    "storage.v1",
)
STRUCT = re.compile(r"^type (\w+) struct \{$(.*?)^\}$", re.M | re.S)
FIELD = re.compile(r'^\t(?:(\w+) +)?([^\s`]+) +`[^`]*json:"([^"]*)"', re.M)
EMBEDDED = re.compile(r'^\t([\w.*]+) +`[^`]*json:",inline"', re.M)
NAMED = re.compile(r"^(?:type |\t)(\w+) +(string|bool|u?int\d*|float\d+|map\[\S+|\[\]\S+)$", re.M)
ENUM = re.compile(r"^(?:// .*\n)*// \+enum\n(?://.*\n)*type (\w+) string$", re.M)
CONST = re.compile(r'((?:^\t?//[^\n]*\n)*)^\t?(?:const )?(\w+) +(\w+) *= *"([^"]*)"', re.M)
SCALARS = {"string", "bool", "float64", "float32", "int", "int32", "int64", "uint32", "byte"}


@dataclass
class GoPackage:
    """What one Go package declares, as far as JSON cares."""

    folder: Path
    short: str
    structs: dict[str, str] = field(default_factory=dict)
    named: dict[str, str] = field(default_factory=dict)
    enums: dict[str, list[tuple[str, str, str]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        texts = [path.read_text() for path in sorted(self.folder.glob("*.go")) if "zz_" not in path.name]
        for text in texts:
            self.structs.update(STRUCT.findall(text))
            self.named.update(NAMED.findall(text))
            for name in ENUM.findall(text):
                self.enums[name] = []
        for text in texts:
            for comment, name, kind, value in CONST.findall(text):
                if kind in self.enums:
                    self.enums[kind].append((name, value, comment))


def enum_lines(values: list[tuple[str, str, str]]) -> str:
    """Return kube-openapi's paragraph on an enumeration's values."""
    lines = []
    for name, value, comment in values:
        words = re.sub(r"^\s*// ?", "", comment, flags=re.M)
        words = "\n".join(line for line in words.splitlines() if not line.startswith("+"))
        text = re.sub(r"\s+", " ", words.strip().removeprefix(name).strip())
        lines.append(f' - `"{value}"` {text}')
    return "\n\nPossible enum values:\n" + "\n".join(sorted(lines))


class Types:
    """All packages by their import's last two path parts."""

    def __init__(self, roots: list[Path]) -> None:
        self.packages: dict[str, GoPackage] = {}
        for root in roots:
            folders = {path.parent for path in root.rglob("*.go")}
            # Generated clients lie in folders of the same names as the types.
            for folder in sorted(folder for folder in folders if "client" not in folder.parts):
                key = "/".join(folder.parts[-2:])
                if key.split("/")[-1].startswith("v") or key in ("api/resource", "util/intstr"):
                    self.packages.setdefault(key, GoPackage(folder, folder.name))

    def locate(self, go_type: str, home: str) -> tuple[str, str]:
        """Return package key and name of a Go type as written in a file of `home`."""
        alias, _, name = go_type.rpartition(".")
        known = {
            "": home,
            "metav1": "meta/v1",
            "v1": "core/v1" if home != "core/v1" else "meta/v1",
            "corev1": "core/v1",
            "resource": "api/resource",
            "intstr": "util/intstr",
            "runtime": "pkg/runtime",
            "types": "pkg/types",
            "authenticationv1": "authentication/v1",
        }
        if alias == "v1" and name not in getattr(self.packages.get("core/v1"), "structs", {}):
            return "meta/v1", name
        return known.get(alias, alias), name

    def fields(self, key: str, struct: str) -> dict[str, tuple[str, str, str]]:
        """Return JSON name -> (Go type, tag's options, package) with inlined structs flattened."""
        found: dict[str, tuple[str, str, str]] = {}
        body = self.packages[key].structs.get(struct, "")
        for line in body.splitlines():
            if inline := EMBEDDED.match(line):
                where, name = self.locate(inline[1].lstrip("*"), key)
                if where in self.packages:
                    found.update(self.fields(where, name))
            elif (match := FIELD.match(line)) and match[3] not in ("-", ",inline"):
                json_name, _, options = match[3].partition(",")
                if match[1] is None and not json_name:
                    where, name = self.locate(match[2].lstrip("*"), key)
                    found.update(self.fields(where, name))
                    continue
                if options == "inline" or not json_name:
                    where, name = self.locate(match[2].lstrip("*"), key)
                    found.update(self.fields(where, name))
                    continue
                found[json_name] = (match[2], options, key)
        return found

    def code(self, go_type: str, options: str, home: str) -> str:
        """Return how Go writes the field: what it is, `!` when always written, `z` with omitzero."""
        kind = "p" if go_type.startswith("*") else self._kind(go_type, home)
        marks = "" if "omitempty" in options else "!"
        return kind + marks + ("z" if "omitzero" in options else "")

    def _kind(self, go_type: str, home: str) -> str:
        if go_type.startswith(("[]", "map[")):
            return "l"
        if go_type in SCALARS:
            return "v"
        where, name = self.locate(go_type, home)
        special = {"Time": "t", "MicroTime": "t", "Quantity": "q", "IntOrString": "i", "Duration": "v"}
        if name in special:
            return special[name]
        if name in ("UID", "NodeName", "NamespacedName"):
            return "v"
        package = self.packages.get(where)
        if package and name in package.named:
            return self._kind(package.named[name], where)
        return "s" if package and name in package.structs else "a"

    def shown(self, go_type: str, home: str) -> str:
        """Return the type's name as Go's JSON errors print it."""
        if go_type.startswith("*"):
            return self.shown(go_type[1:], home)
        if go_type.startswith("[]"):
            return "[]" + self.shown_item(go_type[2:], home)
        if go_type.startswith("map["):
            key, _, value = go_type[4:].partition("]")
            return f"map[{self.shown_item(key, home)}]{self.shown_item(value, home)}"
        if go_type in SCALARS:
            return go_type
        where, name = self.locate(go_type, home)
        return f"{where.rsplit('/', 1)[-1]}.{name}"

    def shown_item(self, go_type: str, home: str) -> str:
        """Return an item type's name; pointers keep their star inside lists and maps."""
        return ("*" if go_type.startswith("*") else "") + self.shown(go_type, home)

    def enum(self, go_type: str, home: str) -> list[tuple[str, str, str]]:
        """Return the values of an enumeration's type."""
        where, name = self.locate(go_type.lstrip("*"), home)
        package = self.packages.get(where)
        return package.enums.get(name, []) if package else []


def plain(node: Any) -> Any:
    """Return a definition in OpenAPI's own terms: no null in types, references by name."""
    if isinstance(node, list):
        return [plain(item) for item in node]
    if not isinstance(node, dict):
        return node
    result = {}
    for name, value in node.items():
        if name == "type" and isinstance(value, list):
            value = next(item for item in value if item != "null")
        elif name == "$ref" and isinstance(value, str):
            value = value.rsplit("/", 1)[-1]
        elif name == "additionalProperties" and value is False:
            continue
        else:
            value = plain(value)
        result[name] = value
    return result


def go_key(name: str) -> tuple[str, str]:
    """Return the Go package and struct of a definition's name."""
    *path, struct = name.split(".")
    return "/".join(path[-2:]), struct


def finish(name: str, definition: dict[str, Any], types: Types) -> dict[str, Any]:
    """Return the definition with its properties in Go's order, each with its code and enumeration."""
    key, struct = go_key(name)
    properties = definition.get("properties")
    if not properties:
        return definition
    for special in ("apiVersion", "kind"):
        if special in properties:
            properties[special].pop("enum", None)
    fields = types.fields(key, struct) if key in types.packages else {}
    order = {field_name: index for index, field_name in enumerate(fields)}
    lead = {"kind": -2, "apiVersion": -1} if "x-kubernetes-group-version-kind" in definition else {}
    ordered = {}
    for field_name in sorted(properties, key=lambda item: (lead.get(item, order.get(item, 999)), item)):
        node = dict(properties[field_name])
        if field_name in fields:
            go_type, options, home = fields[field_name]
            node["go"] = [types.code(go_type, options, home), types.shown(go_type, home)]
            if values := types.enum(go_type, home):
                node["enum"] = sorted({value for _, value, _ in values})
                node["description"] = node.get("description", "") + enum_lines(values)
        ordered[field_name] = node
    return {**definition, "properties": ordered}


def reachable(definitions: dict[str, Any], roots: list[str]) -> dict[str, Any]:
    """Return the roots and all that they refer to."""
    wanted: dict[str, Any] = {}
    pending = list(roots)
    while pending:
        name = pending.pop()
        if name in wanted or name not in definitions:
            continue
        wanted[name] = definitions[name]
        pending += re.findall(r'"\$ref": "([^"]+)"', json.dumps(definitions[name]))
    return dict(sorted(wanted.items()))


def main() -> None:
    """Read, join, check and write."""
    source, *folders = map(Path, sys.argv[1:])
    types = Types(folders)
    raw = {name: plain(node) for name, node in json.loads(source.read_text())["$defs"].items()}
    served = tuple(f"io.k8s.api.{group}." for group in GROUPS)
    extra = (
        "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition",
        "io.k8s.kube-aggregator.pkg.apis.apiregistration.v1.APIService",
        "io.k8s.apimachinery.pkg.apis.meta.v1.",
        "io.k8s.api.authentication.v1.TokenRequest",
    )
    roots = [name for name in raw if name.startswith(served + extra)]
    definitions = {name: finish(name, node, types) for name, node in reachable(raw, roots).items()}
    missing = [
        f"{name}.{prop}"
        for name, node in definitions.items()
        for prop, value in node.get("properties", {}).items()
        if "go" not in value and prop not in ("kind", "apiVersion")
    ]
    print(len(definitions), "definitions;", len(missing), "properties without a Go type:", missing[:40])
    TARGET.parent.mkdir(exist_ok=True)
    body = json.dumps(definitions, separators=(",", ":")).encode()
    TARGET.write_bytes(gzip.compress(body, 9, mtime=0))
    print(TARGET, TARGET.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
