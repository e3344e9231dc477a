"""What compiled policies cost beside time: memory, and a start with everything compiled before.

In: cases of a library. Out: KiB that one policy keeps, and the seconds in which a fresh process has its programs,
first with an empty cache, then with a warm one. `python -m benchmarks.start FOLDER FILE` is that process.
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import tempfile
import time
import tracemalloc
from pathlib import Path
from typing import Any, Final

from benchmarks.library import Case
from pratique import rego
from pratique.codecache import Folder
from pratique.constraint import Library, Programs

TEMPLATES: Final = 200


def figures(chosen: list[Case]) -> dict[str, Any]:
    """Return the figures by name."""
    firsts = list({case.sources: case for case in chosen}.values())
    cold, warm = _starts(firsts)
    return {"memory_kib": _memory(firsts), "templates": TEMPLATES, "cold_s": cold, "warm_s": warm}


def _memory(firsts: list[Case]) -> float:
    """Return the KiB that one policy of each template keeps, on average, specialised to a first case."""
    kept: list[rego.Policy] = []
    _compile(firsts[0])
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    kept = [_compile(case) for case in firsts]
    gc.collect()
    after = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return (after - before) / len(kept) / 1024


def _compile(case: Case) -> rego.Policy:
    return rego.compile(
        case.sources, entrypoints=[case.entrypoint], constants={"input.parameters": case.parameters}
    )


def _starts(firsts: list[Case]) -> tuple[float, float]:
    """Return the seconds of a start with nothing compiled, and of one with everything compiled."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "objects.json"
        file.write_text(json.dumps([_objects(firsts[n % len(firsts)], n) for n in range(TEMPLATES)]))
        command = [sys.executable, "-m", "benchmarks.start", f"{folder}/cache", str(file)]
        found = [
            float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            for _ in range(2)
        ]
    return found[0], found[1]


def _objects(case: Case, number: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a template that no other has the text of, and a constraint of it."""
    kind = f"Policy{number}"
    main, *libs = case.sources
    source = {
        "rego": f"{main.text}\n# {number}\n",
        "libs": [each.text for each in libs],
        "version": main.version,
    }
    target = {"target": "admission.k8s.gatekeeper.sh", "code": [{"engine": "Rego", "source": source}]}
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    template = {
        "apiVersion": "templates.gatekeeper.sh/v1",
        "kind": "ConstraintTemplate",
        "metadata": {"name": kind.lower()},
        "spec": {"crd": {"spec": {"names": {"kind": kind}, "validation": schema}}, "targets": [target]},
    }
    constraint = {
        "apiVersion": "constraints.gatekeeper.sh/v1beta1",
        "kind": kind,
        "metadata": {"name": "one"},
        "spec": {"parameters": case.parameters},
    }
    return template, constraint


def main() -> None:
    """Print the seconds of CPU time in which this process makes its programs."""
    folder, file = sys.argv[1:]
    objects = json.loads(Path(file).read_text())
    before = time.process_time()
    library = Library(programs=Programs(store=Folder(Path(folder))))
    for template, constraint in objects:
        library.put_template(template)
        library.put_constraint(constraint)
    print(time.process_time() - before)


def show(total: dict[str, Any]) -> None:
    """Print the figures for a person."""
    print(f"a compiled policy keeps {total['memory_kib']:.0f} KiB on average")
    print(
        f"{total['templates']} templates with a constraint each: {total['cold_s']:.2f} s of CPU time at a first start, "
        f"{total['warm_s']:.2f} s with a warm cache"
    )


if __name__ == "__main__":
    main()
