"""`pratique rego test`: results, formats and exit codes; the expected texts are `opa test`'s own (1.22.2)."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from pratique.cli.main import main

CASES = Path(__file__).parents[1] / "cases" / "rego" / "tests"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    for name in ("a.rego", "a_test.rego"):
        shutil.copy(CASES / name, tmp_path)
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str, code: int = 0) -> str:
        with pytest.raises(SystemExit) as ended:
            main(["rego", "test", *(arguments or (".",))])
        printed = capsys.readouterr()
        assert ended.value.code == code, printed.err + printed.out
        return re.sub(r"\([\d.]+(µs|ms|ns)\)", "(T)", printed.out + printed.err)

    return call


def test_everything_is_counted(run: Any) -> None:
    out = run(code=2)
    assert out.endswith(f"{'-' * 80}\nPASS: 2/8\nFAIL: 5/8\nSKIPPED: 1/8\n")
    assert "data.a_test.test_err2#01: FAIL (T)" in out


def test_verbose_shows_traces_and_values(run: Any) -> None:
    assert run(".", "-v", "--var-values", "-r", "cases", code=2) == (CASES / "verbose.txt").read_text()


def test_a_failed_test_shows_its_line_and_values_and_what_it_printed(run: Any) -> None:
    assert run(".", "-r", "bad", code=2) == (
        "a_test.rego:7:\ndata.a_test.test_bad: FAIL (T)\n\n  hi 3\n\n\n"
        "  a_test.rego:11:\n"
        '    \ta.allow with input as {"containers": [{"name": "a", "image": "no/a"}]}\n'
        "    \t|\n"
        "    \tfalse\n\n"
        f"{'-' * 80}\nFAIL: 1/1\n"
    )


def test_passing_tests_say_only_how_many(run: Any) -> None:
    assert run(".", "-r", "data.a_test.test_ok") == "PASS: 1/1\n"
    assert run(".", "-r", "nothing") == ""
    assert run(".", "-r", "nothing", "--fail-on-empty", code=1) == "no tests were run\n"


def test_skipped_tests_may_be_forgiven(run: Any) -> None:
    assert "SKIPPED: 1/1" in run(".", "-r", "todo", code=2)
    assert "SKIPPED: 1/1" in run(".", "-r", "todo", "-z")


def test_json_is_opas(run: Any) -> None:
    found = {each["name"]: each for each in json.loads(run(".", "-f", "json", code=2))}
    for each in found.values():
        assert each.pop("duration") >= 0
    assert found["test_bad"] == {
        "location": {"file": "a_test.rego", "row": 7, "col": 1},
        "package": "data.a_test",
        "name": "test_bad",
        "fail": True,
        "output": "aGkgMwo=",
    }
    assert found["test_cases"]["sub_results"] == {
        "one": {"name": "one"},
        "two": {"name": "two", "fail": True},
    }
    assert found["todo_test_x"]["skip"] is True


def test_junit_has_a_case_for_each_test_and_for_each_of_its_cases(run: Any) -> None:
    root = ElementTree.fromstring(run(".", "-f", "junit", code=2))
    (suite,) = root
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("8", "5", "1")
    (two,) = [case for case in suite if case.get("name") == "test_cases/two"]
    failure = two.find("failure")
    assert failure is not None
    assert failure.get("message") == "failed at a_test.rego:18"
    assert "tc.a: 1" in (failure.text or "")


def test_coverage_is_opas_json(run: Any) -> None:
    found = json.loads(run(".", "-r", "ok", "-c"))
    assert found["coverage"] == 24
    assert found["files"]["a.rego"]["covered_lines"] == 5
    assert "got 24.00 instead of 90.00" in run(".", "-r", "ok", "--threshold", "90", code=2)
    assert "\ta.rego:17-20\n" in run(".", "-r", "ok", "--threshold", "90", "-v", code=2)


def test_an_error_of_the_policy_ends_with_1(run: Any, tmp_path: Path) -> None:
    (tmp_path / "b_test.rego").write_text("package b\ntest_x if y\n")
    assert "b_test.rego:2:11: rego_unsafe_var_error: var y is unsafe" in run(code=1)
    assert "does not exist" in run("nosuch", code=1)
    assert "no file matches" in run("*.nosuch", code=1)


def test_an_error_while_running_is_one_of_that_test(run: Any, tmp_path: Path) -> None:
    (tmp_path / "b_test.rego").write_text(
        "package b\ntest_x := 1 if true\ntest_x := 2 if true\np := 1\np := 2\ntest_y if p\ntest_z if true\n"
    )
    out = run("b_test.rego", "-v", code=2)
    assert "data.b.test_y: ERROR" in out
    assert "complete rules must not produce multiple outputs" in out
    assert "data.b.test_z: PASS" in out
    assert out.endswith("PASS: 1/4\nFAIL: 2/4\nERROR: 1/4\n")


def test_a_slow_test_runs_out_of_time(run: Any, tmp_path: Path) -> None:
    (tmp_path / "b_test.rego").write_text(
        "package b\ntest_x if {\n\tcount([1 | numbers.range(1, 3000)[_]; numbers.range(1, 3000)[_]]) == 0\n}\n"
    )
    assert "takes more than 0.1 seconds" in run("b_test.rego", "--timeout", "100ms", code=2)


def test_data_and_patterns_and_v0(run: Any, tmp_path: Path) -> None:
    folder = tmp_path / "sub"
    folder.mkdir()
    (folder / "x_test.rego").write_text("package x\ntest_data { data.sub.k == 1 }\n")
    (folder / "data.json").write_text('{"sub": {"k": 1}}')
    assert run("sub/*", "--v0-compatible") == "PASS: 1/1\n"


def test_what_is_not_built_is_refused(run: Any) -> None:
    assert "`--bench` is not supported" in run(".", "--bench", code=2)


def test_what_policies_may_not_call_can_be_replaced(run: Any, tmp_path: Path) -> None:
    (tmp_path / "h_test.rego").write_text(
        "package h\nok if http.send({}).status_code == 200\n"
        'test_replaced if ok with http.send as {"status_code": 200}\ntest_real if ok\n'
    )
    out = run("h_test.rego", "-v", code=2)
    assert "data.h.test_replaced: PASS" in out
    assert "data.h.test_real: FAIL" in out
    assert "http.send: policies here do not use the network" in out
