"""Hold mutators to the real gator: our cases, and random sets of mutators on random objects.

    python -m tests.conformance.mutation [--random N] [--seed S] [-v]

gator shows what mutators make of an object only by way of an expansion: an ExpansionTemplate takes the `spec` of
the mutated object out, and that is compared. Cases that say `differs` are passed over (the reason stands there), and
so are those of AssignMetadata, whose change does not reach the `spec`. Needs `gator` on PATH or in .cache/peers/bin.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.conformance.gator import peer

from pratique.kube import diff, yaml
from pratique.mutation import MutationError, MutationSystem, MutatorError, read

ROOT = Path(__file__).resolve().parents[2]
CASES = ROOT / "tests" / "cases" / "mutation"
EXPANSION = {
    "apiVersion": "expansion.gatekeeper.sh/v1beta1",
    "kind": "ExpansionTemplate",
    "metadata": {"name": "shows"},
    "spec": {
        "applyTo": [{"groups": ["g"], "versions": ["v1"], "kinds": ["Thing"]}],
        "templateSource": "spec",
        "generatedGVK": {"group": "g", "version": "v1", "kind": "Made"},
    },
}
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}")
# gator shows no value there, whatever it is.
_IMAGE = re.compile(r"(value at AssignImage location to be a string,) got .*")
_PREFIXES = (
    "error expanding resources: error mutating base resource thing: ",
    "error expanding resources: error parsing resources: ",
    "error expanding resources: error upserting mutator: ",
)

Object = dict[str, Any]
Outcome = tuple[Any, str]
"""The `spec` that an object got, or an error."""


def mutator(kind: str, location: str, parameters: Object, name: str = "m") -> Object:
    spec: Object = {"location": location, "parameters": parameters}
    if kind != "AssignMetadata":
        spec["applyTo"] = EXPANSION["spec"]["applyTo"]  # type: ignore[index]
    return {
        "apiVersion": "mutations.gatekeeper.sh/v1alpha1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": spec,
    }


def thing(parts: Object) -> Object:
    return {"apiVersion": "g/v1", "kind": "Thing", "metadata": {"name": "thing"}, **parts}


def theirs(command: str, mutators: list[Object], found: Object) -> Outcome:
    """Return what gator makes of an object."""
    with tempfile.TemporaryDirectory() as folder:
        arguments: list[str] = []
        for index, document in enumerate([*mutators, EXPANSION, found]):
            path = Path(folder) / f"{index}.json"
            path.write_text(json.dumps(document))
            arguments += ["-n", str(path)]
        done = subprocess.run(
            [command, "expand", *arguments, "-f", "json"],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )
    if done.returncode:
        return None, plain(done.stderr.strip())
    made = json.loads(done.stdout)
    return {key: made[key] for key in made if key not in ("apiVersion", "kind", "metadata")}, ""


def ours(mutators: list[Object], found: Object) -> Outcome:
    """Return what we make of it, with gator's refusal of mutators that contradict each other."""
    system = MutationSystem()
    try:
        for document in mutators:
            read(document)
        for document in mutators:
            system.put(document)
            if text := system.conflict_text(document["kind"], document["metadata"]["name"]):
                return None, text
        return system.mutate(found).object.get("spec"), ""
    except (MutatorError, MutationError) as error:
        return None, plain(error.message)


def plain(text: str) -> str:
    for prefix in _PREFIXES:
        text = text.removeprefix(prefix)
    return _IMAGE.sub(r"\1 got  of type string", _UUID.sub("UUID", text))


def cases() -> Iterator[tuple[str, list[Object], Object]]:
    """Yield the name, mutators and object of every case that gator can play."""
    for path in sorted(CASES.glob("*.yaml")):
        for case in yaml.read_one(path.read_text(), file=path.name):
            if "differs" in case or (case["kind"] == "AssignMetadata" and path.name != "invalid.yaml"):
                continue
            document = mutator(case["kind"], case["location"], case["parameters"])
            name = f"{path.stem}: {case.get('name') or case['location']}"
            # gator takes no empty source.
            found = case.get("object") or {}
            yield name, [document], thing({"spec": {"free": 1}} | found)


LOCATIONS = (
    "spec.a", "spec.a.b", "spec.a.b.c", "spec.l[n: x].v", "spec.l[n: x].w.v", "spec.l[n: *].v", "spec.l[n: y]",
    "spec.l[n: x].m[k: z].v", "spec.l[n: *].m[k: *].v", "spec.s", "spec.a.s", "spec.l[n: *].s", "spec.l[o: x].v",
    "spec.l.v", 'spec."q r".b', "spec.i", "spec.l[n: *].i",
)  # fmt: skip


def random_sets(count: int, seed: int) -> Iterator[tuple[str, list[Object], Object]]:
    """Yield random mutators, up to four, on random objects."""
    pick = random.Random(seed)
    for number in range(count):
        mutators = [_random_mutator(pick, f"m{index}") for index in range(pick.randint(1, 4))]
        yield f"random {seed}/{number}", mutators, thing({"spec": {"free": "x"} | _random_object(pick, 3)})


def _random_mutator(pick: random.Random, name: str) -> Object:
    kind = pick.choice(["Assign", "Assign", "Assign", "ModifySet", "AssignImage"])
    location = pick.choice(LOCATIONS)
    if kind == "ModifySet":
        values = [pick.choice(["a", "b", True, {"n": "x"}]) for _ in range(pick.randint(0, 3))]
        parameters: Object = {"operation": pick.choice(["merge", "prune"]), "values": {"fromList": values}}
    elif kind == "AssignImage":
        parameters = {
            "assignDomain": pick.choice(["r.io", "localhost:5"]),
            "assignTag": pick.choice([":1", ":2"]),
        }
    else:
        value = pick.choice(["t", True, {}, {"b": "c"}, ["a"], {"n": "y", "v": "t"}, None])
        parameters = {"assign": {"fromMetadata": {"field": "name"}} if value is None else {"value": value}}
    if pick.random() < 0.3:
        parts = location.split(".")
        subpath = ".".join(parts[: pick.randint(1, len(parts))]) if "[" not in location else location
        condition = pick.choice(["MustExist", "MustNotExist"])
        parameters["pathTests"] = [{"subPath": subpath, "condition": condition}]
    return mutator(kind, location, parameters, name)


def _random_object(pick: random.Random, depth: int) -> Object:
    found: Object = {}
    for key in pick.sample(["a", "b", "c", "l", "s", "i", "m", "v", "q r"], pick.randint(0, 4)):
        found[key] = _random_value(pick, key, depth)
    return found


def _random_value(pick: random.Random, key: str, depth: int) -> Any:
    if key in ("l", "m") and depth and pick.random() < 0.8:
        names = {"n": pick.choice("xyz"), "k": "z"}
        return [names | _random_object(pick, depth - 1) for _ in range(pick.randint(0, 2))]
    if key == "s" and pick.random() < 0.8:
        return [pick.choice(["a", "b", "c", True]) for _ in range(pick.randint(0, 3))]
    if key == "i" and pick.random() < 0.8:
        return pick.choice(["nginx", "q.io/a:3", "a/b@sha256:0"])
    if depth and pick.random() < 0.6:
        return _random_object(pick, depth - 1)
    return pick.choice(["t", True, False, "x"])


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Hold mutators to gator.")
    parser.add_argument("--random", type=int, default=0, metavar="N")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("-v", "--verbose", action="store_true")
    options = parser.parse_args(arguments)
    command = peer()
    if command is None:
        print("gator is not on PATH", file=sys.stderr)
        return 2
    played = failed = 0
    for name, mutators, found in [*cases(), *random_sets(options.random, options.seed)]:
        want, got = theirs(command, mutators, found), ours(mutators, found)
        same = want[1] == got[1] and diff.same(want[0], got[0])
        played, failed = played + 1, failed + (not same)
        if not same:
            print(f"FAIL: {name}\n  gator: {want}\n  ours:  {got}")
            if options.verbose:
                print(f"  {json.dumps([*mutators, found])}")
    print(f"{played - failed} equal, {failed} not")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
