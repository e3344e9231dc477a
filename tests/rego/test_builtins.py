"""Single calls of builtins, as OPA answers them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.rego import calls

from pratique import rego
from pratique.rego.builtins import patterns

CASES = list(calls.cases())


@pytest.mark.parametrize("case", [case for _, case in CASES], ids=[name for name, _ in CASES])
def test_answers_as_opa_does(case: dict[str, Any]) -> None:
    policy = rego.compile(
        [rego.Source("case.rego", calls.source(case), calls.version(case))], entrypoints=["data.case.answer"]
    )
    errors: list[rego.EvaluationError] = []
    found = policy.evaluate("data.case.answer", errors=errors)
    assert (None if found is rego.UNDEFINED else calls.compact(rego.json_text(found))) == case["want"]
    if "error" in case:
        assert [f"{error.code}: {error.message}" for error in errors[:1]] == [case["error"]]
    if "code" in case:
        assert [error.code for error in errors[:1]] == [case["code"]]


def test_a_hostile_pattern_takes_linear_time() -> None:
    text = 'package case\n\nanswer := regex.match("(a+)+$", input)\n'
    policy = rego.compile([rego.Source("case.rego", text, "v1")], entrypoints=["data.case.answer"])
    assert policy.evaluate("data.case.answer", "a" * 5000 + "b") is False


def test_every_builtin_has_an_example_and_a_sentence() -> None:
    shown = {case["builtin"] for _, case in CASES if "builtin" in case}
    silent = {"internal.print", "internal.test_case"}  # which only the compiler calls
    known = rego.builtins()
    assert {name for name, each in known.items() if not each.refused} - silent == shown
    assert not [name for name, each in known.items() if not each.summary.endswith(".")]


def test_finding_out_whether_there_is_a_match_agrees_with_the_match() -> None:
    table = ["", "a", "ab", "aab", "xé", "é", "\U0001f600a", "a\nb", "a-b.c", "http://a.bc:80/d"]
    known = [
        "a*",
        "^a+b?$",
        "(a|b)+",
        "[^a]",
        "é",
        ".",
        "^.$",
        "(?i)A",
        "(?s)a.b",
        "(?m)^b$",
        r"\bb",
        r"\pL",
        "",
    ]
    known += [r"^(https?:\/\/)?[a-z0-9]+([\-\.]{1}[a-z0-9]+)*\.[a-z]{2,5}(:[0-9]{1,5})?(\/.*)?$"]
    for pattern in known:
        for text in table:
            wanted = patterns.compiled(pattern).search(text) is not None
            assert (patterns.searcher(pattern)(text) is not None) == wanted, (pattern, text)


def test_globs_that_are_known_answer_as_those_that_are_not() -> None:
    given = {"texts": ["", "a", "a.b", "b", "ab.", "c/d", "*", "é", 1, None]}
    for glob in ("*", "a*", "*.b", "**", "a.?", "{a,b}*", "[a-c]", r"\*", "[", "é"):
        for signs in ("null", "[]", '["."]', '["/", "."]', '["ab"]'):
            text = (
                "package t\n\nknown := [x | some each in input.texts; "
                f"x := glob.match(`{glob}`, {signs}, each)]\n\n"
                "asked := [x | some each in input.texts; x := glob.match(input.glob, input.signs, each)]\n"
            )
            policy = rego.compile([rego.Source("t.rego", text, "v1")])
            value = {**given, "glob": glob, "signs": json.loads(signs)}
            assert policy.evaluate("data.t.known", value) == policy.evaluate("data.t.asked", value), (
                glob,
                signs,
            )


def test_calls_that_are_written_in_line_answer_as_the_others() -> None:
    texts: list[Any] = [
        "",
        "a",
        "12Mi",
        "007",
        "7",
        "9" * 18,
        "1" * 40,
        "²",
        "٣",
        "-1",
        "1_0",
        "1.0",
        5,
        None,
    ]
    numbers: list[Any] = [-1, 0, 1, 2, 9, 1.0, 1.5, True, "1", None]
    written = ["substring(a, b, -1)", "substring(a, b, 2)", "substring(a, 1, -1)", 'replace(a, b, "")']
    written += ['replace(a, "1", "")', "to_number(a)"]
    asked = [
        "substring(a, b, input.less)",
        "substring(a, b, input.two)",
        "substring(a, input.one, input.less)",
    ]
    asked += ["replace(a, b, input.none)", "replace(a, input.text, input.none)", "to_number([a][input.zero])"]
    known = {"less": -1, "two": 2, "one": 1, "none": "", "text": "1", "zero": 0}
    for one, other in zip(written, asked, strict=True):
        rules = "".join(
            [f"{name} := {call}\n\n" for name, call in (("one(a, b)", one), ("other(a, b)", other))]
        )
        module = f"package t\n\n{rules}p := one(input.a, input.b)\n\nq := other(input.a, input.b)\n"
        policy = rego.compile([rego.Source("t.rego", module, "v1")])
        for a in texts:
            for b in [*numbers, *texts]:
                answers = []
                for rule in "pq":
                    errors: list[rego.EvaluationError] = []
                    found = policy.evaluate(f"data.t.{rule}", {**known, "a": a, "b": b}, errors=errors)
                    answers.append((rego.rego_text(found), [each.message for each in errors]))
                assert answers[0] == answers[1], (one, a, b)
