"""Mutators and ExpansionTemplates of a cluster: taken in, at odds with each other, told of in their status, judged."""

from __future__ import annotations

import asyncio
from typing import Any

from fake_api import until
from tests.agent.test_mutating import assign
from world import World, constraint, template, world

from pratique.agent.answers import World as Seen
from pratique.agent.audit import Audit
from pratique.agent.entries import Entries
from pratique.agent.records import Records
from pratique.agent.webhook import Webhook
from pratique.client import resources
from pratique.client.providers import Providers
from pratique.client.resources import Resource


def expansion(name: str = "deployments", **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "expansion.gatekeeper.sh/v1beta1",
        "kind": "ExpansionTemplate",
        "metadata": {"name": name},
        "spec": {
            "applyTo": [{"groups": ["apps"], "versions": ["v1"], "kinds": ["Deployment"]}],
            "templateSource": "spec.template",
            "generatedGVK": {"group": "", "version": "v1", "kind": "ConfigMap"},
            **spec,
        },
    }


def deployment(name: str = "web", **labels: str) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"template": {"metadata": {"labels": labels}}},
    }


def followed(w: World, pod: str = "pod-0") -> Entries:
    entries = Entries(w.client, pod=pod, operations=("webhook", "audit"))
    entries.follow(w.mutators.on_status, lambda key: w.mutators.entry(*key))
    w.start(w.mutators.run(), entries.run())
    return entries


def entry(w: World, resource: Resource, name: str) -> dict[str, Any]:
    status = (w.api.get(resource, name) or {}).get("status") or {}
    found: dict[str, Any] = next(iter(status.get("byPod") or ()), {})
    return found


def test_a_mutator_says_that_it_is_enforced() -> None:
    async def story() -> None:
        async with world() as w:
            followed(w)
            await w.api.put(resources.ASSIGNS, assign())
            await until(lambda: entry(w, resources.ASSIGNS, "m"))
            stored = w.api.get(resources.ASSIGNS, "m")
            assert stored
            assert entry(w, resources.ASSIGNS, "m") == {
                "id": "pod-0",
                "mutatorUID": stored["metadata"]["uid"],
                "operations": ["audit", "webhook"],
                "enforced": True,
                "observedGeneration": stored["metadata"]["generation"],
            }
            assert [one.id.name for one in w.mutators.system.mutators()] == ["m"]
            assert not w.mutators.unready()
            await w.api.remove(resources.ASSIGNS, "m")
            await until(lambda: not w.mutators.system.mutators())

    asyncio.run(story())


def test_mutators_at_odds_are_all_out_of_force_until_one_goes() -> None:
    async def story() -> None:
        async with world() as w:
            followed(w)
            await w.api.put(resources.ASSIGNS, assign("a", "spec.x.y"))
            await until(lambda: entry(w, resources.ASSIGNS, "a").get("enforced"))
            await w.api.put(resources.ASSIGNS, assign("b", "spec.x[name: z].y"))
            await until(lambda: entry(w, resources.ASSIGNS, "b"))
            await until(lambda: entry(w, resources.ASSIGNS, "a").get("errors"))
            (error,) = entry(w, resources.ASSIGNS, "a")["errors"]
            assert error["type"] == "ErrConflictingSchema"
            assert error["message"] == (
                "the following mutators have conflicting schemas: "
                "[Assign.mutations.gatekeeper.sh /a,Assign.mutations.gatekeeper.sh /b]"
            )
            gauge = w.metrics.registry.get_sample_value
            assert gauge("gatekeeper_mutator_conflicting_count") == 2
            await w.api.remove(resources.ASSIGNS, "b")
            await until(lambda: entry(w, resources.ASSIGNS, "a").get("enforced"))
            assert gauge("gatekeeper_mutators", {"status": "active"}) == 1

    asyncio.run(story())


def test_what_cannot_be_read_says_so_and_does_not_act() -> None:
    async def story() -> None:
        async with world() as w:
            followed(w)
            await w.api.put(resources.ASSIGNS, assign("a"))
            await until(lambda: entry(w, resources.ASSIGNS, "a").get("enforced"))
            await w.api.put(resources.ASSIGNS, assign("a", "metadata.name"))
            await until(lambda: entry(w, resources.ASSIGNS, "a").get("errors"))
            (error,) = entry(w, resources.ASSIGNS, "a")["errors"]
            assert error["message"] == "assign a can't change metadata"
            assert w.mutators.system.mutators() == []

    asyncio.run(story())


def test_templates_in_a_circle_are_out_of_force_until_one_goes() -> None:
    async def story() -> None:
        async with world() as w:
            followed(w)
            kind = resources.EXPANSION_TEMPLATES
            await w.api.put(kind, expansion("a"))
            back = {
                "applyTo": [{"groups": [""], "versions": ["v1"], "kinds": ["ConfigMap"]}],
                "generatedGVK": {"group": "apps", "version": "v1", "kind": "Deployment"},
            }
            await w.api.put(kind, expansion("b", **back))
            await until(lambda: entry(w, kind, "a").get("errors"))
            (error,) = entry(w, kind, "a")["errors"]
            assert error["message"] == "template forms expansion cycle"
            await w.api.remove(kind, "b")
            await until(lambda: entry(w, kind, "a").get("errors") is None)
            assert w.mutators.expander.concerns(deployment())

    asyncio.run(story())


def test_the_entries_of_lost_pods_go() -> None:
    async def story() -> None:
        async with world() as w:
            entries = followed(w)
            other = Entries(w.client, pod="pod-1", operations=())
            other.follow(w.mutators.on_status, lambda key: w.mutators.entry(*key))
            w.start(other.run())
            await w.api.put(resources.ASSIGNS, assign())

            def pods() -> list[str]:
                status = (w.api.get(resources.ASSIGNS, "m") or {}).get("status") or {}
                return [one["id"] for one in status.get("byPod") or ()]

            await until(lambda: pods() == ["pod-0", "pod-1"])
            entries.keep({"pod-0"})
            await until(lambda: pods() == ["pod-0"])

    asyncio.run(story())


async def audit_of(w: World) -> Audit:
    w.mutators.listen(w.cluster.expansion_changed)
    followed(w)
    await w.policy(template(), constraint("owner", "owner"))
    await w.ready()
    audit = Audit(w.client, w.cluster, Records(), metrics=w.metrics, expander=w.mutators.expander)
    w.start(audit.run(0))
    await until(lambda: audit.complete)
    return audit


def messages(audit: Audit) -> list[str]:
    return sorted(f"{one.subject[2]} {one.subject[4]}: {one.message}" for one in audit.records.open.values())


IMPLIED = '[Implied by deployments] you must provide labels: {"owner"}'


def test_the_audit_judges_what_objects_will_generate() -> None:
    async def story() -> None:
        async with world(
            (resources.DEPLOYMENTS, deployment()), (resources.DEPLOYMENTS, deployment("ok", owner="me"))
        ) as w:
            audit = await audit_of(w)
            assert messages(audit) == []
            await w.api.put(resources.EXPANSION_TEMPLATES, expansion())
            await until(lambda: messages(audit) == [f"Deployment web: {IMPLIED}"])
            # Both were judged by the constraint, though it matches neither.
            assert audit.records.totals["RequiredLabels", "owner"].evaluated == 2
            # A constraint on what is generated is one on what generates it.
            await w.policy(constraint("team", "team"))
            await until(lambda: len(messages(audit)) == 3)
            await w.api.put(resources.DEPLOYMENTS, deployment(owner="me", team="us"))
            await until(lambda: len(messages(audit)) == 1)
            await w.api.remove(resources.EXPANSION_TEMPLATES, "deployments")
            await until(lambda: messages(audit) == [])

    asyncio.run(story())


def test_an_object_that_cannot_be_expanded_keeps_its_own_verdict() -> None:
    async def story() -> None:
        broken = deployment() | {"spec": {}}
        async with world((resources.DEPLOYMENTS, broken)) as w:
            audit = await audit_of(w)
            everything = constraint("all", "owner", match={"kinds": [{"apiGroups": ["*"], "kinds": ["*"]}]})
            await w.policy(everything)
            await w.api.put(resources.EXPANSION_TEMPLATES, expansion())
            await until(lambda: audit.records.totals.get(("RequiredLabels", "all")))
            await until(lambda: any("Deployment web" in message for message in messages(audit)))
            # Whether its pods are in order nobody can say: that is told, of each constraint on pods.
            failed = (
                "Deployment web: [Implied by deployments] the object cannot be expanded: could not find source field "
                '"spec.template" in resource web'
            )
            await until(lambda: failed in messages(audit))
            (record,) = [one for one in audit.records.open.values() if one.constraint[1] == "owner"]
            assert f"{record.subject[2]} {record.subject[4]}: {record.message}" == failed
            await w.api.put(resources.DEPLOYMENTS, deployment(owner="me"))
            await until(lambda: failed not in messages(audit))

    asyncio.run(story())


def test_the_webhook_judges_them_too() -> None:
    async def story() -> None:
        async with world() as w:
            followed(w)
            await w.policy(template(), constraint("owner", "owner"))
            owner = assign(
                "x", "metadata.labels.owner", "me", match={"source": "Generated", "name": "mutated-*"}
            )
            owner |= {"kind": "AssignMetadata"}
            del owner["spec"]["applyTo"]
            await w.api.put(resources.EXPANSION_TEMPLATES, expansion())
            await w.api.put(resources.ASSIGN_METADATAS, owner)
            await until(lambda: len(w.mutators.known) == 2)
            seen = Seen(
                w.library,
                w.cluster.exclusions,
                w.cluster.namespaces.kept,
                w.cluster.fetch_namespace,
                w.mutators.expander,
                Providers(),
            )
            webhook = Webhook(seen, w.settings, w.metrics)

            async def ask(found: dict[str, Any], **changes: Any) -> dict[str, Any]:
                request = {
                    "uid": "u",
                    "kind": {"group": "apps", "version": "v1", "kind": "Deployment"},
                    "name": found["metadata"]["name"],
                    "namespace": "default",
                    "operation": "CREATE",
                    "userInfo": {"username": "dan"},
                    "object": found,
                }
                return await webhook.admit(request | changes)

            response = await ask(deployment())
            assert (response["allowed"], response["status"]["message"]) == (False, f"[owner] {IMPLIED}")
            assert (await ask(deployment(owner="me")))["allowed"]
            # The resultant is mutated before it is judged.
            assert (await ask(deployment("mutated-web")))["allowed"]
            # A Deployment that goes is expanded as it was.
            gone = await ask(deployment(), operation="DELETE", object=None, oldObject=deployment())
            assert gone["allowed"] is False
            broken = await ask(deployment() | {"spec": {}})
            assert broken["status"] == {
                "code": 500,
                "message": 'unable to expand object: could not find source field "spec.template" in resource web',
            }
            await w.api.put(resources.EXPANSION_TEMPLATES, expansion(enforcementAction="warn"))
            await until(lambda: w.mutators.expander.templates()[0].enforcement_action == "warn")
            warned = await ask(deployment())
            assert (warned["allowed"], warned["warnings"]) == (True, [f"[owner] {IMPLIED}"])

    asyncio.run(story())
