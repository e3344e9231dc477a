"""Policy states, component states and summaries: all of them tell the same story."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

INSIGHTS = "providers/Microsoft.PolicyInsights"


def post(running: Any, scope: str, path: str, **options: str) -> Any:
    query = "&".join(f"${name}={quote(value)}" for name, value in options.items())
    reply = running.send("POST", f"{scope}/{INSIGHTS}/{path}?api-version=2019-10-01&{query}")
    return reply.json if reply.status == 200 else reply


def states(running: Any, scope: str, **options: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = post(running, scope, "policyStates/latest/queryResults", **options)["value"]
    return found


def total(constraint: dict[str, Any], evaluated: int, violating: int) -> dict[str, Any]:
    return {
        "constraintKind": constraint["kind"],
        "constraintName": constraint["metadata"]["name"],
        "evaluated": evaluated,
        "violating": violating,
    }


def test_a_state_goes_from_not_started_to_non_compliant_to_compliant(running: Any, agent: Any) -> None:
    scope = running.cluster()
    assignment = running.assign(running.define(), scope)
    (row,) = states(running, scope)
    assert (row["complianceState"], row["policyDefinitionAction"]) == ("NotStarted", "deny")
    constraint = running.constraint()
    entry = agent.record(constraint, "nginx")
    agent.report([entry], full=True, totals=[total(constraint, 4, 1)])
    (row,) = states(running, scope)
    assert (row["complianceState"], row["isCompliant"]) == ("NonCompliant", False)
    assert (row["policyAssignmentId"], row["resourceId"]) == (assignment, scope)
    assert running.run(running.client.compliance())[0]["components"] == {
        "nonCompliant": 1,
        "evaluated": 4,
        "percentage": 75.0,
    }
    agent.report(removals=[entry["key"]], totals=[total(constraint, 4, 0)])
    (row,) = states(running, scope)
    assert (row["complianceState"], row["isCompliant"]) == ("Compliant", True)
    overview = running.run(running.client.overview())
    assert overview["compliance"]["percentage"] == 100.0
    assert overview["compliance"]["compliant"] == 1
    assert overview["trend"][-1]["nonCompliant"] == 0


def test_what_nothing_falls_under_is_compliant(running: Any, agent: Any) -> None:
    definition = running.define()
    scope = running.cluster()
    running.assign(definition, scope)
    agent.report(full=True, totals=[total(running.constraint(), 0, 0)])
    (row,) = running.run(running.client.compliance())
    assert (row["state"], row["percentage"], row["clusters"]["compliant"]) == ("Compliant", 100.0, 1)
    assert row["components"] == {"nonCompliant": 0, "evaluated": 0, "percentage": 100.0}
    assert states(running, scope)[0]["complianceState"] == "Compliant"


def test_an_assignment_that_no_cluster_is_under_is_compliant(running: Any) -> None:
    running.assign(running.define(), running.subscription)
    (row,) = running.run(running.client.compliance())
    assert (row["state"], row["percentage"], row["clusters"]["compliant"]) == ("Compliant", 100.0, 0)


def test_an_assignment_that_is_disabled_is_not_evaluated(running: Any) -> None:
    scope = running.cluster()
    running.assign(
        running.define(), scope, parameters={"labels": {"value": ["owner"]}, "effect": {"value": "Disabled"}}
    )
    (row,) = running.run(running.client.compliance())
    assert (row["state"], row["effect"].lower()) == ("NotStarted", "disabled")


def test_what_cannot_be_applied_is_an_error_with_its_cause(running: Any, agent: Any) -> None:
    scope = running.cluster()
    running.assign(running.define(), scope)
    constraint = running.constraint()
    failed = {
        "kind": constraint["kind"],
        "name": constraint["metadata"]["name"],
        "status": "Failed",
        "code": "ConstraintInstallFailed",
        "message": "no such kind",
    }
    body = {
        "revision": 2,
        "agent": {"pod": "audit-0", "operation": "sync", "version": "1"},
        "results": [failed],
    }
    running.run(running.client.applied("embedded", body))
    (row,) = states(running, scope)
    assert (row["complianceState"], row["complianceReasonCode"]) == ("Error", "ConstraintInstallFailed")
    cluster = running.run(running.client.cluster("embedded"))
    assert cluster["problems"][0]["message"] == "no such kind"
    assert cluster["agents"][0]["pod"] == "audit-0"
    assert cluster["addon"]["state"] == "Enabled"
    running.run(running.client.applied("embedded", {**body, "results": []}))
    assert states(running, scope)[0]["complianceState"] == "NotStarted"


def test_every_scope_answers_and_an_unknown_one_is_404(running: Any, agent: Any) -> None:
    scope = running.cluster()
    definition = running.define()
    assignment = running.assign(definition, scope)
    root = f"/providers/Microsoft.Management/managementGroups/{running.tenant}"
    for place in (scope, running.group, running.subscription, root, assignment, definition):
        assert len(states(running, place)) == 1, place
        summary = post(running, place, "policyStates/latest/summarize")["value"][0]
        assert len(summary["policyAssignments"]) == 1, place
    other = running.run(running.client.put_cluster("other", {}))["resourceId"]
    assert states(running, other) == []
    missing = post(running, running.subscription + "/resourceGroups/nope", "policyStates/latest/queryResults")
    assert missing.status == 404
    assert post(running, assignment + "x", "policyStates/latest/queryResults").status == 404


def test_options_narrow_order_shape_and_page(running: Any, agent: Any) -> None:
    scope = running.cluster()
    definition = running.define()
    for name in ("a1", "a2", "a3"):
        running.assign(definition, scope, name)
    assert [
        row["policyAssignmentName"] for row in states(running, scope, orderby="policyAssignmentName asc")
    ] == [
        "a1",
        "a2",
        "a3",
    ]
    (one,) = states(running, scope, filter="policyAssignmentName eq 'a2'", select="PolicyAssignmentName")
    assert {key for key in one if not key.startswith("@")} == {"policyAssignmentName"}
    assert len(states(running, scope, top="2")) == 2
    answer = post(running, scope, "policyStates/latest/queryResults", apply="aggregate($count as n)")
    assert answer["value"] == [{"n": 3}]
    assert answer["@odata.count"] == 1
    refused = post(running, scope, "policyStates/latest/queryResults", filter="nonsense eq 1")
    assert (refused.status, refused.json["error"]["code"]) == (400, "InvalidFilterInQueryString")


def test_components_carry_gatekeepers_message(running: Any, agent: Any) -> None:
    scope = running.cluster()
    running.assign(running.define(), scope)
    constraint = running.constraint()
    agent.report([agent.record(constraint, "one"), agent.record(constraint, "two")], full=True)
    path = "componentPolicyStates/latest/queryResults"
    rows = post(
        running,
        scope,
        path,
        filter="componentType eq 'pod' and componentId eq 'shop/one'",
        expand="PolicyEvaluationDetails",
    )["value"]
    assert [row["componentName"] for row in rows] == ["one"]
    assert rows[0]["policyEvaluationDetails"] == {"reason": "label owner is missing"}
    counted = post(
        running, scope, path, apply="groupby((componentType,complianceState),aggregate($count as count))"
    )
    assert counted["value"] == [{"componentType": "pod", "complianceState": "NonCompliant", "count": 2}]


def test_a_summary_counts_resources_policies_and_where_to_look(running: Any, agent: Any) -> None:
    scope = running.cluster()
    definition = running.define()
    for name in ("a1", "a2"):
        running.assign(definition, scope, name)
    first, _ = [m for m in running.desired()["manifests"] if m["kind"] == "OwnLabels"]
    agent.report([agent.record(first, "one")], full=True)
    summary = running.run(running.client.summarize(scope=running.subscription))
    assert summary["results"]["nonCompliantResources"] == 1
    assert summary["results"]["nonCompliantPolicies"] == 1
    assert {entry["complianceState"]: entry["count"] for entry in summary["results"]["policyDetails"]} == {
        "noncompliant": 1,
        "notstarted": 1,
    }
    worst = summary["policyAssignments"][0]
    assert worst["policyAssignmentId"].endswith("/a1")
    assert worst["policyDefinitions"][0]["effect"] == "deny"
    path = worst["results"]["queryResultsUri"].removeprefix(running.listener.url)
    assert [row["policyAssignmentName"] for row in running.send("POST", path).json["value"]] == ["a1"]


def test_the_trend_moves_when_an_assignment_goes(running: Any, agent: Any) -> None:
    assignment = running.assign(running.define(), running.cluster())
    agent.report([agent.record(running.constraint(), "one")], full=True)
    assert running.run(running.client.overview())["trend"][-1]["nonCompliant"] == 1
    running.run(running.client.delete_assignment(assignment))
    assert running.run(running.client.overview())["trend"][-1]["nonCompliant"] == 0


def test_asking_for_an_evaluation_ends(running: Any) -> None:
    reply = running.send("POST", f"{running.subscription}/{INSIGHTS}/policyStates/latest/triggerEvaluation")
    assert reply.status == 202
    location = reply.headers["location"].removeprefix(running.listener.url)
    assert running.send("GET", location).json == {"status": "Succeeded"}


def test_disabling_the_add_on_leaves_nothing_that_looks_known(running: Any, agent: Any) -> None:
    from pratique.service.actions import fleet

    scope = running.cluster()
    running.assign(running.define(), scope)
    agent.report([agent.record(running.constraint(), "one")], full=True)
    fleet.set_addon(running.service.context, "embedded", state="Disabled")
    assert states(running, scope)[0]["complianceState"] == "NotStarted"
    assert running.run(running.client.records()).value == []
    agent.session, agent.sequence = "session-2", 0
    assert agent.report([agent.record(running.constraint(), "one")], full=True)["resync"] is False
    assert states(running, scope)[0]["complianceState"] == "NonCompliant"


def test_a_cluster_that_is_forgotten_closes_its_records(running: Any, agent: Any) -> None:
    scope = running.cluster()
    running.assign(running.define(), running.subscription)
    agent.report([agent.record(running.constraint(), "one")], full=True)
    running.run(running.client.delete_cluster("embedded"))
    assert states(running, running.subscription) == []
    (closed,) = running.run(running.client.records(closed=True)).value
    assert closed["closedBy"] == "cluster removed"
    assert running.send("GET", scope).status == 404


def test_pages_hear_of_changes_at_once(running: Any, agent: Any) -> None:
    import asyncio

    seen: list[str] = []

    async def listen() -> None:
        async for event in running.client.events():
            seen.append(event["event"])

    task = asyncio.run_coroutine_threadsafe(listen(), running.loop)
    definition = running.define()
    running.wait(lambda: running.define() and seen)
    running.assign(definition, running.cluster())
    agent.report([agent.record(running.constraint(), "one")], full=True)
    running.wait(lambda: {"definitions", "assignments", "records", "clusters", "activity"} <= set(seen))
    task.cancel()
