"""Reports: sessions, transitions, digests, and what an assignment's end does to records."""

from __future__ import annotations

from typing import Any

import pytest

from pratique.errors import InputError


def prepared(running: Any) -> dict[str, Any]:
    running.assign(running.define(), running.cluster())
    return running.constraint()


def records(running: Any, **filters: Any) -> list[dict[str, Any]]:
    return running.run(running.client.records(**filters)).value


def test_a_full_report_opens_records_with_their_assignment(running: Any, agent: Any) -> None:
    constraint = prepared(running)
    assert agent.report([agent.record(constraint, "nginx")], full=True) == {"accepted": 1, "resync": False}
    (found,) = records(running)
    assert found["cluster"] == "embedded"
    assert found["state"] == "NonCompliant"
    assert found["assignmentId"] == constraint["metadata"]["annotations"]["azure-policy-assignment-id"]
    assert found["definitionId"].endswith("/policyDefinitions/own")
    assert (found["field"], found["fixedAt"]) == ("metadata.labels", None)
    assert running.run(running.client.record(found["id"])) == found


def test_a_delta_closes_what_it_removes_and_keeps_the_rest(running: Any, agent: Any) -> None:
    constraint = prepared(running)
    first, second = agent.record(constraint, "one"), agent.record(constraint, "two")
    agent.report([first, second], full=True)
    assert agent.report(removals=[first["key"]]) == {"accepted": 2, "resync": False}
    assert [entry["name"] for entry in records(running)] == ["two"]
    closed = [entry for entry in records(running, closed=True) if entry["name"] == "one"]
    assert closed[0]["fixedAt"] and closed[0]["state"] == "Compliant" and closed[0]["closedBy"] == "fixed"


def test_a_component_that_violates_again_is_a_new_record(running: Any, agent: Any) -> None:
    constraint = prepared(running)
    entry = agent.record(constraint, "one")
    agent.report([entry], full=True)
    agent.report(removals=[entry["key"]])
    agent.report([{**entry, "firstSeen": "2026-02-02T00:00:00Z"}])
    found = records(running, closed=True)
    assert [row["fixedAt"] is None for row in found] == [True, False]
    assert found[0]["firstSeen"] == "2026-02-02T00:00:00Z"


def test_first_seen_stays_when_an_agent_starts_anew(running: Any, agent: Any) -> None:
    constraint = prepared(running)
    entry = agent.record(constraint, "one")
    agent.report([entry], full=True)
    agent.session, agent.sequence = "session-2", 0
    agent.report([{**entry, "firstSeen": "2026-05-05T00:00:00Z", "message": "worse"}], full=True)
    (found,) = records(running)
    assert found["firstSeen"] == "2026-01-01T00:00:00Z"
    assert found["message"] == "worse"


def test_a_repeated_report_changes_nothing(running: Any, agent: Any) -> None:
    constraint = prepared(running)
    agent.report([agent.record(constraint, "one")], full=True)
    agent.sequence -= 1
    assert agent.report([agent.record(constraint, "two")], full=True) == {"accepted": 1, "resync": False}
    assert [entry["name"] for entry in records(running)] == ["one"]


@pytest.mark.parametrize("jump", ["gap", "unknown session"])
def test_what_is_out_of_order_asks_for_everything(running: Any, agent: Any, jump: str) -> None:
    constraint = prepared(running)
    agent.report([agent.record(constraint, "one")], full=True)
    if jump == "gap":
        agent.sequence += 1
    else:
        agent.session = "never-seen"
    answer = agent.report([agent.record(constraint, "two")])
    assert answer["resync"] is True
    assert [entry["name"] for entry in records(running)] == ["one"]
    everything = [agent.record(constraint, "one"), agent.record(constraint, "two")]
    assert agent.report(everything, full=True)["resync"] is False
    assert {entry["name"] for entry in records(running)} == {"one", "two"}


def test_a_digest_that_differs_asks_for_everything(running: Any, agent: Any) -> None:
    constraint = prepared(running)
    agent.report([agent.record(constraint, "one")], full=True)
    assert agent.report([agent.record(constraint, "two")], digest="0" * 64)["resync"] is True


def test_a_full_report_with_a_wrong_digest_is_refused_and_changes_nothing(running: Any, agent: Any) -> None:
    constraint = prepared(running)
    with pytest.raises(InputError, match="digest"):
        agent.report([agent.record(constraint, "one")], full=True, digest="0" * 64)
    assert records(running) == []


def test_a_deleted_assignment_closes_its_records_and_the_agent_catches_up(running: Any, agent: Any) -> None:
    constraint = prepared(running)
    entry = agent.record(constraint, "one")
    agent.report([entry], full=True)
    assignment = running.run(running.client.list_assignments())[0]["id"]
    running.run(running.client.delete_assignment(assignment))
    assert records(running) == []
    (closed,) = records(running, closed=True)
    assert closed["closedBy"] == "unassigned" and closed["fixedAt"]
    # The agent has not heard of it yet: its view still holds the record, and that is no disagreement.
    assert agent.report()["resync"] is False
    assert agent.report(removals=[entry["key"]])["resync"] is False
    assert records(running, closed=True) == [closed]


def test_a_late_record_of_a_deleted_assignment_opens_nothing(running: Any, agent: Any) -> None:
    constraint = prepared(running)
    agent.report(full=True)
    running.run(running.client.delete_assignment(running.run(running.client.list_assignments())[0]["id"]))
    assert agent.report([agent.record(constraint, "late")])["resync"] is False
    assert records(running) == []


def test_an_assignment_that_comes_back_opens_its_records_anew(running: Any, agent: Any) -> None:
    definition = running.define()
    scope = running.cluster()
    assignment = running.assign(definition, scope)
    entry = agent.record(running.constraint(), "one")
    agent.report([entry], full=True)
    running.run(running.client.delete_assignment(assignment))
    running.assign(definition, scope)
    assert agent.report([entry])["resync"] is False
    assert len(records(running)) == 1
    assert len(records(running, closed=True)) == 2


def test_foreign_constraints_are_kept_without_an_assignment(running: Any, agent: Any) -> None:
    constraint = {
        "kind": "Theirs",
        "metadata": {"name": "mine", "annotations": {"azure-policy-assignment-id": ""}},
    }
    assert agent.report([agent.record(constraint, "one")], full=True)["resync"] is False
    (found,) = records(running)
    assert (found["assignmentId"], found["state"]) == ("", "NonCompliant")


def test_records_are_filtered_and_paged(running: Any, agent: Any) -> None:
    constraint = prepared(running)
    agent.report([agent.record(constraint, f"pod-{number}") for number in range(7)], full=True)
    names, token = [], ""
    while token is not None:
        page = running.run(running.client.records(top=3, skiptoken=token))
        assert len(page.value) <= 3
        names += [entry["name"] for entry in page.value]
        token = page.next
    assert names == [f"pod-{number}" for number in reversed(range(7))]
    assert [entry["name"] for entry in records(running, search="POD-3")] == ["pod-3"]
    assert records(running, namespace="other") == []
    assert len(records(running, kind="pod", cluster="EMBEDDED")) == 7


@pytest.mark.parametrize(
    ("change", "member"),
    [
        ({"session": ""}, "session"),
        ({"sequence": 0}, "sequence"),
        ({"sequence": True}, "sequence"),
        ({"upserts": ["x"]}, "upserts"),
        ({"upserts": [{"name": "no key"}]}, "key"),
        ({"upserts": [{"key": "k", "message": 7}]}, "message"),
        ({"removals": [1]}, "removals"),
        ({"totals": [{"evaluated": -1}]}, "evaluated"),
    ],
)
def test_a_wrong_report_names_its_member(agent: Any, change: dict[str, Any], member: str) -> None:
    with pytest.raises(InputError, match=member):
        agent.report(full=True, **change)


def test_a_denial_counts_once(running: Any, agent: Any) -> None:
    denial = {
        "time": "2026-01-01T00:00:00Z",
        "constraintKind": "OwnLabels",
        "constraintName": "c",
        "assignmentId": "/subscriptions/x",
        "message": "no",
        "action": "deny",
        "user": "alice",
        "groups": ["devs"],
        "operation": "CREATE",
        "kind": "Pod",
        "namespace": "shop",
        "name": "nginx",
        "requestUid": "r1",
    }
    assert running.run(running.client.report_denials("embedded", [denial])) == {"accepted": 1, "new": 1}
    assert running.run(running.client.report_denials("embedded", [denial]))["new"] == 0
    (found,) = running.run(running.client.denials()).value
    assert (found["user"], found["groups"], found["cluster"]) == ("alice", ["devs"], "embedded")
    assert running.run(running.client.denials(search="ALICE")).value == [found]
    assert running.run(running.client.denials(search="bob")).value == []
