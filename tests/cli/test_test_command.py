"""`pratique test --assigned-to`: what is assigned to a cluster judges manifests before they get there."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from tests.offline.test_check import CONSTRAINT, TEMPLATE
from tests.service.conftest import Running

LABELS = "Kubernetes cluster pods should use specified labels"
POD = """\
apiVersion: v1
kind: Pod
metadata:
  name: {name}
  namespace: {namespace}
  labels: {{app: web}}
spec:
  containers: [{{name: c, image: nginx}}]
"""


@pytest.fixture(autouse=True)
def _nothing_piped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"")))


def test_the_policies_of_a_cluster_judge_manifests(running: Running, pratique: Any, tmp_path: Path) -> None:
    running.cluster()
    pratique(
        *("assign", "create", LABELS, "--cluster", "embedded", "--name", "labels"),
        *("--param", "labelsList=owner", "--effect", "Deny"),
    )
    pods = tmp_path / "pods"
    pods.mkdir()
    (pods / "bad.yaml").write_text(POD.format(name="bad", namespace="shop"))
    (pods / "good.yaml").write_text(
        POD.format(name="good", namespace="shop").replace("app:", "owner: me, app:")
    )
    (pods / "system.yaml").write_text(POD.format(name="system", namespace="kube-system"))
    given = ("test", "-f", str(pods), "--assigned-to", "embedded")
    sarif = tmp_path / "out.sarif"
    pratique(*given, "-o", f"sarif={sarif}", "-o", f"lines={tmp_path}/lines", code=1)
    (line,) = (tmp_path / "lines").read_text().splitlines()
    assert line.startswith(f"{pods}/bad.yaml:6:") and 'you must provide labels: {"owner"}' in line
    assert '"ruleId"' in sarif.read_text()
    (pods / "bad.yaml").unlink()
    assert pratique(*given) == ""


def test_what_is_piped_and_no_text_is_told(pratique: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"a: \xff")))
    assert "standard input is not UTF-8: byte 4" in pratique("test", code=1)


def test_an_image_brings_policies(pratique: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    constraint = CONSTRAINT.replace("ACTION", "deny").replace("SCOPE", '"*"')
    files = {"b/constraint.yaml": constraint, "a.yaml": TEMPLATE, "readme.md": "no manifest"}
    monkeypatch.setattr(
        "pratique.client.oci.pull",
        lambda image, plain_http: {name: text.encode() for name, text in files.items()},
    )
    (tmp_path / "map.yaml").write_text("{apiVersion: v1, kind: ConfigMap, metadata: {name: m}}")
    given = ("test", "-f", str(tmp_path / "map.yaml"), "-i", "registry/policies:1", "-d", "/tmp")
    pratique(*given, "-o", f"lines={tmp_path}/lines", code=1)
    assert "deny [owner]" in (tmp_path / "lines").read_text()


def test_a_cluster_that_is_not_there_is_told(running: Running, pratique: Any, tmp_path: Path) -> None:
    (tmp_path / "pod.yaml").write_text(POD.format(name="a", namespace="b"))
    told = pratique("test", "-f", str(tmp_path / "pod.yaml"), "--assigned-to", "nowhere", code=1)
    assert "nowhere" in told
