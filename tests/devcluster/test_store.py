"""The store: versions, order, history, watches, and what survives a restart."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from pratique.devcluster.store import HISTORY, Store
from pratique.kube import status


def _object(name: str, namespace: str = "n", **more: Any) -> dict[str, Any]:
    return {"kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}, **more}


def test_versions_only_grow_and_objects_come_in_the_order_of_their_keys() -> None:
    store = Store()
    versions = [int(store.put("cm", _object(name))["metadata"]["resourceVersion"]) for name in "cab"]
    assert versions == sorted(set(versions))
    assert [item["metadata"]["name"] for item in store.list("cm", "n")] == ["a", "b", "c"]
    assert store.list("cm", "other") == []
    assert [key for key, _ in store.items("cm", after="n/a")] == ["n/b", "n/c"]
    removed = store.remove("cm", "a", "n")
    assert int(removed["metadata"]["resourceVersion"]) > versions[-1]
    assert store.get("cm", "a", "n") is None


def test_everything_is_found_again(tmp_path: Path) -> None:
    store = Store(tmp_path / "objects.db")
    store.put("cm", _object("a", data={"k": "v"}))
    store.put("cm", _object("b"))
    store.remove("cm", "b", "n")
    last = store.version
    store.close()
    again = Store(tmp_path / "objects.db")
    assert again.version == last
    assert [item["data"] for item in again.list("cm")] == [{"k": "v"}]
    with pytest.raises(status.StatusError) as caught:
        again.watch("cm", last - 1)
    assert caught.value.code == 410
    assert again.watch("cm", last) is not None


def test_a_watch_replays_and_follows() -> None:
    async def play() -> list[tuple[str, str]]:
        store = Store()
        store.put("cm", _object("a"))
        since = store.version
        store.put("cm", _object("b"))
        watch = store.watch("cm", since)
        store.put("cm", _object("b", data={}))
        store.remove("cm", "a", "n")
        store.put("other", _object("x"))
        seen = []
        while event := await watch.next(timeout=0.01):
            seen.append((event.change, event.object["metadata"]["name"]))
        watch.close()
        assert await watch.next() is None
        return seen

    assert asyncio.run(play()) == [("ADDED", "b"), ("MODIFIED", "b"), ("DELETED", "a")]


def test_a_watch_from_before_the_ring_is_told_to_list_again() -> None:
    store = Store()
    store.put("cm", _object("a"))
    since = store.version
    for _ in range(HISTORY + 2):
        store.put("cm", _object("a"))
    with pytest.raises(status.StatusError, match="too old resource version"):
        store.watch("cm", since)


def test_subscribers_hear_of_every_resource() -> None:
    store, heard = Store(), []
    end = store.subscribe(lambda change, resource, obj: heard.append((change, resource)))
    store.put("cm", _object("a"))
    store.put("pods", _object("p"))
    end()
    store.remove("cm", "a", "n")
    assert heard == [("ADDED", "cm"), ("ADDED", "pods")]
