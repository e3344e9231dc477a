import asyncio
from typing import Any

from fake_api import refusal, until
from world import REQUIRED_LABELS, constraint, namespace, template, world

from pratique.agent.cluster import PolicyChange, covers, kinds_of
from pratique.client import resources

CRD = "requiredlabels.constraints.gatekeeper.sh"


def test_a_template_becomes_a_kind_and_its_constraints_are_taken_in() -> None:
    async def story() -> None:
        async with world() as w:
            await w.policy(template(), constraint("owner", "owner"))
            await w.ready()
            definition = w.api.get(resources.CRDS, CRD)
            assert definition and definition["metadata"]["labels"]["gatekeeper.sh/constraint"] == "yes"
            owner = definition["metadata"]["ownerReferences"][0]
            stored = w.api.get(resources.TEMPLATES, "requiredlabels")
            assert stored and (owner["uid"], owner["controller"]) == (stored["metadata"]["uid"], True)
            assert w.library.match_kinds() == {("", "ConfigMap")}
            assert w.cluster.constraints["RequiredLabels", "owner"].faults == ()

    asyncio.run(story())


def test_what_goes_from_the_cluster_goes_from_the_library() -> None:
    async def story() -> None:
        async with world() as w:
            await w.policy(template(), constraint("owner", "owner"), constraint("team", "team"))
            kind = resources.constraint_resource("RequiredLabels")
            await w.api.remove(kind, "owner")
            await until(lambda: [one.name for one in w.library.constraints()] == ["team"])
            await w.api.remove(resources.TEMPLATES, "requiredlabels")
            await until(lambda: not w.library.constraints() and not w.library.templates())
            assert "RequiredLabels" not in w.cluster.kinds

    asyncio.run(story())


def test_a_definition_that_is_deleted_or_edited_is_put_back() -> None:
    async def story() -> None:
        async with world() as w:
            await w.policy(template(), constraint("owner", "owner"))
            await w.api.remove(resources.CRDS, CRD)
            await until(lambda: w.api.get(resources.CRDS, CRD))
            edited = w.api.get(resources.CRDS, CRD)
            assert edited
            names = edited["spec"]["names"] | {"shortNames": ["mine"]}
            versions = edited["spec"]["versions"][:1]
            await w.api.put(
                resources.CRDS, edited | {"spec": edited["spec"] | {"names": names, "versions": versions}}
            )
            await until(lambda: len((w.api.get(resources.CRDS, CRD) or {})["spec"]["versions"]) == 2)

    asyncio.run(story())


def test_what_a_template_no_longer_says_goes_from_its_definition() -> None:
    async def story() -> None:
        async with world() as w:
            await w.policy(template())
            await until(lambda: w.api.get(resources.CRDS, CRD))
            changed = template()
            parameters = changed["spec"]["crd"]["spec"]["validation"]["openAPIV3Schema"]
            parameters["properties"] = {"words": {"type": "array", "items": {"type": "string"}}}
            await w.api.put(resources.TEMPLATES, changed)

            def fields() -> set[str]:
                definition = w.api.get(resources.CRDS, CRD)
                assert definition
                schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
                return set(schema["properties"]["spec"]["properties"]["parameters"]["properties"])

            await until(lambda: fields() == {"words"})

    asyncio.run(story())


def test_a_definition_that_is_refused_is_a_fault_until_it_is_taken() -> None:
    async def story() -> None:
        async with world() as w:

            def refused(request: Any) -> Any:
                if request.method == "PATCH" and request.path.endswith(CRD):
                    return refusal(422, "Invalid", "spec.names.kind: field is immutable")
                return None

            w.api.faults.append(refused)
            await w.api.put(resources.TEMPLATES, template())
            known = w.cluster.templates
            await until(lambda: "requiredlabels" in known and known["requiredlabels"].undefined)
            (fault,) = known["requiredlabels"].errors
            assert fault.code == "create_error"
            assert fault.message == "Could not create CRD: spec.names.kind: field is immutable"
            w.api.faults.remove(refused)
            await w.api.put(resources.TEMPLATES, template(rego=REQUIRED_LABELS + "\n"))
            await until(lambda: "RequiredLabels" in w.cluster.kinds)
            assert known["requiredlabels"].errors == ()

    asyncio.run(story())


def test_a_broken_template_is_a_fault_and_its_cure_brings_the_constraints() -> None:
    async def story() -> None:
        async with world() as w:
            broken = template(rego='package x\nviolation[{"msg": "m"}] { true')
            await w.api.put(resources.TEMPLATES, broken)
            await until(lambda: w.cluster.templates.get("requiredlabels"))
            (fault,) = w.cluster.templates["requiredlabels"].faults
            assert fault.code == "ingest_error"
            assert w.api.get(resources.CRDS, CRD) is None
            await w.ready()
            await w.policy(template(rego=REQUIRED_LABELS), constraint("owner", "owner"))
            assert not w.cluster.templates["requiredlabels"].faults
            # Broken again: the version before goes on being enforced.
            await w.api.put(resources.TEMPLATES, broken)
            await until(lambda: w.cluster.templates["requiredlabels"].faults)
            assert [one.name for one in w.library.constraints()] == ["owner"]

    asyncio.run(story())


def test_a_constraint_that_its_template_refuses_is_a_fault_until_it_is_right() -> None:
    async def story() -> None:
        async with world() as w:
            wrong = constraint("owner")
            wrong["spec"]["parameters"] = {"labels": "owner"}
            await w.policy(template(), wrong)
            assert w.cluster.constraints["RequiredLabels", "owner"].faults
            await w.api.put(resources.constraint_resource("RequiredLabels"), constraint("owner", "owner"))
            await until(lambda: not w.cluster.constraints["RequiredLabels", "owner"].faults)

    asyncio.run(story())


def test_listeners_hear_of_policies_and_namespaces_but_not_of_statuses() -> None:
    async def story() -> None:
        heard: list[PolicyChange] = []
        async with world() as w:
            w.cluster.listen(heard.append)
            await w.policy(template(), constraint("owner", "owner"))
            kinds = frozenset({("", "ConfigMap")})
            assert PolicyChange("constraint", ("RequiredLabels", "owner"), kinds) in heard
            heard.clear()
            resource = resources.constraint_resource("RequiredLabels")
            stored = w.api.get(resource, "owner")
            assert stored
            await w.api.put(resource, stored | {"status": {"totalViolations": 3}})
            await w.api.put(resources.NAMESPACES, namespace("other", team="a"))
            await until(lambda: PolicyChange("namespace", ("", "other")) in heard)
            assert [change.what for change in heard] == ["namespace"]

    asyncio.run(story())


def test_the_config_excludes_namespaces_by_process() -> None:
    async def story() -> None:
        async with world() as w:
            config = {
                "metadata": {"name": "config", "namespace": "pratique-system"},
                "spec": {"match": [{"processes": ["webhook"], "excludedNamespaces": ["kube-*"]}]},
            }
            await w.api.put(resources.CONFIGS, config)
            await until(lambda: w.cluster.exclusions.excluded("webhook", "kube-system"))
            assert not w.cluster.exclusions.excluded("audit", "kube-system")
            await w.api.remove(resources.CONFIGS, "config", "pratique-system")
            await until(lambda: not w.cluster.exclusions.excluded("webhook", "kube-system"))

    asyncio.run(story())


def test_kinds_of_a_constraint() -> None:
    def kinds(*entries: dict[str, Any]) -> Any:
        return kinds_of({"spec": {"match": {"kinds": list(entries)}}})

    assert kinds({"apiGroups": ["", "apps"], "kinds": ["Pod"]}) == {("", "Pod"), ("apps", "Pod")}
    assert kinds({"kinds": ["Pod"]}) == {("*", "Pod")}
    assert kinds({"apiGroups": ["apps"]}) == {("apps", "*")}
    assert kinds() is None
    assert kinds_of({"spec": {}}) is None


def test_covers_allows_what_servers_add_and_nothing_else() -> None:
    assert covers({"a": 1, "b": 2}, {"a": 1})
    assert covers([{"a": 1, "b": 2}], [{"a": 1}])
    assert not covers({"a": 1}, {"a": 1, "b": 2})
    assert not covers([1, 2], [1])
    assert not covers({"a": "1"}, {"a": 1})
