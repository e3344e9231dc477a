"""What CI systems read holds to the rules of its format, whatever stands in names, files and messages.

SARIF is held to its JSON schema where `scripts/peers sarif-schema` fetched it; the others to their rules, written here.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema_rs
import pytest
from tests.offline.test_check import MAP, judge, policy

from pratique.errors import Location
from pratique.kube import yaml
from pratique.offline import Finding, ci
from pratique.offline.formats import JUnitCase, TapPoint, annotation, junit_text, tap_text
from pratique.offline.policyreport import policyreport
from pratique.offline.sarif import sarif

SCHEMA = Path(__file__).parents[2] / ".cache" / "peers" / "schemas" / "sarif-2.1.0.json"
HARD = '50% <of>\t"a"\r\n# b \\ c, d: é\u2028😀\x01]]>'


@pytest.fixture
def findings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Finding]:
    """Findings of every kind: denied, warned of, an error, allowed, known; in files and messages that are hard."""
    placed = MAP.format(name="b").replace("  name: b", "  name: b\n  namespace: shop")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a b%").mkdir()
    (tmp_path / "a b%" / "m,1:2.yaml").write_text(MAP.format(name="c"))
    (denied, *_), _ = judge(tmp_path, policy=policy(), maps=MAP.format(name="a") + "---\n" + placed)
    found, _ = judge(tmp_path)
    assert len(found) == 3
    warned = replace_row(denied, action="warn", actions=("warn",), enforcement_action="warn", message=HARD)
    failed = replace_row(denied, error=True, message="")
    return [
        *found,
        warned,
        failed,
        replace(found[1], allowed=HARD),
        replace(found[2], known=True),
    ]


def replace_row(finding: Finding, **changes: Any) -> Finding:
    return replace(finding, violation=finding.violation._replace(**changes))


def test_sarif_holds_to_its_schema(findings: list[Finding]) -> None:
    if not SCHEMA.exists():
        pytest.skip("the schema of SARIF is not there; cure: scripts/peers sarif-schema")
    schema = json.loads(SCHEMA.read_text())
    # A pattern of the schema is one only to JavaScript, and about a field that we do not write.
    for name in ("run", "toolComponent"):
        del schema["definitions"][name]["properties"]["language"]["pattern"]
    validator = jsonschema_rs.validator_for(schema)
    for some in (findings, [], findings[:1]):
        log = json.loads(sarif(some))
        assert [error.message for error in validator.iter_errors(log)] == []
    # The validator is one: it notices a level that is none.
    log = json.loads(sarif(findings))
    log["runs"][0]["results"][0]["level"] = "bad"
    assert not validator.is_valid(log)


# The schema of Jenkins' xUnit plug-in (junit-10.xsd), and `file` and `line`, which GitLab and CircleCI read.
JUNIT = {
    "testsuites": ({"name", "tests", "failures", "errors", "time"}, {"testsuite"}),
    "testsuite": ({"name", "tests", "failures", "errors", "skipped", "time"}, {"testcase"}),
    "testcase": ({"name", "classname", "time", "file", "line"}, {"failure", "skipped", "error"}),
    "failure": ({"message", "type"}, set()),
    "skipped": ({"message"}, set()),
}


def check_junit(text: str) -> ElementTree.Element:
    root = ElementTree.fromstring(text)
    assert root.tag == "testsuites"
    for element in root.iter():
        attributes, children = JUNIT[element.tag]
        assert set(element.attrib) <= attributes, element.tag
        assert {child.tag for child in element} <= children
        assert all(
            re.fullmatch(r"\d+", element.get(key, "0"))
            for key in ("tests", "failures", "errors", "skipped", "line")
        )
        assert re.fullmatch(r"\d+\.\d{3}", element.get("time", "0.000"))
    for element in [root, *root]:
        cases = list(element.iter("testcase"))
        assert int(element.get("tests", "-1")) == len(cases)
        assert int(element.get("failures", "-1")) == sum(case.find("failure") is not None for case in cases)
    for case in root.iter("testcase"):
        assert case.get("name")
        assert case.get("classname")
        assert len(case) <= 1
    return root


def test_junit_of_findings(findings: list[Finding]) -> None:
    root = check_junit(ci.junit(findings))
    assert (root.get("tests"), root.get("failures")) == ("7", "4")
    check_junit(ci.junit([]))


def test_junit_keeps_what_is_hard_and_leaves_out_what_xml_cannot_hold() -> None:
    case = JUnitCase(HARD, HARD, Location(HARD, 3, 1), 1.5, failure=HARD, detail=HARD)
    root = check_junit(junit_text([(HARD, [case]), ("empty", [])]))
    (found,) = root.iter("testcase")
    wanted = HARD.replace("\x01", "\ufffd")
    assert (found.get("name"), found.get("file"), found.get("time")) == (wanted, wanted, "1.500")
    (failure,) = found
    assert failure.get("message") == wanted
    assert failure.text == wanted.replace("\r\n", "\n")  # as every reader of XML takes it


def test_github_says_one_line_a_finding(findings: list[Finding]) -> None:
    *lines, rest = ci.github(findings).split("\n")
    assert rest == ""
    assert len(lines) == 5  # none for the two that are accepted
    command = re.compile(r"::(error|warning|notice) file=[^,:]+,line=\d+,col=\d+,title=[^,:]+::.+")
    assert [line for line in lines if not command.fullmatch(line)] == []
    assert any("file=a b%25/m%2C1%3A2.yaml," in line for line in lines)


def test_github_escapes_what_its_commands_are_written_with() -> None:
    said = annotation("error", Location("a,b:c%\n.yaml", 1, 2), "x: y, z", "50%\r\nmore: a, b")
    assert said == "::error file=a%2Cb%3Ac%25%0A.yaml,line=1,col=2,title=x%3A y%2C z::50%25%0D%0Amore: a, b\n"


def test_gitlab_has_what_it_asks_for(findings: list[Finding]) -> None:
    issues = json.loads(ci.gitlab(findings))
    assert len(issues) == 5
    for issue in issues:
        assert isinstance(issue["description"], str)
        assert issue["check_name"]
        assert issue["severity"] in ("info", "minor", "major", "critical", "blocker")
        path = issue["location"]["path"]
        assert not path.startswith(("/", "./"))
        assert Path(path).is_file()
        assert issue["location"]["lines"]["begin"] >= 1
    assert len({issue["fingerprint"] for issue in issues}) == len(issues)


def read_tap(text: str) -> list[tuple[bool, str, str]]:
    """Read TAP 13 as its specification has it: a version, a plan, points with directives, comments."""
    version, plan, *lines = text.splitlines()
    assert version in ("TAP version 13", "TAP version 14")
    points = []
    for line in lines:
        if line.startswith("#"):
            continue
        point = re.fullmatch(r"(not )?ok (\d+) - ((?:[^#\\]|\\.)*?)(?: # (SKIP|TODO)(?: (.*))?)?", line)
        assert point, line
        assert int(point[2]) == len(points) + 1
        points.append((not point[1], re.sub(r"\\(.)", r"\1", point[3]), point[4] or ""))
    assert plan == f"1..{len(points)}"
    return points


def test_tap_is_read_as_it_is_meant(findings: list[Finding]) -> None:
    points = read_tap(ci.tap(findings))
    assert [directive for _, _, directive in points] == ["", "", "", "TODO", "", "SKIP", "SKIP"]
    assert [passed for passed, _, _ in points] == [False] * 5 + [True] * 2
    assert read_tap(ci.tap([])) == []


def test_tap_keeps_what_is_hard_on_its_line() -> None:
    text = tap_text([TapPoint(True, HARD, f"SKIP {HARD}", HARD), TapPoint(False, "a # b", "TODO", "")])
    assert read_tap(text) == [(True, " ".join(HARD.split()), "SKIP"), (False, "a # b", "TODO")]


# What the CustomResourceDefinitions of wgpolicyk8s.io/v1alpha2 ask of the fields that we write.
TEXT = {"type": "string"}
WHOLE = {"type": "integer"}
TEXTS = {"type": "object", "additionalProperties": TEXT}


def of(*required: str, **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "required": list(required),
        "properties": properties,
        "additionalProperties": False,
    }


def one_of(*words: str) -> dict[str, Any]:
    return {"type": "string", "enum": list(words)}


STATES = ("pass", "fail", "warn", "error", "skip")
RESULT = of(
    "policy",
    policy=TEXT,
    rule=TEXT,
    source=TEXT,
    message=TEXT,
    result=one_of(*STATES),
    scored={"type": "boolean"},
    resources={"type": "array", "items": of(apiVersion=TEXT, kind=TEXT, name=TEXT, namespace=TEXT)},
    properties=TEXTS,
)
REPORT = of(
    apiVersion=one_of("wgpolicyk8s.io/v1alpha2"),
    kind=one_of("PolicyReport", "ClusterPolicyReport"),
    metadata=of("name", name=TEXT, namespace=TEXT, labels=TEXTS),
    summary=of(**dict.fromkeys(STATES, WHOLE)),
    results={"type": "array", "items": RESULT},
)


def test_policy_reports_are_what_a_cluster_takes(findings: list[Finding]) -> None:
    reports = yaml.read(policyreport(findings))
    assert len(reports) == 2
    for report in reports:
        assert [error.message for error in jsonschema_rs.validator_for(REPORT).iter_errors(report)] == []
        assert sum(report["summary"].values()) == len(report["results"])
        assert (report["kind"] == "PolicyReport") == ("namespace" in report["metadata"])
