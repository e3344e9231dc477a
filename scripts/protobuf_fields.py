"""Write `src/pratique/devcluster/protobuf_fields.txt` from the Go modules of the Kubernetes API.

    go mod download k8s.io/api@VERSION k8s.io/apimachinery@VERSION
    python scripts/protobuf_fields.py $(go env GOPATH)/pkg/mod/k8s.io/api@VERSION .../apimachinery@VERSION

The wire's numbers come from each `generated.proto`, the JSON names and what is a pointer from the struct
tags beside it. One message a line; `pratique.devcluster.protobuf` explains the format.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

GROUPS = (
    *("core/v1", "apps/v1", "batch/v1", "autoscaling/v1", "autoscaling/v2", "networking/v1", "policy/v1"),
    *("rbac/v1", "scheduling/v1", "authentication/v1", "authorization/v1", "coordination/v1", "storage/v1"),
    *("certificates/v1", "admissionregistration/v1", "discovery/v1", "events/v1"),
)
GROUP_NAMES = {
    "core/v1": "v1",
    "networking/v1": "networking.k8s.io/v1",
    "rbac/v1": "rbac.authorization.k8s.io/v1",
    "scheduling/v1": "scheduling.k8s.io/v1",
    "authentication/v1": "authentication.k8s.io/v1",
    "authorization/v1": "authorization.k8s.io/v1",
    "coordination/v1": "coordination.k8s.io/v1",
    "storage/v1": "storage.k8s.io/v1",
    "certificates/v1": "certificates.k8s.io/v1",
    "admissionregistration/v1": "admissionregistration.k8s.io/v1",
    "discovery/v1": "discovery.k8s.io/v1",
    "events/v1": "events.k8s.io/v1",
}
SCALARS = {
    "string": "s",
    "int32": "i",
    "int64": "i",
    "bool": "b",
    "bytes": "y",
    "double": "d",
    "meta/v1.Time": "T",
    "meta/v1.MicroTime": "M",
    "meta/v1.Duration": "D",
    "meta/v1.FieldsV1": "R",
    "pkg/runtime.RawExtension": "R",
    "api/resource.Quantity": "Q",
    "util/intstr.IntOrString": "O",
}
# Messages that are plain lists in JSON.
LISTS = {"ExtraValue": "*s"}
MESSAGE = re.compile(r"^message (\w+) \{$(.*?)^\}$", re.M | re.S)
FIELD = re.compile(r"^  (optional|repeated|map<string, ([\w.]+)>) ?([\w.]*) (\w+) = (\d+);$", re.M)
STRUCT = re.compile(r"^type (\w+) struct \{$(.*?)^\}$", re.M | re.S)
TAGGED = re.compile(r'^\t(?:\w+ )?(\S+) `(?=.*json:"([^",]*)[^"]*").*protobuf:"[a-z0-9]+,(\d+),', re.M)


def tags(folder: Path) -> dict[str, dict[int, tuple[str, bool]]]:
    """Return, for each Go struct, field number -> (JSON name, is a pointer)."""
    found: dict[str, dict[int, tuple[str, bool]]] = {}
    for path in [*folder.glob("*types*.go"), *folder.glob("generated.proto.go")]:
        for name, body in STRUCT.findall(path.read_text()):
            found[name] = {
                int(number): (json, go.startswith("*")) for go, json, number in TAGGED.findall(body)
            }
    return found


def type_code(name: str, group: str) -> str:
    """Return a scalar's letter, or the name of the message as it is written in the table."""
    short = ".".join(name.removeprefix(".").split(".")[-2:])
    path = name.removeprefix(".k8s.io.").removeprefix("apimachinery.pkg.").removeprefix("apis.")
    full = path.removeprefix("api.") if path.startswith("api.") and "resource" not in path else path
    key = full.rsplit(".", 1)
    where = key[0].replace(".", "/") if len(key) > 1 else group
    if name in SCALARS:
        return SCALARS[name]
    for candidate in (f"{where}.{key[-1]}", f"pkg/{where}.{key[-1]}"):
        if candidate in SCALARS:
            return SCALARS[candidate]
    if short.split(".")[-1] in LISTS:
        return LISTS[short.split(".")[-1]]
    return f"{where}:{key[-1]}"


def lines(folder: Path, group: str) -> dict[str, str]:
    """Return the table's lines of one generated.proto, by message."""
    found = {}
    names = tags(folder)
    for message, body in MESSAGE.findall((folder / "generated.proto").read_text()):
        fields = []
        for label, map_value, type_name, proto_name, digits in FIELD.findall(body):
            number = int(digits)
            json, pointer = names.get(message, {}).get(number, (proto_name, False))
            mark = {"optional": "?" if pointer else "", "repeated": "*"}.get(label, "%")
            fields.append(f"{number}={json or '.'}={mark}{type_code(map_value or type_name, group)}")
        found[f"{group}:{message}"] = " ".join(fields)
    return found


def main(api: Path, machinery: Path) -> None:
    """Collect the groups, keep what their kinds reach, and write the table."""
    table = {**lines(machinery / "pkg/apis/meta/v1", "meta/v1")}
    for group in GROUPS:
        table.update(lines(api / group, group))
    kinds = {
        f"{GROUP_NAMES.get(group, group)} {name.split(':')[1]}": name
        for name, text in table.items()
        for group in [name.split(":")[0]]
        if "meta/v1:ObjectMeta" in text and not name.endswith("TemplateSpec") and group in GROUPS
    }
    kinds["meta.k8s.io/v1 DeleteOptions"] = kinds["v1 DeleteOptions"] = "meta/v1:DeleteOptions"
    wanted, queue = set[str](), list(kinds.values())
    while queue:
        if (name := queue.pop()) not in wanted:
            wanted.add(name)
            queue += re.findall(r"[\w/]+:\w+", table[name])
    target = Path(__file__).parents[1] / "src/pratique/devcluster/protobuf_fields.txt"
    head = f"# Kubernetes API {api.name.partition('@')[2]}; made by scripts/protobuf_fields.py\n"
    body = [f"{kind} {name}" for kind, name in sorted(kinds.items())]
    target.write_text(
        head + "\n".join(body + [""] + [f"{name} {table[name]}" for name in sorted(wanted)]) + "\n"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
