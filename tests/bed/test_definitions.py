"""The definitions that the add-on installs are Gatekeeper's, but for what explains them to people."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from tests.bed.server import PEERS

from pratique.client.addon import crds

INSTALLED = PEERS / "gatekeeper.yaml"
# Kinds of a pod's own status objects (docs/decisions/0003), and of the export of violations.
LEFT_OUT = {"status.gatekeeper.sh", "connection.gatekeeper.sh"}


def plain(value: Any, *, names: bool = False) -> Any:
    """Return a schema without descriptions; below `properties`, keys are names."""
    if isinstance(value, list):
        return [plain(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        key: plain(each, names=key == "properties" and not names)
        for key, each in value.items()
        if names or key != "description"
    }


def test_they_are_gatekeepers() -> None:
    if not INSTALLED.exists():
        pytest.skip("not built: gatekeeper; cure: scripts/peers gatekeeper")
    documents = [each for each in yaml.safe_load_all(INSTALLED.read_text()) if each]
    theirs = {
        each["metadata"]["name"]: plain(each["spec"])
        for each in documents
        if each["kind"] == "CustomResourceDefinition" and each["spec"]["group"] not in LEFT_OUT
    }
    ours = {each["metadata"]["name"]: plain(each["spec"]) for each in crds.definitions()}
    assert ours == theirs
