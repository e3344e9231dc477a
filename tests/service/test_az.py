"""The unmodified Azure CLI against the service: over TLS, with REQUESTS_CA_BUNDLE and nothing else.

`scripts/install-az` brings it (slow once, then cached). Without it these tests fail and say how to cure that.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.service.conftest import TEMPLATE, Agent, Running, definition

from pratique.listener import Listener, tls_of
from pratique.service import certificates

ROOT = Path(__file__).resolve().parents[2]
LABELS = "46592696-4c7b-4bf3-9e45-6c2763bdc0a6"


@dataclass
class Az:
    """The CLI, with a profile of its own."""

    program: str
    environment: dict[str, str]
    running: Running

    def __call__(self, *arguments: str, code: int = 0) -> Any:
        done = subprocess.run(
            [self.program, *arguments, "-o", "json"],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == code, (
            f"az {' '.join(arguments)}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        )
        return done.stderr if code else json.loads(done.stdout or "null")


@pytest.fixture(scope="module")
def az(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Az]:
    installed = subprocess.run([ROOT / "scripts/install-az"], capture_output=True, text=True, timeout=1200)
    assert installed.returncode == 0, installed.stderr
    folder = tmp_path_factory.mktemp("az")
    running = Running(folder / "state")
    certificate = certificates.ensure(folder / "state")
    listener = Listener(
        running.service.app,
        host="127.0.0.1",
        port=0,
        tls=tls_of(certificate.certificate, certificate.key),
    )
    running.run(listener.start())
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "AZURE_CONFIG_DIR": str(folder / "azure"),
        "REQUESTS_CA_BUNDLE": str(certificate.ca),
        "AZURE_CORE_COLLECT_TELEMETRY": "false",
        "AZURE_CORE_NO_COLOR": "true",
    }
    found = Az(installed.stdout.strip().splitlines()[-1], environment, running)
    made = running.credentials
    assert made is not None
    found("cloud", "register", "-n", "Pratique", "--endpoint-resource-manager", listener.url)
    found("cloud", "set", "-n", "Pratique")
    account = found(
        *("login", "--service-principal", "-u", made.client_id),
        *("-p", made.client_secret, "--tenant", made.tenant),
    )
    assert f"/subscriptions/{account[0]['id']}" == running.subscription
    yield found
    running.run(listener.stop())
    running.stop()


def files(folder: Path, template: str = TEMPLATE) -> list[str]:
    properties = definition(template)["properties"]
    rules, parameters = folder / "rules.json", folder / "parameters.json"
    rules.write_text(json.dumps(properties["policyRule"]))
    parameters.write_text(json.dumps(properties["parameters"]))
    return ["--mode", properties["mode"], "--rules", str(rules), "--params", str(parameters)]


def test_a_definition_lives_and_dies(az: Az, tmp_path: Path) -> None:
    assert LABELS in [found["name"] for found in az("policy", "definition", "list")]
    made = az("policy", "definition", "create", "-n", "own", "--display-name", "Own", *files(tmp_path))
    assert made["policyType"] == "Custom"
    assert az("policy", "definition", "show", "-n", "own")["id"] == made["id"]
    assert az("policy", "definition", "show", "-n", LABELS)["policyType"] == "BuiltIn"
    assert az("policy", "definition", "update", "-n", "own", "--description", "new")["description"] == "new"
    custom = az("policy", "definition", "list", "--filter", "policyType eq 'Custom'")
    assert [found["name"] for found in custom] == ["own"]
    az("policy", "definition", "delete", "-n", "own")
    assert "PolicyDefinitionNotFound" in az("policy", "definition", "show", "-n", "own", code=3)


def test_a_broken_template_is_shown_with_its_line(az: Az, tmp_path: Path) -> None:
    broken = TEMPLATE.replace("wanted := input", "wanted :=== input")
    line = next(number for number, text in enumerate(broken.splitlines(), 1) if ":===" in text)
    told = az("policy", "definition", "create", "-n", "broken", *files(tmp_path, broken), code=1)
    assert "(InvalidConstraintTemplate)" in told and f"template.yaml:{line}:" in told


def test_assignments_and_their_compliance(az: Az, tmp_path: Path) -> None:
    cluster = az.running.cluster()
    assert [found["name"] for found in az("aks", "list")] == ["embedded"]
    assert [found["name"] for found in az("group", "list")] == ["pratique"]
    az("policy", "definition", "create", "-n", "mine", *files(tmp_path))
    labels = json.dumps({"labels": {"value": ["owner"]}})
    top = az("policy", "assignment", "create", "-n", "top", "--policy", "mine", "--params", labels)
    assert top["enforcementMode"] == "Default"
    tenant_id = f"/providers/Microsoft.Authorization/policyDefinitions/{LABELS}"
    for name, policy in (("by-name", LABELS), ("by-id", tenant_id)):
        made = az(
            *("policy", "assignment", "create", "-n", name, "--policy", policy, "--scope", cluster),
            *("--params", json.dumps({"labelsList": {"value": ["owner"]}})),
        )
        assert made["policyDefinitionId"] == tenant_id
    assert [found["name"] for found in az("policy", "assignment", "list")] == ["top"]
    everything = az("policy", "assignment", "list", "--disable-scope-strict-match")
    assert {found["name"] for found in everything} == {"top", "by-name", "by-id"}
    assert az("policy", "assignment", "show", "-n", "by-id", "--scope", cluster)["scope"] == cluster
    wrong = json.dumps({"labels": {"value": "owner"}})
    told = az("policy", "assignment", "create", "-n", "x", "--policy", "mine", "--params", wrong, code=1)
    assert "(InvalidPolicyParameters)" in told and "`labels`" in told

    report(az.running, top["id"])
    states = az("policy", "state", "list", "--filter", "complianceState eq 'NonCompliant'")
    assert [found["policyAssignmentName"] for found in states] == ["top"]
    assert states[0]["resourceId"] == cluster and states[0]["isCompliant"] is False
    counted = az("policy", "state", "list", "--apply", "groupby((complianceState),aggregate($count as n))")
    assert {found["complianceState"]: found["n"] for found in counted} == {"NonCompliant": 1, "NotStarted": 2}
    summary = az("policy", "state", "summarize")
    assert summary["results"]["nonCompliantResources"] == 1
    assert summary["policyAssignments"][0]["policyAssignmentId"] == top["id"]
    assert az("policy", "state", "summarize", "--resource", cluster)["results"]["nonCompliantPolicies"] == 1
    az("policy", "state", "trigger-scan")

    az("policy", "assignment", "delete", "-n", "top")
    for name in ("by-name", "by-id", "by-id"):  # the last one is gone already, which az takes for success
        az("policy", "assignment", "delete", "-n", name, "--scope", cluster)
    assert az("policy", "state", "list") == []
    actors = {entry["actor"] for entry in az.running.run(az.running.client.activity()).value}
    assert az.running.credentials is not None and az.running.credentials.client_id in actors


def report(running: Running, assignment: str) -> None:
    """Be the agent of the cluster, and find one pod against an assignment."""
    (constraint,) = [
        manifest
        for manifest in running.desired()["manifests"]
        if manifest["metadata"]["annotations"].get("azure-policy-assignment-id") == assignment
    ]
    agent = Agent(running)
    agent.report([agent.record(constraint, "nginx")], full=True)
