"""The desired state: what it holds, when its revision moves, and how soon a held stream has it."""

from __future__ import annotations

import asyncio
import hashlib
import json
from typing import Any

from tests.service.conftest import TEMPLATE


def test_it_holds_template_and_constraint_and_its_hash_is_that_of_its_content(running: Any) -> None:
    running.assign(running.define(), running.cluster())
    document = running.desired()
    assert [manifest["kind"] for manifest in document["manifests"]] == ["ConstraintTemplate", "OwnLabels"]
    assert running.constraint()["spec"]["parameters"] == {"labels": ["owner"]}
    assert "pratique-system" in document["settings"]["excludedNamespaces"]
    body = {"manifests": document["manifests"], "settings": document["settings"]}
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert document["hash"] == hashlib.sha256(text.encode()).hexdigest()


def test_the_revision_moves_only_with_the_content(running: Any) -> None:
    definition, cluster = running.define(), running.cluster()
    before = running.desired()["revision"]
    running.assign(definition, cluster)
    first = running.desired()
    assert first["revision"] > before
    running.assign(definition, cluster, displayName="Another name")
    assert running.desired() == first
    running.assign(definition, cluster, parameters={"labels": {"value": ["team"]}})
    assert running.desired()["revision"] == first["revision"] + 1


def test_a_changed_definition_reaches_the_cluster(running: Any) -> None:
    running.assign(running.define(), running.cluster())
    running.define(template=TEMPLATE.replace("is missing", "has gone"))
    (template,) = [
        manifest for manifest in running.desired()["manifests"] if manifest["kind"] == "ConstraintTemplate"
    ]
    assert "has gone" in template["spec"]["targets"][0]["rego"]


def test_effect_mode_and_exclusion_decide_what_is_bound(running: Any) -> None:
    definition, cluster = running.define(), running.cluster()
    labels = {"labels": {"value": ["owner"]}}
    running.assign(definition, running.subscription)
    assert running.constraint()["spec"]["enforcementAction"] == "deny"
    running.assign(definition, running.subscription, enforcementMode="DoNotEnforce")
    assert running.constraint()["spec"]["enforcementAction"] == "dryrun"
    running.assign(definition, running.subscription, parameters={**labels, "effect": {"value": "Disabled"}})
    assert running.desired()["manifests"] == []
    running.assign(definition, running.subscription, notScopes=[cluster])
    assert running.desired()["manifests"] == []


def test_two_assignments_of_one_definition_share_the_template(running: Any) -> None:
    definition, cluster = running.define(), running.cluster()
    running.assign(definition, cluster, "a1")
    running.assign(definition, cluster, "a2")
    kinds = [manifest["kind"] for manifest in running.desired()["manifests"]]
    assert kinds == ["ConstraintTemplate", "OwnLabels", "OwnLabels"]


def test_a_template_of_the_same_name_with_another_content_is_a_conflict_of_the_later_one(
    running: Any,
) -> None:
    cluster = running.cluster()
    running.assign(running.define("one"), cluster, "first")
    running.assign(running.define("two", TEMPLATE.replace("is missing", "differs")), cluster, "second")
    assert running.constraint()["metadata"]["annotations"]["azure-policy-assignment-id"].endswith("/first")
    rows = {row["name"]: row for row in running.run(running.client.compliance())}
    assert rows["second"]["state"] == "Error"
    assert rows["second"]["problems"][0]["code"] == "ConstraintTemplateConflicts"
    assert rows["first"]["state"] == "NotStarted"


def test_a_held_stream_has_the_state_at_once_and_each_change(running: Any) -> None:
    definition, cluster = running.define(), running.cluster()
    seen: list[dict[str, Any]] = []

    async def listen() -> None:
        async for document in running.client.desired_stream("embedded"):
            seen.append(document)

    task = asyncio.run_coroutine_threadsafe(listen(), running.loop)
    running.wait(lambda: seen)
    running.assign(definition, cluster)
    running.wait(lambda: len(seen) > 1)
    assert [len(document["manifests"]) for document in seen] == [0, 2]
    running.run(running.client.delete_assignment(running.run(running.client.list_assignments())[0]["id"]))
    running.wait(lambda: len(seen) > 2)
    assert seen[-1]["manifests"] == []
    assert seen[-1]["revision"] > seen[1]["revision"]
    task.cancel()


def test_a_quiet_stream_says_that_it_lives(running: Any) -> None:
    running.cluster()

    async def lines() -> list[bytes]:
        found = []
        path = "/api/v1/clusters/embedded/desired/stream"
        async for line in running.client.http.lines(path, token=running.token):
            found.append(line)
            if len(found) == 3:
                return found
        return found

    first, *rest = running.run(lines())
    assert "manifests" in json.loads(first)
    assert all(set(json.loads(line)) == {"heartbeat"} for line in rest)


def test_state_and_revision_survive_a_restart(start: Any, tmp_path: Any) -> None:
    first = start(tmp_path / "state")
    first.assign(first.define(), first.cluster())
    before = first.desired()
    assert first.credentials is not None
    first.stop()
    again = start(tmp_path / "state")
    assert again.credentials is None
    assert again.desired() == before
    assert again.subscription == first.subscription
