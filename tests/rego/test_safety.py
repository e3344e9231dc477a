"""Nothing that an author writes reaches generated source, and an evaluation stays within its limits."""

from __future__ import annotations

import ast
import dis
import gc
import json
import re
import tracemalloc
from collections.abc import Iterator
from types import CodeType
from typing import Any

import pytest

from pratique import rego
from pratique.rego.asking import ask
from pratique.rego.emit.module import assemble
from pratique.rego.runtime.exported import EXPORTED

HOSTILE = [
    '"); import os #',
    "'''",
    '"""',
    "\\",
    "\\x41\\N{DIGIT ONE}\\u0041",
    "\n",
    "\r\n    return U\n",
    "\u2028",
    "\ud800",
    "{x}",
    "{{x}}",
    "{s.root}",
    "%(x)s",
    "__import__('os')",
    "__class__",
    "s.__class__.__base__",
    "%s",
    "\x00",
    "é",
    "ﬁ",
    "U",
    "K0",
    "r0",
]

# Wherever a text of the author's can stand; `@` is the text in quotes.
POSITIONS = {
    "package": "package hostile[@].inner\n\nimport rego.v1\n\np := 1\n",
    "rule": "package t\n\nimport rego.v1\n\np[@] := 1\n\nq contains @\n",
    "value": "package t\n\nimport rego.v1\n\np := [@, {@: @}, {@}]\n",
    "lookup": "package t\n\nimport rego.v1\n\np := input[@][input[@]]\n\nq := data.x[@].y\n\nr := data.t.p[@]\n",
    "comparison": (
        "package t\n\nimport rego.v1\n\np if input.a == @\n\nq if @ in input.b\n\nf(@) := 1\n\nr := f(input)\n"
    ),
    "builtins": (
        "package t\n\nimport rego.v1\n\np := sprintf(@, [input, @])\n\nq if regex.match(@, input)\n\n"
        "r := replace(concat(@, [@, input]), @, input)\n\nu if startswith(input, @)\n\nv := split(input, @)\n\n"
        "w := object.get(input, @, @)\n\nx := object.get(input, [@, @], @)\n\n"
        "y if strings.any_prefix_match(input, [@])\n"
    ),
    "message": (
        'package t\n\nimport rego.v1\n\np contains {"msg": m} if m := sprintf(concat("%v", [@, @]), [input.x])\n'
    ),
    "table": 'package t\n\nimport rego.v1\n\nf(@) := 1\n\nf("b") := 2\n\nf("c") := 3\n\np := f(input)\n',
    "loops": (
        "package t\n\nimport rego.v1\n\n"
        "p contains x if { some x in [@, input.y]; every k, v in {@: 1} { input[k] == v } }\n"
    ),
    "with": (
        "package t\n\nimport rego.v1\n\n"
        "p := x if x := q with input[@] as @ with data.z[@] as 1\n\nq := [input, data.z]\n"
    ),
    "annotation": "# METADATA\n# title: @\npackage t\n\nimport rego.v1\n\n# @\np := rego.metadata.rule()\n",
    "template string": 'package t\n\nimport rego.v1\n\np := concat("", [$"a{input.x}", @])\n',
}
# What may stand behind a dot.
ATTRIBUTES = {
    *("append", "get", "items", "rows", "values"),
    *("cache", "data", "input", "left", "fork"),
    *("endswith", "isascii", "lower", "removeprefix", "removesuffix", "replace", "split", "startswith"),
}
OWN_NAME = re.compile(r"[KPLBSFN][0-9]+\Z|r[0-9]+\Z")


def codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield from codes(each)


def assert_harmless(policy: rego.Policy) -> None:
    emitted = policy.emitted
    assert emitted.source.isascii()
    for node in ast.walk(ast.parse(emitted.source)):
        assert not isinstance(node, ast.Import | ast.ImportFrom | ast.Global | ast.Nonlocal | ast.ClassDef)
        if isinstance(node, ast.JoinedStr):
            assert all(isinstance(part, ast.FormattedValue) for part in node.values)
        if isinstance(node, ast.Constant):
            assert node.value is None or type(node.value) in (bool, int), node.value
    for code in codes(assemble(emitted)):
        for step in dis.get_instructions(code):
            if step.opname in {"LOAD_GLOBAL", "LOAD_NAME", "STORE_NAME", "STORE_GLOBAL"}:
                known = step.argval in EXPORTED or OWN_NAME.match(step.argval)
                assert known, step
            if step.opname in {"LOAD_ATTR", "LOAD_METHOD", "STORE_ATTR", "DELETE_ATTR"}:
                assert step.argval in ATTRIBUTES, step
            assert step.opname not in {"IMPORT_NAME", "IMPORT_FROM", "IMPORT_STAR"}
        assert not [name for name in (*code.co_names, *code.co_varnames) if "__" in name]


def answer(policy: rego.Policy, rule: str, value: Any) -> str:
    try:
        return rego.rego_text(policy.evaluate(f"data.t.{rule}", value))
    except rego.EvaluationError as error:
        assert "surrogate" in error.message
        return error.message


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
@pytest.mark.parametrize("position", POSITIONS)
def test_text_travels_in_the_table_of_constants(text: str, position: str) -> None:
    module = POSITIONS[position].replace("@", json.dumps(text))
    source = rego.Source(f"file {text}.rego", module, "v1")
    try:
        policies = [rego.compile([source], optimised=optimised) for optimised in (True, False)]
    except rego.CompileError:
        # A lone surrogate is no text of Rego, and a package is no identifier: refused is as good.
        assert "\ud800" in text or position in {"annotation", "package"}
        return
    known = {"input.parameters": {"text": text, text: [text, {text: text}]}}
    policies.append(rego.compile([source], constants=known))
    for policy in policies:
        assert_harmless(policy)
        again = rego.restore(policy.dump())
        for rule in "pqruvwxy":
            for value in (text, {text: text, "x": text}, {text: {text: text}}, [text]):
                wanted = answer(policies[1], rule, value)
                assert answer(policy, rule, value) == wanted
                assert answer(again, rule, value) == wanted


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_parameters_travel_in_the_table_of_constants(text: str) -> None:
    module = """package t

import rego.v1

violation contains {"msg": msg, name: value} if {
	some name, value in input.parameters.texts
	input.review[name] != value
	not startswith(value, input.review.prefix)
	msg := sprintf("%v: %v", [name, value])
}
"""
    parameters = {"texts": {text: text, f"{text}2": f"{text}3"}}
    policy = rego.compile([rego.Source("a.rego", module, "v1")], constants={"input.parameters": parameters})
    assert_harmless(policy)
    plain = rego.compile([rego.Source("a.rego", module, "v1")], optimised=False)
    value = {"parameters": parameters, "review": {text: "other", f"{text}2": "x", "prefix": "none"}}
    wanted = plain.evaluate("data.t.violation", value)
    assert rego.rego_text(policy.evaluate("data.t.violation", value)) == rego.rego_text(wanted)
    assert len(wanted) == 2


def test_names_of_the_author_do_not_appear() -> None:
    module = "package dunder_package\n\nimport rego.v1\n\n__import__ := exec if exec := input.__globals__\n"
    policy = rego.compile([rego.Source("a.rego", module, "v1")])
    for name in ("__import__", "exec", "__globals__", "dunder_package"):
        assert name not in policy.emitted.source
    assert policy.evaluate("data.dunder_package.__import__", {"__globals__": 5}) == 5


# Names that Python, or our generated code, gives a meaning to.
NAMES = [
    *(
        "s",
        "U",
        "K0",
        "r0",
        "B0",
        "N0",
        "out",
        "rows",
        "c1",
        "t1",
        "m1",
        "v1",
        "e",
        "self",
        "lambda",
        "class",
        "exec",
    ),
    *(
        "__import__",
        "__builtins__",
        "__class__",
        "__globals__",
        "refill",
        "spend",
        "descend",
        "MISSING",
        "type",
        "dict",
    ),
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("optimised", [True, False])
def test_names_mean_only_what_the_author_says(name: str, optimised: bool) -> None:
    module = f"""package {name}.{name}

import rego.v1
import data.other.{name} as {name}_alias

{name}({name}_1, _) := {name}_2 if {{ {name}_2 := {name}_1 + 1; every {name}_3 in [1] {{ {name}_3 <= {name}_2 }} }}

p_{name} := [{name}(x, 1) | some x, {name}_4 in input; {name}_4.{name} == x]

q contains {name} if {{ some {name} in {name}_alias }}
"""
    policy = rego.compile([rego.Source("a.rego", module, "v1")], optimised=optimised)
    assert_harmless(policy)
    value, data = [{name: 0}, {name: 7}], {"other": {name: ["x", "y"]}}
    assert policy.evaluate(f"data.{name}.{name}.p_{name}", value, data) == [1]
    assert list(policy.evaluate(f"data.{name}.{name}.q", value, data)) == ["x", "y"]


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_text_of_queries_and_entrypoints_and_data(text: str) -> None:
    quoted = json.dumps(text)
    module = "package t\n\nimport rego.v1\n\np contains name if some name, _ in data.files\n\nf(x) := x\n"
    source = rego.Source("a.rego", module, "v1")
    data = {"files": {text: {text: text}}, text: {"x": 1}}
    try:
        question = ask(
            [source], f"x := data.files[{quoted}][{quoted}]; y := {{{quoted}: data.t.f(x)}}", version="v1"
        )
    except rego.CompileError:
        assert "\ud800" in text
        return
    assert_harmless(question.policy)
    if "\ud800" in text:
        # Half a pair is no text of Rego: it finds nothing.
        assert not question.answers(None, data)
        return
    (answer,) = question.answers(None, data)
    assert answer.bindings == {"x": text, "y": {text: text}}
    policy = rego.compile([source])
    assert list(policy.evaluate("data.t.p", None, data)) == [text]
    # Where an entry point is read, its parts are looked up, whatever they say.
    assert policy.evaluate(f"data[{quoted}].x", None, data) in (1, rego.UNDEFINED)
    assert policy.evaluate(f"data.files[{quoted}]", None, data) in ({text: text}, rego.UNDEFINED)


ATTACKS = [
    "().__class__",
    "input.__class__.__base__.__subclasses__()",
    'data["__class__"]',
    'input["__class__"].__mro__',
    'sprintf("{0.__class__}", [input])',
    'sprintf("%(x)s", [input])',
    'strings.render_template("{{.x.__class__}}", {"x": input})',
    'yaml.unmarshal("!!python/object/apply:os.system [id]")',
    'yaml.unmarshal("!!python/name:os.system")',
    'json.unmarshal("NaN")',
    'regex.replace(input.a, "(?P<x>.)", "\\\\g<x>")',
    'time.format([0, "../../etc/passwd"])',
    'rego.parse_module("x", "package a\\np := __import__(1)")',
    'json.match_schema({}, {"$ref": "file:///etc/passwd"})',
    "opa.runtime().env",
    'object.get(input, ["__class__", "__init__"], "none")',
]


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_an_attacker_would_try(attack: str) -> None:
    source = rego.Source("a.rego", f"package t\n\nimport rego.v1\n\np := {attack}\n", "v1")
    try:
        policy = rego.compile([source])
    except rego.CompileError:
        return
    assert_harmless(policy)
    try:
        found = policy.evaluate("data.t.p", {"a": "x"})
    except rego.EvaluationError as error:
        assert "the engine failed" not in error.message
        return
    shown = "" if found is rego.UNDEFINED else rego.json_text(found)
    assert not re.search(r"<class|<built-in|root:|0x[0-9a-f]{6}", shown)
    assert "PATH" not in shown or "env" not in attack


def test_generated_code_has_no_builtins_of_python() -> None:
    policy = rego.compile([rego.Source("a.rego", "package a\n\np := 1\n", "v1")])
    assert policy._namespace["__builtins__"] == {}


# --- limits ------------------------------------------------------------------------------------------------

RUNAWAY = """package t

import rego.v1

p := count([1 | some a in input; some b in input; some c in input; some d in input; a + b + c + d < 0])
"""


def compiled(text: str, **limits: Any) -> rego.Policy:
    source = rego.Source("a.rego", f"package t\n\nimport rego.v1\n\n{text}\n", "v1")
    return rego.compile([source], limits=rego.Limits(**limits))


def test_a_runaway_evaluation_ends_at_its_steps() -> None:
    policy = rego.compile([rego.Source("a.rego", RUNAWAY, "v1")], limits=rego.Limits(steps=100_000))
    with pytest.raises(rego.LimitError) as caught:
        policy.evaluate("data.t.p", list(range(300)))
    assert caught.value.code == "eval_cancel_error"
    assert caught.value.location.line == 5
    assert policy.evaluate("data.t.p", [1]) == 0


@pytest.mark.parametrize("limit", [500, 10_000, 123_456])
@pytest.mark.parametrize(
    "text",
    [
        # Ten turns of an inner loop for each member.
        "p := count([1 | some a in input; some b in [1, 2, 3, 4, 5, 6, 7, 8, 9, data.x]; b == a])",
        "f(x) := count([1 | some y in [x, x, x, x, x, x, x, x, x, x]; y == 0])\n\np := [f(x) | some x in input]",
        "p if { some a in input; not g(a) }\n\ng(a) if { some b in data.ten; b != a }",
        "p := [1 | some a in input; every b in data.ten { b >= 0 }; a < 0]",
        "p := count([1 | some a in input; walk(data.ten, [q, v]); q == a])",
    ],
)
def test_steps_are_counted_to_within_a_tenth(limit: int, text: str) -> None:
    policy = compiled(text, steps=limit, seconds=0.0)
    data = {"ten": list(range(9)), "x": 0}
    turns = limit // 10
    with pytest.raises(rego.LimitError, match=f"more than {limit} steps"):
        policy.evaluate("data.t.p", list(range(-1, -int(turns * 1.2), -1)), data)
    policy.evaluate("data.t.p", list(range(-1, -int(turns * 0.8), -1)), data)


def test_steps_are_counted_through_with() -> None:
    policy = compiled(
        "q := count([1 | some a in input; some b in input])\n\np := [q | some n in data.n; q with input as [n]]",
        steps=5000,
    )
    with pytest.raises(rego.LimitError):
        policy.evaluate("data.t.p", [], {"n": list(range(10_000))})


def test_a_runaway_evaluation_ends_at_its_time() -> None:
    policy = rego.compile([rego.Source("a.rego", RUNAWAY, "v1")], limits=rego.Limits(steps=0, seconds=0.05))
    with pytest.raises(rego.LimitError, match=r"more than 0\.05 seconds"):
        policy.evaluate("data.t.p", list(range(1000)))


def test_what_makes_a_lot_out_of_a_little_is_counted() -> None:
    policy = compiled("p := count(numbers.range(1, input))", steps=100_000)
    assert policy.evaluate("data.t.p", 50_000) == 50_000
    with pytest.raises(rego.LimitError, match="more than 100000 steps"):
        policy.evaluate("data.t.p", 10**15)
    with pytest.raises(rego.LimitError):
        compiled("p := count(numbers.range(1, 1000000000000))").evaluate("data.t.p", 1)


def test_an_answer_that_is_too_large_is_refused() -> None:
    policy = compiled("p contains [a, b] if { some a in input; some b in input }", output=10_000)
    with pytest.raises(rego.LimitError, match="more than 10000 values"):
        policy.evaluate("data.t.p", list(range(200)))
    assert len(policy.evaluate("data.t.p", list(range(50)))) == 2500


def test_input_that_is_too_deep_is_an_error_of_the_evaluation() -> None:
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    policy = compiled("p := {input} == {input.x, input}")
    with pytest.raises(rego.LimitError, match="too deep"):
        compiled("p if {input[0], 1} == {[input], 1}").evaluate("data.t.p", deep)
    assert policy.evaluate("data.t.p", deep) is rego.UNDEFINED


def test_too_many_nested_loops_are_refused_with_their_line() -> None:
    loops = "\n".join(f"\tx{n} := input[_]" for n in range(30))
    with pytest.raises(rego.CompileError) as caught:
        rego.compile([rego.Source("a.rego", f"package t\n\nimport rego.v1\n\np if {{\n{loops}\n}}\n", "v1")])
    problem = caught.value.problems[0]
    assert (problem.code, problem.message) == ("rego_compile_error", "this nests too many loops")
    assert problem.location.line > 20


def test_parameters_do_not_swell_the_code() -> None:
    text = """package t

import rego.v1

violation contains msg if {
	some a in input.parameters.many
	some b in input.parameters.many
	some c in input.review.containers
	startswith(c.image, a)
	endswith(c.image, b)
	msg := sprintf("%v %v", [a, b])
}
"""
    known = {"input.parameters": {"many": [f"name{n}" for n in range(1000)]}}
    policy = rego.compile([rego.Source("a.rego", text, "v1")], constants=known)
    assert len(policy.emitted.source.splitlines()) < 100


def test_evaluations_leave_nothing_behind() -> None:
    text = """p contains {"msg": msg} if {
	some name, value in input.labels
	not regex.match("^[a-z]+$", value)
	not known(name)
	msg := sprintf("%v=%v of %v", [name, value, input.missing.x])
}

p contains {"msg": msg} if {
	missing := {"owner", "team"} - {name | input.labels[name]}
	count(missing) > 0
	msg := sprintf("%v", [missing])
}

known(name) if name == input.known[_]"""
    policy = compiled(text)

    def evaluate(times: int) -> None:
        for number in range(times):
            given = {"labels": {f"l{number}": "X", "owner": 1}, "known": ["a", "b"]}
            assert len(list(policy.evaluate("data.t.p", given))) == 1

    evaluate(100)
    tracemalloc.start()
    try:
        evaluate(10)
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        evaluate(2000)
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown < 2048


DOUBLING = {
    "sprintf": 'sprintf("%s%v", [X, X])',
    "concat": 'concat("", [X, X])',
    "replace": 'replace(X, "a", "aa")',
    "strings.replace_n": 'strings.replace_n({"a": "aa"}, X)',
    "internal.template_string": '$"{X}{X}"',
    "strings.render_template": 'strings.render_template("{{.t}}{{.t}}", {"t": X})',
    "json.marshal": "json.marshal(X)",
    "hex.encode": "hex.encode(X)",
    "base64.encode": "base64.encode(X)",
    "array.concat": "array.concat(X, X)",
}


@pytest.mark.parametrize("name", DOUBLING)
def test_a_chain_of_calls_cannot_double_without_end(name: str) -> None:
    turns = 64
    lines = [f"x{turn + 1} := {DOUBLING[name].replace('X', f'x{turn}')}" for turn in range(turns)]
    text = "\n\t".join(["x0 := input", *lines, f"count(x{turns}) > 0"])
    policy = rego.compile([rego.Source("a.rego", f"package a\np if {{\n\t{text}\n}}\n")])
    first: Any = ["a", "b"] if name == "array.concat" else 'aaaa"'
    # Arrays in arrays are seen to double as the rule is entered.
    wanted = "more than 20000000 steps" if name == "array.concat" else f"{name} makes more than 4194304"
    with pytest.raises(rego.LimitError, match=wanted):
        policy.evaluate("data.a.p", first)


def test_a_text_that_stands_a_thousand_times_in_a_list_is_not_made() -> None:
    text = 'package a\np := concat("", [x | some _ in numbers.range(1, 100000); x := input])'
    policy = rego.compile([rego.Source("a.rego", text)])
    with pytest.raises(rego.LimitError, match="concat makes more than"):
        policy.evaluate("data.a.p", "a" * 1000)
