"""The same path with definitions and samples that others shipped, unchanged: a template URL is answered by --mirror."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.story.conftest import ROOT, Day, until

SHIPPED = ROOT.parent / "shared" / "conformance" / "azure-policy"
CASES = {
    "AllowedVolumeTypes": "allowed-volume-types",
    "BlockHostNamespace": "block-host-namespace",
    "FlexVolumeDrivers": "flexvolume-drivers",
    "ReadOnlyRootFileSystem": "read-only-root-filesystem",
}


@pytest.fixture(scope="module")
def shipped() -> Path:
    if not SHIPPED.exists():
        pytest.skip(f"4 shipped definitions not played: {SHIPPED} is not on this machine")
    return SHIPPED


def test_a_cluster_with_the_addon(day: Day, shipped: Path) -> None:
    day.start("--mirror", str(shipped / "samples"))
    day.pratique("addon", "enable")
    day.kubectl("create", "namespace", "shop")


@pytest.mark.parametrize("name", CASES)
def test_a_shipped_definition_is_enforced(day: Day, shipped: Path, name: str) -> None:
    day.pratique("policy", "create", name.lower(), str(shipped / "definitions" / f"{name}.json"))
    (scenario,) = (shipped / "samples" / CASES[name] / "examples").iterdir()
    parameters = json.loads((scenario / "policy_parameters.json").read_text())
    values = day.home / f"{name}.json"
    values.write_text(json.dumps({**parameters, "effect": {"value": "Deny"}}))
    day.pratique(
        "assign",
        "create",
        name.lower(),
        "--name",
        name.lower(),
        "--cluster",
        "embedded",
        "--params",
        str(values),
    )

    def tried(folder: str) -> dict[str, str]:
        answers = {}
        for sample in sorted((scenario / folder).glob("*.yaml")):
            command = ("apply", "--dry-run=server", "-n", "shop", "-f", str(sample))
            answers[sample.name] = day.run("kubectl", *command, code=None).stderr
        return answers

    until(
        lambda: all("denied the request: [azurepolicy-" in text for text in tried("violations").values()),
        what="denial",
    )
    assert not any("denied" in text for text in tried("good").values()), tried("good")
    day.pratique("assign", "delete", name.lower())
