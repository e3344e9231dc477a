"""Time reviews beside Gatekeeper's own: `pratique bench` and `gator bench` over the same files, on one core.

`python -m benchmarks.constraint [--library DIR] [--iterations N] [--rounds N] [--json]` prints, for the library's
templates that do not read the inventory, with one constraint each, over the pods of its suites: reviews a second,
latencies and memory; then what more constraints cost that do not match the object's kind. The programs take turns,
so that both meet the same machine. Without `gator` there is nothing to compare with: exit code 2.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import programs
from benchmarks.pods import LIBRARY, Inputs, read, write

PRATIQUE = [sys.executable, "-m", "pratique"]
UNITS = {"ns": 1e-3, "µs": 1.0, "ms": 1e3, "s": 1e6}
INSTALLED = (10, 100, 1000)
MATCHING = 5


@dataclass(frozen=True, slots=True)
class Figures:
    """What one program did: microseconds, megabytes."""

    reviews: float
    mean: float
    p50: float
    p99: float
    megabytes: float
    violations: int
    shape: str
    reviews_per_cpu_second: float = 0.0


def microseconds(text: str) -> float:
    """Read one of Go's durations below a minute."""
    unit = next(unit for unit in ("ns", "µs", "ms", "s") if text.endswith(unit))
    return float(text.removesuffix(unit)) * UNITS[unit]


def shape(value: Any) -> Any:
    """Return the names and types in a result, without the figures."""
    if isinstance(value, dict):
        return {name: shape(item) for name, item in value.items()}
    if isinstance(value, list):
        return [shape(item) for item in value]
    return "number" if isinstance(value, (int, float)) else type(value).__name__


def once(command: list[str], arguments: list[str], iterations: int, warmup: int) -> tuple[Any, programs.Run]:
    """Run one benchmark on one core."""
    asked = [*arguments, "-n", str(iterations), "--warmup", str(warmup), "-e", "rego", "-o", "json"]
    found = programs.run(
        [*command, "bench", *asked], core=programs.last_core(), environment={"GOMAXPROCS": "1"}
    )
    return json.loads(found.output)[0], found


def measure(
    commands: dict[str, list[str]], arguments: list[str], iterations: int, rounds: int
) -> dict[str, Figures]:
    """Let the programs take turns, and return the median of each one's rounds."""
    found: dict[str, list[Figures]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            # A run of one iteration tells what the start costs on the processor.
            _, start = once(command, arguments, 1, 0)
            result, run = once(command, arguments, iterations, 1)
            reviews, latencies = result["totalReviews"], result["latencies"]
            found[name].append(
                Figures(
                    result["reviewsPerSecond"],
                    microseconds(latencies["mean"]),
                    microseconds(latencies["p50"]),
                    microseconds(latencies["p99"]),
                    run.megabytes,
                    result["violationCount"] // iterations,
                    json.dumps(shape(result)),
                    reviews / max(1e-9, run.cpu - start.cpu),
                )
            )
    return {name: median(rows) for name, rows in found.items()}


def median(rows: list[Figures]) -> Figures:
    """Return the median of each figure."""
    numbers = {
        name: statistics.median(getattr(row, name) for row in rows)
        for name in ("reviews", "mean", "p50", "p99", "megabytes", "reviews_per_cpu_second")
    }
    return Figures(**numbers, violations=rows[0].violations, shape=rows[0].shape)


def installed(inputs: Inputs, count: int, folder: Path) -> list[str]:
    """Write `count` constraints of which `MATCHING` name the kind Pod, and say where."""
    source = next(one for one in inputs.constraints if one["kind"] == "K8sAllowedRepos")
    template = next(
        one for one in inputs.templates if one["spec"]["crd"]["spec"]["names"]["kind"] == source["kind"]
    )
    constraints = []
    for number in range(count):
        kind = "Pod" if number < MATCHING else f"Kind{number}"
        match = {"kinds": [{"apiGroups": [""], "kinds": [kind]}]}
        spec = {"match": match, "parameters": {"repos": [f"registry-{number}.example/"]}}
        constraints.append({**source, "metadata": {"name": f"c{number}"}, "spec": spec})
    folder.mkdir()
    write(folder / "policies.yaml", [template, *constraints])
    write(folder / "pods.yaml", list(inputs.many(20)))
    return ["-f", str(folder)]


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--library", type=Path, default=LIBRARY)
    parser.add_argument("--iterations", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    inputs = read(options.library)
    if not inputs.templates:
        print(f"no suite below {options.library}", file=sys.stderr)
        return 2
    gator = programs.find("gator")
    commands = {"pratique": PRATIQUE} | ({"gator": [gator]} if gator else {})
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = ["-f", str(inputs.policies(folder / "policies"))]
        files += ["-f", str(inputs.manifests(folder / "pods", len(inputs.pods)))]
        whole = measure(commands, files, options.iterations, options.rounds)
        scale = {
            count: measure(commands, installed(inputs, count, folder / str(count)), 50, options.rounds)
            for count in INSTALLED
        }
    report(inputs, whole, scale, as_json=options.json)
    if not gator:
        print("gator is missing: there is nothing to compare with", file=sys.stderr)
        return 2
    ours, theirs = whole["pratique"], whole["gator"]
    if (ours.violations, ours.shape) != (theirs.violations, theirs.shape):
        print("the two do not find or show the same", file=sys.stderr)
        return 1
    return 0


def report(
    inputs: Inputs, whole: dict[str, Figures], scale: dict[int, dict[str, Figures]], *, as_json: bool
) -> None:
    """Print everything."""
    if as_json:
        rows: dict[str, Any] = {name: _data(found) for name, found in whole.items()}
        scaled = {count: {name: _data(found) for name, found in row.items()} for count, row in scale.items()}
        print(json.dumps({"library": rows, "installed": scaled}, indent=1))
        return
    print(
        f"{len(inputs.templates)} templates, {len(inputs.constraints)} constraints, {len(inputs.pods)} pods, "
        f"{whole['pratique'].violations} violations a round; one core"
    )
    print(
        f"{'':>10}{'reviews/s':>11}{'mean us':>10}{'p50 us':>10}{'p99 us':>10}{'peak MB':>9}{'reviews/CPU s':>15}"
    )
    for name, found in whole.items():
        print(
            f"{name:>10}{found.reviews:11.1f}{found.mean:10.1f}{found.p50:10.1f}{found.p99:10.1f}"
            f"{found.megabytes:9.0f}{found.reviews_per_cpu_second:15.1f}"
        )
    if "gator" in whole:
        ours, theirs = whole["pratique"], whole["gator"]
        print(
            f"{'times':>10}{ours.reviews / theirs.reviews:11.1f}{theirs.mean / ours.mean:10.1f}"
            f"{theirs.p50 / ours.p50:10.1f}{theirs.p99 / ours.p99:10.1f}{theirs.megabytes / ours.megabytes:9.1f}"
            f"{ours.reviews_per_cpu_second / theirs.reviews_per_cpu_second:15.1f}"
        )
    print(f"\nconstraints installed, of which {MATCHING} match: median of a review in us")
    for count, row in scale.items():
        print(f"{count:>10}" + "".join(f"{name:>12} {found.p50:8.1f}" for name, found in row.items()))


def _data(found: Figures) -> dict[str, Any]:
    return {
        "reviewsPerSecond": found.reviews,
        "meanMicroseconds": found.mean,
        "p50Microseconds": found.p50,
        "p99Microseconds": found.p99,
        "peakMegabytes": found.megabytes,
        "violations": found.violations,
        "reviewsPerCpuSecond": found.reviews_per_cpu_second,
    }


if __name__ == "__main__":
    sys.exit(main())
