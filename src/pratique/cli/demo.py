"""`pratique demo`: the story of the first day, played without a person by real kubectl and the public API.

It starts a Pratique of its own in a folder that is deleted afterwards, prints each step with its outcome and
time, and exits 1 when a step fails.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import click

from pratique.errors import NotFoundError, PratiqueError, UnavailableError

LABELS = "/providers/Microsoft.Authorization/policyDefinitions/46592696-4c7b-4bf3-9e45-6c2763bdc0a6"
IMAGES = "/providers/Microsoft.Authorization/policyDefinitions/febd0533-8e55-448f-b837-bd0e06f16469"
PATIENCE = 30.0  # seconds for any one outcome


class StepError(Exception):
    """A step did not have its outcome; the text says what was seen instead."""


class Stage:
    """A running Pratique and the two clients that play on it."""

    def __init__(self, folder: Path, kubectl: str) -> None:
        self.folder = folder
        self.base = _free_ports()
        self._kubectl = kubectl
        self.environment = {
            **os.environ,
            "PRATIQUE_HOME": str(folder),
            "KUBECONFIG": str(folder / "kubeconfig"),
        }
        self.output = ""
        self.api: Any = None
        self.cluster: dict[str, Any] = {}
        self._process: subprocess.Popen[str] | None = None

    async def start(self) -> str:
        """Run `pratique up` and sign in with the link that it prints."""
        from pratique.client.service import ServiceClient

        command = [sys.executable, "-m", "pratique", "up", "--port-base", str(self.base)]
        self._process = subprocess.Popen(  # noqa: S603 our own command
            command, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        lines: list[str] = []
        assert self._process.stdout is not None
        while line := await asyncio.to_thread(self._process.stdout.readline):
            lines.append(line)
            if line.startswith("Ctrl-C"):
                break
        self.output = "".join(lines)
        code = re.search(r"code=(\S+)", self.output)
        if code is None:
            raise StepError(self.output.strip() or "`pratique up` said nothing")
        self.api = ServiceClient(f"http://127.0.0.1:{self.base}")
        await self.api.login(code=code[1])
        self.cluster = await self.api.cluster("embedded")
        return next(line for line in lines if "is ready" in line).strip()

    async def stop(self) -> str:
        """Stop it as Ctrl-C does."""
        if self.api is not None:
            await self.api.close()
        if self._process is None:
            return ""
        self._process.terminate()
        code = await asyncio.to_thread(self._process.wait, 30)
        if code:
            raise StepError(f"`pratique up` ended with exit code {code}")
        return "everything stopped"

    async def kubectl(self, *arguments: str, fails: bool = False) -> str:
        """Run kubectl and return what it prints."""
        result = await asyncio.to_thread(
            subprocess.run,
            [self._kubectl, *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        if (result.returncode != 0) is not fails:
            raise StepError(f"kubectl {' '.join(arguments)}: {(result.stderr or result.stdout).strip()}")
        return result.stderr if fails else result.stdout

    async def assign(self, name: str, title: str, definition: str, parameters: dict[str, Any]) -> str:
        """Assign `definition` to the cluster and return the assignment's id."""
        identifier = (
            f"{self.cluster['resourceId']}/providers/Microsoft.Authorization/policyAssignments/{name}"
        )
        values = {key: {"value": value} for key, value in parameters.items()}
        properties = {"displayName": title, "policyDefinitionId": definition, "parameters": values}
        await self.api.put_assignment(identifier, {"properties": properties})
        return identifier


async def _until(probe: Callable[[], Awaitable[str]], missing: str) -> str:
    """Return the first answer of `probe` that is not empty."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if found := await probe():
            return found
        await asyncio.sleep(0.1)
    raise StepError(f"{missing} within {PATIENCE:.0f} s")


async def _ready(stage: Stage) -> str:
    table = await stage.kubectl("get", "nodes", "--no-headers")
    if " Ready " not in table:
        raise StepError(table)
    return f"{table.split()[0]} is Ready"


async def _deploy(stage: Stage) -> str:
    await stage.kubectl("create", "namespace", "frond-end")
    await stage.kubectl("create", "deployment", "nginx", "--namespace=frond-end", "--image=nginx")

    async def running() -> str:
        pods = await stage.kubectl("get", "pods", "-n", "frond-end", "--no-headers")
        return pods.split()[0] + " runs" if "1/1" in pods and "Running" in pods else ""

    return await _until(running, "no running pod")


async def _enable(stage: Stage) -> str:
    await stage.api.set_addon("embedded", True)

    async def running() -> str:
        pods = await stage.kubectl("get", "pods", "-n", "pratique-system", "--no-headers")
        return "audit and two controllers run" if pods.count("1/1") == 3 else ""

    return await _until(running, "the add-on's three pods are not running")


async def _assign(stage: Stage) -> str:
    await stage.assign("labels", "Pods carry an owner", LABELS, {"labelsList": ["owner"], "effect": "Deny"})
    trusted = {"allowedContainerImagesRegex": "^registry.example/.+$", "effect": "Audit"}
    await stage.assign("images", "Images come from our registry", IMAGES, trusted)

    async def enforced() -> str:
        try:
            names = (await stage.kubectl("get", "constrainttemplates", "-o", "name")).split()
        except StepError:
            return ""
        return f"{len(names)} templates in the cluster" if len(names) == 2 else ""

    return await _until(enforced, "the templates did not reach the cluster")


async def _found(stage: Stage) -> str:
    async def reported() -> str:
        page = await stage.api.records(cluster="embedded", namespace="frond-end", state="NonCompliant")
        pods = [record for record in page.value if record["kind"] == "Pod"]
        return "; ".join(sorted(record["message"] for record in pods)) if len(pods) == 2 else ""

    return await _until(reported, "the pod was not reported")


async def _repair(stage: Stage) -> str:
    pod = (await stage.kubectl("get", "pods", "-n", "frond-end", "-o", "name")).strip()
    await stage.kubectl("label", "-n", "frond-end", pod, "owner=platform")

    async def closed() -> str:
        page = await stage.api.records(cluster="embedded", namespace="frond-end", state="NonCompliant")
        return "the label policy is compliant" if len(page.value) == 1 else ""

    return await _until(closed, "the record stayed open")


async def _denied(stage: Stage) -> str:
    await stage.kubectl("create", "deployment", "label-test", "--namespace=frond-end", "--image=nginx")

    async def event() -> str:
        events = await stage.kubectl("get", "events", "-n", "frond-end")
        found = re.search(r"denied the request: (\[azurepolicy-.*)", events)
        return found[1] if found else ""

    return await _until(event, "no event tells of the denial")


async def _remove(stage: Stage) -> str:
    for assignment in await stage.api.list_assignments():
        await stage.api.delete_assignment(assignment["id"])

    async def gone() -> str:
        names = (await stage.kubectl("get", "constrainttemplates", "-o", "name")).split()
        page = await stage.api.records(cluster="embedded", state="NonCompliant")
        return "constraints gone, records closed" if not names and not page.value else ""

    return await _until(gone, "something of the policies stayed")


STEPS: tuple[tuple[str, Callable[[Stage], Awaitable[str]]], ...] = (
    ("start everything", Stage.start),
    ("kubectl get nodes", _ready),
    ("deploy nginx", _deploy),
    ("enable the add-on", _enable),
    ("assign two policies", _assign),
    ("see what violates them", _found),
    ("repair the pod", _repair),
    ("deploy without the label", _denied),
    ("delete the assignments", _remove),
    ("stop everything", Stage.stop),
)


@click.command()
def demo() -> None:
    """Play the first day on a Pratique of its own, with real kubectl."""
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        raise NotFoundError("`kubectl` is not on PATH", hint="`make demo` brings one without root")
    with tempfile.TemporaryDirectory(prefix="pratique-demo-") as folder:
        failed = asyncio.run(_play(Stage(Path(folder), kubectl)))
    sys.exit(1 if failed else 0)


async def _play(stage: Stage) -> bool:
    failed = False
    for number, (title, step) in enumerate(STEPS, 1):
        if failed and step is not Stage.stop:
            continue
        began = time.perf_counter()
        try:
            outcome, mark = await step(stage), "ok  "
        except (StepError, PratiqueError, subprocess.TimeoutExpired) as error:
            outcome, mark, failed = str(error), "FAIL", True
        click.echo(f"{number:>2} {mark} {time.perf_counter() - began:6.2f} s  {title}: {outcome}")
    return failed


def _free_ports() -> int:
    """Return a port such that it and the next three are free."""
    for base in range(17080, 60000, 10):
        sockets = []
        try:
            for port in range(base, base + 4):
                sockets.append(socket.create_server(("127.0.0.1", port)))
            return base
        except OSError:
            continue
        finally:
            for listener in sockets:
                listener.close()
    raise UnavailableError("no four free ports in a row", hint="stop something that listens")
