"""The input of the constraint benchmarks: a Gatekeeper library as plain files.

In: a folder of suites. Out: templates that do not read the inventory, one constraint each, and the pods of the
suites, each under a name of its own.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

LIBRARY = Path(__file__).parents[2] / "shared" / "conformance" / "gatekeeper-library"
Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Inputs:
    """What was found."""

    templates: list[Object]
    constraints: list[Object]
    pods: list[Object]

    def policies(self, folder: Path) -> Path:
        """Write templates and constraints into a folder and return it."""
        folder.mkdir(parents=True, exist_ok=True)
        for number, found in enumerate([*self.templates, *self.constraints]):
            write(folder / f"{number:03}.yaml", [found])
        return folder

    def manifests(self, folder: Path, count: int) -> Path:
        """Write `count` pods, in one file each, into a folder and return it."""
        folder.mkdir(parents=True, exist_ok=True)
        for number, pod in enumerate(self.many(count)):
            write(folder / f"{number:05}.yaml", [pod])
        return folder

    def many(self, count: int) -> Iterator[Object]:
        """Yield `count` pods, over and over again, each with a name and one of fifty namespaces."""
        for number in range(count):
            pod = copy.deepcopy(self.pods[number % len(self.pods)])
            pod["metadata"] |= {
                "name": f"{pod['metadata']['name']}-{number}",
                "namespace": f"team-{number % 50}",
            }
            yield pod


def read(library: Path) -> Inputs:
    """Read a library."""
    templates: dict[str, Object] = {}
    constraints: dict[str, Object] = {}
    pods: dict[str, Object] = {}
    for path in sorted(library.rglob("suite.yaml")):
        for test in yaml.safe_load(path.read_text())["tests"]:
            text = (path.parent / test["template"]).read_text()
            if "data.inventory" in text:
                continue
            constraint = yaml.safe_load((path.parent / test["constraint"]).read_text())
            templates.setdefault(constraint["kind"], yaml.safe_load(text))
            constraints.setdefault(constraint["kind"], constraint)
            for case in test["cases"]:
                shown = path.parent / case["object"]
                pods |= {
                    f"{shown.resolve()}:{number}": found
                    for number, found in enumerate(yaml.safe_load_all(shown.read_text()))
                    if found and found["kind"] == "Pod"
                }
    return Inputs([*templates.values()], [*constraints.values()], [*pods.values()])


def write(path: Path, documents: list[Object]) -> None:
    """Write documents as block YAML, as `kubectl get -o yaml` prints it."""
    path.write_text(yaml.dump_all(documents, Dumper=yaml.CSafeDumper, sort_keys=False))
