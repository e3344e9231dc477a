import asyncio
from typing import Any

import pytest
from aiohttp import web
from fake_api import FakeApi, refusal

from pratique.client import resources
from pratique.client.kube import (
    JSON_PATCH,
    ApiError,
    ClashError,
    ExpiredError,
    InvalidError,
    KubeClient,
    MissingError,
    RefusedError,
    TroubleError,
)
from pratique.client.kubeconfig import Connection
from pratique.client.resources import Resource

CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap", namespaced=True)


def config_map(name: str, namespace: str = "default", **data: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": namespace}, "data": data}


def test_objects_are_created_read_changed_and_deleted() -> None:
    async def story() -> None:
        async with FakeApi() as api, api.client() as client:
            made = await client.create(CONFIG_MAPS, config_map("a", colour="red"))
            assert made["metadata"]["uid"]
            with pytest.raises(ClashError) as clash:
                await client.create(CONFIG_MAPS, config_map("a"))
            assert (clash.value.code, clash.value.reason) == (409, "AlreadyExists")
            changed = await client.update(CONFIG_MAPS, made | {"data": {"colour": "blue"}})
            with pytest.raises(ClashError):
                await client.update(CONFIG_MAPS, made)
            assert changed["data"] == {"colour": "blue"}
            await client.patch(CONFIG_MAPS, "a", {"data": {"size": "1"}}, namespace="default")
            replace = [{"op": "replace", "path": "/data/size", "value": "2"}]
            await client.patch(CONFIG_MAPS, "a", replace, namespace="default", kind=JSON_PATCH)
            found = await client.get(CONFIG_MAPS, "a", namespace="default")
            assert found["data"] == {"colour": "blue", "size": "2"}
            assert await client.delete(CONFIG_MAPS, "a", namespace="default")
            assert not await client.delete(CONFIG_MAPS, "a", namespace="default")
            assert await client.find(CONFIG_MAPS, "a", namespace="default") is None

    asyncio.run(story())


def test_a_list_comes_in_chunks_and_its_items_know_their_kind() -> None:
    async def story() -> None:
        async with FakeApi() as api, api.client() as client:
            for index in range(7):
                await api.put(CONFIG_MAPS, config_map(f"c{index}"))
            sizes = [len(items) async for items, _ in client.pages(CONFIG_MAPS, size=3)]
            assert sizes == [3, 3, 1]
            everything = await client.list(CONFIG_MAPS)
            assert {item["kind"] for item in everything} == {"ConfigMap"}
            assert {item["apiVersion"] for item in everything} == {"v1"}

    asyncio.run(story())


def test_a_continue_token_that_expired_says_so() -> None:
    async def story() -> None:
        async with FakeApi() as api, api.client() as client:
            for index in range(3):
                await api.put(CONFIG_MAPS, config_map(f"c{index}"))
            api.faults.append(
                lambda request: refusal(410, "Expired", "too old") if request.query.get("continue") else None
            )
            with pytest.raises(ExpiredError):
                _ = [page async for page in client.pages(CONFIG_MAPS, size=2)]

    asyncio.run(story())


def test_apply_finds_the_resource_by_discovery_and_names_a_kind_that_is_not_served() -> None:
    async def story() -> None:
        async with FakeApi() as api, api.client() as client:
            obj = {"apiVersion": "v1", "kind": "ConfigMap", **config_map("a", colour="red")}
            assert (await client.apply(obj))["data"] == {"colour": "red"}
            assert (await client.apply(obj | {"data": {"colour": "blue"}}))["data"] == {"colour": "blue"}
            with pytest.raises(MissingError, match="serves no `Widget`") as missing:
                await client.apply(
                    {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}}
                )
            assert missing.value.hint

    asyncio.run(story())


def test_a_watch_yields_changes_and_ends_with_expired() -> None:
    async def story() -> None:
        async with FakeApi() as api, api.client() as client:
            await api.put(CONFIG_MAPS, config_map("a"))
            seen: list[tuple[str, str]] = []

            async def follow() -> None:
                async for kind, obj in client.watch(CONFIG_MAPS, resource_version="1"):
                    seen.append((kind, obj["metadata"]["name"]))

            following = asyncio.ensure_future(follow())
            await asyncio.sleep(0.05)
            await api.put(CONFIG_MAPS, config_map("a", colour="red"))
            await api.remove(CONFIG_MAPS, "a", "default")
            await asyncio.sleep(0.05)
            await api.forget_history()
            with pytest.raises(ExpiredError):
                await following
            assert seen == [("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a")]

    asyncio.run(story())


def test_an_event_longer_than_a_read_buffer_arrives_whole() -> None:
    async def story() -> None:
        async with FakeApi() as api, api.client() as client:
            await api.put(CONFIG_MAPS, config_map("a", text="x" * 900_000))
            async for _, obj in client.watch(CONFIG_MAPS, resource_version="1"):
                assert len(obj["data"]["text"]) == 900_000
                break

    asyncio.run(story())


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (400, InvalidError),
        (401, RefusedError),
        (403, RefusedError),
        (404, MissingError),
        (409, ClashError),
        (410, ExpiredError),
        (422, InvalidError),
        (429, TroubleError),
        (500, TroubleError),
        (503, TroubleError),
    ],
)
def test_a_refusal_becomes_the_error_of_its_code(code: int, kind: type[ApiError]) -> None:
    async def story() -> None:
        async with FakeApi() as api, api.client() as client:
            api.faults.append(lambda request: refusal(code, "Because", "it is so"))
            with pytest.raises(kind) as caught:
                await client.get(CONFIG_MAPS, "a", namespace="default")
            assert (caught.value.message, caught.value.code, caught.value.reason) == (
                "it is so",
                code,
                "Because",
            )

    asyncio.run(story())


def test_a_server_that_is_away_is_named_with_its_source() -> None:
    async def story() -> None:
        async with KubeClient(Connection(server="http://127.0.0.1:9", source="/tmp/kc")) as client:
            with pytest.raises(TroubleError, match=r"127\.0\.0\.1:9` \(from `/tmp/kc`\) does not answer"):
                await client.version()

    asyncio.run(story())


def test_discovery_of_servers_before_aggregated_discovery() -> None:
    documents = {
        "/api": {"kind": "APIVersions", "versions": ["v1"]},
        "/apis": {
            "kind": "APIGroupList",
            "groups": [
                {
                    "name": "apps",
                    "versions": [{"groupVersion": "apps/v1beta1"}, {"groupVersion": "apps/v1"}],
                    "preferredVersion": {"groupVersion": "apps/v1"},
                },
                {
                    "name": "down.example",
                    "versions": [{"groupVersion": "down.example/v1"}],
                    "preferredVersion": {"groupVersion": "down.example/v1"},
                },
            ],
        },
        "/api/v1": {
            "groupVersion": "v1",
            "resources": [
                {"name": "pods", "kind": "Pod", "namespaced": True, "verbs": ["list", "watch"]},
                {"name": "pods/status", "kind": "Pod", "namespaced": True, "verbs": ["get"]},
            ],
        },
        "/apis/apps/v1": {
            "groupVersion": "apps/v1",
            "resources": [{"name": "deployments", "kind": "Deployment", "namespaced": True, "verbs": []}],
        },
        "/apis/apps/v1beta1": {
            "groupVersion": "apps/v1beta1",
            "resources": [{"name": "deployments", "kind": "Deployment", "namespaced": True, "verbs": []}],
        },
    }

    def answer(request: web.Request) -> web.Response:
        if document := documents.get(request.path):
            return web.json_response(document)
        return refusal(503, "ServiceUnavailable", "the server is currently unable to handle the request")

    async def story() -> None:
        async with FakeApi() as api, api.client() as client:
            api.faults.append(answer)
            found = await client.discover()
            assert found.failed == ("down.example/v1",)
            pods = found.find("", "Pod")
            assert pods and pods.subresources == {"status"}
            assert [r.version for r in found.preferred() if r.kind == "Deployment"] == ["v1"]

    asyncio.run(story())


def test_paths() -> None:
    assert resources.PODS.path("p", namespace="n", subresource="log") == "/api/v1/namespaces/n/pods/p/log"
    assert resources.PODS.path() == "/api/v1/pods"
    assert resources.DEPLOYMENTS.path(namespace="n") == "/apis/apps/v1/namespaces/n/deployments"
    assert resources.NAMESPACES.path("n", namespace="ignored") == "/api/v1/namespaces/n"
