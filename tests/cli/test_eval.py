"""`pratique eval`: values of expressions, bindings, formats, exit codes; the answers are `opa eval`'s (1.22.2)."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from pratique.cli.main import main

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
