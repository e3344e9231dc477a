"""Baselines: what is known fails nothing, what is new does, what is gone is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.offline.test_check import MAP, judge, policy

from pratique.cli.test import test as command
from pratique.errors import InputError
from pratique.offline import baseline


def run(folder: Path, *more: str) -> Result:
    return CliRunner().invoke(
        command, ["-f", str(folder / "policy.yaml"), "-f", str(folder / "maps.yaml"), *more]
    )


def test_only_new_findings_fail(tmp_path: Path) -> None:
    judge(tmp_path, policy=policy(), maps=MAP.format(name="a"))
    known = str(tmp_path / "known.json")
    written = run(tmp_path, "--write-baseline", known)
    assert (written.exit_code, written.stdout) == (0, "")
    assert f"1 finding written to {known}" in written.stderr
    (entry,) = json.loads(Path(known).read_text())["findings"]
    assert (entry["constraint"], entry["object"]) == ("MustOwner/owner", "ConfigMap a")
    # Lines may move.
    (tmp_path / "maps.yaml").write_text("# one more\n" + MAP.format(name="a"))
    assert run(tmp_path, "--baseline", known).exit_code == 0
    (tmp_path / "maps.yaml").write_text(MAP.format(name="a") + "---\n" + MAP.format(name="b"))
    more = run(tmp_path, "--baseline", known)
    assert more.exit_code == 1
    assert more.stdout.splitlines() == ['v1/ConfigMap b: ["owner"] Message: "b says \\"who?\\""']


def test_a_finding_is_known_as_often_as_it_was_found(tmp_path: Path) -> None:
    once = MAP.format(name="a")
    judge(tmp_path, policy=policy(), maps=once)
    known = str(tmp_path / "known.json")
    run(tmp_path, "--write-baseline", known)
    (tmp_path / "maps.yaml").write_text(once + "---\n" + once)
    assert len(run(tmp_path, "--baseline", known).stdout.splitlines()) == 1


def test_what_is_gone_is_told(tmp_path: Path) -> None:
    judge(tmp_path, policy=policy(), maps=MAP.format(name="a"))
    known = str(tmp_path / "known.json")
    run(tmp_path, "--write-baseline", known)
    (tmp_path / "maps.yaml").write_text(MAP.format(name="a").replace("team", "owner"))
    gone = run(tmp_path, "--baseline", known)
    assert gone.exit_code == 0
    assert 'fixed: MustOwner/owner: ConfigMap a: a says "who?"' in gone.stderr


@pytest.mark.parametrize(
    "text", ["", "[", "[]", "{}", '{"version": 2, "findings": []}', '{"version": 1, "findings": [{}]}']
)
def test_what_is_no_baseline(tmp_path: Path, text: str) -> None:
    (tmp_path / "known.json").write_text(text)
    with pytest.raises(InputError):
        baseline.read(str(tmp_path / "known.json"))


def test_a_baseline_that_is_missing_is_told(tmp_path: Path) -> None:
    judge(tmp_path, policy=policy(), maps=MAP.format(name="a"))
    told = run(tmp_path, "--baseline", str(tmp_path / "none"))
    assert told.exit_code == 1
    assert "there is no baseline" in told.stderr
