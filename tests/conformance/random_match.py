"""Random constraints and objects, judged by `gator test` and by us: the answers must be the same.

`python -m tests.conformance.random_match [--sets N] [--seed N]` draws match blocks of every kind (kinds, scope,
namespaces, excludedNamespaces, both selectors, name, source), actions and scoped actions, and objects with and without
Namespace, labels and generateName, and compares every field of the JSON and the exit codes. It ends with `N sets, M
differ`, and exits with 2 where there is no gator.
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

import yaml
from tests.conformance.gator import peer

CONSTRAINTS, OBJECTS = 40, 25
NAMES = ("a", "ab", "abc", "web", "web-1", "prod", "prod-eu", "eu-prod", "x", "default", "kube-system")
LABELS, VALUES = ("app", "team", "env"), ("a", "b", "", "web")
KINDS = ("Pod", "Deployment", "Namespace", "ClusterRole", "ConfigMap", "Service", "*")
GROUPS = ("", "apps", "rbac.authorization.k8s.io", "*")
POINTS = ("gator.gatekeeper.sh", "audit.gatekeeper.sh", "validation.gatekeeper.sh", "*")
ACTIONS = ("deny", "warn", "dryrun")
SERVED = (
    ("v1", "Pod"),
    ("apps/v1", "Deployment"),
    ("apps/v1beta1", "Deployment"),
    ("rbac.authorization.k8s.io/v1", "ClusterRole"),
    ("v1", "ConfigMap"),
    ("x.io/v1", "Namespace"),
)
TEMPLATE = {
    "apiVersion": "templates.gatekeeper.sh/v1",
    "kind": "ConstraintTemplate",
    "metadata": {"name": "always"},
    "spec": {
        "crd": {
            "spec": {
                "names": {"kind": "Always"},
                "validation": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {"p": {"type": "string", "default": "d"}},
                    }
                },
            }
        },
        "targets": [
            {
                "target": "admission.k8s.gatekeeper.sh",
                "rego": 'package a\nviolation[{"msg": msg}] {\n'
                '  msg := sprintf("%v %v", [input.review.kind, input.parameters])\n}\n',
            }
        ],
    },
}

Object = dict[str, Any]


class Draw:
    """Draws one set from a seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # no secret

    def likely(self, chance: float) -> bool:
        return self.random.random() < chance

    def some(self, values: tuple[str, ...], least: int, most: int) -> list[str]:
        return self.random.sample(values, self.random.randint(least, most))

    def pattern(self) -> str:
        name = self.random.choice(NAMES)
        at = self.random.randint(0, len(name))
        return self.random.choice([name, name, f"{name[:at]}*", f"*{name[at:]}", f"*{name[:at]}*"])

    def labels(self) -> dict[str, str]:
        return {name: self.random.choice(VALUES) for name in self.some(LABELS, 0, 2)}

    def selector(self) -> Object:
        found: Object = {"matchLabels": self.labels()} if self.likely(0.5) else {}
        if self.likely(0.6):
            found["matchExpressions"] = [self.expression() for _ in range(self.random.randint(1, 2))]
        return found

    def expression(self) -> Object:
        operator = self.random.choice(["In", "NotIn", "Exists", "DoesNotExist"])
        values = {"values": self.some(VALUES, 1, 3)} if operator.endswith("In") else {}
        return {"key": self.random.choice(LABELS), "operator": operator, **values}

    def match(self) -> Object:
        drawn: dict[str, tuple[float, Any]] = {
            "kinds": (0.6, lambda: [self.kinds() for _ in range(self.random.randint(0, 2))]),
            "scope": (0.3, lambda: self.random.choice(["*", "Cluster", "Namespaced", ""])),
            "namespaces": (0.3, lambda: [self.pattern() for _ in range(self.random.randint(0, 2))]),
            "excludedNamespaces": (0.3, lambda: [self.pattern() for _ in range(self.random.randint(0, 2))]),
            "labelSelector": (0.3, self.selector),
            "namespaceSelector": (0.25, self.selector),
            "name": (0.25, self.pattern),
            "source": (0.2, lambda: self.random.choice(["Original", "Generated", "All"])),
        }
        return {name: draw() for name, (chance, draw) in drawn.items() if self.likely(chance)}

    def kinds(self) -> Object:
        found: Object = {}
        if self.likely(0.85):
            found["apiGroups"] = self.some(GROUPS, 0, 2)
        if self.likely(0.85):
            found["kinds"] = self.some(KINDS, 0, 3)
        return found

    def constraint(self, number: int) -> Object:
        spec: Object = {"match": self.match()} if self.likely(0.95) else {}
        if self.likely(0.3):
            spec["parameters"] = self.random.choice([{}, {"p": "x"}])
        if self.likely(0.4):
            spec["enforcementAction"] = self.random.choice(ACTIONS)
        elif self.likely(0.4):
            spec["enforcementAction"] = "scoped"
            spec["scopedEnforcementActions"] = [
                {
                    "action": self.random.choice(ACTIONS),
                    "enforcementPoints": [{"name": name} for name in self.some(POINTS, 1, 2)],
                }
                for _ in range(self.random.randint(1, 3))
            ]
        version = self.random.choice(["v1beta1", "v1alpha1"])
        return {
            "apiVersion": f"constraints.gatekeeper.sh/{version}",
            "kind": "Always",
            "metadata": {"name": f"c{number}"},
            "spec": spec,
        }

    def object(self, number: int) -> Object:
        version, kind = self.random.choice(SERVED)
        metadata: Object = {}
        if self.likely(0.85):
            metadata["name"] = f"{self.random.choice(NAMES)}-{number}"
        if not metadata or self.likely(0.3):
            metadata["generateName"] = self.random.choice(NAMES) + self.random.choice(["", "-"])
        if self.likely(0.1 if kind == "ClusterRole" else 0.8):
            metadata["namespace"] = self.random.choice(NAMES)
        if self.likely(0.6):
            metadata["labels"] = self.labels()
        return {"apiVersion": version, "kind": kind, "metadata": metadata}

    def all(self) -> list[Object]:
        spaces = [
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": self.labels()}}
            for name in self.some(NAMES, 5, 5)
        ]
        constraints = [self.constraint(number) for number in range(CONSTRAINTS)]
        return [TEMPLATE, *constraints, *spaces, *(self.object(number) for number in range(OBJECTS))]


def answers(command: list[str], path: Path) -> tuple[int, list[str] | str]:
    """Return an exit code and every result as text, sorted; or what was said where there are no results."""
    done = subprocess.run(
        [*command, "-f", str(path), "-o", "json"], stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    try:
        found = json.loads(done.stdout) or []
    except json.JSONDecodeError:
        return done.returncode, done.stderr
    for one in found:
        for name in one:
            if name.startswith("scoped"):
                one[name].sort()  # Go's maps have no order
    return done.returncode, sorted(json.dumps(one, sort_keys=True) for one in found)


def main() -> int:
    """Compare sets and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--sets", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    gator = peer()
    if gator is None:
        print("gator is missing: there is nothing to compare with", file=sys.stderr)
        return 2
    differ = 0
    for seed in range(options.seed, options.seed + options.sets):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "all.yaml"
            path.write_text(yaml.safe_dump_all(Draw(seed).all()))
            theirs = answers([gator, "test", "--enable-k8s-native-validation=false"], path)
            ours = answers([sys.executable, "-m", "pratique", "test"], path)
        if isinstance(theirs[1], str) or theirs != ours:
            differ += 1
            print(f"seed {seed}: {_shown(theirs)}\n        {_shown(ours)}")
    print(f"{options.sets} sets, {differ} differ")
    return 1 if differ else 0


def _shown(found: tuple[int, list[str] | str]) -> str:
    code, results = found
    return f"exit {code}, " + (results[:300] if isinstance(results, str) else f"{len(results)} results")


if __name__ == "__main__":
    sys.exit(main())
