"""Every command that stands in for gator's takes policies from images."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.offline.test_check import CONSTRAINT, TEMPLATE

from pratique.cli.main import pratique

FILES = {
    "b/constraint.yaml": CONSTRAINT.replace("ACTION", "deny").replace("SCOPE", '"*"'),
    "a.yaml": TEMPLATE,
    "readme.md": "no manifest",
    "expansion.yaml": """\
apiVersion: expansion.gatekeeper.sh/v1beta1
kind: ExpansionTemplate
metadata: {name: e}
spec:
  applyTo: [{groups: [""], versions: [v1], kinds: [ConfigMap]}]
  templateSource: spec.template
  generatedGVK: {group: "", version: v1, kind: Pod}
""",
}
MAP = "{apiVersion: v1, kind: ConfigMap, metadata: {name: m}, spec: {template: {metadata: {name: p}}}}"


@pytest.mark.parametrize(
    ("arguments", "code", "shown"),
    [
        (("test", "-f"), 1, '["owner"] Message: '),
        (("expand", "-n"), 0, "kind: Pod"),
        (("bench", "-n", "1", "--warmup", "0", "-f"), 0, "Constraints"),
        (("sync", "test", "-f", "-n"), 0, ""),
    ],
)
def test_policies_come_from_an_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], code: int, shown: str
) -> None:
    asked: list[tuple[str, bool]] = []

    def pull(image: str, *, plain_http: bool) -> dict[str, bytes]:
        asked.append((image, plain_http))
        return {name: text.encode() for name, text in FILES.items()}

    monkeypatch.setattr("pratique.client.oci.pull", pull)
    (tmp_path / "map.yaml").write_text(MAP)
    given = [
        *arguments,
        str(tmp_path / "map.yaml"),
        "-i",
        "registry/policies:1",
        "-d",
        "/tmp",
        "--plain-http",
    ]
    done = CliRunner().invoke(pratique, given)
    assert done.exit_code == code, done.output
    assert shown in done.stdout
    assert asked == [("registry/policies:1", True)]
