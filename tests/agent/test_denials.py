import asyncio
from typing import Any

from fake_api import until

from pratique.agent import denials as module
from pratique.agent.denials import Denials, denial
from pratique.agent.metrics import Metrics
from pratique.constraint import Violation
from pratique.errors import InputError, UnavailableError

VIOLATION = Violation(
    "K", "c", "no", "deny", annotations={"azure-policy-assignment-id": "/a"}, actions=("deny",)
)


def request(name: str) -> dict[str, Any]:
    return {
        "uid": f"uid-{name}",
        "kind": {"group": "apps", "version": "v1", "kind": "Deployment"},
        "operation": "CREATE",
        "namespace": "shop",
        "name": name,
        "userInfo": {"username": "dan", "groups": ["devs"]},
        "object": {"metadata": {"name": name}},
        "dryRun": True,
    }


def test_a_denial_says_who_what_and_why() -> None:
    found = denial(request("web"), VIOLATION)
    assert found.pop("time").endswith("Z")
    assert found == {
        "constraintKind": "K",
        "constraintName": "c",
        "assignmentId": "/a",
        "message": "no",
        "action": "deny",
        "user": "dan",
        "groups": ["devs"],
        "operation": "CREATE",
        "group": "apps",
        "version": "v1",
        "kind": "Deployment",
        "namespace": "shop",
        "name": "web",
        "requestUid": "uid-web",
        "dryRun": True,
    }
    generated = request("") | {"object": {"metadata": {"generateName": "web-"}}}
    assert denial(generated, VIOLATION)["name"] == "web-"


def test_they_arrive_in_order_though_the_service_was_away() -> None:
    async def story() -> None:
        sent: list[str] = []
        away = True

        async def post(batch: list[dict[str, Any]]) -> None:
            if away:
                raise UnavailableError("away")
            sent.extend(one["name"] for one in batch)

        queue = Denials(post, Metrics())
        task = asyncio.ensure_future(queue.run())
        for index in range(5):
            queue.add(request(f"r{index}"), [VIOLATION])
        await asyncio.sleep(0.3)
        away = False
        queue.add(request("r5"), [VIOLATION])
        await until(lambda: len(sent) == 6)
        assert sent == [f"r{index}" for index in range(6)]
        task.cancel()

    asyncio.run(story())


def test_what_the_service_refuses_does_not_hold_up_the_rest() -> None:
    async def story() -> None:
        sent: list[str] = []
        metrics = Metrics()

        async def post(batch: list[dict[str, Any]]) -> None:
            if batch[0]["name"] == "bad":
                raise InputError("no")
            sent.extend(one["name"] for one in batch)

        queue = Denials(post, metrics)
        task = asyncio.ensure_future(queue.run())
        queue.add(request("bad"), [VIOLATION])
        await until(lambda: b"pratique_denials_dropped_total 1.0" in metrics.text())
        queue.add(request("good"), [VIOLATION])
        await until(lambda: sent == ["good"])
        task.cancel()

    asyncio.run(story())


def test_a_full_queue_drops_the_oldest_and_counts_them() -> None:
    async def nowhere(_: list[dict[str, Any]]) -> None:
        raise AssertionError("nothing is sent here")

    async def story() -> None:
        metrics = Metrics()
        queue = Denials(nowhere, metrics)
        for index in range(module.CAPACITY + 3):
            queue.add(request(f"r{index}"), [VIOLATION])
        assert queue.waiting == module.CAPACITY
        assert b"pratique_denials_dropped_total 3.0" in metrics.text()

    asyncio.run(story())
