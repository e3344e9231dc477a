import asyncio

from fake_api import until
from world import ALONE, CONFIG_MAPS, World, config_map, template, world

from pratique.client import resources


def held(w: World) -> set[str]:
    found = w.library._inventory.data.get("namespace", {})
    return {
        name
        for kinds in found.values()
        for by_kind in kinds.values()
        for names in by_kind.values()
        for name in names
    }


def sync_set(name: str, kind: str) -> dict:  # type: ignore[type-arg]
    return {"metadata": {"name": name}, "spec": {"gvks": [{"group": "", "version": "v1", "kind": kind}]}}


def test_kinds_come_and_go_without_emptying_the_others() -> None:
    async def story() -> None:
        pod = {"metadata": {"name": "pod", "namespace": "default"}}
        async with world((CONFIG_MAPS, config_map("a")), (resources.PODS, pod)) as w:
            await w.api.put(resources.SYNCSETS, sync_set("one", "ConfigMap"))
            await until(lambda: held(w) == {"a"})
            await w.api.put(resources.SYNCSETS, sync_set("two", "Pod"))
            await until(lambda: held(w) == {"a", "pod"})
            lists = w.api.log.count(("GET", "/api/v1/configmaps"))
            await w.api.remove(resources.SYNCSETS, "two")
            await until(lambda: held(w) == {"a"})
            assert w.api.log.count(("GET", "/api/v1/configmaps")) == lists
            await w.api.put(CONFIG_MAPS, config_map("b"))
            await until(lambda: held(w) == {"a", "b"})
            await w.api.remove(CONFIG_MAPS, "a", "default")
            await until(lambda: held(w) == {"b"})

    asyncio.run(story())


def test_what_a_template_says_it_needs_is_watched_without_being_asked() -> None:
    async def story() -> None:
        async with world((CONFIG_MAPS, config_map("a"))) as w:
            need = '[[{"groups": [""], "versions": ["v1"], "kinds": ["ConfigMap"]}]]'
            annotations = {"metadata.gatekeeper.sh/requires-sync-data": need}
            await w.policy(template("Alone", ALONE, annotations=annotations))
            await until(lambda: held(w) == {"a"})
            await w.api.remove(resources.TEMPLATES, "alone")
            await until(lambda: not held(w))

    asyncio.run(story())


def test_excluded_namespaces_are_not_looked_up() -> None:
    async def story() -> None:
        async with world((CONFIG_MAPS, config_map("a")), (CONFIG_MAPS, config_map("b", "quiet"))) as w:
            await w.api.put(resources.SYNCSETS, sync_set("one", "ConfigMap"))
            await until(lambda: held(w) == {"a", "b"})
            match = [{"processes": ["sync"], "excludedNamespaces": ["quiet"]}]
            config = {
                "metadata": {"name": "config", "namespace": "pratique-system"},
                "spec": {"match": match},
            }
            await w.api.put(resources.CONFIGS, config)
            await until(lambda: held(w) == {"a"})
            await w.api.remove(resources.CONFIGS, "config", "pratique-system")
            await until(lambda: held(w) == {"a", "b"})

    asyncio.run(story())
