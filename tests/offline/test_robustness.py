"""No manifest, however malformed, gives a traceback; what is judged is the same from JSON and from YAML."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.offline.test_check import CONSTRAINT, TEMPLATE

from pratique.errors import PratiqueError
from pratique.kube import yaml
from pratique.offline import Sources, check, report, suite
from pratique.offline.report import FORMATS

CHECKED = settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
WORDS = [
    "",
    "*",
    "deny",
    "scoped",
    "v1",
    "owner",
    "Namespace",
    "ns",
    "a*",
    "yes",
    "-1",
    "[",
    "admission.k8s.io/v1",
]
VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(min_value=-(2**63), max_value=2**63 - 1),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(max_size=6),
        st.sampled_from(WORDS),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(st.text(max_size=4), st.sampled_from(WORDS)), inner, max_size=3),
    ),
    max_leaves=6,
)
TEMPLATE_VALUE = yaml.read_one(TEMPLATE)
CONSTRAINT_VALUE = yaml.read_one(CONSTRAINT.replace("ACTION", "deny").replace("SCOPE", '"*"'))
OBJECTS: list[Any] = [
    TEMPLATE_VALUE,
    CONSTRAINT_VALUE,
    {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": "m",
            "namespace": "ns",
            "labels": {"team": "a"},
            "annotations": {"allow.pratique.dev/owner": "until 2030-01-01: x"},
        },
    },
    {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "ns", "labels": {"a": "b"}}},
    {
        "apiVersion": "expansion.gatekeeper.sh/v1beta1",
        "kind": "ExpansionTemplate",
        "metadata": {"name": "e"},
        "spec": {
            "applyTo": [{"groups": [""], "versions": ["v1"], "kinds": ["ConfigMap"]}],
            "templateSource": "data",
            "generatedGVK": {"group": "", "version": "v1", "kind": "Secret"},
        },
    },
    {
        "apiVersion": "mutations.gatekeeper.sh/v1",
        "kind": "AssignMetadata",
        "metadata": {"name": "a"},
        "spec": {"location": "metadata.labels.x", "parameters": {"assign": {"value": "y"}}},
    },
]


def paths(value: Any, before: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of everything in a value."""
    found = [before]
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        found += paths(item, (*before, key))
    return found


@st.composite
def spoiled(draw: st.DrawFn, values: list[Any]) -> list[Any]:
    """Draw the values with one place of one of them replaced by anything, or taken away."""
    made = copy.deepcopy(values)
    index = draw(st.integers(0, len(made) - 1))
    path = draw(st.sampled_from(paths(made[index])))
    if not path:
        made[index] = draw(VALUES)
        return made
    parent = made[index]
    for step in path[:-1]:
        parent = parent[step]
    if draw(st.booleans()):
        parent[path[-1]] = draw(VALUES)
    else:
        del parent[path[-1]]
    return made


def judged(text: str) -> list[str] | str:
    """Return the reports on a text, or how it was refused; any other error is a bug."""
    try:
        findings = check(Sources((), text), say=lambda _: None)
    except PratiqueError as error:
        return error.render() and type(error).__name__
    return [report.render(name, findings) for name in FORMATS]


@CHECKED
@given(spoiled(OBJECTS))
def test_a_spoiled_manifest_gives_no_traceback(values: list[Any]) -> None:
    judged("---\n".join(json.dumps(value) + "\n" for value in values))


@CHECKED
@given(spoiled(OBJECTS[:4]))
def test_json_and_yaml_are_judged_alike(values: list[Any]) -> None:
    assert _human("\n---\n".join(map(json.dumps, values))) == _human(yaml.dump_all(values))


def _human(text: str) -> str:
    try:
        return report.render("human", check(Sources((), text), say=lambda _: None))
    except PratiqueError:
        return "refused"


@CHECKED
@given(st.one_of(st.text(max_size=60), st.binary(max_size=60).map(lambda raw: raw.decode("latin-1"))))
def test_any_text_gives_no_traceback(text: str) -> None:
    judged(text)


SUITE = {
    "apiVersion": "test.gatekeeper.sh/v1alpha1",
    "kind": "Suite",
    "tests": [
        {
            "name": "t",
            "template": "template.yaml",
            "constraint": "constraint.yaml",
            "expansion": "",
            "invalid": False,
            "skip": False,
            "cases": [
                {
                    "name": "c",
                    "object": "map.yaml",
                    "inventory": ["map.yaml"],
                    "assertions": [{"violations": "yes", "message": "who"}],
                }
            ],
        }
    ],
}
REVIEW = {
    "apiVersion": "admission.k8s.io/v1",
    "kind": "AdmissionReview",
    "request": {
        "uid": "u",
        "operation": "UPDATE",
        "kind": {"group": "", "version": "v1", "kind": "ConfigMap"},
        "userInfo": {"username": "me", "groups": ["a"]},
        "object": OBJECTS[2],
        "oldObject": OBJECTS[2],
    },
}


@CHECKED
@given(st.data())
def test_a_spoiled_suite_gives_no_traceback(tmp_path: Path, data: st.DataObject) -> None:
    names = ("suite.yaml", "template.yaml", "constraint.yaml", "map.yaml")
    judged_object = data.draw(st.sampled_from([OBJECTS[2], REVIEW]))
    written = data.draw(spoiled([SUITE, TEMPLATE_VALUE, CONSTRAINT_VALUE, judged_object]))
    for name, value in zip(names, written, strict=True):
        (tmp_path / name).write_text(json.dumps(value))
    suite.run(str(tmp_path / "suite.yaml"))
