"""Mutators on objects, as tables, and how several of them go together."""

from __future__ import annotations

import contextlib
import copy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pratique.kube import diff, yaml
from pratique.kube.patch import apply_json_patch
from pratique.mutation import KINDS, MutationError, MutationSystem, MutatorError, parse, show

CASES = Path(__file__).parents[1] / "cases" / "mutation"
APPLY_TO = [{"groups": ["g"], "versions": ["v1"], "kinds": ["Thing"]}]


def mutator(kind: str, location: str, parameters: dict[str, Any], **spec: Any) -> dict[str, Any]:
    name = spec.pop("name", "m")
    applies = {} if kind == "AssignMetadata" else {"applyTo": APPLY_TO}
    return {
        "apiVersion": "mutations.gatekeeper.sh/v1alpha1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": {**applies, "location": location, "parameters": parameters, **spec},
    }


def thing(**parts: Any) -> dict[str, Any]:
    return {"apiVersion": "g/v1", "kind": "Thing", "metadata": {"name": "thing"}, **parts}


def assign(location: str, value: Any, **spec: Any) -> dict[str, Any]:
    return mutator("Assign", location, {"assign": {"value": value}}, **spec)


def system(*documents: dict[str, Any]) -> MutationSystem:
    made = MutationSystem()
    for document in documents:
        made.put(document)
    return made


def _cases(*names: str) -> list[Any]:
    return [
        pytest.param(case, id=case.get("name") or f"{case['kind']} {case['location']} {case['error']}")
        for name in names
        for case in yaml.read_one((CASES / name).read_text(), file=name)
    ]


APPLY = sorted({path.name for path in CASES.glob("*.yaml")} - {"invalid.yaml"})


@pytest.mark.parametrize("case", _cases(*APPLY))
def test_apply(case: dict[str, Any]) -> None:
    mutators = system(mutator(case["kind"], case["location"], case["parameters"]))
    found = thing(**case["object"])
    before = copy.deepcopy(found)
    if "error" in case:
        with pytest.raises(MutationError) as caught:
            mutators.mutate(found)
        assert case["error"] in caught.value.message
        return
    changed, applied, patch = mutators.mutate(found)
    assert diff.same(changed, thing(**case["result"]))
    assert found == before
    assert apply_json_patch(found, patch) == changed
    assert bool(patch) is bool(applied) is not diff.same(changed, before)
    assert mutators.mutate(changed).patch == []


@pytest.mark.parametrize("case", _cases("invalid.yaml"))
def test_refused(case: dict[str, Any]) -> None:
    with pytest.raises(MutatorError) as caught:
        system(mutator(case["kind"], case["location"], case["parameters"]))
    assert case["error"] in caught.value.message


@pytest.mark.parametrize(
    ("operations", "operation", "applies"),
    [
        ([], "", True),
        (["*"], "UPDATE", True),
        (["CREATE"], "CREATE", True),
        (["CREATE"], "UPDATE", False),
        (["CREATE"], "", False),
        (["UPDATE", "CREATE"], "", True),
        ([], "DELETE", False),
    ],
)
def test_operations(operations: list[str], operation: str, applies: bool) -> None:
    document = assign("spec.a", 1, applyTo=[{**APPLY_TO[0], "operations": operations}])
    assert bool(system(document).mutate(thing(), operation=operation).patch) is applies


def test_order_is_kind_then_name() -> None:
    mutators = system(
        mutator("ModifySet", "spec.s", {"values": {"fromList": ["x"]}}, name="a"),
        assign("spec.a", 2, name="b"),
        assign("spec.a", 1, name="a"),
    )
    assert [str(one.id) for one in mutators.mutators()] == [
        "Assign.mutations.gatekeeper.sh /a",
        "Assign.mutations.gatekeeper.sh /b",
        "ModifySet.mutations.gatekeeper.sh /a",
    ]
    assert mutators.mutate(thing()).object["spec"] == {"a": 2, "s": ["x"]}


def _turn(name: str, kind: str, into: str) -> dict[str, Any]:
    return assign("kind", into, name=name, applyTo=[{**APPLY_TO[0], "kinds": [kind]}])


def test_what_does_not_come_to_rest_is_an_error() -> None:
    mutators = system(
        _turn("c", "Thing", "Second"), _turn("b", "Second", "Third"), _turn("a", "Third", "Thing")
    )
    with pytest.raises(MutationError, match=r"mutation not converging: .* not converging for g \w+  thing"):
        mutators.mutate(thing())


def test_there_and_back_in_one_pass_is_rest() -> None:
    assert system(_turn("a", "Thing", "Second"), _turn("b", "Second", "Thing")).mutate(thing()).patch == []
    add = mutator("ModifySet", "spec.s", {"values": {"fromList": [1]}}, name="add")
    cut = mutator("ModifySet", "spec.s", {"operation": "prune", "values": {"fromList": [1]}}, name="cut")
    assert system(add, cut).mutate(thing(spec={"s": []})).patch == []


def test_conflicts_disable_all_parties_and_heal() -> None:
    mutators = system(assign("spec.l[name: x].v", 1, name="list"), assign("spec.l.v", 1, name="object"))
    mutators.put(assign("spec.other", 1, name="free"))
    assert mutators.conflict_text("Assign", "list") == (
        "the following mutators have conflicting schemas: "
        "[Assign.mutations.gatekeeper.sh /list,Assign.mutations.gatekeeper.sh /object]"
    )
    assert mutators.mutate(thing()).object["spec"] == {"other": 1}
    mutators.remove("Assign", "object")
    assert mutators.conflicts("Assign", "list") == ()
    assert mutators.mutate(thing()).object["spec"] == {"other": 1, "l": [{"name": "x", "v": 1}]}


@pytest.mark.parametrize(
    ("one", "other", "conflict"),
    [
        ("spec.l[name: x].v", "spec.l[key: x].v", True),
        ("spec.l[name: x].v", "spec.l[name: *].w", False),
        ("spec.l[name: x]", "spec.l[name: x].v", False),
        ("spec.l", "spec.l[name: x].v", False),
        ("spec.a", "spec.a.b", False),
    ],
)
def test_which_locations_conflict(one: str, other: str, conflict: bool) -> None:
    values = [{"name": "x"} if text.endswith("]") else 1 for text in (one, other)]
    mutators = system(assign(one, values[0], name="one"), assign(other, values[1], name="other"))
    assert bool(mutators.conflicts("Assign", "one")) is conflict


def test_operations_apart_do_not_conflict() -> None:
    documents = [
        assign(location, 1, name=operation.lower(), applyTo=[{**APPLY_TO[0], "operations": [operation]}])
        for location, operation in (("spec.l[name: x].v", "CREATE"), ("spec.l.v", "UPDATE"))
    ]
    assert system(*documents).conflicts("Assign", "create") == ()


def _external(policy: str, **more: str) -> dict[str, Any]:
    given = {"provider": "p", "failurePolicy": policy, **more}
    return mutator("Assign", "spec.a", {"assign": {"externalData": given}})


@pytest.mark.parametrize(
    ("policy", "more", "item", "expected"),
    [
        ("Fail", {}, {"key": "old", "value": "new"}, "new"),
        ("Ignore", {}, {"key": "old", "error": "no"}, "old"),
        ("UseDefault", {"default": "d"}, {"key": "other", "value": "new"}, "d"),
        ("Fail", {}, {"key": "old", "error": "no"}, None),
        ("Fail", {}, {"key": "old", "value": 1}, None),
        ("Fail", {"dataSource": "Username"}, {"key": "eve", "value": "hers"}, "hers"),
    ],
)
def test_external_data(policy: str, more: dict[str, str], item: dict[str, Any], expected: str | None) -> None:
    asked = []

    def lookup(keys: Any) -> Any:
        asked.append(dict(keys))
        return {"p": {"response": {"idempotent": True, "items": [item]}}}

    mutators = MutationSystem(lookup)
    mutators.put(_external(policy, **more))
    if expected is None:
        with pytest.raises(MutationError, match="failed to resolve external data placeholders"):
            mutators.mutate(thing(spec={"a": "old"}), username="eve")
    else:
        changed = mutators.mutate(thing(spec={"a": "old"}), username="eve").object
        assert changed["spec"]["a"] == expected
    assert asked == [{"p": ("eve" if more.get("dataSource") else "old",)}]


def test_annotations_name_the_mutators() -> None:
    mutators = MutationSystem(annotate=True, new_id=lambda: "id")
    mutators.put(assign("spec.a", 1))
    assert mutators.mutate(thing()).object["metadata"]["annotations"] == {
        "gatekeeper.sh/mutation-id": "id",
        "gatekeeper.sh/mutations": "Assign//m:0",
    }


LOCATIONS = ["spec.a", "spec.b.c", "spec.l[name: x].v", "spec.l[name: *].w", "spec.s", "spec.l[name: y]"]
VALUES = st.one_of(st.booleans(), st.integers(0, 2), st.text("ab", max_size=2), st.just({"name": "y"}))
LEAVES = st.one_of(st.none(), st.booleans(), st.integers(), st.text("ab:/@.", max_size=6))
JSON = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["a", "b", "c", "l", "s", "name", "v"]), inner, max_size=3),
    ),
    max_leaves=8,
)


# What others change decides whether these match: an object comes to rest all the same.
MATCHES: list[dict[str, Any]] = [
    {},
    {"scope": "Namespaced"},
    {"labelSelector": {"matchExpressions": [{"key": "a", "operator": "Exists"}]}},
    {"labelSelector": {"matchExpressions": [{"key": "a", "operator": "DoesNotExist"}]}},
    {"name": "*"},
]


@st.composite
def _mutators(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from(KINDS))
    location = draw(st.sampled_from(LOCATIONS))
    parameters: dict[str, Any] = {"assign": {"value": draw(VALUES)}}
    if kind == "AssignMetadata":
        location = draw(st.sampled_from(["metadata.labels.a", "metadata.annotations.b"]))
        parameters = {"assign": {"value": draw(st.text("ab"))}}
    elif kind == "ModifySet":
        operation = draw(st.sampled_from(["merge", "prune"]))
        parameters = {"operation": operation, "values": {"fromList": draw(st.lists(VALUES, max_size=3))}}
    elif kind == "AssignImage":
        parameters = {"assignDomain": draw(st.sampled_from(["", "r.io"])), "assignTag": ":1"}
    if kind != "AssignMetadata" and draw(st.booleans()):
        # Which of what leads to the location must be there, or must not.
        steps = location.split(".")
        part = ".".join(steps[: draw(st.integers(1, len(steps)))])
        condition = draw(st.sampled_from(["MustExist", "MustNotExist"]))
        parameters |= {"pathTests": [{"subPath": part, "condition": condition}]}
    if kind in ("Assign", "AssignMetadata") and draw(st.integers(0, 3)) == 0:
        parameters["assign"] = {"fromMetadata": {"field": draw(st.sampled_from(["name", "namespace"]))}}
    match = draw(st.sampled_from(MATCHES))
    return mutator(kind, location, parameters, name=draw(st.sampled_from("abc")), match=match)


# Mostly what the locations lead through, sometimes anything.
NAMED = st.lists(st.fixed_dictionaries({"name": st.sampled_from("xyz")}, optional={"v": LEAVES}), max_size=3)
FITTING = st.fixed_dictionaries(
    {},
    optional={
        "a": LEAVES,
        "b": st.fixed_dictionaries({}, optional={"c": LEAVES}),
        "l": NAMED,
        "s": st.lists(VALUES),
    },
)


@settings(max_examples=300, deadline=None)
@given(st.lists(_mutators(), min_size=1, max_size=4), st.one_of(FITTING, FITTING, JSON))
def test_applied_twice_changes_nothing_more(documents: list[dict[str, Any]], spec: Any) -> None:
    mutators = MutationSystem()
    for document in documents:
        try:
            mutators.put(document)
        except MutatorError:
            continue
    found = thing(spec=spec)
    try:
        changed, _, patch = mutators.mutate(found)
    except MutationError:
        return
    assert apply_json_patch(found, patch) == changed
    assert mutators.mutate(changed).patch == []


@given(st.lists(st.text(min_size=0, max_size=5), min_size=1, max_size=4))
def test_a_location_is_read_as_it_is_shown(names: list[str]) -> None:
    quoted = ".".join('"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"' for name in names)
    assert parse(show(parse(quoted))) == parse(quoted)


@given(JSON)
def test_no_document_gives_a_traceback(value: Any) -> None:
    for kind in KINDS:
        document = {
            "apiVersion": "mutations.gatekeeper.sh/v1",
            "kind": kind,
            "metadata": {"name": "m"},
            "spec": value,
        }
        with pytest.raises(MutatorError):
            MutationSystem().put(document)


@pytest.mark.parametrize(
    ("kind", "told"), [("Pod", [(True, 2)]), ("Secret", [(True, 0)]), ("ConfigMap", [(False, 1)])]
)
def test_it_is_told_how_many_passes_an_object_took(kind: str, told: list[tuple[bool, int]]) -> None:
    heard: list[tuple[bool, int]] = []
    mutators = MutationSystem(told=lambda success, passes: heard.append((success, passes)))
    for name, of, location in (("a", "Pod", "spec.a"), ("b", "ConfigMap", "data[name: x].y")):
        mutators.put(
            {
                "apiVersion": "mutations.gatekeeper.sh/v1",
                "kind": "Assign",
                "metadata": {"name": name},
                "spec": {
                    "applyTo": [{"groups": [""], "versions": ["v1"], "kinds": [of]}],
                    "location": location,
                    "parameters": {"assign": {"value": "x"}},
                },
            }
        )
    found = {"apiVersion": "v1", "kind": kind, "metadata": {"name": "m"}, "data": {"x": "y"}}
    with contextlib.suppress(MutationError):
        mutators.mutate(found)
    assert heard == told
