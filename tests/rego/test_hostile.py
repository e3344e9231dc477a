"""Text of any shape compiles or is refused, with a place, in time and memory that grow no faster than they must."""

from __future__ import annotations

import pytest

from pratique import rego

# What is nested; each holds the next one where `@` stands.
NESTED = {
    "arrays": "[@]",
    "sets": "{@}",
    "objects": '{"a": @}',
    "keys": "{@: 1}",
    "pairs": "[1, @]",
    "pairs in sets": "{1, @}",
    "parentheses": "(1 + @)",
    "members": "(1 in [@])",
    "calls": "count([@])",
    "references": "input[@]",
    "comprehensions": "[x | x := @]",
    "set comprehensions": "{x | x := @}",
    "object comprehensions": "{1: x | x := @}",
    "template strings": '$"{@}"',
    "negative": "-@",
}
BODIES = {
    "every": "every x in [1] { x == 1; @ }",
    "not": "not { @ }",
    "and": "(true and @)",
    "or": "(input.a or @)",
    "and in or": "(input.a and (input.b or @))",
}
LONG = {
    "sum": ("p := 1{}", " + 1"),
    "union": ("p := {{1}}{}", " | {1}"),
    "and": ("p if {{ true{} }}", " and input.x"),
    "or": ("p if {{ input.x == 0{} }}", " or input.x == 1"),
    "and of or": ("p if {{ input.x{} }}", " and (input.y or input.z)"),
    "or of not": ("p if {{ input.x{} }}", " or not (input.y and input.z)"),
    "reference": ("p := input{}", ".a"),
    "indexes": ("p := input{}", "[0]"),
    "head": ("p{} := 1", ".a"),
    "with": ("p if {{ input{} }}", " with input as 1"),
    "else": ("p := 1 if input.x{}", "\n\nelse := 2 if input.y"),
    "operators": ("p := 1{}", "+-"),
    "brackets": ("p := {}", "["),
    "closing": ("p := {}", "]"),
    "quotes": ("p := {}", '"'),
    "some": ("p if {{ some x{} }}", ", x"),
    "comment": ("p := 1 # {}", "@"),
    "comments": ("{}p := 1", "# a\n"),
    "metadata": ("# METADATA\n# custom: {}\np := 1", "["),
    "aliases": ("# METADATA\n# custom:\n#   a: &a {}\np := 1", "[*a, "),
    "escapes": ('p := "{}"', "\\u0041"),
    "digits": ("p := 1{}", "7"),
    "fraction": ("p := 0.{}", "7"),
    "nothing": ("p := 1{}", "\n"),
    "control": ("p := 1 {}", "\0"),
}
MANY = {
    "rules": "p{} := {}",
    "members": "p contains {}",
    "functions": "f({}) := {}",
    "clauses that loop": "p contains x if {{ some x in input.a; x > {} }}",
    "imports": "import data.a{}",
}


def tried(text: str, head: str = "package t\n\nimport rego.v2\n\n") -> str:
    """Compile and evaluate; return how that ended."""
    try:
        policy = rego.compile([rego.Source("a.rego", head + text + "\n")])
    except rego.CompileError as error:
        assert error.problems
        assert all(
            problem.location.line or "nested too deeply" in problem.message for problem in error.problems
        )
        assert error.render()
        return "refused"
    try:
        policy.evaluate("data.t.p", {"a": [1, 2]})
    except rego.LimitError:
        return "ended"
    except rego.EvaluationError as error:
        assert "the engine failed" not in error.message
        return "failed"
    return "answered"


@pytest.mark.parametrize("levels", [3, 40, 300, 20_000])
@pytest.mark.parametrize("shape", NESTED)
def test_nested_terms(shape: str, levels: int) -> None:
    before, _, behind = NESTED[shape].partition("@")
    found = tried("p := " + before * levels + "1" + behind * levels)
    assert found == ("refused" if levels > 1000 else found)
    assert found in {"answered", "refused", "ended"}


@pytest.mark.parametrize("levels", [3, 40, 300, 20_000])
@pytest.mark.parametrize("shape", BODIES)
def test_nested_bodies(shape: str, levels: int) -> None:
    before, _, behind = BODIES[shape].partition("@")
    found = tried("p if { " + before * levels + "true" + behind * levels + " }")
    assert found == ("answered" if levels == 3 else "refused" if levels > 1000 else found)


@pytest.mark.parametrize("count", [300, 20_000])
@pytest.mark.parametrize("shape", LONG)
def test_long_lines(shape: str, count: int) -> None:
    frame, part = LONG[shape]
    assert tried(frame.format(part * count)) in {"answered", "refused", "ended"}


@pytest.mark.parametrize("shape", MANY)
def test_many_rules(shape: str) -> None:
    # The imports come first.
    text = "\n".join([MANY[shape].format(number, number) for number in range(3000)])
    assert tried(text, "package t\n\n") == "answered"


def test_chains_of_rules_longer_than_the_stack() -> None:
    chain = [f"p{number} := p{number - 1}" for number in range(1, 3000)]
    assert tried("\n".join(["p0 := input", *chain, "p := p2999"])) in {"answered", "ended"}
    sums = [f"p{number} := p{number - 1} + input.x" for number in range(1, 3000)]
    assert tried("\n".join(["p0 := input.x", *sums, "p := p2999"])) == "ended"


def test_bodies_in_the_worst_order() -> None:
    steps = "; ".join([f"x{number} = x{number + 1} + 1" for number in range(200)])
    assert tried(f"p := x0 if {{ {steps}; x200 = 1 }}") == "answered"


def test_loops_over_constants_are_counted_where_they_are_nested() -> None:
    loops = "; ".join([f"some x{number} in [1, 2, input.a]" for number in range(18)])
    assert tried(f"p contains x0 if {{ {loops} }}") == "ended"
    constants = "; ".join([f"some x{number} in {{1, 2, 3, 4, 5, 6, 7, 8, 9}}" for number in range(18)])
    text = f"p contains x0 if {{ {constants}; x0 + x1 + x17 < input.n }}"
    assert tried(text) == "ended"


def test_the_place_that_is_too_deep_is_told() -> None:
    with pytest.raises(rego.CompileError) as caught:
        rego.compile([rego.Source("a.rego", "package t\n\nq := 1\n\np := " + "[" * 5000)])
    (problem,) = caught.value.problems
    assert (problem.location.line, problem.message) == (5, "the text is nested too deeply")
    assert problem.location.column > 50
    with pytest.raises(rego.CompileError) as caught:
        rego.compile([rego.Source("a.rego", "package t\n\nq := 1\n\np := 1" + "+1" * 5000)])
    (problem,) = caught.value.problems
    assert problem.location.line == 5
    assert "nested too deeply, or is a chain of too many operators" in problem.message
