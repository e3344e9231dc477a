"""Results of suites as CI systems read them, and where `verify -o` puts them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from tests.offline.test_check import MAP, policy
from tests.offline.test_formats import check_junit, read_tap

from pratique.cli.verify import verify

SUITE = """\
apiVersion: test.gatekeeper.sh/v1alpha1
kind: Suite
tests:
- name: owners
  template: t.yaml
  constraint: c.yaml
  cases:
  - {name: bad, object: m.yaml, assertions: [{violations: yes}]}
  - {name: wrong, object: m.yaml, assertions: [{violations: no}]}
  - {name: later, skip: true, object: m.yaml, assertions: [{}]}
- name: refused
  template: m.yaml
  constraint: c.yaml
- name: empty
  template: t.yaml
  constraint: c.yaml
- {name: left out, skip: true}
"""
BROKEN = "apiVersion: test.gatekeeper.sh/v1alpha1\nkind: Suite\ntests:\n- name: 5\n"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    template, constraint = policy().split("---\n")
    texts = {"s": SUITE, "t": template, "c": constraint, "m": MAP.format(name="m"), "x": BROKEN}
    for name, text in texts.items():
        (tmp_path / f"{name}.yaml").write_text(text)
    monkeypatch.chdir(tmp_path)
    return lambda *more: CliRunner().invoke(verify, [".", *more])


def test_junit_has_each_case_and_what_fails_without_one(run: Any) -> None:
    done = run("-o", "junit")
    assert done.exit_code == 1
    root = check_junit(done.stdout)
    assert [suite.get("name") for suite in root] == ["s.yaml", "x.yaml"]
    said = [
        (case.get("classname"), case.get("name"), case.get("line"), [child.tag for child in case])
        for case in root.iter("testcase")
    ]
    assert said == [
        ("owners", "bad", "8", []),
        ("owners", "wrong", "9", ["failure"]),
        ("owners", "later", "10", ["skipped"]),
        ("refused", "refused", "11", ["failure"]),
        ("empty", "empty", "14", []),
        ("left out", "left out", "17", ["skipped"]),
        ("x.yaml", "x.yaml", "4", ["failure"]),
    ]
    assert "want none" in (root.find(".//failure").get("message") or "")  # type: ignore[union-attr]


def test_tap_github_and_json_say_the_same(run: Any) -> None:
    points = read_tap(run("--output=tap").stdout)
    assert [passed for passed, _, _ in points] == [True, False, True, False, True, True, False]
    assert points[2] == (True, "s.yaml: owners: later", "SKIP")
    lines = run("-ogithub").stdout.split("\n")
    assert [line.partition(",col")[0] for line in lines if line] == [
        "::error file=s.yaml,line=9",
        "::error file=s.yaml,line=11",
        "::error file=x.yaml,line=4",
    ]
    suites = json.loads(run("-o", "json").stdout)["suites"]
    assert [(suite["path"], suite["result"]) for suite in suites] == [("s.yaml", "fail"), ("x.yaml", "fail")]
    tests = {test["name"]: test for test in suites[0]["tests"]}
    assert {name: test["result"] for name, test in tests.items()} == {
        "owners": "fail",
        "refused": "fail",
        "empty": "pass",
        "left out": "skip",
    }
    assert [case["result"] for case in tests["owners"]["cases"]] == ["pass", "fail", "skip"]


def test_several_reports_at_once(run: Any, tmp_path: Path) -> None:
    done = run("-o", "junit=out/j.xml", "-o", "tap=t.tap", "-o", "human=h.txt", "-v")
    check_junit((tmp_path / "out" / "j.xml").read_text())
    assert read_tap((tmp_path / "t.tap").read_text())
    assert done.stdout.endswith("FAIL\n\n")
    assert "=== RUN   owners" in done.stdout
    assert (tmp_path / "h.txt").read_text() == done.stdout


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["-o", "sarif"], "there is no output format `sarif`"),
        (["-o", "junit", "-o", "tap"], "two reports cannot share standard output"),
        (["-o", "junit=s.yaml/x"], "`s.yaml/x` cannot be written"),
    ],
)
def test_what_cannot_be_reported(run: Any, more: list[str], message: str) -> None:
    done = run(*more)
    assert (message in done.stderr, done.exit_code) == (True, 1)
