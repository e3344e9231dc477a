"""The checker of types against OPA's own: what it refuses, in which words and where; and what it accepts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from pratique import rego

CASES = yaml.safe_load(Path("tests/cases/rego/types.yaml").read_text())


def said(problem: rego.Problem) -> str:
    assert problem.code == "rego_type_error"
    place = f"{problem.location.line}:{problem.location.column}"
    return "\n".join([f"{place} {problem.message}", *problem.details])


def problems(text: str, version: Any = "v1") -> list[str]:
    try:
        rego.compile([rego.Source("p.rego", text, version)])
    except rego.CompileError as error:
        return [said(problem) for problem in error.problems]
    return []


@pytest.mark.parametrize("case", CASES, ids=[f"{number}" for number in range(len(CASES))])
def test_programs_are_refused_as_opa_refuses_them(case: dict[str, Any]) -> None:
    assert problems(case["text"], case.get("version", "v1")) == case["problems"]


def test_types_go_from_module_to_module() -> None:
    sources = [
        rego.Source("a.rego", "package a\np := data.b.f(1)\n"),
        rego.Source("b.rego", 'package b\nf(x) := startswith(x, "a")\n'),
    ]
    with pytest.raises(rego.CompileError) as caught:
        rego.compile(sources)
    assert str(caught.value) == (
        "a.rego:2:6: rego_type_error: data.b.f: invalid argument(s)\n"
        "\thave: (number, ???)\n"
        "\twant: (string, boolean)"
    )


def test_a_query_knows_the_types_of_rules() -> None:
    source = rego.Source("a.rego", "package a\np := 1\n")
    with pytest.raises(rego.CompileError) as caught:
        rego.query([source], 'data.a.p = "x"')
    assert str(caught.value) == (
        "query:1:1: rego_type_error: match error\n\tleft  : number\n\tright : string"
    )
    assert rego.query([source], "data.a.p = 1") == [{}]


def test_a_query_may_compare_what_is_never_equal() -> None:
    # A rule may not: there, OPA reads `==` as `=`.
    assert rego.query([], '1 == "x"') == []


def test_builtins_of_ones_own_have_the_types_of_their_signature() -> None:
    twice = rego.define("acme.twice", "number -> number", lambda value: value * 2)
    with pytest.raises(rego.CompileError) as caught:
        rego.query([], 'acme.twice("x")', builtins={twice.name: twice})
    assert caught.value.problems[0].details == ("have: (string)", "want: (number, number)")


def test_what_is_wrong_in_another_way_gets_no_type_errors() -> None:
    with pytest.raises(rego.CompileError) as caught:
        rego.compile([rego.Source("a.rego", 'package a\np := 1 + "a"\nq if x > 1\n')])
    assert [problem.code for problem in caught.value.problems] == ["rego_unsafe_var_error"]


@pytest.mark.parametrize(
    "body",
    [
        'x := []; x[0] == "a"',
        'x := {}; x == {"a": 1}',
        'x := set(); x["a"]',
        '1 in ["a"]',
        'object.union({"a": 1}, {"b": 2}) == 1',
    ],
)
def test_templates_are_looked_at_as_gatekeepers_opa_does(body: str) -> None:
    # OPA 1.17, which Gatekeeper 3.23 runs, does not refuse what OPA 1.22 does here.
    text = f"package a\n\nimport future.keywords.in\n\np {{ {body} }}\n"
    rego.compile([rego.Source("a.rego", text, "v0", newest=False)])
    with pytest.raises(rego.CompileError):
        rego.compile([rego.Source("a.rego", text, "v0")])


def test_where_a_wrong_stand_in_is_nothing_else_is_told() -> None:
    text = 'package a\n\nf(x) := x + 1\np contains "a"\nq := [1]\nr if q[p] with f as upper\n'
    assert problems(text) == ["6:11 data.a.f: arity mismatch\nhave: (string)\nwant: (number)"]


def test_comprehensions_within_each_other_take_no_time_that_doubles() -> None:
    depth = 60
    opened = "".join(f"[x{level} | y{level} := input.a; x{level} := " for level in range(depth))
    rego.compile([rego.Source("a.rego", f"package a\n\np := {opened}1{']' * depth}\n")])


SCHEMA = {
    "$defs": {
        "meta": {
            "type": "object",
            "properties": {"name": {"type": "string"}, "labels": {"$ref": "#/$defs/l"}},
        },
        "l": {"type": "array", "items": {"type": "string"}},
        "tree": {"type": "object", "properties": {"below": {"$ref": "#/$defs/tree"}}},
    },
    "type": "object",
    "properties": {
        "user": {"type": "string"},
        "n": {"type": "integer"},
        "metadata": {"$ref": "#/$defs/meta"},
        "tree": {"$ref": "#/$defs/tree"},
        "spec": {"type": "object"},
        "pair": {"items": [{"type": "string"}, {"type": "number"}]},
        "alt": {"anyOf": [{"type": "string"}, {"type": "object", "properties": {"x": {"type": "number"}}}]},
        "all": {
            "allOf": [{"properties": {"a": {"type": "string"}}}, {"properties": {"b": {"type": "number"}}}]
        },
        "maybe": {"type": ["string", "null"]},
    },
}


@pytest.mark.parametrize(
    ("body", "want"),
    [
        ("input.usr", "undefined ref: input.usr"),
        ("input.user == 1", "match error"),
        ("input.n == input.user", "match error"),
        ("input.metadata.nam", "undefined ref: input.metadata.nam"),
        ("some l in input.metadata.labels; l == 1", "match error"),
        ('[a, b] := input.pair; b == "x"', "match error"),
        ('input.alt.x == "s"', "match error"),
        ("input.alt.y", "undefined ref: input.alt.y"),
        ('input.all.b == "x"', "match error"),
        ("input.all.c", "undefined ref: input.all.c"),
        ("input.maybe == 1", "match error"),
        ("input.tree.below.beside", ""),
        ('input.spec.x.y; input.user == "a"; input.metadata.name', ""),
        ('input.metadata.name == 1 with input as {"metadata": {"name": 1}}', ""),
    ],
)
def test_the_input_follows_its_schema(body: str, want: str) -> None:
    # As `opa check -s` says it of the same programs; only `tree` refers to itself, and may be anything then.
    source = rego.Source("a.rego", f"package a\n\np if {{ {body} }}\n")
    rego.compile([source])
    try:
        rego.compile([source], capabilities=rego.Capabilities(schemas={(): SCHEMA}))
    except rego.CompileError as error:
        assert [problem.message for problem in error.problems] == [want]
    else:
        assert not want


ANNOTATED = """\
# METADATA
# schemas:
# - input: schema.pod
package a

# METADATA
# schemas:
# - data.acl: schema.lists["by-name"]
p if data.acl.alice[_] == 1

# METADATA
# schemas:
# - input.spec: {type: object, properties: {replicas: {type: number}}}
q if { input.spec.replicas == "a"; input.spec.z }

r if data.acl.alice[_] == 1

# METADATA
# schemas:
# - data.acl: schema.nope
s if input.user == 1

# METADATA
# schemas:
# - input: {allOf: [{type: string}, {type: number}]}
t if input.x
"""


def test_metadata_names_schemas() -> None:
    schemas = {
        ("pod",): SCHEMA,
        ("lists", "by-name"): {"properties": {"alice": {"items": {"type": "string"}}}},
    }
    with pytest.raises(rego.CompileError) as caught:
        rego.compile([rego.Source("a.rego", ANNOTATED)], capabilities=rego.Capabilities(schemas=schemas))
    told = [(problem.location.line, problem.message) for problem in caught.value.problems]
    assert told == [
        (9, "match error"),
        (14, "match error"),
        (14, "undefined ref: input.spec.z"),
        (21, "undefined schema: schema.nope"),
        (21, "match error"),
        (26, "type checking: unable to merge these schemas: type mismatch: string and number"),
        (26, "undefined ref: input.x"),
    ]


def test_schemas_in_metadata_itself_count_without_a_folder_of_them() -> None:
    with pytest.raises(rego.CompileError) as caught:
        rego.compile([rego.Source("a.rego", ANNOTATED)])
    assert [problem.location.line for problem in caught.value.problems] == [14, 14, 26]


def test_many_types_are_joined_in_one_go() -> None:
    # Two thousand objects, each with a key of its own: their union is made once, not with every item anew.
    items = ", ".join(f'{{"k{number}": {number}}}' for number in range(2000))
    told = problems(f"package a\n\nxs := [{items}]\n\np if xs[_].z\n")
    assert told[0].startswith("5:6 undefined ref: data.a.xs[_].z\n")
