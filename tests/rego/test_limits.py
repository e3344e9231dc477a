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
