"""External data offline: asked only where that was asked for, by policies and by mutators."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.client.stub_provider import StubProvider, items, provider
from tests.offline.test_check import MAP
from tests.offline.test_expand import EXPANSION, SET
from tests.offline.test_mutated import ASKS

from pratique.cli.main import pratique
from pratique.kube import yaml

CONSTRAINT = """\
apiVersion: constraints.gatekeeper.sh/v1beta1
kind: Asks
metadata: {name: asks}
spec: {match: {kinds: [{apiGroups: [""], kinds: [ConfigMap]}]}}
"""
OWNER = """\
apiVersion: mutations.gatekeeper.sh/v1
kind: Assign
metadata: {name: team}
spec:
  applyTo: [{groups: [""], versions: [v1], kinds: [ConfigMap]}]
  location: data.team
  parameters: {assign: {externalData: {provider: people, failurePolicy: POLICY, default: nobody}}}
"""


def files(folder: Path, stub: StubProvider, **more: str) -> list[str]:
    written = {"provider": yaml.dump(stub.document("people")), **more}
    for name, text in written.items():
        (folder / f"{name}.yaml").write_text(text)
    return [str(folder / f"{name}.yaml") for name in written]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--external-data"], '[["m", {"age": 3}]] []'),
        ([], "[] [] the provider `people` is not asked without --external-data"),
    ],
)
def test_policies_ask(tmp_path: Path, flags: list[str], message: str) -> None:
    (tmp_path / "tls").mkdir()
    with provider(tmp_path / "tls", items({"m": {"age": 3}})) as stub:
        names = files(tmp_path, stub, template=ASKS, constraint=CONSTRAINT, map=MAP.format(name="m"))
        arguments = [part for name in names for part in ("-f", name)]
        result = CliRunner().invoke(pratique, ["test", *arguments, "-o", "lines", *flags])
        assert (result.exit_code, message in result.stdout) == (1, True), result.output
        assert stub.asked == ([["m"]] if flags else [])


@pytest.mark.parametrize(
    ("policy", "flags", "expected"),
    [
        ("Fail", ["--external-data"], "team: Red"),
        ("UseDefault", [], "team: nobody"),
        ("Fail", [], "the provider `people` is not asked without --external-data"),
    ],
)
def test_mutators_ask(tmp_path: Path, policy: str, flags: list[str], expected: str) -> None:
    (tmp_path / "tls").mkdir()
    with provider(tmp_path / "tls", items({"a": "Red"})) as stub:
        made = SET.replace("    metadata:", "    data: {team: a}\n    metadata:")
        names = files(tmp_path, stub, e=EXPANSION, m=OWNER.replace("POLICY", policy), set=made)
        arguments = [part for name in names for part in ("-n", name)]
        result = CliRunner().invoke(pratique, ["expand", *arguments, *flags])
        assert expected in result.output
        assert result.exit_code == (policy == "Fail" and not flags)


def test_a_provider_that_is_none_is_refused_with_its_place(tmp_path: Path) -> None:
    stub = StubProvider(tmp_path, items({}))
    wrong = yaml.dump(stub.document("people", url="http://x"))
    result = CliRunner().invoke(pratique, ["test"], input=wrong)
    assert result.exit_code == 1
    assert "stdin:4:" in result.stderr
    assert "only HTTPS scheme is supported for Providers" in result.stderr


def test_who_asks_nobody_does_not_wait_for_what_asking_needs() -> None:
    code = "import sys, pratique.offline; sys.exit('aiohttp' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
