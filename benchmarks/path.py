"""How long the whole path takes: `python -m benchmarks.path [--rounds N] [--json]`.

Starts an installation of its own and measures, on loopback: command to ready (first and second start), assignment
saved to request denied, and object changed to compliance row, each beside the time that one `kubectl` call takes in
the same run: the smallest unit in which a person at a shell can notice anything.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from pratique.cli.demo import LABELS, Stage
from pratique.client.kube import KubeClient
from pratique.client.resources import Resource
from pratique.errors import PratiqueError

PODS = Resource("", "v1", "pods", "Pod", namespaced=True)
PATIENCE = 30.0


async def _until(probe: Callable[[], Awaitable[bool]]) -> float:
    """Return the seconds until `probe` holds."""
    began = time.perf_counter()
    while not await probe():
        if time.perf_counter() - began > PATIENCE:
            raise SystemExit("the outcome did not come within 30 s")
        await asyncio.sleep(0.005)
    return time.perf_counter() - began


def _pod(name: str) -> dict[str, object]:
    spec = {"containers": [{"name": "main", "image": "nginx"}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "bench"}, "spec": spec}


async def _measure(folder: Path, kubectl: str, rounds: int) -> dict[str, list[float]]:
    figures: dict[str, list[float]] = {"ready, first start": [], "ready, second start": []}
    figures |= {"assignment -> enforced": [], "object changed -> row closed": [], "one kubectl call": []}
    for name in ("ready, first start", "ready, second start"):
        stage = Stage(folder, kubectl)
        began = time.perf_counter()
        await stage.start()
        figures[name].append(time.perf_counter() - began)
        if name == "ready, first start":
            await stage.stop()
    try:
        await _enable(stage)
        async with KubeClient.from_kubeconfig(folder / "kubeconfig") as client:
            for number in range(rounds):
                await _round(stage, client, number, figures)
                began = time.perf_counter()
                await asyncio.to_thread(
                    subprocess.run,
                    [kubectl, "get", "nodes"],
                    env=stage.environment,
                    capture_output=True,
                    check=True,
                )
                figures["one kubectl call"].append(time.perf_counter() - began)
    finally:
        await stage.stop()
    return figures


async def _enable(stage: Stage) -> None:
    await stage.api.set_addon("embedded", True)

    async def enabled() -> bool:
        return bool((await stage.api.cluster("embedded"))["addon"]["state"] == "Enabled")

    await _until(enabled)
    await stage.kubectl("create", "namespace", "bench")


async def _round(stage: Stage, client: KubeClient, number: int, figures: dict[str, list[float]]) -> None:
    victim = f"victim-{number}"
    await client.create(PODS, _pod(victim))
    name = f"bench-{number}"
    identifier = await stage.assign(name, name, LABELS, {"labelsList": ["owner"], "effect": "Deny"})

    async def denied() -> bool:
        try:
            await client.create(PODS, _pod(f"probe-{number}"), dry_run=True)
        except PratiqueError:
            return True
        return False

    async def rows(count: int) -> bool:
        page = await stage.api.records(assignment=identifier, state="NonCompliant", namespace="bench")
        return len([each for each in page.value if each["name"] == victim]) == count

    figures["assignment -> enforced"].append(await _until(denied))
    await _until(lambda: rows(1))
    await client.patch(PODS, victim, {"metadata": {"labels": {"owner": "bench"}}}, namespace="bench")
    figures["object changed -> row closed"].append(await _until(lambda: rows(0)))
    await stage.api.delete_assignment(identifier)
    await client.delete(PODS, victim, namespace="bench")

    async def admitted() -> bool:
        return not await denied()

    await _until(admitted)


def main() -> None:
    """Print the figures as a table, or as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        print("kubectl, the peer of this benchmark, is missing: scripts/clients kubectl", file=sys.stderr)
        sys.exit(2)
    with tempfile.TemporaryDirectory(prefix="pratique-bench-") as folder:
        figures = asyncio.run(_measure(Path(folder), kubectl, options.rounds))
    peer = statistics.median(figures["one kubectl call"])
    rows = {
        name: {
            "median": statistics.median(times),
            "max": max(times),
            "ratio": statistics.median(times) / peer,
        }
        for name, times in figures.items()
    }
    if options.json:
        print(json.dumps(rows, indent=2))
        return
    print(f"{'':32}{'median':>10}{'max':>10}{'x kubectl':>12}")
    for name, row in rows.items():
        print(f"{name:32}{row['median']:>8.3f} s{row['max']:>8.3f} s{row['ratio']:>12.1f}")


if __name__ == "__main__":
    main()
