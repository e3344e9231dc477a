"""Definitions and assignments over ARM's paths: what clients insist on, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from tests.service.conftest import TEMPLATE, definition

LABELS = "46592696-4c7b-4bf3-9e45-6c2763bdc0a6"
TENANT = "/providers/Microsoft.Authorization/policyDefinitions"
ASSIGNMENTS = "providers/Microsoft.Authorization/policyAssignments"


def error(reply: Any) -> dict[str, Any]:
    found: dict[str, Any] = reply.json["error"]
    return found


def test_saving_answers_201_also_when_it_was_there(running: Any) -> None:
    path = f"{running.subscription}{TENANT}/own?api-version=2025-11-01"
    first = running.send("PUT", path, definition())
    again = running.send(
        "PUT", path, {**first.json, "properties": {**first.json["properties"], "description": "x"}}
    )
    assert (first.status, again.status) == (201, 201)
    found = running.send("GET", path).json
    assert found["properties"]["description"] == "x"
    assert found["properties"]["policyType"] == "Custom"
    assert found["systemData"]["createdAt"] == first.json["systemData"]["createdAt"]
    assert found["type"] == "Microsoft.Authorization/policyDefinitions"


def test_paths_compare_without_case_and_take_stray_slashes(running: Any) -> None:
    running.define()
    for path in (
        f"{running.subscription.upper()}{TENANT.lower()}/OWN",
        f"/{running.subscription}/{TENANT}/own/",
    ):
        assert running.send("GET", path).json["name"] == "own"
    assert running.send("GET", f"{running.group.replace('resourceGroups', 'resourcegroups')}").status == 200


def test_a_custom_name_is_not_found_at_the_tenant_and_a_built_in_one_is_under_any_group(running: Any) -> None:
    running.define()
    missing = running.send("GET", f"{TENANT}/own")
    assert (missing.status, error(missing)["code"]) == (404, "PolicyDefinitionNotFound")
    mistaken = f"/providers/Microsoft.Management/managementGroups/{LABELS}{TENANT}/{LABELS}"
    assert running.send("GET", mistaken).json["id"] == f"{TENANT}/{LABELS}"


def test_lists_hold_built_in_and_custom_ones_and_filter(running: Any) -> None:
    running.define()
    path = f"{running.subscription}{TENANT}"
    everything = [document["name"] for document in running.send("GET", path).json["value"]]
    assert {"own", LABELS} <= set(everything)
    for condition, expected in (
        ("policyType%20eq%20'Custom'", ["own"]),
        ("atExactScope()", ["own"]),
        ("category%20eq%20'own'", ["own"]),
    ):
        found = running.send("GET", f"{path}?$filter={condition}").json["value"]
        assert [document["name"] for document in found] == expected
    assert "own" not in [document["name"] for document in running.send("GET", TENANT).json["value"]]
    refused = running.send("GET", f"{path}?$filter=nonsense")
    assert (refused.status, error(refused)["code"]) == (400, "InvalidFilter")


def test_a_template_that_does_not_compile_is_refused_with_its_place(running: Any) -> None:
    broken = TEMPLATE.replace("wanted := input", "wanted :=== input")
    reply = running.send("PUT", f"{running.subscription}{TENANT}/own", definition(broken))
    assert reply.status == 400
    found = error(reply)
    assert found["code"] == "InvalidConstraintTemplate"
    place = found["details"][0]
    line = broken.splitlines().index(next(text for text in broken.splitlines() if ":===" in text)) + 1
    assert (place["file"], place["line"]) == ("template.yaml", line)
    assert place["column"] > 1 and ":===" in place["text"]
    assert f"template.yaml:{line}:{place['column']}" in found["message"]
    assert running.send("GET", f"{running.subscription}{TENANT}/own").status == 404


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "InvalidPolicyDefinition"),
        ({"properties": "text"}, "InvalidPolicyDefinition"),
        (definition(mode="Nonsense"), "InvalidPolicyDefinitionMode"),
        (definition(policyRule={"if": {}, "then": {}}), "InvalidPolicyRule"),
        (definition("kind: Nothing\n"), "InvalidConstraintTemplate"),
        (definition("a: [\n"), "InvalidConstraintTemplate"),
    ],
)
def test_a_wrong_definition_is_refused_in_one_message(running: Any, body: Any, code: str) -> None:
    reply = running.send("PUT", f"{running.subscription}{TENANT}/own", body)
    assert (reply.status, error(reply)["code"]) == (400, code)
    assert error(reply)["message"]


def test_a_definition_that_is_assigned_stays(running: Any) -> None:
    identifier = running.define()
    assignment = running.assign(identifier, running.subscription)
    reply = running.send("DELETE", identifier)
    assert reply.status == 409 and "a1" in error(reply)["message"]
    without_default = {"labels": {"type": "Array"}, "more": {"type": "String"}, "effect": {"type": "String"}}
    changed = running.send("PUT", identifier, definition(parameters=without_default))
    assert changed.status == 409 and "a1" in error(changed)["message"]
    assert running.send("DELETE", assignment).status == 200
    assert running.send("DELETE", assignment).status == 204
    assert running.send("DELETE", identifier).status == 200
    assert running.send("DELETE", identifier).status == 204


def test_assignments_are_listed_by_scope(running: Any) -> None:
    identifier, cluster = running.define(), running.cluster()
    running.assign(identifier, running.subscription, "top")
    running.assign(identifier, cluster, "below")

    def names(scope: str, condition: str) -> list[str]:
        reply = running.send("GET", f"{scope}/{ASSIGNMENTS}?$filter={condition}")
        return sorted(document["name"] for document in reply.json["value"])

    assert names(running.subscription, "atExactScope()") == ["top"]
    assert names(running.subscription, "atScopeAndBelow()") == ["below", "top"]
    assert names(cluster, "atScope()") == ["below", "top"]
    assert names(running.group, "atScopeAndBelow()") == ["below"]
    assert names(running.group, "") == ["below", "top"]
    wanted = f"policyDefinitionId%20eq%20'{identifier.upper()}'"
    assert names(running.subscription, wanted) == ["below", "top"]


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"parameters": {"labels": {"value": "owner"}}}, 400, "InvalidPolicyParameters"),
        ({"parameters": {}}, 400, "MissingPolicyParameter"),
        ({"parameters": {"labels": {"value": []}, "bogus": {"value": 1}}}, 400, "UndefinedPolicyParameter"),
        ({"enforcementMode": "Sometimes"}, 400, "InvalidCreatePolicyAssignmentRequest"),
        ({"policyDefinitionId": "/nothing"}, 400, "PolicyDefinitionNotFound"),
        ({"notScopes": ["/subscriptions/other"]}, 404, "SubscriptionNotFound"),
    ],
)
def test_a_wrong_assignment_is_refused_and_nothing_is_kept(
    running: Any, change: dict[str, Any], status: int, code: str
) -> None:
    properties = {
        "policyDefinitionId": running.define(),
        "parameters": {"labels": {"value": ["owner"]}},
        **change,
    }
    path = f"{running.subscription}/{ASSIGNMENTS}/a1"
    reply = running.send("PUT", path, {"properties": properties})
    assert (reply.status, error(reply)["code"]) == (status, code), reply.content
    assert running.send("GET", path).status == 404


@pytest.mark.parametrize(
    ("scope", "code"),
    [
        ("/subscriptions/11111111-1111-1111-1111-111111111111", "SubscriptionNotFound"),
        ("{subscription}/resourceGroups/other", "ResourceGroupNotFound"),
        ("{group}/providers/Microsoft.ContainerService/managedClusters/nope", "ResourceNotFound"),
        ("/providers/Microsoft.Management/managementGroups/nope", "ManagementGroupNotFound"),
    ],
)
def test_an_unknown_scope_names_what_there_is(running: Any, scope: str, code: str) -> None:
    running.cluster()
    place = scope.format(subscription=running.subscription, group=running.group)
    body = {"properties": {"policyDefinitionId": running.define(), "parameters": {"labels": {"value": []}}}}
    reply = running.send("PUT", f"{place}/{ASSIGNMENTS}/a1", body)
    assert (reply.status, error(reply)["code"]) == (404, code)
    assert running.subscription in error(reply)["hint"] or running.tenant in error(reply)["hint"]


def test_every_write_has_its_actor_in_the_log_which_nobody_can_change(running: Any) -> None:
    assignment = running.assign(running.define(), running.subscription)
    running.send("DELETE", assignment)
    entries = running.run(running.client.activity(target="policyAssignments/a1")).value
    assert [entry["operation"].rsplit("/", 1)[-1] for entry in entries] == ["delete", "write"]
    assert {entry["actor"] for entry in entries} == {"admin"}
    store = running.service.context.store
    for statement in ("delete from activity", "update activity set actor = 'nobody'"):
        with pytest.raises(Exception, match="append-only"), store.write() as connection:
            connection.exec_driver_sql(statement)


def test_long_lists_are_paged_by_next_link(running: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pratique.service.routes.policy.PAGE", 2)
    reply = running.send("GET", f"{running.subscription}{TENANT}")
    assert len(reply.json["value"]) == 2
    assert reply.json["nextLink"].startswith(running.listener.url)
    everything = running.run(running.client.list_definitions())
    assert len({document["id"] for document in everything}) == len(everything) > 2


def test_a_public_url_that_nothing_answers_is_refused_naming_it(
    running: Any, start: Any, tmp_path: Any
) -> None:
    url = "https://store.policy.core.windows.net/kubernetes/own-labels/v1/template.yaml"
    body = definition()
    details = body["properties"]["policyRule"]["then"]["details"]
    details["templateInfo"] = {"sourceType": "PublicURL", "url": url}
    reply = running.send("PUT", f"{running.subscription}{TENANT}/own", body)
    assert reply.status == 400 and url in error(reply)["message"]
    assert "--mirror" in error(reply)["hint"]
    mirror = tmp_path / "mirror"
    (mirror / "own-labels").mkdir(parents=True)
    (mirror / "own-labels" / "template.yaml").write_text(TEMPLATE)
    other = start(tmp_path / "other", mirror=mirror)
    assert other.send("PUT", f"{other.subscription}{TENANT}/own", body).status == 201
