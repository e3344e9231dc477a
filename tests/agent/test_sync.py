import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from fake_api import refusal, until
from world import World, constraint, template, world

from pratique.agent.sync import Sync
from pratique.client import resources
from pratique.errors import UnavailableError

KIND = resources.constraint_resource("RequiredLabels")


class FakeService:
    def __init__(self) -> None:
        self.wishes: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.acknowledged: list[dict[str, Any]] = []
        self.away = False
        self.revision = 0

    def want(self, *manifests: dict[str, Any], **settings: Any) -> int:
        self.revision += 1
        self.wishes.put_nowait(
            {
                "revision": self.revision,
                "hash": str(self.revision),
                "manifests": list(manifests),
                "settings": settings,
            }
        )
        return self.revision

    async def stream(self) -> AsyncIterator[dict[str, Any]]:
        while True:
            yield await self.wishes.get()

    async def acknowledge(self, body: dict[str, Any]) -> None:
        if self.away:
            raise UnavailableError("away")
        self.acknowledged.append(body)

    def told(self, revision: int) -> dict[str, Any] | None:
        return next((body for body in reversed(self.acknowledged) if body["revision"] == revision), None)

    def result(self, revision: int, name: str) -> dict[str, Any]:
        body = self.told(revision)
        return next((one for one in body["results"] if one["name"] == name), {}) if body else {}


@asynccontextmanager
async def synchronised() -> AsyncIterator[tuple[World, FakeService]]:
    async with world() as w:
        service = FakeService()
        sync = Sync(
            w.client,
            w.cluster,
            namespace="pratique-system",
            acknowledge=service.acknowledge,
            agent={"pod": "pod-0", "operation": "sync", "version": "1"},
        )
        w.start(sync.run(service.stream()))
        yield w, service


def test_what_is_wanted_is_applied_and_acknowledged() -> None:
    async def story() -> None:
        async with synchronised() as (w, service):
            revision = service.want(template(), constraint("owner", "owner"))
            await until(lambda: w.library.constraints())
            await until(lambda: service.told(revision))
            body = service.told(revision)
            assert body
            assert [one["status"] for one in body["results"]] == ["Applied", "Applied"]
            assert (body["kubernetesVersion"], body["agent"]["pod"], body["foreign"]) == (
                "v1.34.4",
                "pod-0",
                [],
            )
            stored = w.api.get(KIND, "owner")
            assert stored and stored["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "pratique"
            assert stored["metadata"]["managedFields"][0]["manager"] == "pratique-sync"

    asyncio.run(story())


def test_what_is_no_longer_wanted_goes_and_what_others_made_stays() -> None:
    async def story() -> None:
        async with synchronised() as (w, service):
            await w.policy(template("Theirs"), constraint("theirs", "x", kind="Theirs"))
            service.want(template(), constraint("owner", "owner"), constraint("team", "team"))
            await until(lambda: len(w.library.constraints()) == 3)
            service.want(template(), constraint("owner", "owner"))
            await until(lambda: w.api.get(KIND, "team") is None)
            revision = service.want()
            await until(lambda: w.api.get(KIND, "owner") is None)
            await until(lambda: w.api.get(resources.TEMPLATES, "requiredlabels") is None)
            await until(lambda: service.told(revision))
            assert w.api.get(resources.TEMPLATES, "theirs")
            body = service.told(revision)
            assert body and body["foreign"] == [
                {"kind": "ConstraintTemplate", "name": "theirs"},
                {"kind": "Theirs", "name": "theirs"},
            ]

    asyncio.run(story())


def test_a_managed_template_that_somebody_elses_constraint_uses_stays() -> None:
    async def story() -> None:
        async with synchronised() as (w, service):
            service.want(template(), constraint("owner", "owner"))
            await until(lambda: w.library.constraints())
            await w.policy(constraint("theirs", "x"))
            service.want()
            await until(lambda: w.api.get(KIND, "owner") is None)
            await asyncio.sleep(0.5)
            assert w.api.get(resources.TEMPLATES, "requiredlabels")
            assert w.api.get(KIND, "theirs")

    asyncio.run(story())


def test_edits_and_deletions_are_put_back() -> None:
    async def story() -> None:
        async with synchronised() as (w, service):
            service.want(template(), constraint("owner", "owner"))
            await until(lambda: w.library.constraints())
            stored = w.api.get(KIND, "owner")
            assert stored
            edited = stored | {
                "spec": stored["spec"] | {"enforcementAction": "dryrun", "parameters": {"labels": []}},
                "metadata": stored["metadata"]
                | {
                    "managedFields": [
                        *stored["metadata"]["managedFields"],
                        {"manager": "kubectl-edit", "operation": "Update", "fieldsV1": {"f:spec": {}}},
                    ]
                },
            }
            await w.api.put(KIND, edited)
            await until(
                lambda: (w.api.get(KIND, "owner") or {})["spec"] == constraint("owner", "owner")["spec"]
            )
            await w.api.remove(KIND, "owner")
            await until(lambda: w.api.get(KIND, "owner"))
            await w.api.remove(resources.TEMPLATES, "requiredlabels")
            await until(lambda: w.api.get(resources.TEMPLATES, "requiredlabels"))

    asyncio.run(story())


def test_steady_state_asks_the_api_server_for_nothing() -> None:
    async def story() -> None:
        async with synchronised() as (w, service):
            revision = service.want(template(), constraint("owner", "owner"))
            await until(lambda: service.told(revision))
            await asyncio.sleep(0.6)
            w.api.log.clear()
            stored = w.api.get(KIND, "owner")
            assert stored
            await w.api.put(KIND, stored | {"status": {"totalViolations": 1}})
            await asyncio.sleep(0.6)
            assert [entry for entry in w.api.log if entry[0] != "GET"] == []
            assert len([body for body in service.acknowledged if body["revision"] == revision]) <= 2

    asyncio.run(story())


def test_a_template_that_does_not_compile_is_told_with_its_constraints() -> None:
    async def story() -> None:
        async with synchronised() as (_, service):
            broken = template(rego='package x\nviolation[{"msg": "m"}] { true')
            revision = service.want(broken, constraint("owner", "owner"))
            await until(lambda: service.result(revision, "requiredlabels").get("code") == "InvalidTemplate")
            result = service.result(revision, "owner")
            assert (result["status"], result["code"]) == ("Failed", "ConstraintInstallFailed")
            assert "Could not ingest Rego" in result["message"]
            revision = service.want(template(), constraint("owner", "owner"))
            await until(lambda: service.result(revision, "owner").get("status") == "Applied")
            await until(lambda: service.result(revision, "requiredlabels").get("status") == "Applied")

    asyncio.run(story())


def test_what_the_api_server_refuses_is_told_with_azures_codes() -> None:
    async def story() -> None:
        def fault(request: web.Request) -> web.Response | None:
            if request.method == "PATCH" and "/requiredlabels/" in request.path:
                return refusal(422, "Invalid", "spec.parameters: wrong")
            if request.method == "PATCH" and "constrainttemplates/other" in request.path:
                return refusal(500, "InternalError", "no luck")
            return None

        async with synchronised() as (w, service):
            w.api.faults.append(fault)
            revision = service.want(
                template(),
                template("Other"),
                constraint("owner", "owner"),
                constraint("x", "x", kind="Other"),
            )
            await until(lambda: service.told(revision))
            assert service.result(revision, "requiredlabels")["status"] == "Applied"
            assert service.result(revision, "owner")["code"] == "InvalidConstraint"
            assert service.result(revision, "other")["code"] == "TemplateCreateFailed"
            assert service.result(revision, "x")["code"] == "ConstraintInstallFailed"

    asyncio.run(story())


def test_excluded_namespaces_become_the_config() -> None:
    async def story() -> None:
        async with synchronised() as (w, service):
            service.want(excludedNamespaces=["kube-system"])
            await until(lambda: w.cluster.exclusions.excluded("webhook", "kube-system"))
            service.want()
            await until(lambda: w.cluster.config is None)

    asyncio.run(story())


def test_an_acknowledgement_waits_for_the_service() -> None:
    async def story() -> None:
        async with synchronised() as (w, service):
            service.away = True
            revision = service.want(template(), constraint("owner", "owner"))
            await until(lambda: w.library.constraints())
            service.away = False
            await until(lambda: service.told(revision))

    asyncio.run(story())


def test_the_pods_of_the_add_on_are_named_with_their_roles() -> None:
    async def story() -> None:
        pod = {
            "metadata": {
                "name": "pratique-audit-1",
                "namespace": "pratique-system",
                "labels": {"app.kubernetes.io/name": "pratique"},
            },
            "spec": {
                "containers": [
                    {
                        "image": "registry:5000/pratique/agent:1.2",
                        "args": ["--operation=audit", "--operation=sync"],
                    }
                ]
            },
        }
        async with synchronised() as (w, service):
            revision = service.want()
            await until(lambda: service.told(revision))
            await w.api.put(resources.PODS, pod)
            agent = {"pod": "pratique-audit-1", "operation": "audit, sync", "version": "1.2", "ready": False}
            await until(lambda: (service.told(revision) or {})["agents"] == [agent])
            ready = {"conditions": [{"type": "Ready", "status": "True"}]}
            await w.api.put(resources.PODS, pod | {"status": ready})
            await until(lambda: (service.told(revision) or {})["agents"] == [agent | {"ready": True}])
            await w.api.remove(resources.PODS, "pratique-audit-1", "pratique-system")
            await until(lambda: (service.told(revision) or {})["agents"] == [])

    asyncio.run(story())
