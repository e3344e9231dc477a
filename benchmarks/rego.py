"""Time every template of a Gatekeeper library with every case of its suite.

`python -m benchmarks.rego [--library DIR] [--seconds N] [--json]` prints microseconds for one evaluation, from a
Python dict to a Python result: unspecialised, and specialised to the constraint's parameters. Each evaluation
gets a fresh copy of its input, made outside the timing.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pratique import rego

LIBRARY = Path(__file__).parents[2] / "shared" / "conformance" / "gatekeeper-library"


@dataclass(frozen=True, slots=True)
class Case:
    """One question: a template's modules, the review, the constraint's parameters and the inventory."""

    name: str
    entrypoint: str
    sources: tuple[rego.Source, ...]
    review: dict[str, Any]
    parameters: dict[str, Any]
    inventory: dict[str, Any]


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


def time_case(policy: rego.Policy, case: Case, seconds: float) -> float:
    """Return the median of the microseconds for one evaluation."""
    question = {"review": case.review, "parameters": case.parameters}
    data = {"inventory": case.inventory}
    rounds = []
    end = time.perf_counter() + seconds
    while not rounds or time.perf_counter() < end:
        inputs = [copy.deepcopy(question) for _ in range(50)]
        start = time.perf_counter()
        for each in inputs:
            policy.evaluate(case.entrypoint, each, data)
        rounds.append((time.perf_counter() - start) / len(inputs))
    return statistics.median(rounds) * 1e6


def mean(values: list[float]) -> float:
    """Return the geometric mean."""
    return math.exp(statistics.fmean(map(math.log, values)))


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--library", type=Path, default=LIBRARY)
    parser.add_argument("--seconds", type=float, default=0.05, help="per case and variant")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows = []
    for case in cases(options.library):
        start = time.perf_counter()
        plain = rego.compile(case.sources, entrypoints=[case.entrypoint])
        compiled = time.perf_counter() - start
        special = rego.compile(
            case.sources, entrypoints=[case.entrypoint], constants={"input.parameters": case.parameters}
        )
        rows.append(
            {
                "case": case.name,
                "compile_ms": compiled * 1e3,
                "plain_us": time_case(plain, case, options.seconds),
                "specialised_us": time_case(special, case, options.seconds),
            }
        )
    if not rows:
        print(f"no suite below {options.library}", file=sys.stderr)
        return 2
    total = {
        "cases": len(rows),
        "compile_ms_median": statistics.median([row["compile_ms"] for row in rows]),
        "plain_us": mean([row["plain_us"] for row in rows]),
        "specialised_us": mean([row["specialised_us"] for row in rows]),
    }
    if options.json:
        print(json.dumps({"total": total, "cases": rows}, indent=1))
        return 0
    for row in sorted(rows, key=lambda row: -float(row["plain_us"])):
        print(f"{row['plain_us']:9.1f} us  {row['specialised_us']:9.1f} us  {row['case']}")
    print(f"{total['cases']} cases: {total['plain_us']:.1f} us, specialised {total['specialised_us']:.1f} us")
    print(f"(geometric means); compiling: {total['compile_ms_median']:.1f} ms (median)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
