"""Parameters to fields and back: every type, every default, every mistake said in words."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.datastructures import MultiDict

from pratique.portal import forms

KINDS = [
    ({"type": "String"}, "text"),
    ({"type": "string", "allowedValues": ["a"]}, "select"),
    ({"type": "Integer", "allowedValues": [1, 2]}, "select"),
    ({"type": "Array"}, "tags"),
    ({"type": "array", "defaultValue": ["a"]}, "tags"),
    ({"type": "Array", "allowedValues": ["a", "b"]}, "choices"),
    ({"type": "Array", "defaultValue": [{"path": "/x"}]}, "json"),
    ({"type": "Array", "defaultValue": [80, 443]}, "json"),
    ({"type": "Object"}, "json"),
    ({"type": "Boolean"}, "switch"),
    ({"type": "Integer"}, "integer"),
    ({"type": "Float"}, "number"),
    ({"type": "DateTime"}, "datetime"),
]


@pytest.mark.parametrize(("spec", "kind"), KINDS)
def test_each_type_has_its_control(spec: dict[str, Any], kind: str) -> None:
    assert forms.kind_of(spec) == kind


READ = [
    ({"type": "String"}, ["owner"], "owner"),
    ({"type": "String", "defaultValue": "x"}, [""], ""),
    ({"type": "Array"}, ["a\r\n\n b \n"], ["a", "b"]),
    ({"type": "Array"}, ['["a", "b,c"]'], ["a", "b,c"]),
    ({"type": "Array", "defaultValue": ["x"]}, [""], []),
    ({"type": "Array"}, ["^reg{1,3}/.+$"], ["^reg{1,3}/.+$"]),
    ({"type": "Array", "allowedValues": ["a", "b"]}, ["", "a", "b"], ["a", "b"]),
    ({"type": "Object"}, ['{"a": 1}'], {"a": 1}),
    ({"type": "Boolean"}, ["false"], False),
    ({"type": "Integer"}, [" 3 "], 3),
    ({"type": "Float"}, ["0.5"], 0.5),
    ({"type": "Integer", "allowedValues": [1, 2]}, ["2"], 2),
    ({"type": "Boolean", "allowedValues": [True]}, ["true"], True),
    ({"type": "DateTime"}, ["2026-11-23T18:00:00Z"], "2026-11-23T18:00:00Z"),
]


@pytest.mark.parametrize(("spec", "sent", "value"), READ)
def test_what_is_sent_becomes_a_value_of_its_type(spec: dict[str, Any], sent: list[str], value: Any) -> None:
    form = MultiDict([("p.x", item) for item in sent])
    values, errors = forms.read({"x": spec}, form)
    assert errors == {}
    assert values == {"x": value}
    assert type(values["x"]) is type(value)


WRONG = [
    ({"type": "Integer"}, "three", "Write a whole number, like 3."),
    ({"type": "Float"}, "half", "Write a number, like 0.5."),
    ({"type": "Object"}, "[]", 'Write an object, like {"key": "value"}.'),
    ({"type": "Array", "defaultValue": [1]}, "{}", 'Write a list, like ["a", "b"].'),
    ({"type": "Object"}, "{", "This is not JSON: "),
    (
        {"type": "String", "allowedValues": ["a", "b"]},
        "c",
        "This value is not allowed here: choose one of a, b.",
    ),
    ({"type": "DateTime"}, "tomorrow", "This is not a date and time"),
]


@pytest.mark.parametrize(("spec", "sent", "words"), WRONG)
def test_what_cannot_be_read_is_said_and_kept(spec: dict[str, Any], sent: str, words: str) -> None:
    values, errors = forms.read({"x": spec}, MultiDict([("p.x", sent)]))
    assert errors["x"].startswith(words)
    assert values["x"] == sent
    assert forms.fields({"x": spec}, values, errors)[0].error.startswith(words)


def test_a_value_survives_the_form_in_both_directions() -> None:
    for spec, _, value in READ:
        [field] = forms.fields({"x": spec}, {"x": value}, {})
        sent = list(field.chosen) if field.kind == "choices" else [field.text]
        values, errors = forms.read({"x": spec}, MultiDict([("p.x", item) for item in sent]))
        assert (values, errors) == ({"x": value}, {}), spec


def test_what_has_no_default_comes_first_and_is_asked_for() -> None:
    declared = {"a": {"type": "String", "defaultValue": "x"}, "b": {"type": "Array"}}
    assert [field.name for field in forms.fields(declared, {}, {})] == ["b", "a"]
    assert list(forms.missing(declared, {})) == ["b"]
    assert list(forms.missing(declared, {"b": []})) == ["b"]
    assert forms.missing(declared, {"b": ["v"]}) == {}


def test_only_what_differs_from_the_defaults_is_assigned() -> None:
    declared = {
        "a": {"type": "Array", "defaultValue": ["x"]},
        "b": {"type": "Boolean", "defaultValue": False},
    }
    assert forms.changed(declared, {"a": ["x"], "b": True, "c": 1}) == {"b": True}
    assert forms.changed(declared, {"a": []}) == {"a": []}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("excludedNamespaces", "Excluded namespaces"),
        ("cpu_limit", "Cpu limit"),
        ("allowedUids2", "Allowed uids2"),
    ],
)
def test_a_name_reads_as_words(name: str, words: str) -> None:
    assert forms.humanize(name) == words
