"""`/v1/mutate`: who is mutated, with which patch, and what a failure becomes."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import orjson
import pytest
from world import config_map, namespace

from pratique.agent.answers import World
from pratique.agent.exclusions import Exclusions
from pratique.agent.metrics import Metrics
from pratique.agent.mutating import Mutating
from pratique.agent.settings import Settings
from pratique.agent.webhook import Webhook
from pratique.client.providers import Providers
from pratique.constraint import Library
from pratique.constraint.expansion import Expander
from pratique.kube.patch import apply_json_patch
from pratique.mutation import MutationSystem

NAMESPACES = {"/default": namespace("default", team="a"), "/kube-system": namespace("kube-system")}


def assign(name: str = "m", location: str = "data.key", value: Any = "set", **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "mutations.gatekeeper.sh/v1",
        "kind": "Assign",
        "metadata": {"name": name, "generation": 2},
        "spec": {
            "applyTo": [{"groups": [""], "versions": ["v1"], "kinds": ["ConfigMap", "Namespace"]}],
            "location": location,
            "parameters": {"assign": {"value": value}},
            **spec,
        },
    }


class Setup:
    def __init__(
        self, *mutators: dict[str, Any], config: dict[str, Any] | None = None, **settings: Any
    ) -> None:
        self.metrics = Metrics()
        self.settings = Settings(**settings)
        self.system = MutationSystem(annotate=self.settings.annotate_mutations)
        for one in mutators:
            self.system.put(one)
        exclusions = Exclusions("pratique-system")
        exclusions.load(config)
        self.world = World(Library(), exclusions, NAMESPACES, self.fetch, Expander(), Providers())
        self.mutating = Mutating(self.world, self.settings, self.metrics, self.system)

    async def fetch(self, name: str) -> dict[str, Any] | None:
        return namespace(name) if name == "late" else None

    def ask(self, found: Any, **changes: Any) -> dict[str, Any]:
        request = {
            "uid": "u",
            "kind": {"group": "", "version": "v1", "kind": found["kind"]} if found else {"kind": "ConfigMap"},
            "name": "a",
            "namespace": "default",
            "operation": "CREATE",
            "userInfo": {"username": "dan"},
            "object": found,
        }
        return asyncio.run(self.mutating.mutate(request | changes))

    def counted(self, status: str) -> float:
        found = self.metrics.registry.get_sample_value(
            "gatekeeper_mutation_request_count_total", {"mutation_status": status}
        )
        return found or 0.0


def patched(found: dict[str, Any], response: dict[str, Any]) -> dict[str, Any]:
    assert response["allowed"] is True
    assert response["patchType"] == "JSONPatch"
    changed: dict[str, Any] = apply_json_patch(found, orjson.loads(base64.b64decode(response["patch"])))
    return changed


def test_a_change_is_a_patch() -> None:
    setup = Setup(assign())
    found = config_map("a")
    changed = patched(found, setup.ask(found))
    assert changed == found | {"data": {"key": "set"}}
    assert "data" not in found
    assert setup.counted("success") == 1
    again = setup.ask(changed)
    assert again == {"allowed": True, "status": {"code": 200, "message": "Resource was not mutated"}}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"operation": "DELETE"}, "Mutating only on create or update"),
        ({"operation": "CONNECT", "object": None}, "Mutating only on create or update"),
        (
            {"userInfo": {"username": "system:serviceaccount:pratique-system:pratique-admin"}},
            "Gatekeeper does not self-manage",
        ),
        ({"kind": {"group": "templates.gatekeeper.sh", "kind": "X"}}, "Not mutating gatekeeper resources"),
        ({"namespace": "kube-system"}, "Namespace is set to be ignored by Gatekeeper config"),
        ({"namespace": "pratique-system"}, "Namespace is set to be ignored by Gatekeeper config"),
        (
            {"kind": {"group": "", "version": "v1", "kind": "Namespace"}, "name": "kube-system"},
            "Namespace is set to be ignored by Gatekeeper config",
        ),
    ],
)
def test_who_is_left_alone(changes: dict[str, Any], message: str) -> None:
    entry = {"processes": ["mutation-webhook"], "excludedNamespaces": ["kube-*"]}
    setup = Setup(assign(), config={"spec": {"match": [entry]}})
    response = setup.ask(config_map("a"), **changes)
    assert response == {"allowed": True, "status": {"code": 200, "message": message}}
    assert setup.counted("skip") == ("config" in message)


def test_the_other_webhooks_exclusions_do_not_count() -> None:
    entry = {"processes": ["webhook", "audit", "sync"], "excludedNamespaces": ["*"]}
    found = config_map("a")
    assert patched(found, Setup(assign(), config={"spec": {"match": [entry]}}).ask(found))["data"]


@pytest.mark.parametrize(
    ("match", "changes", "mutated"),
    [
        ({"namespaceSelector": {"matchLabels": {"team": "a"}}}, {}, True),
        ({"namespaceSelector": {"matchLabels": {"team": "b"}}}, {}, False),
        ({"namespaces": ["late"]}, {"namespace": "late"}, True),
        ({"source": "Original"}, {}, True),
        ({"source": "Generated"}, {}, False),
    ],
)
def test_match_sees_the_namespace(match: dict[str, Any], changes: dict[str, Any], mutated: bool) -> None:
    found = config_map("a", changes.get("namespace", "default"))
    assert ("patch" in Setup(assign(match=match)).ask(found, **changes)) is mutated


def test_a_namespace_is_its_own() -> None:
    found = namespace("default", team="a")
    match = {"namespaceSelector": {"matchLabels": {"team": "a"}}}
    assert "patch" in Setup(assign(match=match)).ask(found, name="default", namespace="default")
    assert "patch" not in Setup(assign(match={"scope": "Namespaced"})).ask(found, namespace="default")


def test_an_object_without_its_namespace_is_matched_in_it_and_not_given_one() -> None:
    found = config_map("a")
    del found["metadata"]["namespace"]
    changed = patched(found, Setup(assign(match={"namespaces": ["default"]})).ask(found))
    assert changed == found | {"data": {"key": "set"}}


@pytest.mark.parametrize("operations", [["CREATE"], ["UPDATE"], ["*"], []])
def test_operations(operations: list[str]) -> None:
    applies = [{"groups": [""], "versions": ["v1"], "kinds": ["ConfigMap"], "operations": operations}]
    setup = Setup(assign(applyTo=applies))
    for operation in ("CREATE", "UPDATE"):
        wanted = not operations or operations == ["*"] or operation in operations
        assert ("patch" in setup.ask(config_map("a"), operation=operation)) is wanted


def test_what_fails_is_refused_with_500() -> None:
    setup = Setup(assign(location="data.key.inner"))
    response = setup.ask(config_map("a") | {"data": {"key": "text"}})
    assert (response["allowed"], response["status"]["code"]) == (False, 500)
    assert (
        "mismatch between path entry (type: object) and received object (type: string)"
        in (response["status"]["message"])
    )
    missing = setup.ask(config_map("a", "nowhere"), namespace="nowhere")
    assert (missing["allowed"], missing["status"]["message"]) == (False, 'namespaces "nowhere" not found')
    assert setup.counted("error") == 2


def test_of_two_that_overwrite_each_other_the_last_wins() -> None:
    setup = Setup(assign("a", value="1"), assign("b", value="2"))
    assert patched(config_map("a"), setup.ask(config_map("a")))["data"] == {"key": "2"}


def test_annotations_and_logs_are_off_until_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    found = config_map("a")
    assert "annotations" not in patched(found, Setup(assign()).ask(found))["metadata"]
    assert capsys.readouterr().out == ""
    response = Setup(assign(), annotate_mutations=True, log_mutations=True).ask(found)
    annotations = patched(found, response)["metadata"]["annotations"]
    assert annotations["gatekeeper.sh/mutations"] == "Assign//m:2"
    assert len(annotations["gatekeeper.sh/mutation-id"]) == 36


def test_the_path_is_there_only_for_the_role() -> None:
    setup = Setup(assign())
    for roles, expected in ((frozenset({"webhook"}), 404), (frozenset({"mutation-webhook"}), 400)):
        settings = Settings(operations=roles)
        webhook = Webhook(setup.world, settings, setup.metrics, mutators=setup.system)
        sent: list[dict[str, Any]] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": b"{}", "more_body": False}

        async def send(message: Any, sent: list[dict[str, Any]] = sent) -> None:
            sent.append(message)

        scope = {"type": "http", "method": "POST", "path": "/v1/mutate", "headers": []}
        asyncio.run(webhook(scope, receive, send))
        assert sent[0]["status"] == expected
