"""What clusters make of policies: our cases, played on a bed and held against what a real Gatekeeper made of them.

    python -m tests.conformance.cluster [--record | --server real|embedded --engine gatekeeper|pratique] [SUITE...]

A suite is a file of `tests/cases/cluster`. `--record` plays it with Gatekeeper 3.23 on kube-apiserver 1.34 and writes
`tests/conformance/cluster/<suite>.json`; otherwise it is played on the bed that is named (our agent on the embedded
cluster) and what differs is shown. Differences that `cluster-todo.txt` names are known.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from tests.bed import Bed, missing, observe, opened
from tests.conformance.gator import SHARED

HERE = Path(__file__).parent
CASES = HERE.parent / "cases" / "cluster"
RECORDED = HERE / "cluster"
TODO = HERE / "cluster-todo.txt"

Object = dict[str, Any]
Path_ = tuple[str | int, ...]


@dataclass(frozen=True)
class Suite:
    """The objects of one file, by the number of their case; what must be there first stands under `before`."""

    name: str
    cases: dict[str, Object]
    before: tuple[Object, ...] = ()
    paths: dict[str, str] = field(default_factory=dict)
    changes: dict[str, Object] = field(default_factory=dict)

    @property
    def recorded(self) -> Path:
        """Return where the recording stands."""
        return RECORDED / f"{self.name}.json"

    def play(self, bed: Bed) -> dict[str, Object]:
        """Return what a bed makes of each case."""
        return PLAYS[self.name](bed, self)


PLAYS: dict[str, Callable[[Bed, Suite], dict[str, Object]]] = {
    "library": lambda bed, suite: _digests(bed, suite),
    "templates": lambda bed, suite: observe.templates(bed, suite.cases),
    "statuses": lambda bed, suite: observe.statuses(bed, suite.cases, before=suite.before),
    "reviews": lambda bed, suite: observe.reviews(bed, suite.cases, suite.paths, before=suite.before),
    "updates": lambda bed, suite: observe.updates(bed, suite.cases, suite.changes, before=suite.before),
    "refusals": lambda bed, suite: observe.dry_runs(bed, suite.cases, before=suite.before),
}


def suites() -> list[Suite]:
    """Return every suite; that of other people's templates where those are at hand."""
    found = [suite(path.stem) for path in sorted(CASES.glob("*.yaml"))]
    return [*found, library()] if SHARED.is_dir() else found


def library() -> Suite:
    """Return the templates of Gatekeeper's library and tests: read where they lie, and recorded as digests."""
    cases = {}
    for folder in ("gatekeeper-library", "gatekeeper"):
        for path in sorted((SHARED / folder).rglob("*.yaml")):
            for number, document in enumerate(_documents(path)):
                if document.get("kind") == "ConstraintTemplate" and (document.get("metadata") or {}).get(
                    "name"
                ):
                    cases[f"{path.relative_to(SHARED)}#{number}"] = document
    return Suite("library", cases)


def _documents(path: Path) -> list[Object]:
    try:
        return [each for each in yaml.safe_load_all(path.read_text()) if isinstance(each, dict)]
    except yaml.YAMLError:
        return []  # some of them are broken on purpose


def _digests(bed: Bed, suite: Suite) -> dict[str, Object]:
    """Play templates, those of one name one after the other, and return a digest of what became of each."""
    left, seen = dict(suite.cases), {}
    while left:
        batch: dict[str, Object] = {}
        names: set[str] = set()
        for key, template in left.items():
            if template["metadata"]["name"] not in names:
                names.add(template["metadata"]["name"])
                batch[key] = template
        left = {key: template for key, template in left.items() if key not in batch}
        for key, found in observe.templates(bed, batch).items():
            text = json.dumps(_comparable(found), sort_keys=True)
            seen[key] = {"code": found.get("code"), "digest": hashlib.sha256(text.encode()).hexdigest()[:24]}
    return seen


_PASSED_OVER = ("warnings", "location", "vapGenerationStatus", "generation")


def _comparable(value: Any) -> Any:
    """Return what was seen without what `differences` passes over, and without what only CEL is about."""
    if isinstance(value, list):
        return [_comparable(each) for each in value]
    if not isinstance(value, dict):
        return value
    # The generation of a definition tells how often a template of its name came before.
    kept = {name: each for name, each in value.items() if name not in _PASSED_OVER}
    if isinstance(kept.get("annotations"), dict):
        notes = {name: each for name, each in kept["annotations"].items() if "vapb-generation" not in name}
        kept["annotations"] = notes
        if not notes:
            del kept["annotations"]
    return {name: _comparable(each) for name, each in kept.items()}


def suite(name: str) -> Suite:
    """Return one suite, read from its file: every case is a base, patched, and called after its number."""
    if name == "library":
        return library()
    found = yaml.safe_load((CASES / f"{name}.yaml").read_text())
    cases, paths, changes = {}, {}, {}
    for number, case in enumerate(found["cases"], 1):
        key = f"{number:03}"
        base = json.dumps(found["bases"][case["base"]]).replace("<NUMBER>", key)
        cases[key] = merged(json.loads(base), case["patch"])
        paths[key] = case.get("path", "")
        changes[key] = case.get("then") or {}
    return Suite(name, cases, tuple(found.get("before") or ()), paths, changes)


def merged(base: Any, patch: Any) -> Any:
    """Return a JSON merge patch applied (RFC 7386)."""
    if not isinstance(patch, dict):
        return patch
    found = dict(base) if isinstance(base, dict) else {}
    for name, value in patch.items():
        if value is None:
            found.pop(name, None)
        else:
            found[name] = merged(found.get(name), value)
    return found


def differences(recorded: Object, ours: Object) -> list[str]:
    """Return what differs, one line a place, but for what docs/differences.md has for every template."""
    return [
        f"{'.'.join(map(str, path))}: {json.dumps(theirs)[:1000]} / {json.dumps(mine)[:1000]}"
        for path, theirs, mine in _differences(recorded, ours, ())
        # Rego that does not compile is told at admission, and with its place.
        if not (theirs is NOTHING and (path == ("warnings",) or path[-1] == "location"))
    ]


NOTHING = "<nothing>"


def _differences(theirs: Any, ours: Any, path: Path_) -> Iterator[tuple[Path_, Any, Any]]:
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for name in sorted({*theirs, *ours}):
            yield from _differences(theirs.get(name, NOTHING), ours.get(name, NOTHING), (*path, name))
    elif isinstance(theirs, list) and isinstance(ours, list) and len(theirs) == len(ours):
        for index, (left, right) in enumerate(zip(theirs, ours, strict=True)):
            yield from _differences(left, right, (*path, index))
    elif theirs != ours:
        yield path, theirs, ours


def known() -> dict[str, str]:
    """Return the known differences: `suite/case: reason`."""
    lines = [line for line in TODO.read_text().splitlines() if line and not line.startswith("#")]
    return {key: reason.strip() for key, _, reason in (line.partition(":") for line in lines)}


def main() -> int:
    """Record or compare, and return an exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance.cluster", description=__doc__)
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--server", default="embedded")
    parser.add_argument("--engine", default="pratique")
    parser.add_argument("suites", nargs="*")
    options = parser.parse_args()
    server, engine = ("real", "gatekeeper") if options.record else (options.server, options.engine)
    if lacking := missing(server, engine):
        print(
            f"cluster: not built: {', '.join(lacking)}; cure: scripts/peers {' '.join(lacking)}",
            file=sys.stderr,
        )
        return 2
    expected, total = known(), 0
    chosen = [suite(name) for name in options.suites] or suites()
    with opened(server=server, engine=engine) as bed:
        for each in chosen:
            found = each.play(bed)
            if options.record:
                each.recorded.parent.mkdir(exist_ok=True)
                each.recorded.write_text(
                    json.dumps(found, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
                )
                print(f"{len(found)} cases recorded in {each.recorded}")
                continue
            recorded, bad = json.loads(each.recorded.read_text()), 0
            for key, seen in found.items():
                lines = differences(recorded[key], seen)
                if lines and f"{each.name}/{key}" not in expected:
                    bad += 1
                    print(f"## {each.name}/{key} {json.dumps(each.cases[key])[:300]}", *lines, sep="\n    ")
            print(f"{each.name}: {len(found) - bad} of {len(found)} as recorded or known")
            total += bad
    return 1 if total else 0


if __name__ == "__main__":
    sys.exit(main())
