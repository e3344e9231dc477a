"""`pratique eval`: values of expressions, bindings, formats, exit codes; the answers are `opa eval`'s (1.22.2)."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from pratique.cli.main import main

CASES = Path(__file__).parents[1] / "cases" / "rego" / "eval"
TABLE = yaml.safe_load((CASES / "queries.yaml").read_text())
LOADED = ["-d", "p.rego", "-d", "q.rego", "-d", "data.json", "-i", "in.json"]
POLICY = "package a\np := 1\nq contains x if { some x in [1, 2] }\nr if input.r == 3\n"


@pytest.fixture
def evaluate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    (tmp_path / "a.rego").write_text(POLICY)
    (tmp_path / "input.json").write_text('{"a": 1}')

    def run(*arguments: str, code: int = 0) -> str:
        with pytest.raises(SystemExit) as ended:
            main(["eval", "-d", str(tmp_path / "a.rego"), *arguments])
        printed = capsys.readouterr()
        assert ended.value.code == code, printed.err
        return printed.out

    return run


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("data.a.q", ["[1,2]"]),
        ("1 + 1 == 3", ["false"]),
        ("1 == 2; true", []),
        ("x = 1; data.a.p", ["true 1"]),
        ("[1, false][_]", ["1"]),
        ("data.a.q[x]", ["1", "2"]),
        ("some x in [1, 2]", ["true", "true"]),
        ("data.nosuch", []),
        ("not data.a.r", ["true"]),
        ("data.a.r with input as {`r`: 3}", ["true"]),
        ("data.a.p with input as 3 with data.b as 4", ["1"]),
    ],
)
def test_an_expression_answers_its_own_value(evaluate: Any, query: str, rows: list[str]) -> None:
    assert evaluate("-f", "raw", query).splitlines() == rows


def test_json_names_each_expression_with_its_place(evaluate: Any) -> None:
    assert json.loads(evaluate("x = 1; data.a.p with input as 3")) == {
        "result": [
            {
                "expressions": [
                    {"value": True, "text": "x = 1", "location": {"row": 1, "col": 1}},
                    {"value": 1, "text": "data.a.p with input as 3", "location": {"row": 1, "col": 8}},
                ],
                "bindings": {"x": 1},
            }
        ]
    }


def test_errors_are_json_where_json_is_asked_for(evaluate: Any) -> None:
    (error,) = json.loads(evaluate("data.a.p == nosuch", code=2))["errors"]
    assert error["code"] == "rego_unsafe_var_error"
    assert error["message"] == "var nosuch is unsafe"
    assert error["location"] == {"file": "", "row": 1, "col": 13}


def test_the_input_may_come_from_standard_input(evaluate: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO('{"a": [7]}'))
    assert evaluate("-I", "-f", "raw", "input.a") == "[7]\n"


def test_two_inputs_are_refused(evaluate: Any, tmp_path: Path) -> None:
    evaluate("-I", "-i", str(tmp_path / "input.json"), "input", code=2)


@pytest.mark.parametrize(
    ("option", "query", "code"),
    [
        ("--fail", "data.nosuch", 1),
        ("--fail", "data.a.p", 0),
        ("--fail-defined", "data.nosuch", 0),
        ("--fail-defined", "data.a.p", 1),
    ],
)
def test_the_exit_code_tells_whether_there_is_an_answer(
    evaluate: Any, option: str, query: str, code: int
) -> None:
    evaluate(option, query, code=code)


def test_discard_tells_only_whether_there_is_an_answer(evaluate: Any) -> None:
    assert json.loads(evaluate("-f", "discard", "data.a.p")) == {"result": "discarded"}
    assert json.loads(evaluate("-f", "discard", "data.nosuch")) == {}


@pytest.mark.parametrize("case", TABLE, ids=[case["query"] for case in TABLE])
def test_queries_answer_what_opa_answers(
    case: dict[str, Any], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(CASES)
    for form in [name for name in ("raw", "pretty", "json") if name in case] or ["raw"]:
        with pytest.raises(SystemExit) as ended:
            main(["eval", *LOADED, "-f", form, case["query"]])
        printed = capsys.readouterr()
        assert ended.value.code == case.get("code", 0), printed.err
        if form in case:
            assert printed.out == case[form]


TRACED = """package a

msgs contains msg if {
	some c in input.cs
	count(c) > 1
	msg := sprintf("c %v", [c])
	trace("hello")
}
"""


@pytest.fixture
def traced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    (tmp_path / "a.rego").write_text(TRACED)
    (tmp_path / "in.json").write_text('{"cs": ["a", "bb"]}')
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, code: int = 0) -> str:
        with pytest.raises(SystemExit) as ended:
            main(["eval", "-d", "a.rego", "-i", "in.json", *arguments])
        printed = capsys.readouterr()
        assert ended.value.code == code, printed.err
        return printed.out if code == 0 else printed.out + printed.err

    return run


def test_an_explanation_shows_values(traced: Any) -> None:
    assert traced("data.a.msgs", "--explain", "fails", "--var-values", "-f", "pretty") == (
        "query:1      Enter data.a.msgs = _          {}\n"
        "a.rego:3     | Enter data.a.msgs            {}\n"
        "a.rego:5     | | Fail gt(__local1__, 1)     {__local1__: 1}\n"
        '[\n  "c bb"\n]\n'
    )


def test_an_explanation_is_data_in_json(traced: Any) -> None:
    (*_, note) = json.loads(traced("data.a.msgs", "--explain", "notes"))["explanation"]
    assert (note["op"], note["message"], note["location"]["row"]) == ("Note", "hello", 7)


def test_a_profile_is_by_line(traced: Any) -> None:
    found = json.loads(traced("data.a.msgs", "--profile", "--profile-sort", "line"))["profile"]
    assert [(line["location"]["row"], line["num_eval"], line["num_redo"]) for line in found] == [
        (7, 1, 1),
        (6, 2, 2),
        (5, 4, 3),
        (4, 1, 2),
        (1, 1, 1),
    ]
    assert "Num Gen Expr" in traced("data.a.msgs", "--profile", "-f", "pretty")
    assert "profiles cannot be sorted by" in traced("1", "--profile", "--profile-sort", "x", code=2)


def test_coverage_and_metrics_stand_beside_the_answer(traced: Any) -> None:
    found = json.loads(traced("data.a.msgs", "--coverage", "--metrics"))
    assert found["coverage"]["coverage"] == 100
    assert {"timer_rego_query_eval_ns", "timer_rego_load_files_ns"} <= found["metrics"].keys()
    assert "│ Overall Coverage │ 100.00 │" in traced("data.a.msgs", "--coverage", "-f", "pretty")


def test_several_runs_are_aggregated(traced: Any) -> None:
    found = json.loads(traced("data.a.msgs", "--metrics", "--profile", "--count", "3"))
    assert found["aggregated_metrics"]["timer_rego_query_eval_ns"]["count"] == 3
    assert found["aggregated_profile"][0]["total_time_ns_stats"]["count"] == 3
    assert " 99% " in traced("data.a.msgs", "--metrics", "--count", "2", "-f", "pretty")


def test_a_query_stands_in_a_package_with_imports(traced: Any) -> None:
    assert traced("msgs", "--package", "a", "-f", "raw") == '["c bb"]\n'
    assert traced("m", "--import", "data.a.msgs as m", "-f", "raw") == '["c bb"]\n'


def test_output_is_the_other_commands_option(traced: Any) -> None:
    assert traced("1", "-o", "table") == "1\n"
    assert yaml.safe_load(traced("1", "-o", "yaml"))["result"][0]["expressions"][0]["value"] == 1
    assert "ask for two formats" in traced("1", "-o", "yaml", "-f", "raw", code=2)


def test_the_query_may_come_from_standard_input(traced: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("1 + 1"))
    assert traced("--stdin", "-f", "raw") == "2\n"
    assert "there is no query" in traced(code=2)


def test_builtin_errors_can_be_shown(traced: Any) -> None:
    found = json.loads(traced("[1/0]", "--show-builtin-errors"))
    assert [error["message"] for error in found["errors"]] == ["div: divide by zero"]


def test_a_timeout_ends_the_evaluation(traced: Any) -> None:
    query = "count([1 | numbers.range(1, 2000)[_]; numbers.range(1, 2000)[_]; numbers.range(1, 2000)[_]])"
    assert "takes more than 0.2 seconds" in traced(query, "--timeout", "200ms", "-f", "raw", code=2)
    assert "is no length of time" in traced("1", "--timeout", "soon", code=2)


def test_a_schema_says_what_the_input_may_hold(traced: Any, tmp_path: Path) -> None:
    (tmp_path / "schema.json").write_text('{"properties": {"cs": {"items": {"type": "object"}}}}')
    schema = str(tmp_path / "schema.json")
    assert "undefined ref: input.nam" in traced("input.nam", "-s", schema, "-f", "raw", code=2)
    assert "cannot be read" in traced("1", "-s", str(tmp_path / "none.json"), code=2)


def test_strict_mode_refuses_what_is_unused(traced: Any) -> None:
    assert "assigned var x unused" in traced("{1 | x := 2}", "--strict", "-f", "raw", code=2)


@pytest.mark.parametrize(
    "option", [["--partial"], ["--unknowns", "input"], ["--target", "wasm"], ["-O", "1"]]
)
def test_what_is_not_built_is_refused(traced: Any, option: list[str]) -> None:
    assert "is not supported" in traced("1", *option, code=2)


def test_data_may_be_put_below_a_name_and_folders_ignored(traced: Any, tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "data.json").write_text('{"x": 1}')
    (tmp_path / "d" / ".hidden").mkdir()
    (tmp_path / "d" / ".hidden" / "data.json").write_text('{"y": 2}')
    assert traced("data.n.m", "-d", "n.m:d/data.json", "-f", "raw") == '{"x":1}\n'
    assert traced("data.x; data.y", "-d", "d", "--ignore", ".*", "-f", "raw") == ""
