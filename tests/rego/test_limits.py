"""Each limit ends the evaluation within a tenth of its value, in policies of every shape, and only that one."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from pratique import rego
from pratique.errors import InputError


def compiled(text: str, **limits: Any) -> rego.Policy:
    source = rego.Source("a.rego", f"package t\n\n{text}\n", "v1")
    return rego.compile([source], limits=rego.Limits(**limits))


def stops(policy: rego.Policy, value: Any, data: Any = None) -> bool:
    try:
        policy.evaluate("data.t.p", value, data)
    except rego.LimitError:
        return True
    return False


def largest(policy: rego.Policy, given: Callable[[int], Any], most: int) -> int:
    """Return the largest number for which the evaluation does not end at a limit."""
    data = {"ten": list(range(9)), "hundred": list(range(100))}
    low, high = 1, most
    assert stops(policy, given(high), data), "the limit is never reached"
    while high - low > max(1, low // 100):
        middle = (low + high) // 2
        low, high = (low, middle) if stops(policy, given(middle), data) else (middle, high)
    return low


# What a member of the input costs in steps.
STEPS = {
    "a rule's loop": ("p contains x if some x in input", 1),
    "a rule's loop over a set": ("p contains x if some x in {y | some y in input}", 2),
    "keys and values": ("p[k] := v if some k, v in input", 1),
    "an array comprehension": ("p := [x | some x in input]", 1),
    "a set comprehension": ("p := {x | some x in input}", 1),
    "an object comprehension": ("p := {x: 1 | some x in input}", 1),
    "every": ("p if every x in input { x >= 0 }", 1),
    "not": ("p if not f\n\nf if { some x in input; x < 0 }", 1),
    "a loop in a loop": ("p := count([1 | some x in input; some y in data.ten; y == -1])", 11),
    "a loop behind a loop": ("p := [1 | some x in input; x < 0]\n\nq := count(p)", 1),
    "a function": ("p := [f(x) | some x in input]\n\nf(x) := count([1 | some y in data.ten; y == x])", 11),
    "every in a loop": ("p := [1 | some x in input; every y in data.ten { y >= 0 }; x < 0]", 11),
    "walk": ("p := [x | walk(input, [_, x])]", 1),
    "walk in a loop": ("p := count([1 | some x in input; walk(data.ten, [_, y]); y == x])", 12),
    # 32 expressions a step, where they are more.
    "a long body": (
        "p := [y | some x in input; y := [" + ", ".join(f"x + {n}" for n in range(32)) + "]]",
        5,
    ),
    "a heavy function": (
        "p := [f(x) | some x in input]\n\nf(x) := [" + ", ".join(f"x + {n}" for n in range(200)) + "]",
        26,
    ),
    # The loop, what is kept of the rules' answers, and what evaluating them anew counts at least.
    "with": ("p := [x | some x in input; q with input as [x]]\n\nq := [y | some y in input]", 4),
}


@pytest.mark.parametrize("limit", [2_000, 50_000])
@pytest.mark.parametrize("shape", STEPS)
def test_steps(shape: str, limit: int) -> None:
    text, cost = STEPS[shape]
    if cost * 20 > limit:
        limit = cost * 100
    policy = compiled(text, steps=limit, seconds=0)
    found = largest(policy, lambda count: list(range(count)), 3 * limit // cost)
    assert 0.9 * limit <= found * cost <= 1.1 * limit, found * cost


def test_functions_that_call_others_twice_count() -> None:
    chain = [f"f{n}(x) := [f{n - 1}(x), f{n - 1}([x])]" for n in range(1, 40)]
    policy = compiled("\n\n".join(["f0(x) := [x, input]", *chain, "p if f39(input)\n\nq := f9(input)"]))
    with pytest.raises(rego.LimitError, match="more than 20000000 steps"):
        policy.evaluate("data.t.p", 1)
    assert policy.evaluate("data.t.q", 1)


@pytest.mark.parametrize("optimised", [True, False])
@pytest.mark.parametrize("limit", [16, 50, 256])
# A set that is asked for once is written where that is, and then is no call.
@pytest.mark.parametrize("form", ["r{n} := [r{m}[0] + 1]", "r{n} contains x + count(r{m}) if some x in r{m}"])
def test_depth_of_rules(form: str, limit: int, optimised: bool) -> None:
    def deep(levels: int) -> rego.Policy:
        rules = [form.format(n=n, m=n - 1) for n in range(1, levels)]
        text = "\n\n".join(
            [
                "package t",
                form.format(n=0, m="")
                .replace("r[0]", "input[0]")
                .replace("in r", "in input")
                .replace("(r)", "(input)"),
            ]
        )
        text = "\n\n".join([text, *rules, f"p := r{levels - 1}"])
        source = rego.Source("a.rego", text + "\n", "v1")
        return rego.compile([source], limits=rego.Limits(depth=limit), optimised=optimised)

    assert not stops(deep(limit - 1), [1])
    with pytest.raises(
        rego.LimitError, match=f"call each other {limit + 1} deep from here, and may {limit} deep"
    ) as caught:
        deep(limit).evaluate("data.t.p", [1])
    assert caught.value.location.line == 2 * limit + 3
    assert "`depth`" in caught.value.hint


def test_depth_of_functions() -> None:
    chain = [f"f{n}(x) := y if {{ some z in x; y := f{n - 1}([z]) }}" for n in range(1, 60)]
    policy = compiled("\n\n".join(["f0(x) := x[0]", *chain, "p := f59(input)"]), depth=50)
    assert stops(policy, [1])
    assert policy.evaluate("data.t.p", [1], limits=rego.Limits(depth=70)) == 1


@pytest.mark.parametrize("limit", [10, 1000, 20_000])
@pytest.mark.parametrize(
    ("text", "cost"),
    [
        ("p contains x if some x in input", 1),
        ("p := [[x, x] | some x in input]", 3),
        ("p[k] := [v] if some k, v in input", 2),
        ('p := {sprintf("%04096d", [x]) | some x in input}', 5),
        ("p := input", 1),
    ],
)
def test_output(text: str, cost: int, limit: int) -> None:
    policy = compiled(text, output=limit)
    found = largest(policy, lambda count: list(range(count)), 3 * limit)
    assert 0.9 * limit - cost <= found * cost <= 1.1 * limit


def test_an_answer_that_doubles_without_loops_is_refused() -> None:
    doubled = [f"r{n} := [r{n - 1}, r{n - 1}]" for n in range(1, 40)]
    policy = compiled("\n\n".join(["r0 := [input]", *doubled, "p := r20\n\nq := r39"]), steps=0)
    with pytest.raises(rego.LimitError, match="more than 1000000 values"):
        policy.evaluate("data.t.p", 1)
    assert policy.evaluate("data.t.r2", 1) == [[[1], [1]], [[1], [1]]]


MEMORY = """
import resource
from pratique import rego
text = "package t\\np := count([[x, [x], {1: x}] | some x in numbers.range(1, 5000000)])\\nq := 1\\n"
policy = rego.compile([rego.Source("a.rego", text)], limits=rego.Limits(memory=100))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    policy.evaluate("data.t.p", 1)
except rego.LimitError as error:
    print(error.render())
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024, policy.evaluate("data.t.q", 1))
"""


def test_memory_that_small_values_take() -> None:
    # A process of its own, since what counts is by how much one grows; by way of a shell, since a process begins with
    # the size of its parent.
    command = ["/bin/sh", "-c", '"$0" -c "$1"; exit $?', sys.executable, MEMORY]
    made = subprocess.run(command, capture_output=True, text=True, check=True)
    *error, figures = made.stdout.splitlines()
    assert "needs 100 MiB more memory than there was" in error[0]
    assert error[0].startswith("a.rego:2:")
    assert "`memory`" in error[-1]
    grown, answer = map(int, figures.split())
    assert 90 <= grown <= 250
    assert answer == 1


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"steps": -1}, "steps=-1 is no limit"),
        ({"steps": 1.5}, "steps=1.5 is no limit"),
        ({"output": True}, "output=True is no limit"),
        ({"seconds": "1"}, "seconds='1' is no limit"),
        ({"seconds": float("nan")}, "seconds=nan is no limit"),
        ({"depth": 3}, "a depth of 3 is too little"),
        ({"memory": None}, "memory=None is no limit"),
    ],
)
def test_limits_are_numbers(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        rego.Limits(**wrong)
    assert caught.value.hint


def test_no_limit_is_zero() -> None:
    limits = rego.Limits(steps=0, seconds=0, output=0, depth=0, memory=0)
    policy = compiled("p := [[x, y] | some x in input; some y in input]")
    assert len(policy.evaluate("data.t.p", list(range(100)), limits=limits)) == 10_000


TEXT, NUMBERS = "ab " * 5000, list(range(5000))
RECORDS = {str(number): {"a": number} for number in range(2000)}
# Calls that are slow, or make something large, with an input; each is made again and again.
CALLS: dict[str, tuple[str, Any]] = {
    "json.marshal": ("json.marshal(input)", RECORDS),
    "json.marshal_with_options": ('json.marshal_with_options(input, {"pretty": true})', RECORDS),
    "yaml.marshal": ("yaml.marshal(input)", RECORDS),
    "sprintf of a value": ('sprintf("%v", [input])', RECORDS),
    "sprintf of a text": ('sprintf("%s!", [input])', TEXT),
    "sprintf, padded": ('sprintf("%100000d", [count(input)])', TEXT),
    "a template string": ('$"{input}!"', TEXT),
    "concat": ('concat("", [input, "x"])', TEXT),
    "split": ('split(input, " ")', TEXT),
    "split into signs": ('split(input, "")', TEXT),
    "lower": ("lower(input)", TEXT),
    "trim_prefix": ('trim_prefix(input, "a")', TEXT),
    "trim": ('trim(input, "a")', TEXT),
    "substring": ("substring(input, 1, -1)", TEXT),
    "replace": ('replace(input, "ab", "c")', TEXT),
    "strings.replace_n": ('strings.replace_n({"a": "b"}, input)', TEXT),
    "strings.reverse": ("strings.reverse(input)", TEXT),
    "indexof_n": ('indexof_n(input, "a")', TEXT),
    "regex.match": ('regex.match("c(a|b)*z", input)', TEXT),
    "regex.find_n": ('regex.find_n("a", input, -1)', TEXT),
    "regex.replace": ('regex.replace(input, "a", "b")', TEXT),
    "glob.match": ('glob.match("*c*", [], input)', TEXT),
    "base64.encode": ("base64.encode(input)", TEXT),
    "urlquery.encode": ("urlquery.encode(input)", TEXT),
    "crypto.sha256": ("crypto.sha256(input)", TEXT),
    "crypto.hmac.sha512": ('crypto.hmac.sha512(input, "k")', TEXT),
    "sort": ("sort(input)", NUMBERS),
    "sum": ("sum(input)", NUMBERS),
    "max": ("max(input)", NUMBERS),
    "array.reverse": ("array.reverse(input)", NUMBERS),
    "array.slice": ("array.slice(input, 0, 4000)", NUMBERS),
    "array.concat": ("array.concat(input, [1])", NUMBERS),
    "array.flatten": ("array.flatten([input, input])", NUMBERS),
    "in": ("[turn] in input", NUMBERS),
    "a comparison": ("input.x == input.y", {"x": [[n] for n in NUMBERS], "y": [[n] for n in NUMBERS]}),
    "an order": ("input.x < input.y", {"x": [[n] for n in NUMBERS], "y": [[n] for n in NUMBERS]}),
    "a set of values": ("count({input, turn})", [[n] for n in NUMBERS]),
    "object.keys": ("object.keys(input)", RECORDS),
    "object.filter": ('object.filter(input, ["1"])', RECORDS),
    "object.remove": ('object.remove(input, ["1"])', RECORDS),
    "object.union": ('object.union(input, {"a": 1})', RECORDS),
    "object.union_n": ("object.union_n([input, input])", RECORDS),
    "json.filter": ('json.filter(input, ["1"])', RECORDS),
    "json.remove": ('json.remove(input, ["1"])', RECORDS),
    "json.patch": ('json.patch(input, [{"op": "add", "path": "/x", "value": 1}])', RECORDS),
    "json.match_schema": ('json.match_schema(input, {"items": {"type": "object"}})', [{"a": 1}] * 500),
    "json.unmarshal": ("json.unmarshal(input)", f"[{'[],' * 5000}1]"),
    "yaml.unmarshal": ("yaml.unmarshal(input)", "- a\n" * 300),
    "graph.reachable": ('graph.reachable(input, ["0"])', {str(n): [str(n + 1)] for n in range(1000)}),
    "net.cidr_expand": ('net.cidr_expand("10.0.0.0/20")', 1),
    "net.cidr_merge": ("net.cidr_merge(input)", [f"10.1.{n}.0/24" for n in range(256)] * 2),
    "numbers.range": ("numbers.range(1, 1000)", 1),
    "bits.lsh": ("bits.lsh(1, 100000 + turn)", 1),
    "walk": ("count([1 | walk(input, [_, y])])", RECORDS),
    "io.jwt.verify_rs256": ("io.jwt.verify_rs256(input, input)", "a.b.c"),
    "crypto.x509.parse_certificates": ("crypto.x509.parse_certificates(input)", "a"),
}
# One call that would take for ever, or all memory.
BOMBS: dict[str, tuple[str, Any]] = {
    "graph.reachable_paths": (
        'graph.reachable_paths(input, ["0"])',
        {str(n): list("0123456789") for n in range(10)},
    ),
    "net.cidr_contains_matches": (
        "net.cidr_contains_matches(input, input)",
        [f"10.1.{n}.0/24" for n in range(256)],
    ),
    "numbers.range": ("numbers.range(1, 1000000000000)", 1),
    "strings.any_prefix_match": (
        "strings.any_prefix_match(input, input)",
        [f"a{n}" for n in range(5000)],
    ),
    "aliases of YAML": (
        "yaml.unmarshal(input)",
        "a: &a [x,x,x,x,x,x,x,x,x]\n"
        + "".join(f"a{n}: &a{n} [{','.join(['*a' + (str(n - 1) if n else '')] * 9)}]\n" for n in range(12)),
    ),
    "loops of a template": (
        'strings.render_template("{{range .n}}{{range $.n}}{{range $.n}}x{{end}}{{end}}{{end}}", {"n": input})',
        NUMBERS[:500],
    ),
    "a long loop of a template": ('strings.render_template("{{range 1000000000}}{{end}}", {"n": input})', 1),
    "a value a thousand times": ("json.marshal([input | some _ in numbers.range(1, 1000)])", RECORDS),
    "a set of a value a thousand times": ("{[input | some _ in numbers.range(1, 1000)], 1} == {1}", RECORDS),
    "a long array of arrays": ("array.flatten([input | some _ in numbers.range(1, 1000)])", NUMBERS),
    "objects as one": ("object.union_n([input | some _ in numbers.range(1, 1000)])", RECORDS),
    "product": ("product(input)", [10**18] * 20000),
    "squares": ("x30", 3),
}


@pytest.mark.parametrize("name", CALLS)
def test_calls_count_what_they_do(name: str) -> None:
    call, value = CALLS[name]
    policy = compiled(
        f"p := [x | some turn in input.turns; x := f(turn)]\n\nf(turn) := {call} if turn >= 0".replace(
            "input.turns", "data.turns"
        ),
        steps=200_000,
        seconds=0,
        memory=0,
    )
    with pytest.raises(rego.LimitError, match="more than 200000 steps"):
        policy.evaluate("data.t.p", value, {"turns": list(range(5000))})
    assert policy.evaluate("data.t.p", value, {"turns": [0]}) is not rego.UNDEFINED


@pytest.mark.parametrize("name", BOMBS)
def test_one_call_ends_too(name: str) -> None:
    call, value = BOMBS[name]
    before = (
        "; ".join(["x0 := input", *[f"x{n + 1} := x{n} * x{n}" for n in range(30)]])
        if name == "squares"
        else "true"
    )
    policy = compiled(f"p := {call} if {{ {before} }}", steps=200_000, seconds=0, memory=0)
    with pytest.raises(rego.LimitError, match=r"more than (200000 steps|131072 bits)") as caught:
        policy.evaluate("data.t.p", value)
    assert caught.value.location.line == 3


@pytest.mark.parametrize("call", ["json.unmarshal(input)", "to_number(input)", "yaml.unmarshal(input)"])
def test_numbers_of_a_million_digits_are_refused(call: str) -> None:
    policy = compiled(f"p := {call}")
    try:
        found = policy.evaluate("data.t.p", "7" * 1_000_000)
    except rego.LimitError:
        return
    assert found is rego.UNDEFINED or type(found) is not int
