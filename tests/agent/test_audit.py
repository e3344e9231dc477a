import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fake_api import refusal, until
from world import ALONE, CONFIG_MAPS, World, config_map, constraint, namespace, template, world

from pratique.agent.audit import Audit
from pratique.agent.records import Records
from pratique.client import resources

OWNER = ("RequiredLabels", "owner")


@asynccontextmanager
async def audited(*objects: dict) -> AsyncIterator[tuple[World, Audit]]:  # type: ignore[type-arg]
    existing = [(CONFIG_MAPS if one["kind"] == "ConfigMap" else resources.NAMESPACES, one) for one in objects]
    async with world(*existing) as w:
        await w.policy(template(), constraint("owner", "owner"))
        await w.ready()
        audit = Audit(w.client, w.cluster, Records(), metrics=w.metrics, chunk_size=2)
        w.start(audit.run(0))
        await until(lambda: audit.complete, "everything was judged")
        yield w, audit


def names(audit: Audit) -> set[str]:
    return {record.subject[4] for record in audit.records.open.values()}


def test_what_exists_is_judged_and_counted() -> None:
    async def story() -> None:
        objects = [config_map(f"c{index}") for index in range(5)]
        async with audited(*objects, config_map("good", owner="me")) as (_, audit):
            await until(lambda: len(audit.records.open) == 5)
            total = audit.records.totals[OWNER]
            assert (total.evaluated, total.violating) == (6, 5)
            record = next(iter(audit.records.open.values()))
            assert record.message == 'you must provide labels: {"owner"}'
            assert record.assignment_id == "/assignments/owner"
            assert record.key.startswith("RequiredLabels/owner|/v1/ConfigMap|default|c")

    asyncio.run(story())


def test_a_change_is_judged_as_it_happens() -> None:
    async def story() -> None:
        async with audited(config_map("a"), config_map("b")) as (w, audit):
            await until(lambda: names(audit) == {"a", "b"})
            first = audit.records.open["RequiredLabels/owner|/v1/ConfigMap|default|a"].first_seen
            await w.api.put(CONFIG_MAPS, config_map("a", owner="me"))
            await until(lambda: names(audit) == {"b"})
            await w.api.put(CONFIG_MAPS, config_map("c"))
            await until(lambda: names(audit) == {"b", "c"})
            await w.api.remove(CONFIG_MAPS, "b", "default")
            await until(lambda: names(audit) == {"c"})
            total = audit.records.totals[OWNER]
            assert (total.evaluated, total.violating) == (2, 1)
            assert first

    asyncio.run(story())


def test_a_changed_constraint_judges_everything_again() -> None:
    async def story() -> None:
        async with audited(config_map("a", owner="me"), config_map("b", team="us")) as (w, audit):
            await until(lambda: names(audit) == {"b"})
            kind = resources.constraint_resource("RequiredLabels")
            await w.api.put(kind, constraint("owner", "team"))
            await until(lambda: names(audit) == {"a"})
            await w.api.put(kind, constraint("second", "other"))
            await until(lambda: len(audit.records.open) == 3)
            await w.api.remove(kind, "owner")
            await until(lambda: len(audit.records.open) == 2)
            assert OWNER not in audit.records.totals
            assert audit.records.totals["RequiredLabels", "second"].violating == 2

    asyncio.run(story())


def test_a_kind_that_no_constraint_names_any_more_leaves_nothing_behind() -> None:
    async def story() -> None:
        async with audited(config_map("a")) as (w, audit):
            await until(lambda: names(audit) == {"a"})
            match = {"kinds": [{"apiGroups": [""], "kinds": ["Namespace"]}]}
            kind = resources.constraint_resource("RequiredLabels")
            await w.api.put(kind, constraint("owner", "owner", match=match))
            await until(lambda: names(audit) == {"default"})
            assert [row["kind"] for row in audit.coverage()] == ["Namespace"]

    asyncio.run(story())


def test_a_kind_that_is_served_later_is_audited_then() -> None:
    async def story() -> None:
        async with audited() as (w, audit):
            match = {"kinds": [{"apiGroups": ["example.com"], "kinds": ["Widget"]}]}
            await w.policy(constraint("widgets", "owner", match=match))
            names_of = {"plural": "widgets", "kind": "Widget"}
            spec = {
                "group": "example.com",
                "scope": "Cluster",
                "names": names_of,
                "versions": [{"name": "v1"}],
            }
            await w.api.put(resources.CRDS, {"metadata": {"name": "widgets.example.com"}, "spec": spec})
            widgets = next(one for one in w.api.resources if one.kind == "Widget")
            await w.api.put(widgets, {"metadata": {"name": "w"}})
            await until(lambda: names(audit) == {"w"})

    asyncio.run(story())


def test_own_and_excluded_namespaces_are_left_alone() -> None:
    async def story() -> None:
        objects = [
            namespace("pratique-system"),
            namespace("quiet"),
            config_map("own", "pratique-system"),
            config_map("quiet", "quiet"),
            config_map("loud"),
        ]
        async with audited(*objects) as (w, audit):
            await until(lambda: names(audit) == {"loud", "quiet"})
            match = [{"processes": ["audit"], "excludedNamespaces": ["qui*"]}]
            config = {
                "metadata": {"name": "config", "namespace": "pratique-system"},
                "spec": {"match": match},
            }
            await w.api.put(resources.CONFIGS, config)
            await until(lambda: names(audit) == {"loud"})
            assert audit.records.totals[OWNER].evaluated == 1

    asyncio.run(story())


def test_an_object_that_comes_before_its_namespace_waits_for_it() -> None:
    async def story() -> None:
        async with audited() as (w, audit):
            await w.api.put(CONFIG_MAPS, config_map("early", "later"))
            await w.api.put(CONFIG_MAPS, config_map("marker"))
            await until(lambda: names(audit) == {"marker"})
            await w.api.put(resources.NAMESPACES, namespace("later"))
            await until(lambda: names(audit) == {"marker", "early"})

    asyncio.run(story())


def test_labels_of_a_namespace_that_a_selector_reads() -> None:
    async def story() -> None:
        async with audited(namespace("shop", tier="test"), config_map("a", "shop")) as (w, audit):
            await until(lambda: names(audit) == {"a"})
            kind = resources.constraint_resource("RequiredLabels")
            match = {
                "kinds": [{"apiGroups": [""], "kinds": ["ConfigMap"]}],
                "namespaceSelector": {"matchLabels": {"tier": "live"}},
            }
            await w.api.put(kind, constraint("owner", "owner", match=match))
            await until(lambda: not names(audit))
            await w.api.put(resources.NAMESPACES, namespace("shop", tier="live"))
            await until(lambda: names(audit) == {"a"})

    asyncio.run(story())


def test_a_policy_that_looks_things_up_is_asked_again_when_they_change() -> None:
    async def story() -> None:
        async with world((CONFIG_MAPS, config_map("a"))) as w:
            need = '[[{"groups": [""], "versions": ["v1"], "kinds": ["ConfigMap"]}]]'
            annotations = {"metadata.gatekeeper.sh/requires-sync-data": need}
            await w.policy(
                template("Alone", ALONE, annotations=annotations), constraint("alone", kind="Alone")
            )
            audit = Audit(w.client, w.cluster, Records(), metrics=w.metrics)
            w.start(audit.run(0))
            await until(lambda: audit.complete)
            assert not names(audit)
            await w.api.put(CONFIG_MAPS, config_map("b"))
            await until(lambda: names(audit) == {"a", "b"})
            await w.api.remove(CONFIG_MAPS, "a", "default")
            await until(lambda: not names(audit))

    asyncio.run(story())


def test_a_kind_that_cannot_be_listed_is_told_with_its_error() -> None:
    async def story() -> None:
        async with world() as w:
            w.api.faults.append(
                lambda request: (
                    refusal(403, "Forbidden", "no list for you")
                    if request.path.endswith("/configmaps")
                    else None
                )
            )
            await w.policy(template(), constraint("owner", "owner"))
            audit = Audit(w.client, w.cluster, Records(), metrics=w.metrics)
            w.start(audit.run(0))
            await until(lambda: audit.complete)
            (row,) = audit.coverage()
            assert (row["kind"], row["error"], row["lastListed"]) == ("ConfigMap", "no list for you", "")
            w.api.faults.clear()
            await until(lambda: audit.coverage()[0]["lastListed"])
            assert audit.coverage()[0]["error"] == ""

    asyncio.run(story())


def test_a_sweep_finds_what_a_watch_missed() -> None:
    async def story() -> None:
        async with audited(config_map("a")) as (w, audit):
            await until(lambda: names(audit) == {"a"})
            swept: list[int] = []
            audit.on_sweep.append(lambda: swept.append(1))
            lists = [path for _, path in w.api.log].count("/api/v1/configmaps")
            await audit.sweep()
            assert swept == [1]
            assert [path for _, path in w.api.log].count("/api/v1/configmaps") > lists
            assert audit.last_run
            assert b"gatekeeper_violations" in w.metrics.text()

    asyncio.run(story())


def test_the_fake_and_the_records_agree_after_many_changes() -> None:
    async def story() -> None:
        async with audited() as (w, audit):
            for round_number in range(40):
                name = f"c{round_number % 7}"
                labels = {"owner": "me"} if round_number % 3 == 0 else {}
                if round_number % 5 == 4:
                    await w.api.remove(CONFIG_MAPS, name, "default")
                else:
                    await w.api.put(CONFIG_MAPS, config_map(name, **labels))
            expected = {
                one["metadata"]["name"]
                for one in w.api.all(CONFIG_MAPS)
                if "owner" not in one["metadata"]["labels"]
            }
            await until(lambda: names(audit) == expected)
            total = audit.records.totals[OWNER]
            assert (total.evaluated, total.violating) == (len(w.api.all(CONFIG_MAPS)), len(expected))

    asyncio.run(story())


def test_a_constraint_that_nothing_falls_under_is_judged_too() -> None:
    async def story() -> None:
        async with audited(config_map("a", owner="me")) as (w, audit):
            secrets = constraint(
                "secrets", "owner", match={"kinds": [{"apiGroups": [""], "kinds": ["Secret"]}]}
            )
            nowhere = constraint(
                "nowhere", "owner", match={"kinds": [{"apiGroups": ["x"], "kinds": ["None"]}]}
            )
            await w.policy(secrets, nowhere)
            for name in ("secrets", "nowhere"):
                await until(lambda name=name: ("RequiredLabels", name) in audit.records.totals)
                assert audit.records.totals["RequiredLabels", name].evaluated == 0
            # One that is removed before it was judged is no more.
            await w.api.remove(resources.constraint_resource("RequiredLabels"), "nowhere")
            await until(lambda: ("RequiredLabels", "nowhere") not in audit.records.totals)

    asyncio.run(story())


def test_constraints_that_were_there_before_the_audit_are_judged_too() -> None:
    async def story() -> None:
        async with audited() as (_, audit):
            await until(lambda: OWNER in audit.records.totals)
            assert audit.records.totals[OWNER].evaluated == 0

    asyncio.run(story())
