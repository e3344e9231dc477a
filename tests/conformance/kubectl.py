"""Play kubectl transcripts against a cluster and compare every step.

    python -m tests.conformance.kubectl [--kubeconfig FILE] [--kubectl PROGRAM] [--todo FILE] DIR|FILE...

`DIR` holds `<topic>/<scenario>.yaml` (or is one topic) in the format of the suite's README. Without
`--kubeconfig` an embedded cluster of our own is started for the run, and our agent in it for the scenarios that
need Gatekeeper; with it these are played when `--engine` says that the cluster has a policy engine. Steps that
do not match are printed with a diff; the last line is `N passed, M failed` for steps and for scenarios. Failures that
`kubectl-todo.txt` names are known: only others make the exit status 1, and so does a line in that file whose
step passes (take it out).
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import yaml
from tests.conformance import kubectl_engine, kubectl_kubelet, kubectl_match, kubectl_webhook

TODO = Path(__file__).with_name("kubectl-todo.txt")
ALONE = (
    "nodes",
    "gatekeeper",
)  # in this order at the end: they change what all share: the only node, a webhook that sees everything
STEP_LIMIT = 120
SOMETIMES = "(sometimes)"  # in a reason: such a step may pass as well


@dataclass
class Result:
    """What became of one scenario: for each step its lines of difference, none when it matched."""

    name: str
    steps: list[tuple[str, list[str]]] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        return not any(lines for _, lines in self.steps)


@dataclass(frozen=True)
class Player:
    """What all scenarios of a run share."""

    kubeconfig: dict[str, Any]
    kubectl: Path
    minor: int
    wait_limit: float
    certificate: kubectl_webhook.Certificate
    engine: bool

    def play(self, path: Path) -> Result:
        scenario = yaml.safe_load(path.read_text())
        result = Result(scenario["name"])
        start = time.monotonic()
        if "gatekeeper" in (scenario.get("needs") or ()) and not self.engine:
            missing = ["needs Gatekeeper's controllers and webhook in the cluster"]
            result.steps = [(step["run"], missing) for step in scenario["steps"]]
            return result
        with tempfile.TemporaryDirectory(prefix="kubectl-") as folder:
            server = None
            if "webhook" in scenario:
                server = kubectl_webhook.WebhookServer(scenario["webhook"], self.certificate)
            environment = self._prepare(scenario, Path(folder), server)
            try:
                for step in scenario["steps"]:
                    result.steps.append((step["run"], self._step(step, Path(folder, "work"), environment)))
            finally:
                if server is not None:
                    server.close()
                self._clean(scenario, Path(folder, "work"), environment)
        result.seconds = time.monotonic() - start
        return result

    def _prepare(
        self, scenario: dict[str, Any], folder: Path, server: kubectl_webhook.WebhookServer | None
    ) -> dict[str, str]:
        work, home, programs = folder / "work", folder / "home", folder / "bin"
        for each in (work, home, programs):
            each.mkdir()
        (programs / "kubectl").symlink_to(self.kubectl)
        config = {**self.kubeconfig}
        config["contexts"] = [
            {**item, "context": {**item["context"], "namespace": scenario.get("namespace", "default")}}
            for item in config["contexts"]
        ]
        (folder / "kubeconfig").write_text(yaml.safe_dump(config))
        for name, text in (scenario.get("files") or {}).items():
            if server is not None:
                text = text.replace("${WEBHOOK}", server.address).replace("${CA}", self.certificate.ca)
            target = work / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
        return {
            "HOME": str(home),
            "KUBECONFIG": str(folder / "kubeconfig"),
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            "PATH": f"{programs}:{os.environ['PATH']}",
        }

    def _step(self, step: dict[str, Any], work: Path, environment: dict[str, str]) -> list[str]:
        lines: list[str] = []
        wait = step.get("wait")
        if isinstance(wait, int | float):
            time.sleep(wait)
        elif isinstance(wait, dict) and not self._wait(wait, work, environment):
            lines.append(f"(waited in vain: {wait['until']!r} contains {wait.get('contains', '')!r})")
        code, out, err = _run(step["run"], work, environment, stdin=step.get("stdin"))
        old = self.minor <= 32

        def expected(name: str, default: Any) -> Any:
            value = step.get(name, default)
            return step.get(f"{name}_1_32", value) if old else value

        if code != expected("exit", 0):
            lines.append(f"exit {code}, expected {expected('exit', 0)}")
        bag = step.get("order") == "any"
        for name, text in (("stdout", out), ("stderr", err)):
            changed = kubectl_match.difference(expected(name, ""), text, errors=name == "stderr", bag=bag)
            lines += [f"{name}:", *changed] if changed else []
        return lines

    def _wait(self, wait: dict[str, Any], work: Path, environment: dict[str, str]) -> bool:
        end = time.monotonic() + self.wait_limit
        while time.monotonic() < end:
            code, out, err = _run(wait["until"], work, environment)
            if code == wait.get("exit", 0) and str(wait.get("contains", "")) in out + err:
                return True
            time.sleep(0.15)
        return False

    def _clean(self, scenario: dict[str, Any], work: Path, environment: dict[str, str]) -> None:
        # A failed scenario may leave a webhook that refuses everything, so configurations go first.
        name = scenario.get("namespace")
        if name:
            _run(
                f"kubectl delete validatingwebhookconfigurations,mutatingwebhookconfigurations "
                f"$(sed -n 's/.*metadata: {{name: \\({name}[a-z-]*\\)}}.*/\\1/p' *.yaml 2>/dev/null) "
                f"--ignore-not-found; kubectl delete namespace {name} --wait=false --ignore-not-found",
                work,
                environment,
            )


def _run(
    line: str, work: Path, environment: dict[str, str], *, stdin: str | None = None
) -> tuple[int, str, str]:
    process = subprocess.Popen(
        ["bash", "-c", line],
        cwd=work,
        env=environment,
        stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    try:
        out, err = process.communicate(stdin, timeout=STEP_LIMIT)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
        err += f"\n(ended after {STEP_LIMIT} s)"
    return process.returncode, out, err


def scenarios(paths: list[Path]) -> list[Path]:
    found = [path for base in paths for path in ([base] if base.is_file() else sorted(base.rglob("*.yaml")))]
    if not found:
        raise SystemExit(f"no scenario under {', '.join(map(str, paths))}")
    return found


def read_todo(path: Path) -> dict[str, str]:
    """Return `scenario:step` -> reason; a reason heads its lines as `# reason (count)`."""
    known, reason = {}, "unsorted"
    for line in path.read_text().splitlines() if path.exists() else ():
        if line.startswith("# "):
            reason = re.sub(r" \(\d+\)$", "", line[2:])
        elif line.strip():
            known[line.split()[0]] = reason
    return known


def write_todo(path: Path, results: list[Result], known: dict[str, str]) -> None:
    """Write the failures down, those of scenarios that were not played included, counted by reason."""
    played = {result.name for result in results}
    entries = {key: reason for key, reason in known.items() if key.rpartition(":")[0] not in played}
    for result in results:
        for number, (_, lines) in enumerate(result.steps, 1):
            if lines:
                key = f"{result.name}:{number}"
                reason = lines[0] if lines[0].startswith("needs ") else "unsorted"
                entries[key] = known.get(key, reason)
    text = []
    for reason, count in sorted(Counter(entries.values()).items()):
        text.append(f"# {reason} ({count})")
        text += sorted((key for key, value in entries.items() if value == reason), key=_natural)
        text.append("")
    path.write_text("\n".join(text))


def _natural(key: str) -> tuple[str, int]:
    name, _, number = key.rpartition(":")
    return name, int(number)


@contextlib.contextmanager
def target(kubeconfig: Path | None) -> Iterator[Path]:
    """Yield the kubeconfig to use, of an embedded cluster that lives as long as the run if none was given."""
    if kubeconfig is not None:
        yield kubeconfig
        return
    from pratique.devcluster import DevCluster, Settings

    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    with tempfile.TemporaryDirectory(prefix="cluster-") as folder:
        settings = Settings(state_dir=Path(folder), port=0, node_name="node-0", images=kubectl_engine.IMAGES)
        cluster = DevCluster(settings)
        asyncio.run_coroutine_threadsafe(cluster.start(), loop).result(60)
        try:
            yield cluster.kubeconfig
        finally:
            asyncio.run_coroutine_threadsafe(cluster.stop(), loop).result(30)
            loop.call_soon_threadsafe(loop.stop)


def play_all(
    paths: list[Path], player: Player, jobs: int, install_engine: Callable[[], None] | None
) -> list[Result]:
    together = [path for path in paths if path.parent.name not in ALONE]
    alone = [path for path in paths if path.parent.name in ALONE]
    results = []
    with ThreadPoolExecutor(jobs) as pool:
        for result in pool.map(player.play, together):
            show(result)
            results.append(result)
    for path in alone:
        if install_engine is not None and path.parent.name == "gatekeeper":
            install_engine()
            install_engine = None
        results.append(player.play(path))
        show(results[-1])
    return results


def show(result: Result) -> None:
    failed = [(number, step) for number, step in enumerate(result.steps, 1) if step[1]]
    word, good = "FAIL" if failed else "ok  ", len(result.steps) - len(failed)
    print(f"{word} {result.name} {good}/{len(result.steps)} {result.seconds:.1f}s", flush=True)
    if failed and failed[0][1][1][0].startswith("needs Gatekeeper"):
        print(f"     {failed[0][1][1][0]}")
        return
    for number, (run, lines) in failed:
        print(f"  --- {result.name}:{number}  {run}")
        print("\n".join(f"      {line}" for line in lines), flush=True)


def verdict(results: list[Result], known: dict[str, str]) -> int:
    keys = {f"{r.name}:{n}": bool(lines) for r in results for n, (_, lines) in enumerate(r.steps, 1)}
    fresh = sorted((key for key, failed in keys.items() if failed and key not in known), key=_natural)
    cured = sorted(
        (key for key, reason in known.items() if keys.get(key) is False and SOMETIMES not in reason),
        key=_natural,
    )
    if fresh:
        print(f"not in {TODO.name}: {' '.join(fresh)}")
    if cured:
        print(f"in {TODO.name}, but passed: {' '.join(cured)}")
    topics = Counter(result.name.partition("/")[0] for result in results for _ in result.steps)
    wrong = Counter(r.name.partition("/")[0] for r in results for _, lines in r.steps if lines)
    print("  ".join(f"{topic} {count - wrong[topic]}/{count}" for topic, count in sorted(topics.items())))
    good = sum(result.passed for result in results)
    bad = sum(keys.values())
    print(f"scenarios: {good} passed, {len(results) - good} failed")
    print(f"steps: {len(keys) - bad} passed, {bad} failed")
    return 1 if fresh or cured else 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.conformance.kubectl", description=__doc__)
    parser.add_argument("paths", nargs="+", type=Path)
    parser.add_argument("--kubeconfig", type=Path)
    parser.add_argument("--kubectl", default="kubectl", help="program to drive (default: the one on PATH)")
    parser.add_argument(
        "--engine", action="store_true", help="the cluster of --kubeconfig has a policy engine"
    )
    parser.add_argument("--jobs", type=int, default=4)
    parser.add_argument("--wait-limit", type=float, default=90, help="seconds a step's `wait` may take")
    parser.add_argument("--todo", type=Path, default=TODO)
    parser.add_argument("--write-todo", action="store_true", help="write the failures into the todo file")
    options = parser.parse_args()
    found = subprocess.run(["bash", "-c", f"command -v {options.kubectl}"], capture_output=True, text=True)
    if found.returncode:
        raise SystemExit(f"no program {options.kubectl!r}; on Debian: apt-get install kubernetes-client")
    kubectl = Path(found.stdout.strip()).resolve()
    version = subprocess.run([kubectl, "version", "--client"], capture_output=True, text=True).stdout
    match = re.search(r'v1\.(\d+)|Minor:"(\d+)', version)
    if match is None:
        raise SystemExit(f"{kubectl} does not tell its version: {version!r}")
    with target(options.kubeconfig) as kubeconfig:
        config = yaml.safe_load(kubeconfig.read_text())
        minor = int(match.group(1) or match.group(2))
        certificate = kubectl_webhook.Certificate()
        own = options.kubeconfig is None
        player = Player(config, kubectl, minor, options.wait_limit, certificate, own or options.engine)
        install = partial(kubectl_engine.install, kubeconfig) if own else None
        helper = kubectl_kubelet.start_if_needed(kubeconfig) if options.kubeconfig else None
        try:
            results = play_all(scenarios(options.paths), player, options.jobs, install)
        finally:
            if helper is not None:
                helper.stop()
    known = read_todo(options.todo)
    if options.write_todo:
        write_todo(options.todo, results, known)
        known = read_todo(options.todo)
    return verdict(results, known)


if __name__ == "__main__":
    sys.exit(main())
