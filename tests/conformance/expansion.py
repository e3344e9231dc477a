"""Hold expansion to the real gator: random templates, mutators and objects, and what `expand` makes of them.

    python -m tests.conformance.expansion [--count N] [--seed S]

gator goes through the templates of a kind in any order, so which of several errors it says is not compared. Needs
`gator` on PATH or in .cache/peers/bin.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.conformance.gator import peer
from tests.conformance.mutation import plain

from pratique.errors import PratiqueError
from pratique.offline import Sources, expand

KINDS = "ABCDE"
INNER: dict[str, Any] = {
    "metadata": {"labels": {"k": "v"}},
    "spec": {"template": {"spec": {"c": "d"}, "a": {"b": {"e": "f"}}}, "a": {"b": {"spec": {"g": "h"}}}},
}

Object = dict[str, Any]


def documents(pick: random.Random) -> list[Object]:
    """Return random ExpansionTemplates, mutators, perhaps a Namespace, and objects."""
    found = [_template(pick, f"t{index}") for index in range(pick.randint(1, 4))]
    found += [_mutator(pick, f"m{index}") for index in range(pick.randint(0, 2))]
    if pick.random() < 0.5:
        labels = {"name": "ns1", "labels": {"a": "b"}}
        found.append({"apiVersion": "v1", "kind": "Namespace", "metadata": labels})
    return found + [_object(pick, index) for index in range(pick.randint(1, 2))]


def _template(pick: random.Random, name: str) -> Object:
    spec = {
        "applyTo": [{"groups": ["g"], "versions": ["v1"], "kinds": pick.sample(KINDS, pick.randint(1, 2))}],
        "templateSource": pick.choice(["spec", "spec.template", "spec.a.b", "data"]),
        "generatedGVK": {"group": pick.choice(["g", ""]), "version": "v1", "kind": pick.choice(KINDS)},
    }
    return {
        "apiVersion": "expansion.gatekeeper.sh/v1beta1",
        "kind": "ExpansionTemplate",
        "metadata": {"name": name},
        "spec": spec,
    }


def _mutator(pick: random.Random, name: str) -> Object:
    kind = pick.choice(["Assign", "AssignMetadata"])
    spec: Object = {"location": "metadata.labels.l", "parameters": {"assign": {"value": "v"}}}
    if kind == "Assign":
        spec["location"] = pick.choice(["spec.x", "spec.template.spec.y", "data.z"])
        spec["applyTo"] = [{"groups": ["g", ""], "versions": ["v1"], "kinds": pick.sample(KINDS, 2)}]
    possible = {
        "source": pick.choice(["Generated", "Original", "All"]),
        "scope": pick.choice(["Namespaced", "Cluster"]),
        "namespaces": [pick.choice(["ns1", "default", "ns*"])],
        "namespaceSelector": {"matchLabels": {"a": "b"}},
        "name": pick.choice(["o*", "*-a", "Obj0"]),
    }
    spec["match"] = {key: value for key, value in possible.items() if pick.random() < 0.3}
    return {
        "apiVersion": "mutations.gatekeeper.sh/v1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": spec,
    }


def _object(pick: random.Random, index: int) -> Object:
    metadata = {"name": f"{pick.choice(['Obj', 'obj', 'O_x'])}{index}"}
    if pick.random() < 0.6:
        metadata["namespace"] = pick.choice(["ns1", "default", "other"])
    spec = pick.choice([{"template": INNER, "a": {"b": INNER}}, {"template": INNER}, _value(pick, 3)])
    found: Object = {"apiVersion": "g/v1", "kind": pick.choice(KINDS), "metadata": metadata, "spec": spec}
    if pick.random() < 0.6:
        found["data"] = pick.choice([INNER, {"spec": {}}, "text"])
    return found


def _value(pick: random.Random, depth: int) -> Any:
    if not depth or pick.random() < 0.2:
        return pick.choice(["s", True, ["q"], {}])
    names = pick.sample(["template", "spec", "a", "b", "data"], pick.randint(0, 3))
    return {name: _value(pick, depth - 1) for name in names}


def compare(command: str, found: list[Object]) -> str:
    """Return how gator and we differ, or nothing."""
    with tempfile.TemporaryDirectory() as folder:
        names = []
        for index, document in enumerate(found):
            path = Path(folder) / f"{index}.json"
            path.write_text(json.dumps(document))
            names.append(str(path))
        arguments = [part for name in names for part in ("-n", name)]
        done = subprocess.run(
            [command, "expand", *arguments, "-f", "json"],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )
        theirs = (_documents(done.stdout), _class(done.stderr) if done.returncode else "")
        try:
            ours = (_documents(expand.as_json(expand.expand(Sources.of(names)))), "")
        except PratiqueError as error:
            ours = ([], _class(error.message))
    return "" if ours == theirs else f"  gator: {theirs}\n  ours:  {ours}"


def _documents(text: str) -> list[str]:
    """Return the documents; of two with the same name and kind, gator shows any first."""
    return sorted(part.strip() for part in text.split("---\n")) if text.strip() else []


def _class(text: str) -> str:
    last = plain(text.strip().splitlines()[-1]).removeprefix("error expanding resources: ")
    if last.startswith("error upserting template"):
        last = last.partition(": ")[2]
    for part in ("could not find source field", "could not extract source field"):
        if part in last:
            return "the source is missing, or no object"
    return last


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Hold expansion to gator.")
    parser.add_argument("--count", type=int, default=100, metavar="N")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    command = peer()
    if command is None:
        print("gator is not on PATH", file=sys.stderr)
        return 2
    failed = 0
    for number in range(options.count):
        found = documents(random.Random(f"{options.seed}/{number}"))
        if different := compare(command, found):
            failed += 1
            print(f"FAIL: {options.seed}/{number}\n{different}\n  {json.dumps(found)}")
    print(f"{options.count - failed} equal, {failed} not")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
