import asyncio
import base64
from typing import Any

import pytest
from fake_api import FakeApi, until

from pratique.client import addon, resources
from pratique.client.addon import AddonSettings
from pratique.client.addon.manifests import MANAGED_LABEL, MUTATING_CONFIGURATION, WEBHOOK_CONFIGURATION
from pratique.client.resources import Resource
from pratique.errors import ConflictError, UnavailableError
from pratique.kube import structural

SETTINGS = AddonSettings(
    cluster="c1", service_url="https://service", token="secret", ca="CA", labels={"team": "platform"}
)


def by_kind(kind: str, name: str = "") -> dict[str, Any]:
    found = [
        one for one in addon.manifests(SETTINGS) if one["kind"] == kind and name in one["metadata"]["name"]
    ]
    assert len(found) == 1, [one["metadata"]["name"] for one in found]
    return found[0]


async def kubelet(api: FakeApi, *, ready: bool = True, reason: str = "") -> None:
    """Make a Deployment's pods, and be their kubelet and the pods' certificate writer."""
    while True:
        for deployment in api.all(resources.DEPLOYMENTS):
            meta, replicas = deployment["metadata"], deployment["spec"]["replicas"]
            labels = deployment["spec"]["template"]["metadata"]["labels"]
            for index in range(replicas):
                state: dict[str, Any] = {"restartCount": 0}
                if reason:
                    state["state"] = {"waiting": {"reason": reason, "message": "no such image"}}
                condition = {"type": "Ready", "status": "True" if ready else "False"}
                status = {"phase": "Running", "conditions": [condition], "containerStatuses": [state]}
                name = f"{meta['name']}-{index}"
                pod = {"name": name, "namespace": meta["namespace"], "labels": labels}
                await api.put(resources.PODS, {"metadata": pod, "status": status})
            if ready:
                status = {"readyReplicas": replicas, "updatedReplicas": replicas}
                status["observedGeneration"] = meta["generation"]
                await api.put(resources.DEPLOYMENTS, deployment | {"status": status})
        for resource, name in (
            (resources.VALIDATING_WEBHOOKS, WEBHOOK_CONFIGURATION),
            (resources.MUTATING_WEBHOOKS, MUTATING_CONFIGURATION),
        ):
            hooks = api.get(resource, name)
            if hooks and ready:
                told = [
                    hook | {"clientConfig": hook["clientConfig"] | {"caBundle": "Q0E="}}
                    for hook in hooks["webhooks"]
                ]
                await api.put(resource, hooks | {"webhooks": told})
        if not api.all(resources.DEPLOYMENTS):
            for pod in api.all(resources.PODS):
                await api.remove(resources.PODS, pod["metadata"]["name"], pod["metadata"]["namespace"])
        await asyncio.sleep(0.02)


def test_the_manifests_are_whole() -> None:
    objects = addon.manifests(SETTINGS)
    assert objects[0]["kind"] == "CustomResourceDefinition"
    assert objects[-1]["kind"] == "ValidatingWebhookConfiguration"
    assert all(one["metadata"]["labels"]["team"] == "platform" for one in objects)
    keys = [(one["kind"], one["metadata"].get("namespace"), one["metadata"]["name"]) for one in objects]
    assert len(set(keys)) == len(keys)
    secret = by_kind("Secret")["data"]
    assert {key: base64.b64decode(value).decode() for key, value in secret.items()} == {
        "url": "https://service",
        "token": "secret",
        "ca": "CA",
        "cluster": "c1",
    }
    assert "secret" not in repr(SETTINGS).replace("labels", "")


def test_names_that_refer_to_each_other_agree() -> None:
    service = by_kind("Service")
    controller = by_kind("Deployment", "controller")["spec"]
    labels = controller["template"]["metadata"]["labels"]
    assert service["spec"]["selector"].items() <= labels.items()
    assert controller["selector"]["matchLabels"] == labels
    (container,) = controller["template"]["spec"]["containers"]
    ports = {port["name"] for port in container["ports"]}
    assert service["spec"]["ports"][0]["targetPort"] in ports
    assert container["readinessProbe"]["httpGet"]["port"] in ports
    wanted = {
        entry["valueFrom"]["secretKeyRef"]["key"]
        for entry in container["env"]
        if "secretKeyRef" in str(entry)
    }
    assert wanted == set(by_kind("Secret")["data"])
    account = by_kind("ServiceAccount")["metadata"]["name"]
    assert controller["template"]["spec"]["serviceAccountName"] == account
    for binding in ("ClusterRoleBinding", "RoleBinding"):
        assert by_kind(binding)["subjects"][0]["name"] == account
        assert (
            by_kind(binding)["roleRef"]["name"]
            == by_kind(binding.removesuffix("Binding"))["metadata"]["name"]
        )
    for hook in by_kind("ValidatingWebhookConfiguration")["webhooks"]:
        assert hook["clientConfig"]["service"]["name"] == service["metadata"]["name"]


def test_the_webhook_is_fail_open_unless_told_otherwise_and_never_for_its_own() -> None:
    validation, guard = by_kind("ValidatingWebhookConfiguration")["webhooks"]
    assert (validation["name"], validation["failurePolicy"]) == ("validation.gatekeeper.sh", "Ignore")
    assert (validation["timeoutSeconds"], validation["matchPolicy"]) == (3, "Exact")
    assert (guard["name"], guard["failurePolicy"]) == ("check-ignore-label.gatekeeper.sh", "Fail")
    # Failing closed concerns only namespaces that carry the label.
    assert guard["objectSelector"]["matchExpressions"][0]["operator"] == "Exists"
    closed = addon.manifests(AddonSettings(failure_policy="Fail"))[-1]["webhooks"][0]
    (names,) = [
        expression["values"]
        for expression in closed["namespaceSelector"]["matchExpressions"]
        if expression["key"] == "kubernetes.io/metadata.name"
    ]
    assert names == ["pratique-system", "kube-system"]


def test_the_mutating_webhook_is_gatekeepers() -> None:
    (hook,) = by_kind("MutatingWebhookConfiguration")["webhooks"]
    assert (hook["name"], hook["failurePolicy"], hook["timeoutSeconds"], hook["reinvocationPolicy"]) == (
        "mutation.gatekeeper.sh",
        "Ignore",
        1,
        "Never",
    )
    assert hook["clientConfig"]["service"]["path"] == "/v1/mutate"
    (rule,) = hook["rules"]
    assert rule["operations"] == ["CREATE", "UPDATE"]
    assert "pods/resize" not in rule["resources"]
    arguments = by_kind("Deployment", "controller")["spec"]["template"]["spec"]["containers"][0]["args"]
    assert arguments[:2] == ["--operation=webhook", "--operation=mutation-webhook"]


def test_every_version_of_a_definition_has_a_structural_schema() -> None:
    for definition in addon.manifests(SETTINGS):
        if definition["kind"] != "CustomResourceDefinition":
            continue
        versions = definition["spec"]["versions"]
        assert [version["storage"] for version in versions].count(True) == 1
        for version in versions:
            assert structural.check_structural(version["schema"]["openAPIV3Schema"]) == []


def test_enable_waits_until_every_pod_is_ready() -> None:
    async def story() -> None:
        async with FakeApi() as api, api.client() as client:
            assert (await addon.status(client)).state == "Disabled"
            task = asyncio.ensure_future(kubelet(api))
            said: list[str] = []
            status = await addon.enable(client, SETTINGS, say=said.append)
            assert (status.state, status.ready, status.wanted, status.webhook) == ("Enabled", 3, 3, True)
            assert [pod.ready for pod in status.pods] == [True] * 3
            assert said[0].startswith("applying")
            assert said[-1] == "3 of 3 pods ready"
            assert (await addon.enable(client, SETTINGS)).state == "Enabled"
            task.cancel()

    asyncio.run(story())


def test_pods_that_do_not_start_are_named_with_the_reason() -> None:
    async def story() -> None:
        async with FakeApi() as api, api.client() as client:
            task = asyncio.ensure_future(kubelet(api, ready=False, reason="ImagePullBackOff"))
            with pytest.raises(UnavailableError, match="ImagePullBackOff: no such image"):
                await addon.enable(client, SETTINGS, timeout=1)
            status = await addon.status(client)
            assert (status.state, status.ready) == ("Failed", 0)
            task.cancel()

    asyncio.run(story())


def test_a_gatekeeper_that_runs_already_is_respected() -> None:
    async def story() -> None:
        async with FakeApi() as api, api.client() as client:
            service = {"service": {"name": "gatekeeper-webhook-service", "namespace": "gatekeeper-system"}}
            hooks = [{"name": "validation.gatekeeper.sh", "clientConfig": service}]
            await api.put(
                resources.VALIDATING_WEBHOOKS,
                {"metadata": {"name": WEBHOOK_CONFIGURATION}, "webhooks": hooks},
            )
            with pytest.raises(ConflictError, match="`gatekeeper-system`") as caught:
                await addon.enable(client, SETTINGS)
            assert "uninstall it first" in caught.value.hint
            assert [entry for entry in api.log if entry[0] != "GET"] == []

    asyncio.run(story())


def template(kind: str, *, managed: bool) -> dict[str, Any]:
    labels = {MANAGED_LABEL: "pratique"} if managed else {}
    spec = {"crd": {"spec": {"names": {"kind": kind}}}}
    return {"metadata": {"name": kind.lower(), "labels": labels}, "spec": spec}


@pytest.mark.parametrize("others", [False, True])
def test_disable_removes_what_is_ours_and_keeps_what_is_not(others: bool) -> None:
    async def story() -> None:
        async with FakeApi() as api, api.client() as client:
            task = asyncio.ensure_future(kubelet(api))
            await addon.enable(client, SETTINGS)
            await api.put(resources.TEMPLATES, template("Ours", managed=True))
            if others:
                await api.put(resources.TEMPLATES, template("Theirs", managed=False))
                shared = resources.constraint_resource("Shared")
                api.resources.append(shared)
                await api.put(resources.TEMPLATES, template("Shared", managed=True))
                await api.put(shared, {"metadata": {"name": "theirs"}})
                await api.put(shared, {"metadata": {"name": "ours", "labels": {MANAGED_LABEL: "pratique"}}})
            status = await addon.disable(client)
            assert status.state == "Disabled"
            left = {one["metadata"]["name"] for one in api.all(resources.TEMPLATES)}
            assert left == ({"theirs", "shared"} if others else set())
            definitions = {one["metadata"]["name"] for one in api.all(resources.CRDS)}
            assert ("constrainttemplates.templates.gatekeeper.sh" in definitions) is others
            assert api.get(resources.NAMESPACES, addon.NAMESPACE) is None
            assert not api.all(resources.VALIDATING_WEBHOOKS)
            assert not api.all(Resource("rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole"))
            if others:
                assert [
                    one["metadata"]["name"] for one in api.all(resources.constraint_resource("Shared"))
                ] == ["theirs"]
                assert "kept 2 constraint template(s) of others" in status.message
            task.cancel()

    asyncio.run(story())


def test_disabling_what_is_not_there_is_no_error() -> None:
    async def story() -> None:
        async with FakeApi() as api, api.client() as client:
            assert (await addon.disable(client)).state == "Disabled"
            await until(lambda: True)

    asyncio.run(story())
