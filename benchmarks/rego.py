"""Time every template of a Gatekeeper library with every case of its suite, beside other Rego engines.

`python -m benchmarks.rego [--library DIR] [--seconds N] [--json] [--peers NAMES]` prints microseconds of CPU time
for one evaluation, from a Python dict to a Python list: unspecialised, and specialised to the constraint's
parameters. Each evaluation gets a fresh copy of its input, made outside the timing; nothing is kept between them;
every peer's answer is compared with ours. A peer that is missing is said, and the exit code is 2.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import statistics
import sys
import time
from pathlib import Path
from typing import Any, Final

from benchmarks import start
from benchmarks.library import LIBRARY, Case, cases
from benchmarks.peers import PEERS, MissingError, timed
from pratique import rego
from pratique.rego.runtime.text import to_json

Row = dict[str, Any]
OURS: Final = ("plain", "specialised")


def compiled(case: Case, *, specialised: bool) -> rego.Policy:
    """Return a case's policy."""
    constants = {"input.parameters": case.parameters} if specialised else None
    return rego.compile(case.sources, entrypoints=[case.entrypoint], constants=constants)


def measure(case: Case, policy: rego.Policy, seconds: float) -> tuple[float, Any]:
    """Return the microseconds for one evaluation, and the answer as plain JSON."""
    data = case.data
    found = to_json(policy.evaluate(case.entrypoint, case.question, data))

    def evaluate(question: dict[str, Any]) -> list[Any]:
        return list(policy.evaluate(case.entrypoint, question, data))

    return timed(seconds, lambda: copy.deepcopy(case.question), evaluate), found


def one(case: Case, peers: dict[str, Any], seconds: float) -> Row:
    """Return every time of one case, and what answered differently or failed."""
    row: Row = {"case": case.name, "wrong": {}}
    before = time.process_time()
    plain = compiled(case, specialised=False)
    row["compile_ms"] = (time.process_time() - before) * 1e3
    row["plain"], answer = measure(case, plain, seconds)
    row["specialised"], other = measure(case, compiled(case, specialised=True), seconds)
    if other != answer:
        row["wrong"]["specialised"] = other
    for name, peer in peers.items():
        try:
            times, theirs = peer.measure(case, seconds)
        except Exception as error:  # a peer may fail in ways of its own
            row["wrong"][name] = f"{type(error).__name__}: {error}".splitlines()[0]
            continue
        if _sorted(theirs) != _sorted(answer):
            row["wrong"][name] = theirs
        else:
            row.update(times)
    return row


def _sorted(answer: Any) -> list[str]:
    return sorted(json.dumps(each, sort_keys=True) for each in answer or [])


def mean(values: list[float]) -> float:
    """Return the geometric mean."""
    return math.exp(statistics.fmean(map(math.log, values)))


def summary(rows: list[Row]) -> dict[str, Any]:
    """Return the figures of all rows."""
    total: dict[str, Any] = {"cases": len(rows)}
    columns = (*OURS, "opa_go", "opa_parsed", "regorus", "regopy")
    for name in columns:
        values = [row[name] for row in rows if name in row]
        if not values:
            continue
        total[name] = {"cases": len(values), "mean_us": mean(values), "p90_us": _p90(values)}
        if name in OURS:
            continue
        for ours in OURS:
            ratios = {row["case"]: row[name] / row[ours] for row in rows if name in row}
            worst = min(ratios, key=lambda case: ratios[case])
            total[name][f"over_{ours}"] = {
                "mean": mean(list(ratios.values())),
                "worst": ratios[worst],
                "worst_case": worst,
            }
    total["gain"] = mean([row["plain"] / row["specialised"] for row in rows])
    total["compile_ms_median"] = statistics.median([row["compile_ms"] for row in rows])
    total["wrong"] = sum(len(row["wrong"]) for row in rows)
    return total


def _p90(values: list[float]) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * 0.9))]


def show(rows: list[Row], total: dict[str, Any], slowest: int) -> None:
    """Print the figures for a person."""
    names = [name for name in total if isinstance(total[name], dict) and "mean_us" in total[name]]
    print(f"{'':>12}" + "".join([f"{name:>13}" for name in names]))
    for what, label in (("cases", "cases"), ("mean_us", "geo. mean us"), ("p90_us", "p90 us")):
        print(f"{label:>12}" + "".join([f"{total[name][what]:13.5g}" for name in names]))
    for name in names:
        for ours in OURS:
            if (found := total[name].get(f"over_{ours}")) is not None:
                print(
                    f"{name} / {ours}: {found['mean']:.1f} times (geometric mean), "
                    f"worst {found['worst']:.2f} ({found['worst_case']})"
                )
    print(
        f"specialising gains {total['gain']:.2f} times; compiling takes {total['compile_ms_median']:.1f} ms"
    )
    print(f"\nslowest of ours:{'':46}" + "".join([f"{name:>13}" for name in names]))
    for row in sorted(rows, key=lambda row: -float(row["plain"]))[:slowest]:
        times = "".join([f"{row[name]:13.1f}" if name in row else f"{'-':>13}" for name in names])
        print(f"{row['case'][:61]:61} {times}")
    for name in ("specialised", *PEERS):
        wrong = [(row["case"], row["wrong"][name]) for row in rows if name in row["wrong"]]
        if wrong:
            print(f"{name} gives another answer or none in {len(wrong)} cases, which its figures leave out:")
        for case, answer in wrong:
            print(f"    {case}: {str(answer)[:120]}")


def peers_named(names: str) -> tuple[dict[str, Any], list[str]]:
    """Return the peers that are here, and what is missing."""
    found: dict[str, Any] = {}
    missing = []
    for name in filter(None, names.split(",")):
        try:
            found[name] = PEERS[name]()
        except MissingError as error:
            missing.append(str(error))
    return found, missing


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--library", type=Path, default=LIBRARY)
    parser.add_argument("--seconds", type=float, default=0.05, help="per case and engine")
    parser.add_argument("--peers", default=",".join(PEERS), help="which to ask (default: all)")
    parser.add_argument("--slowest", type=int, default=10, help="how many cases to list")
    parser.add_argument("--only", default="", help="cases with this in their name")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    peers, missing = peers_named(options.peers)
    chosen = [case for case in cases(options.library) if options.only in case.name]
    if not chosen:
        print(f"no suite below {options.library}", file=sys.stderr)
        return 2
    rows = [one(case, peers, options.seconds) for case in chosen]
    total = summary(rows)
    total.update(start.figures(chosen))
    if options.json:
        print(json.dumps({"total": total, "missing": missing, "cases": rows}, indent=1))
    else:
        show(rows, total, options.slowest)
        start.show(total)
    for each in missing:
        print(f"missing: {each}", file=sys.stderr)
    return 2 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
