"""Providers in a cluster: their status, and what the webhooks and the audit make of their answers."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from fake_api import until
from tests.agent.test_mutating import assign
from tests.client.stub_provider import items, provider
from world import CONFIG_MAPS, World, config_map, template, world

from pratique.agent import guard
from pratique.agent.answers import World as Seen
from pratique.agent.audit import Audit
from pratique.agent.entries import Entries
from pratique.agent.external import ExternalData
from pratique.agent.mutating import Mutating
from pratique.agent.records import Records
from pratique.agent.webhook import Webhook
from pratique.client import resources
from pratique.client.providers import Providers
from pratique.constraint import Library, Programs

POLICY = """\
package asks
violation[{"msg": msg}] {
  said := external_data({"provider": "stub", "keys": [input.review.object.metadata.name]})
  msg := sprintf("%v%v", [said.responses[_][1], said.system_error])
}
violation[{"msg": said.system_error}] {
  said := external_data({"provider": "stub", "keys": [input.review.object.metadata.name]})
  said.system_error != ""
}
"""
ASKS = {
    "apiVersion": "constraints.gatekeeper.sh/v1beta1",
    "kind": "Asks",
    "metadata": {"name": "asks"},
    "spec": {"match": {"kinds": [{"apiGroups": [""], "kinds": ["ConfigMap"]}]}},
}


def followed(w: World) -> tuple[ExternalData, Library]:
    """Let the world's cluster fill a library whose policies may ask."""
    providers = Providers(keep_seconds=0)
    external = ExternalData(w.client, providers, metrics=w.metrics)
    external.listen(w.cluster.external_data_changed)
    entries = Entries(w.client, pod="pod-0", operations=("webhook",))
    entries.follow(external.on_status, lambda key: external.entry(*key))
    w.library = w.cluster.library = Library(programs=Programs(ask=providers.ask))
    w.start(external.run(), entries.run())
    return external, w.library


def request(found: dict[str, Any]) -> dict[str, Any]:
    return {
        "uid": "u",
        "kind": {"group": "", "version": "v1", "kind": found["kind"]},
        "name": found["metadata"]["name"],
        "namespace": "default",
        "operation": "CREATE",
        "userInfo": {"username": "dan"},
        "object": found,
    }


def test_a_provider_is_asked_at_admission(tmp_path: Path) -> None:
    async def story() -> None:
        with provider(tmp_path, items({"bad": "not this one"})) as stub:
            async with world() as w:
                external, library = followed(w)
                await w.policy(template("Asks", POLICY), ASKS)
                await w.ready()
                seen = Seen(
                    library,
                    w.cluster.exclusions,
                    w.cluster.namespaces.kept,
                    w.cluster.fetch_namespace,
                    w.mutators.expander,
                    external.providers,
                )
                webhook = Webhook(seen, w.settings, w.metrics)
                unknown = await webhook.admit(request(config_map("bad")))
                assert unknown["status"]["message"] == "[asks] key is not found in provider cache: stub"

                await w.api.put(resources.PROVIDERS, stub.document())
                await until(lambda: (w.api.get(resources.PROVIDERS, "stub") or {}).get("status"))
                (entry,) = (w.api.get(resources.PROVIDERS, "stub") or {})["status"]["byPod"]
                assert (entry["id"], entry["active"]) == ("pod-0", True)
                refused = await webhook.admit(request(config_map("bad")))
                assert refused["status"] == {
                    "code": 403,
                    "reason": "Forbidden",
                    "message": "[asks] not this one",
                }
                assert (await webhook.admit(request(config_map("good"))))["allowed"]

                system = type(w.mutators.system)(external.providers.lookup)
                system.put(_asking_mutator())
                mutating = Mutating(seen, w.settings, w.metrics, system)
                changed = await mutating.mutate(request(config_map("x") | {"data": {"key": "bad"}}))
                assert "patch" in changed
                failed = await mutating.mutate(request(config_map("x") | {"data": {"key": "other"}}))
                assert "failed to find external data item in response" in failed["status"]["message"]

                # A text that is no provider does not act, and says why.
                await w.api.put(resources.PROVIDERS, stub.document(url="http://plain"))
                await until(lambda: _errors(w))
                assert _errors(w)[0]["message"] == "only HTTPS scheme is supported for Providers"
                assert not (await webhook.admit(request(config_map("bad"))))["allowed"]

    asyncio.run(story())


def _errors(w: World) -> list[dict[str, Any]]:
    status = (w.api.get(resources.PROVIDERS, "stub") or {}).get("status") or {}
    found: list[dict[str, Any]] = next(iter(status.get("byPod") or ()), {}).get("errors") or []
    return found


def _asking_mutator() -> dict[str, Any]:
    mutator = assign()
    mutator["spec"]["parameters"] = {"assign": {"externalData": {"provider": "stub"}}}
    return mutator


def test_the_audit_asks_too_and_judges_anew_when_a_provider_changes(tmp_path: Path) -> None:
    async def story() -> None:
        with provider(tmp_path, items({"bad": "not this one"})) as stub:
            async with world((CONFIG_MAPS, config_map("bad")), (CONFIG_MAPS, config_map("good"))) as w:
                external, _ = followed(w)
                await w.policy(template("Asks", POLICY), ASKS)
                await w.ready()
                audit = Audit(w.client, w.cluster, Records(), metrics=w.metrics, providers=external.providers)
                w.start(audit.run(0))
                await until(lambda: audit.complete)

                def messages() -> set[str]:
                    return {one.message for one in audit.records.open.values()}

                await until(lambda: messages() == {"key is not found in provider cache: stub"})
                await w.api.put(resources.PROVIDERS, stub.document())
                await until(lambda: messages() == {"not this one"})
                assert audit.records.totals["Asks", "asks"].evaluated == 2

    asyncio.run(story())


def test_what_is_no_provider_is_refused_at_admission(tmp_path: Path) -> None:
    with provider(tmp_path, items({})) as stub:
        for spec, code in (({}, 0), ({"caBundle": ""}, 422), ({"url": "http://x"}, 422)):
            asked = request(stub.document(**spec)) | {
                "kind": {"group": "externaldata.gatekeeper.sh", "version": "v1beta1", "kind": "Provider"}
            }
            assert guard.check(asked, Library()).code == code
