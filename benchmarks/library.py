"""The cases of a Gatekeeper library: each template with each sample of its suite.

In: the folder of a library (`**/suite.yaml`). Out: `Case`: modules, entry point, review, parameters, inventory.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from pratique import rego

LIBRARY: Final = Path(__file__).parents[2] / "shared" / "conformance" / "gatekeeper-library"


@dataclass(frozen=True, slots=True)
class Case:
    """One question: a template's modules, the review, the constraint's parameters and the inventory."""

    name: str
    entrypoint: str
    sources: tuple[rego.Source, ...]
    review: dict[str, Any]
    parameters: dict[str, Any]
    inventory: dict[str, Any]

    @property
    def question(self) -> dict[str, Any]:
        """The input as Gatekeeper asks it."""
        return {"review": self.review, "parameters": self.parameters}

    @property
    def data(self) -> dict[str, Any]:
        """The data that goes with it."""
        return {"inventory": self.inventory}


def cases(library: Path) -> Iterator[Case]:
    """Yield every case of every suite below a folder."""
    for path in sorted(library.rglob("suite.yaml")):
        for test in yaml.safe_load(path.read_text())["tests"]:
            template = yaml.safe_load((path.parent / test["template"]).read_text())
            constraint = yaml.safe_load((path.parent / test["constraint"]).read_text())
            sources, entrypoint = modules(template)
            parameters = (constraint.get("spec") or {}).get("parameters") or {}
            for case in test["cases"]:
                shown = yaml.safe_load((path.parent / case["object"]).read_text())
                inventory: dict[str, Any] = {}
                for each in case.get("inventory") or []:
                    for known in yaml.safe_load_all((path.parent / each).read_text()):
                        _store(inventory, known)
                name = f"{path.parent.name}: {test['name']}: {case['name']}"
                yield Case(name, entrypoint, sources, review(shown), parameters, inventory)


def modules(template: dict[str, Any]) -> tuple[tuple[rego.Source, ...], str]:
    """Return a template's modules and the rule that answers."""
    target = template["spec"]["targets"][0]
    for code in target.get("code") or []:
        if code["engine"] == "Rego":
            target = code["source"]
    version = target.get("version", "v0")
    texts = [target["rego"], *(target.get("libs") or [])]
    sources = tuple(rego.Source(f"{n}.rego", text, version=version) for n, text in enumerate(texts))
    package = ".".join(rego.parse_module(sources[0]).package)
    return sources, f"{package}.violation"


def review(shown: dict[str, Any]) -> dict[str, Any]:
    """Return the review that Gatekeeper makes of a sample."""
    if shown.get("kind") == "AdmissionReview":
        request: dict[str, Any] = shown["request"]
        return request
    group, _, version = shown["apiVersion"].rpartition("/")
    metadata = shown.get("metadata") or {}
    return {
        "kind": {"group": group, "version": version, "kind": shown["kind"]},
        "operation": "CREATE",
        "name": metadata.get("name", ""),
        "namespace": metadata.get("namespace", ""),
        "object": shown,
    }


def _store(inventory: dict[str, Any], known: dict[str, Any]) -> None:
    metadata = known["metadata"]
    place = inventory
    where = ["namespace", metadata["namespace"]] if "namespace" in metadata else ["cluster"]
    for name in (*where, known["apiVersion"], known["kind"]):
        place = place.setdefault(name, {})
    place[metadata["name"]] = known
