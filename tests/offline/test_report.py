"""Reports for CI: each finding with its rule, its level and the line of its field, in well-formed documents."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner
from tests.offline.test_check import MAP, judge, policy

from pratique.cli.test import test as command
from pratique.errors import InputError
from pratique.kube import yaml
from pratique.offline import ci, report
from pratique.offline.baseline import fingerprint
from pratique.offline.policyreport import policyreport
from pratique.offline.sarif import sarif, uri


def test_every_format_names_rule_and_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found, _ = judge(tmp_path, policy=policy(), maps=MAP.format(name="a"))
    monkeypatch.chdir(tmp_path)
    file = "maps.yaml"
    (run,) = json.loads(sarif(found))["runs"]
    (result,) = run["results"]
    assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"] == "MustOwner"
    place = result["locations"][0]["physicalLocation"]
    assert (place["artifactLocation"]["uri"], place["region"]["startLine"]) == (file, 6)
    assert (result["level"], result["message"]["text"]) == ("error", 'a says "who?"')
    ((case,),) = ElementTree.fromstring(ci.junit(found))
    assert (case.get("line"), [child.tag for child in case]) == ("6", ["failure"])
    assert ci.github(found) == f'::error file={file},line=6,col=5,title=owner::a says "who?"\n'
    (issue,) = json.loads(ci.gitlab(found))
    assert (issue["location"]["lines"]["begin"], issue["severity"]) == (6, "major")
    assert ci.tap(found).split("\n")[1:3] == ["1..1", 'not ok 1 - owner: ConfigMap a: a says "who?"']


def test_a_failure_of_a_policy_has_details_and_one_of_matching_has_none(tmp_path: Path) -> None:
    # As gator 3.23 writes them.
    broken = policy().replace("not input.review.object.metadata.labels.owner", "f == 1")
    broken = broken.replace("violation[{", "f = 1 { true }\n      f = 2 { true }\n      violation[{")
    found, _ = judge(tmp_path, policy=broken, maps=MAP.format(name="a"))
    assert [one["metadata"] for one in json.loads(report.render("json", found))] == [{"details": None}]
    unmatched = policy().replace('scope: "*"', "namespaceSelector: {matchLabels: {a: b}}")
    lost = MAP.format(name="a").replace("name: a", "name: a\n  namespace: gone")
    found, _ = judge(tmp_path, policy=unmatched, maps=lost)
    assert ["metadata" in one for one in json.loads(report.render("json", found))] == [False]


def test_what_only_warns_fails_nothing(tmp_path: Path) -> None:
    found, _ = judge(tmp_path, policy=policy("warn"), maps=MAP.format(name="a"))
    assert json.loads(sarif(found))["runs"][0]["results"][0]["level"] == "warning"
    assert ElementTree.fromstring(ci.junit(found)).get("failures") == "0"
    assert ci.github(found).startswith("::warning ")
    assert " # TODO warn\n" in ci.tap(found)


def test_a_fingerprint_stays_when_lines_move(tmp_path: Path) -> None:
    first, _ = judge(tmp_path, policy=policy(), maps=MAP.format(name="a"))
    again, _ = judge(tmp_path, maps="# one line more\n" + MAP.format(name="a"))
    assert fingerprint(first[0]) == fingerprint(again[0])
    assert first[0].location().line + 1 == again[0].location().line


def test_several_reports_at_once(tmp_path: Path) -> None:
    judge(tmp_path, policy=policy(), maps=MAP.format(name="a"))
    target = tmp_path / "out.sarif"
    given = ["-f", str(tmp_path), "-o", f"sarif={target}", "-o", "json"]
    result = CliRunner().invoke(command, given)
    assert result.exit_code == 1
    assert json.loads(result.stdout)[0]["enforcementAction"] == "deny"
    assert json.loads(target.read_text())["version"] == "2.1.0"


@pytest.mark.parametrize("outputs", [["nothing"], ["=json"], ["json", "sarif"], ["tap", "yaml"]])
def test_what_is_no_report(outputs: list[str]) -> None:
    with pytest.raises(InputError):
        report.targets(outputs)


@pytest.mark.parametrize(
    ("outputs", "shown"),
    [(["json", "yaml"], "yaml"), (["yaml", ""], "human"), ([""], "human"), (["JSON"], "json")],
)
def test_of_gators_formats_the_last_counts(outputs: list[str], shown: str) -> None:
    assert report.targets(outputs) == [report.Target(shown)]


def test_sarif_holds_to_its_schema(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the schema of SARIF 2.1.0 asks of the properties that we write (OASIS, 3.13 to 3.52)."""
    maps = "".join(f"{MAP.format(name=name)}---\n" for name in ("a", "b"))
    found, _ = judge(tmp_path, policy=policy("warn"), maps=maps)
    monkeypatch.chdir(tmp_path)
    (run,) = json.loads(sarif([replace(found[0], known=True), replace(found[1], allowed="a reason")]))["runs"]
    assert set(run) <= {"tool", "results", "columnKind"}
    assert run["columnKind"] in ("utf16CodeUnits", "unicodeCodePoints")
    rules = run["tool"]["driver"]["rules"]
    assert len({rule["id"] for rule in rules}) == len(rules)
    for result in run["results"]:
        assert result["level"] in ("none", "note", "warning", "error")
        assert result["message"]["text"]
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        (location,) = result["locations"]
        uri = location["physicalLocation"]["artifactLocation"]["uri"]
        assert uri == quote(uri) == "maps.yaml"
        region = location["physicalLocation"]["region"]
        assert region["startLine"] >= 1
        assert region["startColumn"] >= 1
    known, allowed = run["results"]
    assert (known["baselineState"], allowed["baselineState"]) == ("unchanged", "new")
    assert allowed["suppressions"] == [{"kind": "inSource", "justification": "a reason"}]


def test_a_file_is_a_uri() -> None:
    assert uri("a b/c#d.yaml") == "a%20b/c%23d.yaml"
    assert uri("/a b.yaml") == "file:///a%20b.yaml"


def test_policy_reports_are_one_a_namespace(tmp_path: Path) -> None:
    placed = MAP.format(name="b").replace("  name: b", "  name: b\n  namespace: shop")
    found, _ = judge(tmp_path, policy=policy(), maps=MAP.format(name="a") + "---\n" + placed)
    reports = yaml.read(policyreport([found[0], replace(found[1], allowed="x")]))
    assert [(one["kind"], one["metadata"].get("namespace")) for one in reports] == [
        ("ClusterPolicyReport", None),
        ("PolicyReport", "shop"),
    ]
    assert reports[0]["summary"] == {"pass": 0, "fail": 1, "warn": 0, "error": 0, "skip": 0}
    (result,) = reports[1]["results"]
    assert (result["policy"], result["rule"], result["result"]) == ("MustOwner", "owner", "skip")
    assert result["resources"] == [
        {"apiVersion": "v1", "kind": "ConfigMap", "name": "b", "namespace": "shop"}
    ]
    (empty,) = yaml.read(policyreport([]))
    assert empty["results"] == []


def test_what_is_accepted_fails_nowhere(tmp_path: Path) -> None:
    found, _ = judge(tmp_path, policy=policy(), maps=MAP.format(name="a"))
    accepted = [replace(found[0], allowed="a # reason")]
    for name in ("human", "lines", "github"):
        assert report.render(name, accepted) == ""
    assert report.render("json", accepted) == "null"
    assert report.render("gitlab", accepted) == "[]\n"
    assert "ok 1 - " in ci.tap(accepted)
    assert "not ok" not in ci.tap(accepted)
    (suite,) = ElementTree.fromstring(ci.junit(accepted))
    assert (suite.get("failures"), suite.get("skipped")) == ("0", "1")


def test_lines_are_as_compilers_say_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found, _ = judge(tmp_path, policy=policy(), maps=MAP.format(name="a"))
    monkeypatch.chdir(tmp_path)
    assert ci.lines(found) == 'maps.yaml:6:5: deny [owner] a says "who?"\n'


def test_stats_have_a_time_for_each_template(tmp_path: Path) -> None:
    judge(tmp_path, policy=policy(), maps=MAP.format(name="a"))
    result = CliRunner().invoke(command, ["-f", str(tmp_path), "--stats", "-o", "json"])
    found = json.loads(result.stdout)
    assert len(found["results"]) == 1
    (entry,) = found["stats"]
    assert (entry["scope"], entry["statsFor"]) == ("template", "MustOwner")
    assert [one["name"] for one in entry["stats"]] == ["templateRunTimeNS", "constraintCount"]
    assert [one["value"] for one in entry["labels"]] == [False, False, "admission.k8s.gatekeeper.sh"]


def test_a_trace_is_shown_behind_its_finding(tmp_path: Path) -> None:
    judge(tmp_path, policy=policy(), maps=MAP.format(name="a"))
    told = CliRunner().invoke(command, ["-f", str(tmp_path), "--trace"]).stdout
    assert "\nTrace: \n\nDRIVER Rego:\n\ntemplate:2 " in told
    assert "Enter data.mustowner.violation" in told
    (found,) = json.loads(CliRunner().invoke(command, ["-f", str(tmp_path), "-t", "-o", "json"]).stdout)
    assert found["trace"].startswith("\n\nDRIVER Rego:")


def test_a_report_makes_the_folder_of_its_file(tmp_path: Path) -> None:
    judge(tmp_path, policy=policy(), maps=MAP.format(name="a"))
    (tmp_path / "taken").write_text("")
    target = tmp_path / "new" / "out.xml"
    assert CliRunner().invoke(command, ["-f", str(tmp_path), "-o", f"junit={target}"]).exit_code == 1
    assert target.read_text().startswith("<?xml")
    told = CliRunner().invoke(command, ["-f", str(tmp_path), "-o", f"tap={tmp_path}/taken/out"])
    assert "cannot be written" in told.stderr
