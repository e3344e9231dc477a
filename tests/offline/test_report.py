"""Reports for CI: each finding with its rule, its level and the line of its field, in well-formed documents."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner
from tests.offline.test_check import MAP, judge, policy

from pratique.cli.test import test as command
from pratique.errors import InputError
from pratique.offline import ci, report


def test_every_format_names_rule_and_line(tmp_path: Path) -> None:
    found, _ = judge(tmp_path, policy=policy(), maps=MAP.format(name="a"))
    file = str(tmp_path / "maps.yaml")
    (run,) = json.loads(ci.sarif(found))["runs"]
    (result,) = run["results"]
    assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"] == "MustOwner"
    place = result["locations"][0]["physicalLocation"]
    assert (place["artifactLocation"]["uri"], place["region"]["startLine"]) == (file, 6)
    assert (result["level"], result["message"]["text"]) == ("error", 'a says "who?"')
    (case,) = ElementTree.fromstring(ci.junit(found))
    assert (case.get("line"), [child.tag for child in case]) == ("6", ["failure"])
    assert ci.github(found) == f'::error file={file},line=6,col=5,title=owner::a says "who?"\n'
    (issue,) = json.loads(ci.gitlab(found))
    assert (issue["location"]["lines"]["begin"], issue["severity"]) == (6, "major")
    assert ci.tap(found).split("\n")[1:3] == ["1..1", 'not ok 1 - owner: ConfigMap a: a says "who?"']


def test_what_only_warns_fails_nothing(tmp_path: Path) -> None:
    found, _ = judge(tmp_path, policy=policy("warn"), maps=MAP.format(name="a"))
    assert json.loads(ci.sarif(found))["runs"][0]["results"][0]["level"] == "warning"
    assert ElementTree.fromstring(ci.junit(found)).get("failures") == "0"
    assert ci.github(found).startswith("::warning ")
    assert " # TODO warn\n" in ci.tap(found)


def test_a_fingerprint_stays_when_lines_move(tmp_path: Path) -> None:
    first, _ = judge(tmp_path, policy=policy(), maps=MAP.format(name="a"))
    again, _ = judge(tmp_path, maps="# one line more\n" + MAP.format(name="a"))
    assert ci.fingerprint(first[0]) == ci.fingerprint(again[0])
    assert first[0].location().line + 1 == again[0].location().line


def test_several_reports_at_once(tmp_path: Path) -> None:
    judge(tmp_path, policy=policy(), maps=MAP.format(name="a"))
    target = tmp_path / "out.sarif"
    given = ["-f", str(tmp_path), "-o", f"sarif={target}", "-o", "json"]
    result = CliRunner().invoke(command, given)
    assert result.exit_code == 1
    assert json.loads(result.stdout)[0]["enforcementAction"] == "deny"
    assert json.loads(target.read_text())["version"] == "2.1.0"


@pytest.mark.parametrize("outputs", [["nothing"], ["json", "yaml"]])
def test_what_is_no_report(outputs: list[str]) -> None:
    with pytest.raises(InputError):
        report.targets(outputs)
