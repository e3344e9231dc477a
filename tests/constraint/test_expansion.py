"""Expansion: gator's fixtures, circles, recursion, and what resultants' violations say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pratique.constraint import Violation
from pratique.constraint.expansion import Expander, ExpansionError, Resultant, imply, is_template
from pratique.kube import objects, yaml
from pratique.mutation import MutationSystem, is_mutator

FIXTURES = Path(__file__).parents[3] / "shared/conformance/gatekeeper/gator/expand/fixtures"


def template(name: str, applies: str, generates: str, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "expansion.gatekeeper.sh/v1beta1",
        "kind": "ExpansionTemplate",
        "metadata": {"name": name},
        "spec": {
            "applyTo": [{"groups": ["g"], "versions": ["v1"], "kinds": [applies]}],
            "templateSource": "spec.template",
            "generatedGVK": {"group": "g", "version": "v1", "kind": generates},
            **spec,
        },
    }


def parent(kind: str, made: Any) -> dict[str, Any]:
    metadata = {"name": "Web", "namespace": "shop"}
    return {"apiVersion": "g/v1", "kind": kind, "metadata": metadata, "spec": {"template": made}}


def _read(folder: Path) -> list[dict[str, Any]]:
    return [
        document.value
        for path in sorted(folder.glob("*.yaml"))
        for document in yaml.load(path.read_text(), file=path.name)
        if document.value is not None
    ]


# Its output file is empty; gator 3.23 gives the Pod, as we do.
STALE = {"expand-with-missing-ns"}


@pytest.mark.parametrize("name", sorted({path.name for path in FIXTURES.iterdir()} - STALE))
def test_gator_fixtures(name: str) -> None:
    mutations = MutationSystem()
    expander = Expander(mutations)
    documents = _read(FIXTURES / name / "input")
    namespaces = {objects.name(one): one for one in documents if one["kind"] == "Namespace"}
    namespaces.setdefault("default", {"metadata": {"name": "default"}})
    for document in documents:
        if is_template(document):
            expander.put_template(document)
        elif is_mutator(document):
            mutations.put(document)
    made = []
    for document in documents:
        inside = objects.namespace(document)
        namespace = namespaces.get(inside) if inside else {"metadata": {}}
        base = mutations.mutate(document, namespace=namespace).object
        made += [one.object for one in expander.expand(base, namespace=namespace)]
    made.sort(key=lambda one: f"{objects.name(one)}{one['apiVersion']}{one['kind']}", reverse=True)
    assert made == _read(FIXTURES / name / "output")


def test_a_resultant_is_named_placed_and_owned() -> None:
    expander = Expander()
    expander.put_template(template("t", "Set", "Pod", enforcementAction="warn"))
    (found,) = expander.expand(parent("Set", {"spec": {"a": 1}}))
    assert found.object == {
        "apiVersion": "g/v1",
        "kind": "Pod",
        "metadata": {
            "name": "web-pod",
            "namespace": "shop",
            "ownerReferences": [{"apiVersion": "g/v1", "kind": "Set", "name": "Web", "uid": ""}],
        },
        "spec": {"a": 1},
    }
    assert (found.template_name, found.enforcement_action) == ("t", "warn")


def test_resultants_of_resultants_come_first() -> None:
    expander = Expander()
    expander.put_template(template("outer", "Cron", "Job"))
    expander.put_template(template("inner", "Job", "Pod"))
    found = expander.expand(parent("Cron", {"spec": {"template": {}}}))
    assert [(one.template_name, objects.name(one.object)) for one in found] == [
        ("inner", "web-job-pod"),
        ("outer", "web-job"),
    ]


def test_a_circle_is_disabled_and_heals() -> None:
    expander = Expander()
    expander.put_template(template("there", "A", "B"))
    with pytest.raises(ExpansionError, match="template forms expansion cycle") as caught:
        expander.put_template(template("back", "B", "A"))
    assert caught.value.cycle
    assert expander.conflicts() == {"there", "back"}
    expander.put_template(template("free", "A", "C"))
    assert [one.template_name for one in expander.expand(parent("A", {}))] == ["free"]
    expander.remove_template("back")
    assert {one.template_name for one in expander.expand(parent("A", {}))} == {"there", "free"}


@pytest.mark.parametrize(
    ("made", "message"),
    [(5, "accessor error: 5 is of the type int64"), (None, "accessor error")],
)
def test_a_source_must_be_an_object(made: Any, message: str) -> None:
    expander = Expander()
    expander.put_template(template("t", "Set", "Pod"))
    with pytest.raises(ExpansionError, match=message):
        expander.expand(parent("Set", made))


def test_a_missing_source_is_an_error() -> None:
    expander = Expander()
    expander.put_template(template("t", "Set", "Pod", templateSource="spec.other"))
    with pytest.raises(ExpansionError, match=r'could not find source field "spec\.other" in resource Web'):
        expander.expand(parent("Set", {}))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"templateSource": ""}, "ExpansionTemplate t has empty source field"),
        ({"generatedGVK": {}}, "ExpansionTemplate t has empty generatedGVK field"),
        ({"applyTo": []}, "ExpansionTemplate t must specify ApplyTo"),
        (
            {"generatedGVK": {"group": "g", "version": "v1", "kind": "Set"}},
            "ExpansionTemplate t generates GVK g/v1, Kind=Set, but also applies to that same GVK",
        ),
    ],
)
def test_refused_templates(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ExpansionError) as caught:
        Expander().put_template(template("t", "Set", "Pod", **change))
    assert caught.value.message == message


def test_implied_violations_say_so_and_take_the_templates_action() -> None:
    one = Violation("K", "c", "no", "deny", actions=("deny",), enforcement_action="deny")
    (kept,) = imply([one], Resultant({}, "t"))
    (changed,) = imply([one], Resultant({}, "t", "warn"))
    assert (kept.message, kept.action) == ("[Implied by t] no", "deny")
    assert (changed.action, changed.actions, changed.enforcement_action) == ("warn", ("warn",), "warn")
