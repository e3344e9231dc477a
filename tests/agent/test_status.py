import asyncio
from typing import Any

from fake_api import refusal, until
from world import CONFIG_MAPS, World, config_map, constraint, template, world

from pratique.agent.audit import Audit
from pratique.agent.records import Records
from pratique.agent.status import Status, shorten
from pratique.client import resources

KIND = resources.constraint_resource("RequiredLabels")


def statuses(w: World, pod: str = "pod-0") -> Status:
    status = Status(w.client, w.cluster, pod=pod, namespace="pratique-system", operations=("audit", "status"))
    w.start(status.run())
    return status


def found(w: World) -> dict[str, Any]:
    return (w.api.get(KIND, "owner") or {}).get("status") or {}


def test_a_template_and_a_constraint_say_that_they_are_enforced() -> None:
    async def story() -> None:
        async with world() as w:
            statuses(w)
            await w.policy(template(), constraint("owner", "owner"))
            await until(lambda: found(w).get("byPod"))
            (entry,) = found(w)["byPod"]
            stored = w.api.get(KIND, "owner")
            assert stored
            assert entry == {
                "id": "pod-0",
                "constraintUID": stored["metadata"]["uid"],
                "enforced": True,
                "observedGeneration": 1,
                "operations": ["audit", "status"],
            }
            await until(
                lambda: (
                    (w.api.get(resources.TEMPLATES, "requiredlabels") or {}).get("status", {}).get("created")
                )
            )

    asyncio.run(story())


def test_a_broken_template_says_why() -> None:
    async def story() -> None:
        async with world() as w:
            statuses(w)
            await w.api.put(resources.TEMPLATES, template(rego='package x\nviolation[{"msg": "m"}] { true'))
            await until(lambda: (w.api.get(resources.TEMPLATES, "requiredlabels") or {}).get("status"))
            status = (w.api.get(resources.TEMPLATES, "requiredlabels") or {})["status"]
            assert status["created"] is False
            (error,) = status["byPod"][0]["errors"]
            assert error["code"] == "ingest_error"
            assert error["message"].startswith("Could not ingest Rego:")

    asyncio.run(story())


def test_two_pods_write_beside_each_other_and_lost_ones_are_forgotten() -> None:
    async def story() -> None:
        async with world() as w:
            first = statuses(w, "pod-0")
            statuses(w, "pod-1")
            await w.policy(template(), constraint("owner", "owner"))
            await until(lambda: [one["id"] for one in found(w).get("byPod", ())] == ["pod-0", "pod-1"])
            pod = {
                "metadata": {
                    "name": "pod-0",
                    "namespace": "pratique-system",
                    "labels": {"app.kubernetes.io/name": "pratique"},
                }
            }
            await w.api.put(resources.PODS, pod)
            await first.forget_lost_pods()
            await until(lambda: [one["id"] for one in found(w)["byPod"]] == ["pod-0"])

    asyncio.run(story())


def test_the_leader_writes_violations_as_they_change() -> None:
    async def story() -> None:
        maps = [(CONFIG_MAPS, config_map(f"c{index:02}")) for index in range(25)]
        async with world(*maps) as w:
            status = statuses(w)
            await w.policy(template(), constraint("owner", "owner"))
            await w.ready()
            audit = Audit(w.client, w.cluster, Records(), metrics=w.metrics)
            status.follow(audit.records, limit=20, last_run=lambda: audit.last_run)
            w.start(audit.run(0))
            await until(lambda: found(w).get("totalViolations") == 25)
            # The first twenty, the last of them first.
            assert [one["name"] for one in found(w)["violations"]] == [
                f"c{index:02}" for index in range(19, -1, -1)
            ]
            assert found(w)["violations"][-1] == {
                "group": "",
                "version": "v1",
                "kind": "ConfigMap",
                "namespace": "default",
                "name": "c00",
                "message": 'you must provide labels: {"owner"}',
                "enforcementAction": "deny",
            }
            assert found(w)["auditTimestamp"]
            await w.api.put(CONFIG_MAPS, config_map("c00", owner="me"))
            await until(lambda: found(w)["totalViolations"] == 24)
            for index in range(25):
                await w.api.put(CONFIG_MAPS, config_map(f"c{index:02}", owner="me"))
            await until(lambda: found(w)["totalViolations"] == 0)
            assert "violations" not in found(w)

    asyncio.run(story())


def test_a_lost_race_is_run_again() -> None:
    async def story() -> None:
        async with world() as w:
            refused: list[str] = []

            def once(request: Any) -> Any:
                if request.path.endswith("/owner/status") and not refused:
                    refused.append(request.path)
                    return refusal(409, "Conflict", "the object has been modified")
                return None

            w.api.faults.append(once)
            statuses(w)
            await w.policy(template(), constraint("owner", "owner"))
            await until(lambda: found(w).get("byPod"))
            assert refused

    asyncio.run(story())


def test_messages_are_cut_to_256_bytes_and_never_through_a_character() -> None:
    assert shorten("x" * 256) == "x" * 256
    assert shorten("x" * 257) == "x" * 253 + "..."
    cut = shorten("é" * 200)
    assert len(cut.encode()) <= 256
    assert cut.endswith("é...")
