import asyncio
from typing import Any

from fake_api import FakeApi, refusal, until

from pratique.client.informer import Informer, Selection
from pratique.client.resources import Resource

CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap", namespaced=True)


def config_map(name: str, **data: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "default"}, "data": data}


class Diary:
    def __init__(self) -> None:
        self.entries: list[tuple[str, str]] = []

    def __call__(self, change: str, obj: dict[str, Any]) -> None:
        self.entries.append((change, obj["metadata"]["name"]))

    def __contains__(self, entry: tuple[str, str]) -> bool:
        return entry in self.entries


def informed(story: Any, **options: Any) -> None:
    async def run() -> None:
        async with FakeApi() as api, api.client() as client:
            diary = Diary()
            informer = Informer(client, CONFIG_MAPS, handler=diary, **options)
            task = asyncio.ensure_future(informer.run())
            try:
                await story(api, informer, diary)
            finally:
                task.cancel()

    asyncio.run(run())


def test_it_tells_of_what_is_there_and_of_each_change_once() -> None:
    async def story(api: FakeApi, informer: Informer, diary: Diary) -> None:
        await api.put(CONFIG_MAPS, config_map("a"))
        await until(lambda: ("added", "a") in diary)
        await informer.synced.wait()
        await api.put(CONFIG_MAPS, config_map("a", colour="red"))
        await api.put(CONFIG_MAPS, config_map("b"))
        await until(lambda: ("added", "b") in diary)
        await api.remove(CONFIG_MAPS, "a", "default")
        await until(lambda: ("deleted", "a") in diary)
        assert diary.entries == [("added", "a"), ("modified", "a"), ("added", "b"), ("deleted", "a")]
        assert set(informer.versions) == {"default/b"}

    informed(story)


def test_after_410_it_lists_again_and_tells_only_what_differs() -> None:
    async def story(api: FakeApi, informer: Informer, diary: Diary) -> None:
        for name in "abc":
            await api.put(CONFIG_MAPS, config_map(name))
        await until(lambda: len(diary.entries) == 3)
        # While the watch is broken, one object goes, one changes and one comes.
        api.faults.append(
            lambda request: (
                refusal(503, "ServiceUnavailable", "away") if "configmaps" in request.path else None
            )
        )
        await api.forget_history()
        await api.remove(CONFIG_MAPS, "a", "default")
        await api.put(CONFIG_MAPS, config_map("b", colour="red"))
        await api.put(CONFIG_MAPS, config_map("d"))
        await until(lambda: informer.error == "away")
        diary.entries.clear()
        api.faults.clear()
        informer.wake()
        await until(lambda: ("deleted", "a") in diary)
        assert sorted(diary.entries) == [("added", "d"), ("deleted", "a"), ("modified", "b")]
        assert informer.error == ""

    informed(story)


def test_resync_hands_over_everything_unchanged_or_not() -> None:
    async def story(api: FakeApi, informer: Informer, diary: Diary) -> None:
        for index in range(5):
            await api.put(CONFIG_MAPS, config_map(f"c{index}"))
        await until(lambda: len(diary.entries) == 5)
        diary.entries.clear()
        informer.resync()
        await until(lambda: len(diary.entries) == 5)
        assert {change for change, _ in diary.entries} == {"seen"}
        await api.put(CONFIG_MAPS, config_map("c1", colour="red"))
        await until(lambda: ("modified", "c1") in diary)

    informed(story, selection=Selection(page_size=2))


def test_it_waits_for_a_kind_that_is_not_served_yet() -> None:
    async def run() -> None:
        widgets = Resource("example.com", "v1", "widgets", "Widget")
        async with FakeApi() as api, api.client() as client:
            diary = Diary()
            informer = Informer(client, widgets, handler=diary)
            task = asyncio.ensure_future(informer.run())
            await until(lambda: "could not find" in informer.error)
            api.resources.append(widgets)
            await api.put(widgets, {"metadata": {"name": "w"}})
            informer.wake()
            await until(lambda: ("added", "w") in diary)
            task.cancel()

    asyncio.run(run())


def test_it_keeps_only_what_it_is_asked_to_keep() -> None:
    async def story(api: FakeApi, informer: Informer, diary: Diary) -> None:
        await api.put(CONFIG_MAPS, config_map("a", colour="red"))
        assert await until(lambda: informer.get("a", namespace="default")) == "red"
        await api.put(CONFIG_MAPS, config_map("a", colour="blue"))
        await until(lambda: informer.get("a", namespace="default") == "blue")
        await api.remove(CONFIG_MAPS, "a", "default")
        await until(lambda: not informer.kept)

    informed(story, keep=lambda obj: obj["data"]["colour"])
