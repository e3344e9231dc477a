"""Mutators as a person meets them: real kubectl, the embedded cluster, the add-on's own pods."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.agent.test_loop import Whole, enabled, whole

CLIENTS = Path(__file__).resolve().parents[2] / ".cache" / "clients" / "bin"

ASSIGN = """\
apiVersion: mutations.gatekeeper.sh/v1
kind: Assign
metadata: {name: always-pull}
spec:
  applyTo: [{groups: [""], versions: [v1], kinds: [Pod], operations: [CREATE]}]
  match: {scope: Namespaced, namespaces: [default]}
  location: "spec.containers[name: *].imagePullPolicy"
  parameters: {assign: {value: Always}}
"""
LABEL = """\
apiVersion: mutations.gatekeeper.sh/v1
kind: AssignMetadata
metadata: {name: owner}
spec:
  match: {kinds: [{apiGroups: [""], kinds: [Pod]}], namespaces: [default]}
  location: metadata.labels.owner
  parameters: {assign: {value: me}}
"""
POD = """\
apiVersion: v1
kind: Pod
metadata: {name: NAME}
spec: {containers: [{name: main, image: "nginx:1.27", imagePullPolicy: IfNotPresent}]}
"""


class Shell:
    """kubectl, with the embedded cluster's kubeconfig."""

    def __init__(self, folder: Path) -> None:
        found = shutil.which("kubectl", path=f"{CLIENTS}{os.pathsep}{os.environ['PATH']}")
        if found is None:
            pytest.fail("`kubectl` is missing: scripts/clients brings it")
        (config,) = folder.glob("cluster/**/kubeconfig*")
        self._command = [found, f"--kubeconfig={config}", f"--cache-dir={folder}/cache"]

    async def run(self, *arguments: str, text: str = "") -> tuple[int, str]:
        process = await asyncio.create_subprocess_exec(
            *self._command,
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate(text.encode())
        assert process.returncode is not None
        return process.returncode, output.decode()

    async def ok(self, *arguments: str, text: str = "") -> str:
        code, output = await self.run(*arguments, text=text)
        assert code == 0, output
        return output

    async def pod(self, name: str, *arguments: str) -> dict[str, Any]:
        text = await self.ok("create", "-f", "-", "-o", "json", *arguments, text=POD.replace("NAME", name))
        found: dict[str, Any] = json.loads(text)
        return found


async def in_force(w: Whole, shell: Shell, kind: str, name: str) -> None:
    async def told() -> bool:
        text = await shell.ok("get", kind, name, "-o", "json")
        entries = (json.loads(text).get("status") or {}).get("byPod") or []
        return len(entries) >= 3 and all(entry["enforced"] for entry in entries)

    await w.until(told, f"{name} in force in every pod")


def test_a_pod_is_changed_as_it_is_created(tmp_path: Path) -> None:
    async def story() -> None:
        async with whole(tmp_path) as w:
            shell = Shell(tmp_path)
            await w.api.set_addon("embedded", True)
            await w.until(lambda: enabled(w))
            assert (await shell.pod("before"))["spec"]["containers"][0]["imagePullPolicy"] == "IfNotPresent"

            assert await shell.ok("apply", "-f", "-", text=ASSIGN) == (
                "assign.mutations.gatekeeper.sh/always-pull created\n"
            )
            await shell.ok("apply", "-f", "-", text=LABEL)
            await in_force(w, shell, "assign", "always-pull")
            await in_force(w, shell, "assignmetadata", "owner")

            # A dry run shows the change, and keeps nothing.
            tried = await shell.pod("tried", "--dry-run=server")
            assert tried["spec"]["containers"][0]["imagePullPolicy"] == "Always"
            assert (await shell.run("get", "pod", "tried"))[0] == 1

            changed = await shell.pod("after")
            assert changed["spec"]["containers"][0]["imagePullPolicy"] == "Always"
            assert changed["metadata"]["labels"] == {"owner": "me"}
            assert "annotations" not in changed["metadata"]
            # A pod that exists may not change there, which is what `operations` is for; a label of its own stays.
            await shell.ok("label", "pod", "before", "owner=them")
            owner = await shell.ok("get", "pod", "before", "-o", "jsonpath={.metadata.labels.owner}")
            assert owner == "them"
            # Another namespace is none of the mutators' business.
            await shell.ok("create", "namespace", "other")
            other = await shell.pod("free", "-n", "other")
            assert other["spec"]["containers"][0]["imagePullPolicy"] == "IfNotPresent"

            # What is no mutator is refused at once, in Gatekeeper's words.
            code, output = await shell.run(
                "apply",
                "-f",
                "-",
                text=ASSIGN.replace('"spec.containers[name: *].imagePullPolicy"', "metadata.name"),
            )
            assert code == 1
            assert (
                'admission webhook "validation.gatekeeper.sh" denied the request: '
                "assign always-pull can't change metadata"
            ) in output

            await shell.ok("delete", "assign", "always-pull")

            async def untouched() -> bool:
                made = await shell.pod("gone", "--dry-run=server")
                return bool(made["spec"]["containers"][0]["imagePullPolicy"] == "IfNotPresent")

            await w.until(untouched, "mutator out of force")

    asyncio.run(story())


TEMPLATE = """\
apiVersion: templates.gatekeeper.sh/v1
kind: ConstraintTemplate
metadata: {name: nolatest}
spec:
  crd: {spec: {names: {kind: NoLatest}}}
  targets:
  - target: admission.k8s.gatekeeper.sh
    rego: |
      package nolatest
      violation[{"msg": sprintf("%v has no version", [image])}] {
        image := input.review.object.spec.containers[_].image
        not contains(image, ":")
      }
"""
CONSTRAINT = """\
apiVersion: constraints.gatekeeper.sh/v1beta1
kind: NoLatest
metadata: {name: versions}
spec: {match: {kinds: [{apiGroups: [""], kinds: [Pod]}]}}
"""
EXPANSION = """\
apiVersion: expansion.gatekeeper.sh/v1beta1
kind: ExpansionTemplate
metadata: {name: deployments}
spec:
  applyTo: [{groups: [apps], versions: [v1], kinds: [Deployment]}]
  templateSource: spec.template
  generatedGVK: {group: "", version: v1, kind: Pod}
"""


def test_a_deployment_is_refused_for_the_pods_that_it_would_make(tmp_path: Path) -> None:
    async def story() -> None:
        async with whole(tmp_path) as w:
            shell = Shell(tmp_path)
            await w.api.set_addon("embedded", True)
            await w.until(lambda: enabled(w))
            await shell.ok("apply", "-f", "-", text=TEMPLATE)

            async def applied() -> bool:
                return (await shell.run("apply", "-f", "-", text=CONSTRAINT))[0] == 0

            await w.until(applied, "constraint taken")
            create = ("create", "deployment", "web", "--image=nginx", "--dry-run=server")
            assert (await shell.run(*create))[0] == 0
            await shell.ok("apply", "-f", "-", text=EXPANSION)

            async def refused() -> str:
                code, output = await shell.run(*create)
                return output if code else ""

            text = await w.until(refused, "what is generated is judged")
            assert "denied the request: [versions] [Implied by deployments] nginx has no version" in text
            await shell.ok("create", "deployment", "web", "--image=nginx:1.27", "--dry-run=server")

    asyncio.run(story())
