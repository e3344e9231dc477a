"""What holds for every policy: small ones made at random, every template of the shared library, and texts gone wrong.

The modules are Rego v0 that binds with `=` alone, so that their bodies may stand in any order.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from benchmarks.library import LIBRARY, Case, cases
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pratique import rego
from pratique.rego.format import format_module
from pratique.rego.format.meaning import same
from pratique.rego.format.upgrade import upgraded
from pratique.rego.parse import parse_module

# A busy machine is no fault of a test.
SLOW = [HealthCheck.too_slow]

INPUT = {
    "name": "web",
    "size": 3,
    "flag": False,
    "list": [1, 2, 3, "a", None],
    "labels": {"app": "web", "tier": "front", "n": 2},
    "rows": [{"k": "a", "v": 1}, {"k": "b", "v": 2}, {"k": "b"}],
    "parameters": {"allowed": ["web", "a", 2], "most": 2, "labels": [{"key": "app"}, {"key": "owner"}]},
}
DOCUMENTS = (
    *("input.name", "input.size", "input.flag", "input.list", "input.labels", "input.rows", "input.missing"),
    *("input.labels.app", "input.rows[0].v", "input.parameters.most", "input.parameters.allowed", "data.t.q"),
)
COLLECTIONS = (
    "input.list",
    "input.rows",
    "input.labels",
    "input.parameters.allowed",
    "input.parameters.labels",
)
CONSTANTS = ("1", "2", '"a"', '"web"', "null", "false", "[]", "{}", "set()", '{"k": "a"}', "1.5")


@st.composite
def terms(draw: st.DrawFn, names: tuple[str, ...], depth: int = 1) -> str:
    """Return a term over the variables that have a value."""
    simple = st.sampled_from((*DOCUMENTS, *CONSTANTS, *names))
    kind = draw(st.integers(0, 9)) if depth else 0
    if kind <= 4:
        return draw(simple)
    left, right = draw(terms(names, depth - 1)), draw(terms(names, depth - 1))
    forms = (
        f"[{left}, {right}]",
        f'{{"k": {left}}}',
        f"f({left})",
        f"count([x | x = {draw(st.sampled_from(COLLECTIONS))}[_]; x != {right}])",
        f'sprintf("%v-%v", [{left}, {right}])',
    )
    return forms[kind - 5]


@st.composite
def bodies(draw: st.DrawFn) -> tuple[list[str], str]:
    """Return the literals of a body, and a term for the head."""
    names: tuple[str, ...] = ()
    literals: list[str] = []
    for number in range(draw(st.integers(1, 5))):
        kind = draw(st.integers(0, 6))
        fresh = f"v{number}"
        if kind <= 1:
            literals.append(f"{fresh} = {draw(terms(names))}")
            names += (fresh,)
        elif kind == 2:
            literals.append(f"{fresh} = {draw(st.sampled_from(COLLECTIONS))}[i{number}]")
            names += (fresh, f"i{number}")
        elif kind == 3:
            literals.append(f"{draw(st.sampled_from(COLLECTIONS))}[_] = {draw(terms(names))}")
        elif kind == 4:
            sign = draw(st.sampled_from(("==", "!=", "<", ">=")))
            literals.append(f"{draw(terms(names))} {sign} {draw(terms(names))}")
        elif kind == 5:
            literals.append(f"not {draw(terms(names))}")
        else:
            literals.append(f"{draw(terms(names))} with input.size as {draw(st.sampled_from(CONSTANTS))}")
    return literals, draw(terms(names))


@st.composite
def modules(draw: st.DrawFn) -> tuple[str, str]:
    """Return a module, and the same with every body in another order."""
    parts = ["package t", "f(x) = y { y = [x] }", "default d = 0"]
    shuffled = list(parts)
    heads = ('violation[{{"msg": {0}}}]', "p[{0}]", "m[{0}] = 1", "c = {0}", "d = {0}", "g(a) = {0}")
    made = [
        "q = x { x = input.size }",
        *(draw(st.sampled_from(heads)) for _ in range(draw(st.integers(1, 3)))),
    ]
    for head in made:
        if "{0}" not in head:
            parts.append(head)
            shuffled.append(head)
            continue
        literals, value = draw(bodies())
        other = draw(st.permutations(literals))
        parts.append(f"{head.format(value)} {{ {'; '.join(literals)} }}")
        shuffled.append(f"{head.format(value)} {{ {'; '.join(other)} }}")
    return "\n".join(parts) + "\n", "\n".join(shuffled) + "\n"


def answer(text: str, version: rego.Version = "v0", **options: Any) -> Any:
    """Return the package's document, or the code of what is refused; what stands in a set is sorted."""
    try:
        policy = rego.compile([rego.Source("t.rego", text, version)], **options)
        return rego.json_text(policy.evaluate("data.t", INPUT))
    except rego.CompileError as error:
        return sorted({problem.code for problem in error.problems})
    except rego.EvaluationError as error:
        return error.code


@settings(max_examples=100, deadline=None, suppress_health_check=SLOW)
@given(modules())
def test_the_order_of_a_body_changes_no_answer(pair: tuple[str, str]) -> None:
    assert answer(pair[1]) == answer(pair[0])


@settings(max_examples=100, deadline=None, suppress_health_check=SLOW)
@given(modules())
def test_compiling_as_it_stands_and_specialised_give_the_same_answer(pair: tuple[str, str]) -> None:
    text, _ = pair
    plain = answer(text, optimised=False)
    assert answer(text) == plain
    assert answer(text, constants={"input.parameters": INPUT["parameters"]}) == plain


@settings(max_examples=100, deadline=None, suppress_health_check=SLOW)
@given(modules())
def test_v0_and_its_rewrite_to_v1_give_the_same_answer(pair: tuple[str, str]) -> None:
    text, _ = pair
    source = rego.Source("t.rego", text, "v0")
    expected = answer(text)
    assert answer(format_module(source)) == expected
    assert answer(format_module(source, target="v1", drop_imports=True), "v1") == expected
    both = format_module(source, target="v0v1")
    assert answer(both) == answer(both, "v1") == expected


@settings(max_examples=100, deadline=None, suppress_health_check=SLOW)
@given(modules(), st.randoms(use_true_random=False))
def test_a_layout_is_final_and_means_the_same(pair: tuple[str, str], random: Any) -> None:
    text = scattered(pair[0], random)
    module = parse_module(rego.Source("t.rego", text, "v0"))
    once = format_module(rego.Source("t.rego", text, "v0"))
    assert same(parse_module(rego.Source("t.rego", once, "v0")), module)
    assert format_module(rego.Source("t.rego", once, "v0")) == once
    new = format_module(rego.Source("t.rego", text, "v0"), target="v1")
    assert same(parse_module(rego.Source("t.rego", new, "v1")), upgraded(module))
    assert format_module(rego.Source("t.rego", new, "v1")) == new


def scattered(text: str, random: Any) -> str:
    """Return the text with comments and line breaks where some of its blanks were."""
    found = []
    for word in text.replace("\n", " \n ").split(" "):
        found.append(word)
        if word not in {"\n", "package", "default"} and word.endswith((",", ";", "{", "[", "(")):
            found.append(random.choice(("", "", " ", "\n\t", f" # {len(found)}\n", f"\n# {len(found)}\n")))
        else:
            found.append(" ")
    return "".join(found)


# --- the shared library ------------------------------------------------------------------------------------

library = pytest.mark.skipif(not LIBRARY.is_dir(), reason="no ../shared/conformance/gatekeeper-library")


def asked(case: Case, **options: Any) -> str:
    policy = rego.compile(case.sources, entrypoints=[case.entrypoint], **options)
    return rego.json_text(policy.evaluate(case.entrypoint, case.question, case.data))


@library
def test_every_template_answers_alike_in_v1_and_as_it_stands() -> None:
    compared = 0
    for case in cases(LIBRARY):
        expected = asked(case)
        assert asked(case, optimised=False) == expected, case.name
        assert asked(case, constants={"input.parameters": case.parameters}) == expected, case.name
        modern = [
            rego.Source(each.file, format_module(each, target="v1", drop_imports=True), "v1")
            if each.version == "v0"
            else each
            for each in case.sources
        ]
        policy = rego.compile(modern, entrypoints=[case.entrypoint])
        found = rego.json_text(policy.evaluate(case.entrypoint, case.question, case.data))
        assert found == expected, case.name
        compared += 1
    assert compared >= 197


EMITTED = """
import hashlib, sys
from benchmarks.library import LIBRARY, cases
from pratique import rego
found = hashlib.sha256()
for case in cases(LIBRARY):
    for constants in (None, {"input.parameters": case.parameters}):
        stages = rego.compile(case.sources, constants=constants).stages()
        found.update(repr((stages["python"], stages["constants"], stages["plan"])).encode())
print(found.hexdigest())
"""


@library
def test_emitted_code_is_the_same_in_every_process() -> None:
    root = Path(__file__).parents[2]
    found = {
        subprocess.run(
            [sys.executable, "-c", EMITTED],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=root,
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("0", "1", "31")
    }
    assert len(found) == 1


# --- texts gone wrong --------------------------------------------------------------------------------------


@cache
def texts() -> list[str]:
    found = {source.text for case in cases(LIBRARY) for source in case.sources} if LIBRARY.is_dir() else set()
    return sorted(found, key=lambda text: hashlib.sha256(text.encode()).hexdigest())[:40] or [
        "package a\n\np[x] { x := input.y[_]; not q }\n\nq = {k: v | v := input.z[k]} { true } else = 2 { f(1) }\n"
    ]


PIECES = (
    "",
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    '"',
    "`",
    "\n",
    "\\",
    "#",
    '$"',
    ":=",
    "=",
    "|",
    ",",
    ";",
    ".",
    "\x00",
    "é",
)


@settings(max_examples=150, deadline=None, suppress_health_check=SLOW)
@given(st.data(), st.sampled_from(["v0", "v1"]))
def test_a_policy_with_a_piece_changed_is_compiled_or_refused(data: st.DataObject, version: Any) -> None:
    text = data.draw(st.sampled_from(texts()))
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        end = min(len(text), start + data.draw(st.integers(0, 12)))
        text = text[:start] + data.draw(st.sampled_from(PIECES)) + text[end:]
    source = rego.Source("t.rego", text, version)
    try:
        rego.compile([source])
    except rego.CompileError as error:
        assert error.problems
        assert all(each.location.line >= 1 and each.message for each in error.problems)
        assert error.render()
    try:
        once = format_module(source)
    except rego.CompileError:
        return
    assert format_module(rego.Source("t.rego", once, version)) == once


@pytest.mark.parametrize("depth", [50, 500, 20_000])
@pytest.mark.parametrize(
    "form", ["{0}1{1}", "f({0}1{1})", "{{x | x = {0}1{1}}}", "not {0}1{1}", "1 + {0}1{1}", "input.x{0}0{1}"]
)
def test_depth_is_compiled_or_refused(form: str, depth: int) -> None:
    for opening, closing in (("[", "]"), ("{", "}"), ("(", ")"), ("[x | x = ", "]")):
        text = f"package a\n\np {{ {form.format(opening * depth, closing * depth)} }}\n"
        for run in (rego.compile, lambda sources: format_module(sources[0])):
            try:
                run([rego.Source("t.rego", text, "v0")])
            except rego.CompileError as error:
                assert error.problems
