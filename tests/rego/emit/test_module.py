from __future__ import annotations

import linecache
import re
import subprocess
import sys
from typing import Any

import pytest

from pratique import rego

TEXT = """package t

import rego.v1

violation contains {"msg": msg} if {
	some container in input.review.object.spec.containers
	not container.securityContext.readOnly
	msg := sprintf("%v is writable", [container.name])
}

ratio := input.a / input.b

total := object.get(input, "x", 1)[input.missing]
"""


def emitted() -> str:
    return rego.compile([rego.Source("a.rego", TEXT, "v1")]).emitted.source


def test_output_is_deterministic_across_processes() -> None:
    program = (
        "from pratique import rego\n"
        f"print(rego.compile([rego.Source('a.rego', {TEXT!r}, 'v1')]).emitted.source, end='')\n"
    )
    for seed in ("1", "2"):
        run = subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": seed},
        )
        assert run.stdout == emitted()


def test_every_line_of_a_rule_knows_its_place() -> None:
    policy = rego.compile([rego.Source("a.rego", TEXT, "v1")])
    source, places = policy.emitted.source.splitlines(), policy.emitted.places
    for number, line in enumerate(source):
        if line.strip():
            assert places[number] is not None, line
    rows = [span.location().line for span in places if span is not None]
    assert set(range(5, 9)) <= set(rows)


def test_the_table_of_constants_holds_what_the_source_names() -> None:
    for text in (TEXT, DEEP, SHARED.replace("acme.parts", "split")):
        made = rego.compile([rego.Source("a.rego", text, "v1")]).emitted
        assert set(made.constants) == set(re.findall(r"\b[BFKLPSW]\d+\b", made.source))


def test_source_is_there_for_tracebacks() -> None:
    policy = rego.compile([rego.Source("a.rego", TEXT, "v1")])
    assert linecache.getline(policy.emitted.filename, 1) == policy.emitted.source.splitlines(keepends=True)[0]


def test_an_error_speaks_of_the_line_of_the_policy() -> None:
    policy = rego.compile([rego.Source("a.rego", TEXT, "v1")], strict=True)
    with pytest.raises(rego.EvaluationError) as caught:
        policy.evaluate("data.t.ratio", {"a": 1, "b": 0})
    assert str(caught.value) == "a.rego:11:18: eval_builtin_error: div: divide by zero"
    assert "ratio := input.a / input.b" in caught.value.render()


def test_input_is_neither_changed_nor_copied() -> None:
    policy = rego.compile([rego.Source("a.rego", "package t\n\np := input.a\n", "v1")])
    inner = {"b": [1]}
    assert policy.evaluate("data.t.p", {"a": inner}) is inner


DEEP = """package t

import rego.v1

p contains [x, y, z] if {
	x := object.get(input.a.b.c, "d", "none")
	y := input.a.b.e
	z := input.a.f
}

q contains name if {
	walk(input, [_, value])
	name := value.a.b
}

r contains key if some key, _ in input.a.b
"""
ODD = [
    {},
    {"a": None},
    {"a": [1]},
    {"a": {"b": "text", "f": 1}},
    {"a": {"b": {"c": {"d": 1}, "e": 2}, "f": 3}},
    [],
    1,
]


@pytest.mark.parametrize("given", ODD, ids=map(str, ODD))
def test_lookups_that_share_a_question_find_what_each_would(given: Any) -> None:
    policy = rego.compile([rego.Source("a.rego", DEEP, "v1")])
    assert "except AttributeError:" in policy.emitted.source

    def at(*names: str) -> Any:
        found = given
        for name in names:
            found = found.get(name, rego.UNDEFINED) if isinstance(found, dict) else rego.UNDEFINED
        return found

    inner = at("a", "b", "c")
    wanted = [inner.get("d", "none") if isinstance(inner, dict) else inner, at("a", "b", "e"), at("a", "f")]
    rows = [] if rego.UNDEFINED in wanted else [wanted]
    assert list(policy.evaluate("data.t.p", given)) == rows
    assert list(policy.evaluate("data.t.q", given)) == [at("a", "b")] * (at("a", "b") is not rego.UNDEFINED)
    keys = at("a", "b")
    assert list(policy.evaluate("data.t.r", given)) == (sorted(keys) if isinstance(keys, dict) else [])


def test_answers_are_kept_where_they_are_asked_for_again() -> None:
    asked = "package t\n\np if q\n\nq if startswith(input.a, input.b)\n"
    policy = rego.compile([rego.Source("a.rego", asked, "v1")])
    assert policy.emitted.source.count("s.cache") == 3  # looked up, and kept whether it holds or not
    assert policy.evaluate("data.t", {"a": "ab", "b": "a"}) == {"p": True, "q": True}
    alone = rego.compile([rego.Source("a.rego", "package t\n\nq if input.a > input.b\n", "v1")])
    assert "s.cache" not in alone.emitted.source


SHARED = """package t

import rego.v1

deny contains "long" if {
	input.on
	count(acme.parts(input.text, ".")) > 2
}

deny contains "odd" if {
	parts := acme.parts(input.text, ".")
	count(parts) % 2 == 1
	known(parts) == "it"
}

deny contains name if {
	some name in input.names
	not longer(name)
	input.on
}

deny contains sprintf("%v!", [name]) if {
	some name in input.names
	longer(name) > 3
}

longer(name) := count(acme.parts(name, "-"))

known(parts) := "it" if parts[0] == "a"

known(parts) := "it" if parts[0] == "b"

known(parts) := "no" if parts[0] == "c"
"""


def test_clauses_share_what_they_call_and_call_nothing_before_they_need_it() -> None:
    calls: list[str] = []

    def parts(text: str, sign: str) -> list[str]:
        calls.append(text)
        return text.split(sign)

    known = {"acme.parts": rego.define("acme.parts", "string, string -> array", parts)}
    policy = rego.compile([rego.Source("a.rego", SHARED, "v1")], builtins=known)
    assert list(policy.evaluate("data.t.deny", {"on": True, "text": "a.b.c"})) == ["long", "odd"]
    assert calls == ["a.b.c"]
    calls.clear()
    assert list(policy.evaluate("data.t.deny", {"names": ["a-b-c-d", "e"]})) == ["a-b-c-d!"]
    assert calls == ["a-b-c-d", "e"]
    calls.clear()
    assert list(policy.evaluate("data.t.deny", {"on": True, "text": 1})) == []
    assert calls == []


def test_what_a_table_holds_is_asked_in_line() -> None:
    texts = ["", "Ki", "Mi", "Gi"]
    table = "".join(
        [f"size({text!r}) := {1024**power}\n".replace("'", '"') for power, text in enumerate(texts)]
    )
    asked = "p := [size(x) | some x in input]\n\nq if size(input[0])\n"
    policy = rego.compile([rego.Source("a.rego", f"package t\n\n{table}\n{asked}", "v1")])
    assert policy.evaluate("data.t.p", ["Ki", "", "Ti", 1, None, ["Ki"], "Gi"]) == [1024, 1, 1024**3]
    assert policy.evaluate("data.t.q", ["Ki"]) is True
    assert policy.evaluate("data.t.q", [1]) is rego.UNDEFINED


UNSHARED = """package t

import rego.v1

p contains x if {
	x := g(input.n)
}

g(n) := "seen" if f(n) == 7

g(n) := "replaced" if {
	f(n) == 2 with input.by as 2
}

f(n) := n + 1 if input.by == 2

f(n) := n + 2 if input.by == 5

twice contains x if {
	input.n
	x := raised(acme.next(input.n))
}

twice contains x if {
	input.on
	x := raised(acme.next(input.n))
}

raised(n) := n + 10 if n < 5

raised(n) := n + 20 if n >= 5

print_twice if {
	input.n
	told(input.n) == 9
}

print_twice if {
	input.on
	told(input.n) == 3
}

told(n) := n + 2 if {
	print("told", n)
	n < 5
}

told(n) := n if {
	print("told", n)
	n >= 5
}
"""


def test_what_may_differ_is_not_shared() -> None:
    count = iter(range(9))
    drawn = rego.define("acme.next", "number -> number", lambda _: next(count), nondeterministic=True)
    source = rego.Source("a.rego", UNSHARED, "v1")
    policy = rego.compile([source], builtins={"acme.next": drawn})
    assert list(policy.evaluate("data.t.p", {"n": 1, "by": 5})) == ["replaced"]
    assert list(policy.evaluate("data.t.twice", {"n": 1, "on": True})) == [10, 11]
    said: list[str] = []
    printing = rego.compile([source], builtins={"acme.next": drawn}, printing=True)
    value = {"n": 1, "on": True}
    assert printing.evaluate("data.t.print_twice", value, sink=lambda text, _: said.append(text)) is True
    assert said == ["told 1"] * 4
