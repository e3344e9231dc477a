"""Time `pratique test` beside `gator test` over many manifests, wall to wall.

`python -m benchmarks.offline [--library DIR] [--manifests N] [--gator-manifests N] [--rounds N] [--json]` writes pods,
one a file, and judges them by a library's templates that do not read the inventory. Gator takes so long that it is
given fewer manifests by default; what is compared is the time for one. The programs take turns. Without `gator` there
is nothing to compare with: exit code 2.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks import programs
from benchmarks.pods import LIBRARY, read

PRATIQUE = [sys.executable, "-m", "pratique", "test"]
FLAGS = ("--enable-k8s-native-validation=false",)


@dataclass(frozen=True, slots=True)
class Figures:
    """The median of a program's runs: seconds, megabytes of its largest process, lines that it printed."""

    manifests: int
    seconds: float
    cpu: float
    megabytes: float
    lines: int

    @property
    def each(self) -> float:
        """Return the milliseconds for one manifest."""
        return self.seconds / self.manifests * 1000

    @property
    def cpu_each(self) -> float:
        """Return the milliseconds of processor time for one manifest."""
        return self.cpu / self.manifests * 1000


def judge(command: list[str], policies: Path, pods: Path) -> programs.Run:
    """Run one program; violations give exit code 1."""
    return programs.run([*command, "-f", str(policies), "-f", str(pods)], codes=(0, 1))


def median(runs: list[programs.Run], manifests: int) -> Figures:
    """Return the median of each figure."""
    return Figures(
        manifests,
        statistics.median(run.seconds for run in runs),
        statistics.median(run.cpu for run in runs),
        statistics.median(run.megabytes for run in runs),
        runs[0].output.count("\n"),
    )


def agree(ours: str, theirs: str) -> bool:
    """Tell whether the two print the same lines; equal messages have no order in gator."""
    return Counter(ours.splitlines()) == Counter(theirs.splitlines())


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--library", type=Path, default=LIBRARY)
    parser.add_argument("--manifests", type=int, default=10_000)
    parser.add_argument("--gator-manifests", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    inputs = read(options.library)
    if not inputs.templates:
        print(f"no suite below {options.library}", file=sys.stderr)
        return 2
    gator = programs.find("gator")
    ours: list[programs.Run] = []
    theirs: list[programs.Run] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        policies = inputs.policies(folder / "policies")
        pods = inputs.manifests(folder / "pods", options.manifests)
        fewer = inputs.manifests(folder / "fewer", options.gator_manifests)
        for _ in range(options.rounds):
            ours.append(judge(PRATIQUE, policies, pods))
            if gator:
                theirs.append(judge([gator, "test", *FLAGS], policies, fewer))
        same = not gator or agree(judge(PRATIQUE, policies, fewer).output, theirs[0].output)
    found = {"pratique": median(ours, options.manifests)}
    if gator:
        found["gator"] = median(theirs, options.gator_manifests)
    report(found, len(inputs.constraints), as_json=options.json)
    if not gator:
        print("gator is missing: there is nothing to compare with", file=sys.stderr)
        return 2
    if not same:
        print("the two do not print the same lines", file=sys.stderr)
        return 1
    return 0


def report(found: dict[str, Figures], constraints: int, *, as_json: bool) -> None:
    """Print everything."""
    if as_json:
        print(json.dumps({name: asdict(one) for name, one in found.items()}, indent=1))
        return
    print(f"{constraints} constraints")
    print(
        f"{'':>10}{'manifests':>11}{'seconds':>9}{'ms each':>9}{'CPU ms each':>13}{'peak MB':>9}{'violations':>12}"
    )
    for name, one in found.items():
        print(
            f"{name:>10}{one.manifests:11}{one.seconds:9.2f}{one.each:9.3f}{one.cpu_each:13.3f}"
            f"{one.megabytes:9.0f}{one.lines:12}"
        )
    if "gator" in found:
        ours, theirs = found["pratique"], found["gator"]
        print(f"{'times':>10}{'':20}{theirs.each / ours.each:9.1f}{theirs.cpu_each / ours.cpu_each:13.1f}")


if __name__ == "__main__":
    sys.exit(main())
