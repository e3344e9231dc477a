"""The library: what is asked, what comes back, and that one broken constraint hides no other."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pratique.constraint import AUDIT, GATOR, WEBHOOK, Library, Review, TemplateError, decide
from pratique.constraint.program import Program, Programs
from pratique.constraint.template import Template

MESSAGE = """
package owner
violation[{"msg": msg, "details": {"missing_labels": missing}}] {
  missing := {label | label := input.parameters.labels[_]; not input.review.object.metadata.labels[label]}
  count(missing) > 0
  msg := sprintf("%v needs %v", [input.review.object.metadata.name, missing])
}
"""


def template(kind: str, rego: str, *, version: str = "v1beta1", **target: Any) -> dict[str, Any]:
    return {
        "apiVersion": f"templates.gatekeeper.sh/{version}",
        "kind": "ConstraintTemplate",
        "metadata": {"name": kind.lower()},
        "spec": {
            "crd": {"spec": {"names": {"kind": kind}, "validation": {}}},
            "targets": [{"target": "admission.k8s.gatekeeper.sh", "rego": rego, **target}],
        },
    }


def constraint(kind: str, name: str, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "constraints.gatekeeper.sh/v1beta1",
        "kind": kind,
        "metadata": {"name": name, "annotations": {"a": "b"}},
        "spec": spec,
    }


def pod(name: str = "web", namespace: str = "shop", **labels: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {"containers": [{"name": "web", "image": "nginx"}]},
    }


def request(operation: str, new: dict[str, Any] | None, old: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "uid": "u",
        "kind": {"group": "", "version": "v1", "kind": "Pod"},
        "namespace": "shop",
        "operation": operation,
        "object": new,
        "oldObject": old,
    }


PODS = {"kinds": [{"apiGroups": [""], "kinds": ["Pod"]}]}


@pytest.fixture
def library() -> Library:
    found = Library()
    found.put_template(template("Owner", MESSAGE))
    found.put_constraint(constraint("Owner", "owners", match=PODS, parameters={"labels": ["owner"]}))
    return found


def messages(library: Library, found: dict[str, Any], point: str = WEBHOOK, **context: Any) -> list[str]:
    return [violation.message for violation in library.review(Review.from_object(found, **context), point)]


def test_a_violation_says_all_there_is_to_say(library: Library) -> None:
    (violation,) = library.review(Review.from_object(pod()))
    assert violation.constraint_kind == "Owner"
    assert violation.constraint_name == "owners"
    assert violation.message == 'web needs {"owner"}'
    assert violation.action == "deny"
    assert violation.details == {"missing_labels": ["owner"]}
    assert violation.field == "metadata.labels.owner"
    assert violation.annotations == {"a": "b"}
    assert not violation.error
    assert decide([violation]).message == '[owners] web needs {"owner"}'


def test_what_is_in_order_or_not_concerned_says_nothing(library: Library) -> None:
    assert messages(library, pod(owner="me")) == []
    assert (
        messages(library, {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}}) == []
    )


def test_parameters_are_each_constraint_s_own(library: Library) -> None:
    library.put_constraint(constraint("Owner", "teams", match=PODS, parameters={"labels": ["team"]}))
    assert messages(library, pod(owner="me")) == ['web needs {"team"}']
    library.put_constraint(constraint("Owner", "teams", match=PODS, parameters={"labels": []}))
    assert messages(library, pod(owner="me")) == []


@pytest.mark.parametrize(
    ("schema", "spec", "shown"),
    [
        ({"type": "array", "items": {"type": "string"}}, {"parameters": ["a"]}, '["a"]'),
        ({"type": "array", "items": {"type": "string"}}, {"parameters": []}, "[]"),
        ({"type": "string"}, {"parameters": "x"}, "x"),
        ({"type": "integer"}, {"parameters": 0}, "0"),
        ({"type": "boolean"}, {"parameters": False}, "false"),
        ({"type": "string", "nullable": True}, {"parameters": None}, "{}"),
        ({"type": "string"}, {}, "{}"),
    ],
)
def test_parameters_of_any_type(schema: dict[str, Any], spec: dict[str, Any], shown: str) -> None:
    # As gator 3.23 shows them.
    library = Library()
    found = template("K", 'package a\nviolation[{"msg": msg}] { msg := sprintf("%v", [input.parameters]) }')
    found["spec"]["crd"]["spec"]["validation"] = {"openAPIV3Schema": schema}
    library.put_template({**found, "apiVersion": "templates.gatekeeper.sh/v1"})
    library.put_constraint(constraint("K", "c", **spec))
    assert messages(library, pod()) == [shown]


def test_numbers_keep_their_digits() -> None:
    library = Library()
    text = 'package a\nviolation[{"msg": msg}] { n := input.review.object.n; msg := sprintf("%v %d", [n, n[0]]) }'
    library.put_template(template("K", text))
    library.put_constraint(constraint("K", "c"))
    found = {**pod(), "n": [1000000, 1234567.5, 9007199254740993]}
    assert messages(library, found) == ["[1000000, 1234567.5, 9007199254740993] 1000000"]


@pytest.mark.parametrize(
    ("rego", "libs", "found"),
    [
        (
            'package a\nviolation[{"msg": msg}] { msg := data.lib.x.y.f("z") }',
            ["package lib.x.y\nf(v) = v { true }"],
            ["z"],
        ),
        (
            'package a\nimport data.lib.x\nviolation[{"msg": msg}] { msg := x.f("z") }',
            [
                "package lib.x\nf(v) = data.lib.w.g(v) { true }",
                'package lib.w\ng(v) = concat("", [v, "!"]) { true }',
            ],
            ["z!"],
        ),
        ('package a\nviolation = [{"msg": "m"}] { true }', [], ["m"]),
        ('package a\nviolation = {"msg": "m"} { true }', [], ['violation without `msg`: "msg"']),
    ],
)
def test_what_gatekeeper_refuses_though_it_is_clear(rego: str, libs: list[str], found: list[str]) -> None:
    library = Library()
    library.put_template(template("K", rego, libs=libs))
    library.put_constraint(constraint("K", "c"))
    assert messages(library, pod()) == found


def test_a_constraint_without_parameters(library: Library) -> None:
    library.put_constraint(constraint("Owner", "owners"))
    assert messages(library, pod()) == []


def test_what_applied_is_told_beside_what_violates(library: Library) -> None:
    library.put_constraint(constraint("Owner", "others", match={**PODS, "name": "other"}))
    applied, violations = library.judge(Review.from_object(pod(owner="me")), AUDIT)
    assert applied == [("Owner", "owners")]
    assert violations == []


def test_an_update_that_changes_the_kind_asks_the_constraints_of_both(library: Library) -> None:
    library.put_template(template("Web", 'package a\nviolation[{"msg": "no web"}] { true }'))
    library.put_constraint(
        constraint("Web", "webs", match={"kinds": [{"apiGroups": [""], "kinds": ["Web"]}]})
    )
    web = {"apiVersion": "v1", "kind": "Web", "metadata": {"name": "web"}}
    asked = library.review(Review.from_admission(request("UPDATE", web, pod())))
    assert [violation.message for violation in asked] == ["no web", 'web needs {"owner"}']


def test_removing_and_replacing(library: Library) -> None:
    library.remove_constraint("Owner", "owners")
    assert messages(library, pod()) == []
    library.put_constraint(constraint("Owner", "owners", parameters={"labels": ["owner"]}))
    assert messages(library, pod())
    library.put_template(template("Owner", 'package a\nviolation[{"msg": "always"}] { true }'))
    assert messages(library, pod(owner="me")) == ["always"]
    library.remove_template("owner")
    assert messages(library, pod()) == []
    assert library.constraints() == []


def test_a_broken_template_leaves_the_old_one(library: Library) -> None:
    with pytest.raises(TemplateError):
        library.put_template(template("Owner", "package a\nviolation[x] {"))
    assert messages(library, pod()) == ['web needs {"owner"}']


def test_a_constraint_that_no_longer_fits_its_template_is_still_asked(library: Library) -> None:
    strict = template("Owner", MESSAGE, version="v1")
    strict["spec"]["crd"]["spec"]["validation"] = {
        "openAPIV3Schema": {"type": "object", "properties": {"labels": {"type": "string"}}}
    }
    library.put_template(strict)
    assert messages(library, pod()) == ['web needs {"owner"}']


def test_kinds_that_could_match(library: Library) -> None:
    assert library.match_kinds() == {("", "Pod")}
    library.put_constraint(constraint("Owner", "all"))
    assert library.match_kinds() == {("", "Pod"), ("*", "*")}


BROKEN = {
    "no message": 'package a\nviolation[{"details": 1}] { true }',
    "a message that is no text": 'package a\nviolation[{"msg": 1}] { true }',
    "a conflict": 'package a\nviolation[{"msg": f(1)}] { true }\nf(x) = 1 { true }\nf(x) = 2 { true }',
}


@pytest.mark.parametrize("rego", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_policy_says_so_and_hides_no_other(library: Library, rego: str) -> None:
    library.put_template(template("Broken", rego))
    library.put_constraint(constraint("Broken", "broken", enforcementAction="warn"))
    violations = library.review(Review.from_object(pod()))
    assert [violation.constraint_name for violation in violations] == ["owners", "broken"]
    assert [violation.error for violation in violations] == [False, True]
    assert violations[1].action == "warn"
    assert decide(violations).message == '[owners] web needs {"owner"}'


def test_a_fault_of_the_engine_denies_and_hides_no_other(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = Programs.program

    def faulty(_given: Any, _data: Any) -> Any:
        raise TypeError("a fault")

    def made(programs: Programs, template: Template, parameters: Any) -> Program:
        if parameters["labels"] == ["owner"]:
            return Program(parameters, faulty)
        return program(programs, template, parameters)

    monkeypatch.setattr(Programs, "program", made)
    library.put_constraint(library.constraints()[0].object)
    library.put_constraint(constraint("Owner", "again", parameters={"labels": ["team"]}))
    found = {one.constraint_name: one for one in library.review(Review.from_object(pod()))}
    assert found["owners"].error
    assert found["owners"].message == "the policy could not be evaluated: a fault"
    assert found["again"].message == 'web needs {"team"}'


def test_a_match_that_cannot_be_decided_rejects(library: Library) -> None:
    selector = {"namespaceSelector": {"matchLabels": {"team": "web"}}}
    library.put_constraint(constraint("Owner", "owners", match={**PODS, **selector}))
    (violation,) = library.review(Review.from_object(pod()))
    assert violation.message == (
        "unable to match constraints: error matching the requested object: web :failed to run Match criteria:"
        " namespace selector for namespace-scoped object but missing Namespace"
    )
    assert (violation.action, violation.error, violation.details) == ("deny", True, None)
    namespace = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": "shop", "labels": {"team": "api"}},
    }
    assert messages(library, pod(), namespace=namespace) == []


def test_the_cached_namespace_serves_where_the_review_brings_none(library: Library) -> None:
    selector = {"namespaceSelector": {"matchLabels": {"team": "web"}}}
    library.put_constraint(
        constraint("Owner", "owners", match={**PODS, **selector}, parameters={"labels": ["owner"]})
    )
    library.put_inventory(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "labels": {"team": "web"}}}
    )
    assert messages(library, pod()) == ['web needs {"owner"}']


def test_an_update_applies_if_the_old_object_matches(library: Library) -> None:
    library.put_constraint(
        constraint(
            "Owner",
            "owners",
            match={**PODS, "labelSelector": {"matchLabels": {"app": "web"}}},
            parameters={"labels": ["owner"]},
        )
    )
    review = Review.from_admission(request("UPDATE", pod(app="other"), pod(app="web")))
    assert [violation.message for violation in library.review(review)] == ['web needs {"owner"}']


def test_a_deletion_is_judged_by_the_old_object(library: Library) -> None:
    review = Review.from_admission(request("DELETE", None, pod()))
    assert [violation.message for violation in library.review(review)] == ['web needs {"owner"}']


def test_operations_of_a_template_concern_the_webhook_alone(library: Library) -> None:
    library.put_template(template("Owner", MESSAGE, operations=["UPDATE"]))
    create, update = request("CREATE", pod()), request("UPDATE", pod(), pod())
    assert library.review(Review.from_admission(create)) == []
    assert library.review(Review.from_admission(update))
    assert library.review(Review.from_admission(create), GATOR)
    assert library.review(Review.from_object(pod()), AUDIT)


def test_scoped_actions_at_each_point(library: Library) -> None:
    actions = [
        {"action": "deny", "enforcementPoints": [{"name": AUDIT}]},
        {"action": "warn", "enforcementPoints": [{"name": WEBHOOK}]},
    ]
    library.put_constraint(
        constraint(
            "Owner",
            "owners",
            enforcementAction="scoped",
            scopedEnforcementActions=actions,
            parameters={"labels": ["owner"]},
        )
    )
    review = Review.from_object(pod())
    assert [violation.actions for violation in library.review(review, AUDIT)] == [("deny",)]
    assert [violation.actions for violation in library.review(review, WEBHOOK)] == [("warn",)]
    assert library.review(review, GATOR) == []
    assert library.review(review, AUDIT)[0].enforcement_action == "scoped"


def test_libraries_are_imported() -> None:
    found = Library()
    found.put_template(
        template(
            "Lib",
            'package a\nimport data.lib.texts\nviolation[{"msg": msg}] { msg := texts.shout(input.parameters.say) }',
            libs=[
                "package lib.texts\nimport data.lib.more.twice\nshout(x) = y { y := upper(twice(x)) }",
                "package lib.more\ntwice(x) = y { y := concat(input.parameters.mark, [x, x]) }",
            ],
        )
    )
    found.put_constraint(constraint("Lib", "lib", parameters={"say": "a", "mark": "-"}))
    assert messages(found, pod()) == ["A-A"]


def test_rego_v1_is_chosen_by_version() -> None:
    found = Library()
    made = template("Modern", "")
    made["spec"]["targets"][0] = {
        "target": "admission.k8s.gatekeeper.sh",
        "code": [
            {
                "engine": "Rego",
                "source": {
                    "version": "v1",
                    "rego": 'package a\nviolation contains {"msg": "m"} if not input.review.object.metadata.labels.x',
                },
            }
        ],
    }
    found.put_template(made)
    found.put_constraint(constraint("Modern", "modern"))
    assert messages(found, pod()) == ["m"]
    assert messages(found, pod(x="y")) == []


def test_the_inventory_is_read_and_changes_at_once() -> None:
    found = Library()
    found.put_template(
        template(
            "Unique",
            """package a
violation[{"msg": msg}] {
  other := data.inventory.namespace[namespace]["v1"]["Pod"][name]
  other.metadata.labels.app == input.review.object.metadata.labels.app
  name != input.review.object.metadata.name
  msg := sprintf("same as %v/%v", [namespace, name])
}
violation[{"msg": msg}] {
  node := data.inventory.cluster["v1"]["Node"][name]
  msg := sprintf("node %v", [name])
}
""",
        )
    )
    found.put_constraint(constraint("Unique", "unique"))
    asked = pod(app="a")
    assert messages(found, asked) == []
    other = pod("api", "stock", app="a")
    found.put_inventory(other)
    found.put_inventory({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}})
    assert messages(found, asked) == ["node n1", "same as stock/api"]
    found.put_inventory(pod("api", "stock", app="b"))
    assert messages(found, asked) == ["node n1"]
    found.remove_inventory({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}})
    found.remove_inventory(other)
    found.remove_inventory(other)
    assert messages(found, asked) == []


def test_wanted_inventory_is_what_templates_say() -> None:
    found = Library()
    made = template("Unique", 'package a\nviolation[{"msg": "m"}] { data.inventory.x }')
    made["metadata"]["annotations"] = {
        "metadata.gatekeeper.sh/requires-sync-data": (
            '"[[{"groups":["apps","extensions"],"versions":["v1"],"kinds":["Deployment"]}]]"\n'
        )
    }
    found.put_template(made)
    assert found.wanted_inventory() == {("apps", "v1", "Deployment"), ("extensions", "v1", "Deployment")}
    made["metadata"]["annotations"]["metadata.gatekeeper.sh/requires-sync-data"] = "not json"
    found.put_template(made)
    assert found.wanted_inventory() == set()


def test_large_integers_keep_their_digits() -> None:
    found = Library()
    found.put_template(
        template(
            "Big", 'package a\nviolation[{"msg": msg}] { msg := sprintf("%v", [input.review.object.spec.n]) }'
        )
    )
    found.put_constraint(constraint("Big", "big"))
    assert messages(found, {**pod(), "spec": {"n": 2**53 + 1}}) == [str(2**53 + 1)]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(["apiVersion", "kind", "metadata", "spec", "status"])


@pytest.fixture(scope="module")
def asked() -> Library:
    return _shared()


@settings(deadline=None, max_examples=200)
@given(found=st.dictionaries(KEYS, JSON, max_size=5))
def test_no_object_gives_a_traceback(asked: Library, found: dict[str, Any]) -> None:
    for violation in asked.review(Review.from_object(found), AUDIT):
        assert violation.message


def _shared() -> Library:
    library = Library()
    library.put_template(template("Owner", MESSAGE))
    match = {
        "labelSelector": {"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["b"]}]},
        "namespaces": ["*"],
        "name": "*",
        "scope": "Cluster",
    }
    library.put_constraint(constraint("Owner", "owners", match=match, parameters={"labels": ["owner"]}))
    library.put_constraint(constraint("Owner", "all", parameters={"labels": ["owner"]}))
    return library
