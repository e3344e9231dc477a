"""The API over HTTP: verbs, errors, forms, patches, watches, custom resources."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from tests.devcluster.wire import Wire, start

CMS = "/api/v1/namespaces/default/configmaps"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
BOXES = "/apis/b.example.com/v1/namespaces/default/boxes"


def _cm(name: str, data: dict[str, str] | None = None, **metadata: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, **metadata},
        "data": data or {},
    }


def _crd(**spec: Any) -> dict[str, Any]:
    schema = {
        "type": "object",
        "properties": {
            "spec": {
                "type": "object",
                "properties": {"size": {"type": "integer", "default": 7, "minimum": 1}},
            },
            "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        },
    }
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
        "subresources": {
            "status": {},
            "scale": {"specReplicasPath": ".spec.size", "statusReplicasPath": ".status.n"},
        },
        "additionalPrinterColumns": [{"name": "Size", "type": "integer", "jsonPath": ".spec.size"}],
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "boxes.b.example.com"},
        "spec": {
            "group": "b.example.com",
            "scope": "Namespaced",
            "names": {"plural": "boxes", "kind": "Box"},
            "versions": [version],
            **spec,
        },
    }


def _play(folder: Path, scene: Callable[[Wire], Awaitable[None]]) -> None:
    async def run() -> None:
        wire = start(folder)
        try:
            async with asyncio.timeout(30):
                await scene(wire)
        finally:
            await wire.server.api.definitions.stop()
            await wire.server.api.close()
            wire.server.api.store.close()

    asyncio.run(run())


def test_objects_live_through_every_verb(tmp_path: Path) -> None:
    async def scene(wire: Wire) -> None:
        made = await wire.send("POST", f"{CMS}?fieldManager=t", _cm("a", {"k": "1"}))
        assert made.code == 201
        metadata = made.json["metadata"]
        assert metadata["namespace"] == "default" and metadata["uid"] and metadata["creationTimestamp"]
        assert metadata["managedFields"][0]["manager"] == "t"
        assert (await wire.send("POST", CMS, _cm("a"))).json["reason"] == "AlreadyExists"
        put = {**made.json, "data": {"k": "2"}}
        assert (await wire.send("PUT", f"{CMS}/a", put)).json["data"] == {"k": "2"}
        stale = await wire.send("PUT", f"{CMS}/a", put)
        assert stale.code == 409 and "the object has been modified" in stale.json["message"]
        same = await wire.send("PUT", f"{CMS}/a", _cm("a", {"k": "2"}))
        again = await wire.send("PUT", f"{CMS}/a", _cm("a", {"k": "2"}))
        assert same.json["metadata"]["resourceVersion"] == again.json["metadata"]["resourceVersion"]
        gone = await wire.send("DELETE", f"{CMS}/a")
        assert gone.json["status"] == "Success" and gone.json["details"]["uid"] == metadata["uid"]
        assert (await wire.send("GET", f"{CMS}/a")).json["message"] == 'configmaps "a" not found'

    _play(tmp_path, scene)


@pytest.mark.parametrize(
    ("method", "url", "body", "code", "says"),
    [
        ("GET", "/api/v1/nothings", None, 404, "the server could not find the requested resource"),
        ("GET", f"{CMS}/x/status", None, 404, "the server could not find the requested resource"),
        ("POST", CMS, b"{", 400, "json parse error"),
        ("POST", CMS, b"[]", 400, "cannot unmarshal array"),
        ("POST", CMS, {"kind": "Pod", "apiVersion": "v1"}, 400, "cannot be handled as a ConfigMap"),
        (
            "POST",
            CMS,
            {"kind": "ConfigMap", "apiVersion": "v2"},
            400,
            "does not match the expected API version",
        ),
        ("POST", CMS, _cm("a", namespace="other"), 400, "does not match the namespace sent on the request"),
        ("POST", "/api/v1/namespaces/none/configmaps", _cm("a"), 404, 'namespaces "none" not found'),
        ("POST", CMS, _cm("Bad_Name"), 422, "RFC 1123 subdomain"),
        ("POST", CMS, {"kind": "ConfigMap", "apiVersion": "v1"}, 422, "name or generateName is required"),
        ("POST", f"{CMS}?fieldValidation=Strict", {**_cm("a"), "Data": {}}, 400, 'unknown field "Data"'),
        ("POST", f"{CMS}?dryRun=Some", _cm("a"), 422, "dryRun: Unsupported value"),
        ("POST", CMS, {**_cm("a"), "data": {"a": 1}}, 400, "cannot unmarshal number into Go struct field"),
        ("PATCH", f"{CMS}/none", {}, 415, "accepted media types include: application/json-patch+json"),
        ("GET", f"{CMS}?limit=minus", None, 400, 'strconv.ParseInt: parsing "minus": invalid syntax'),
        ("GET", f"{CMS}?fieldSelector=data.x%3D1", None, 400, "is not a known field selector"),
        ("GET", "/api/v1/pods?fieldSelector=spec.x%3D1", None, 400, "field label not supported: spec.x"),
        ("GET", f"{CMS}?watch=true&resourceVersion=soon", None, 400, "Invalid resource version"),
        ("PUT", CMS, {}, 405, "does not allow this method"),
        (
            "POST",
            "/api/v1/namespaces/default/pods/p/exec",
            None,
            501,
            "not supported by the embedded cluster",
        ),
    ],
)
def test_bad_requests_get_a_status(
    tmp_path: Path, method: str, url: str, body: Any, code: int, says: str
) -> None:
    async def scene(wire: Wire) -> None:
        answer = await wire.send(method, url, body)
        assert (answer.code, answer.json["kind"]) == (code, "Status")
        assert says in answer.json["message"]

    _play(tmp_path, scene)


def test_who_asks(tmp_path: Path) -> None:
    async def scene(wire: Wire) -> None:
        assert (await wire.send("GET", CMS, authorization="")).code == 401
        assert (await wire.send("GET", CMS, authorization="Bearer wrong")).code == 401
        assert (await wire.send("GET", "/healthz", authorization="")).body == b"ok"
        denied = await wire.send("GET", CMS, impersonate_user="jane")
        assert (
            denied.code == 403 and 'User "jane" cannot list resource "configmaps"' in denied.json["message"]
        )
        masters = await wire.send("GET", CMS, impersonate_user="jane", impersonate_group="system:masters")
        assert masters.code == 200
        url = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
        review = await wire.send("POST", url, {})
        assert review.json["status"]["userInfo"]["username"] == "admin"

    _play(tmp_path, scene)


def test_tokens_of_service_accounts(tmp_path: Path) -> None:
    async def scene(wire: Wire) -> None:
        accounts = "/api/v1/namespaces/default/serviceaccounts"
        await wire.send("POST", accounts, {"kind": "ServiceAccount", "metadata": {"name": "robot"}})
        short = await wire.send("POST", f"{accounts}/robot/token", {"spec": {"expirationSeconds": 60}})
        assert "may not specify a duration less than 10 minutes" in short.json["message"]
        issued = (await wire.send("POST", f"{accounts}/robot/token", {"spec": {}})).json["status"]["token"]
        answer = await wire.send("GET", CMS, authorization=f"Bearer {issued}")
        assert answer.code == 403 and "system:serviceaccount:default:robot" in answer.json["message"]
        await wire.send("DELETE", f"{accounts}/robot")
        assert (await wire.send("GET", CMS, authorization=f"Bearer {issued}")).code == 401

    _play(tmp_path, scene)


def test_forms(tmp_path: Path) -> None:
    async def scene(wire: Wire) -> None:
        body = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: yml}\ndata: {k: yes}\n"
        bad = await wire.send("POST", CMS, body, media="application/yaml")
        assert "cannot unmarshal bool" in bad.json["message"]
        good = await wire.send("POST", CMS, body.replace(b"yes", b"'1'"), media="application/yaml")
        assert good.code == 201
        assert (await wire.send("POST", CMS, orjson.dumps(_cm("plain")), media="")).code == 201
        assert (await wire.send("POST", CMS, b"x", media="application/cbor")).code == 415
        assert (await wire.send("GET", f"{CMS}/yml", accept="application/cbor")).code == 406
        table = (await wire.send("GET", CMS, accept=TABLE)).json
        assert [column["name"] for column in table["columnDefinitions"]] == ["Name", "Data", "Age"]
        assert [row["cells"][:2] for row in table["rows"]] == [["plain", 0], ["yml", 1]]
        assert table["rows"][0]["object"]["kind"] == "PartialObjectMetadata"
        shown = await wire.send("GET", f"{CMS}/yml", accept="application/yaml")
        assert b"kind: ConfigMap" in shown.body
        empty = await wire.send("GET", "/openapi/v2", accept="application/com.github.proto-openapi.spec.v2")
        assert (empty.code, empty.body) == (200, b"")

    _play(tmp_path, scene)


def test_pages_and_selectors(tmp_path: Path) -> None:
    async def scene(wire: Wire) -> None:
        for name in "abcde":
            await wire.send("POST", CMS, _cm(name, labels={"odd": str(name in "ace").lower()}))
        first = (await wire.send("GET", f"{CMS}?limit=2")).json
        assert [item["metadata"]["name"] for item in first["items"]] == ["a", "b"]
        assert first["metadata"]["remainingItemCount"] == 3
        token = first["metadata"]["continue"]
        rest = (await wire.send("GET", f"{CMS}?continue={token}")).json
        assert [item["metadata"]["name"] for item in rest["items"]] == ["c", "d", "e"]
        odd = (await wire.send("GET", f"{CMS}?labelSelector=odd%3Dtrue&limit=2")).json
        assert "remainingItemCount" not in odd["metadata"] and odd["metadata"]["continue"]
        named = (await wire.send("GET", f"{CMS}?fieldSelector=metadata.name%21%3Da")).json
        assert len(named["items"]) == 4
        removed = await wire.send("DELETE", f"{CMS}?labelSelector=odd%3Dtrue")
        assert len(removed.json["items"]) == 3
        assert len((await wire.send("GET", CMS)).json["items"]) == 2

    _play(tmp_path, scene)


def test_patches(tmp_path: Path) -> None:
    async def scene(wire: Wire) -> None:
        await wire.send("POST", CMS, _cm("a", {"k": "1"}))

        async def patch(media: str, body: Any, query: str = "") -> Any:
            return await wire.send("PATCH", f"{CMS}/a{query}", body, media=media)

        merged = await patch("application/merge-patch+json", {"data": {"k": None, "m": "2"}})
        assert merged.json["data"] == {"m": "2"}
        operations = [{"op": "add", "path": "/data/n", "value": "3"}]
        assert (await patch("application/json-patch+json", operations)).json["data"] == {"m": "2", "n": "3"}
        failed = await patch("application/json-patch+json", [{"op": "remove", "path": "/data/none"}])
        assert (failed.code, failed.json["reason"]) == (422, "Invalid")
        warned = await patch("application/strategic-merge-patch+json", {"colour": "red"})
        assert warned.warnings == ['299 - "unknown field \\"colour\\""']
        unapplied = await patch("application/apply-patch+yaml", _cm("a", {"z": "1"}))
        assert "fieldManager: Required value: is required for apply patch" in unapplied.json["message"]
        applied = await patch("application/apply-patch+yaml", _cm("a", {"z": "1"}), "?fieldManager=me")
        assert applied.json["data"] == {"m": "2", "n": "3", "z": "1"}
        conflict = await patch("application/apply-patch+yaml", _cm("a", {"m": "9"}), "?fieldManager=me")
        assert conflict.code == 409 and ".data.m" in conflict.json["message"]

    _play(tmp_path, scene)


def test_dry_runs_change_nothing(tmp_path: Path) -> None:
    async def scene(wire: Wire) -> None:
        assert (await wire.send("POST", f"{CMS}?dryRun=All", _cm("a"))).code == 201
        assert (await wire.send("GET", f"{CMS}/a")).code == 404
        await wire.send("POST", CMS, _cm("a", {"k": "1"}))
        url = f"{CMS}/a?dryRun=All"
        changed = await wire.send("PATCH", url, {"data": {"k": "2"}}, media="application/merge-patch+json")
        assert changed.json["data"] == {"k": "2"}
        await wire.send("DELETE", url)
        assert (await wire.send("GET", f"{CMS}/a")).json["data"] == {"k": "1"}

    _play(tmp_path, scene)


def test_finalizers_hold_an_object(tmp_path: Path) -> None:
    async def scene(wire: Wire) -> None:
        await wire.send("POST", CMS, _cm("a", finalizers=["example.com/hold"]))
        held = await wire.send("DELETE", f"{CMS}/a")
        assert held.json["metadata"]["deletionTimestamp"]
        release = {"metadata": {"finalizers": None}}
        await wire.send("PATCH", f"{CMS}/a", release, media="application/merge-patch+json")
        assert (await wire.send("GET", f"{CMS}/a")).code == 404

    _play(tmp_path, scene)


def test_preconditions_of_a_deletion(tmp_path: Path) -> None:
    async def scene(wire: Wire) -> None:
        await wire.send("POST", CMS, _cm("a"))
        wrong = await wire.send("DELETE", f"{CMS}/a", {"preconditions": {"uid": "other"}})
        assert wrong.code == 409 and "UID in precondition: other" in wrong.json["message"]
        assert (await wire.send("GET", f"{CMS}/a")).code == 200

    _play(tmp_path, scene)


def test_watches(tmp_path: Path) -> None:
    async def scene(wire: Wire) -> None:
        await wire.send("POST", CMS, _cm("old"))
        version = (await wire.send("GET", CMS)).json["metadata"]["resourceVersion"]
        query = f"watch=true&resourceVersion={version}&timeoutSeconds=1&labelSelector=in%3Dyes"
        watching = asyncio.create_task(wire.send("GET", f"{CMS}?{query}"))
        await wire.send("POST", CMS, _cm("a", labels={"in": "yes"}))
        out = {"metadata": {"labels": {"in": "no"}}}
        await wire.send("PATCH", f"{CMS}/a", out, media="application/merge-patch+json")
        events = [orjson.loads(line) for line in (await watching).body.splitlines()]
        assert [(event["type"], event["object"]["metadata"]["name"]) for event in events] == [
            ("ADDED", "a"),
            ("DELETED", "a"),
        ]
        url = f"{CMS}?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&timeoutSeconds=1"
        events = [orjson.loads(line) for line in (await wire.send("GET", url)).body.splitlines()]
        assert [event["type"] for event in events] == ["ADDED", "ADDED", "BOOKMARK"]
        assert events[-1]["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}

    _play(tmp_path, scene)


def test_custom_resources(tmp_path: Path) -> None:
    async def scene(wire: Wire) -> None:
        assert (await wire.send("POST", CRDS, _crd())).code == 201
        await asyncio.sleep(0)
        box = {"apiVersion": "b.example.com/v1", "kind": "Box", "metadata": {"name": "x"}, "spec": {}}
        made = await wire.send("POST", BOXES, {**box, "colour": "red", "status": {"n": 3}})
        assert made.json["spec"] == {"size": 7}
        assert "colour" not in made.json and "status" not in made.json
        assert made.warnings == ['299 - "unknown field \\"colour\\""']
        wrong = await wire.send("POST", BOXES, {**box, "spec": {"size": "big"}})
        assert 'spec.size in body must be of type integer: "string"' in wrong.json["message"]
        small = await wire.send("PUT", f"{BOXES}/x", {**made.json, "spec": {"size": 0}})
        assert "spec.size in body should be greater than or equal to 1" in small.json["message"]
        state = {"status": {"n": 2}, "spec": {"size": 99}}
        media = "application/merge-patch+json"
        updated = (await wire.send("PATCH", f"{BOXES}/x/status", state, media=media)).json
        assert (updated["spec"], updated["status"], updated["metadata"]["generation"]) == (
            {"size": 7},
            {"n": 2},
            1,
        )
        scaled = await wire.send("PATCH", f"{BOXES}/x/scale", {"spec": {"replicas": 4}}, media=media)
        assert scaled.json["kind"] == "Scale" and scaled.json["status"] == {"replicas": 2}
        now = (await wire.send("GET", f"{BOXES}/x")).json
        assert (now["spec"], now["metadata"]["generation"]) == ({"size": 4}, 2)
        table = (await wire.send("GET", BOXES, accept=TABLE)).json
        assert table["rows"][0]["cells"] == ["x", 4]
        assert "b.example.com" in (await wire.send("GET", "/openapi/v3")).body.decode()

    _play(tmp_path, scene)


def test_a_definition_goes_with_its_objects(tmp_path: Path) -> None:
    async def scene(wire: Wire) -> None:
        await wire.send("POST", CRDS, _crd())
        await asyncio.sleep(0)
        box = {"apiVersion": "b.example.com/v1", "kind": "Box", "metadata": {"name": "x"}}
        await wire.send("POST", BOXES, box)
        await wire.send("DELETE", f"{CRDS}/boxes.b.example.com")
        late = await wire.send("POST", BOXES, {**box, "metadata": {"name": "late"}})
        assert "while custom resource definition is terminating" in late.json["message"]
        while (await wire.send("GET", f"{CRDS}/boxes.b.example.com")).code != 404:
            await asyncio.sleep(0.02)
        assert (await wire.send("GET", BOXES)).code == 404

    _play(tmp_path, scene)


def test_bad_definitions_are_refused(tmp_path: Path) -> None:
    async def scene(wire: Wire) -> None:
        answer = await wire.send(
            "POST", CRDS, _crd(scope="Galaxy", names={"plural": "crates", "kind": "Box"})
        )
        message = answer.json["message"]
        assert 'must be spec.names.plural+"."+spec.group' in message
        assert 'spec.scope: Unsupported value: "Galaxy": supported values: "Cluster", "Namespaced"' in message

    _play(tmp_path, scene)


def test_discovery_has_every_group_in_both_forms(tmp_path: Path) -> None:
    async def scene(wire: Wire) -> None:
        accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"
        aggregated = (await wire.send("GET", "/apis", accept=accept)).json
        names = {item["metadata"]["name"] for item in aggregated["items"]}
        legacy = {group["name"] for group in (await wire.send("GET", "/apis")).json["groups"]}
        assert names == legacy and "apps" in names
        listed = (await wire.send("GET", "/apis/apps/v1")).json["resources"]
        assert {"deployments", "deployments/scale", "deployments/status"} <= {item["name"] for item in listed}
        document = (await wire.send("GET", "/openapi/v3/apis/apps/v1")).json
        patch = document["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]["patch"]
        assert "fieldValidation" in [parameter["name"] for parameter in patch["parameters"]]
        assert "io.k8s.api.core.v1.PodSpec" in document["components"]["schemas"]

    _play(tmp_path, scene)


def test_options_of_a_deletion_in_protobuf(tmp_path: Path) -> None:
    async def scene(wire: Wire) -> None:
        await wire.send("POST", CMS, _cm("a"))
        # k8s\0, then TypeMeta {rbac.../v1, DeleteOptions} and propagationPolicy "Background"
        meta = b"\x0a\x1crbac.authorization.k8s.io/v1\x12\x0dDeleteOptions"
        raw = b"\x22\x0aBackground"
        body = b"k8s\0\x0a" + bytes([len(meta)]) + meta + b"\x12" + bytes([len(raw)]) + raw
        media = "application/vnd.kubernetes.protobuf"
        assert (await wire.send("DELETE", f"{CMS}/a", body, media=media)).json["status"] == "Success"
        broken = await wire.send("POST", CMS, b"k8s\0\xff\xff", media=media)
        assert (broken.code, broken.json["reason"]) == (400, "BadRequest")

    _play(tmp_path, scene)


def test_evictions_respect_disruption_budgets(tmp_path: Path) -> None:
    async def scene(wire: Wire) -> None:
        store = wire.server.api.store
        pod = {"metadata": {"name": "p", "namespace": "default", "uid": "u", "labels": {"a": "b"}}}
        store.put(
            "pods", {"kind": "Pod", "apiVersion": "v1", **pod, "spec": {}, "status": {"phase": "Running"}}
        )
        metadata = {"name": "pdb", "namespace": "default", "uid": "v"}
        budget = {"metadata": metadata, "spec": {"selector": {"matchLabels": {"a": "b"}}}}
        store.put("poddisruptionbudgets.policy", {**budget, "status": {"disruptionsAllowed": 0}})
        url = "/api/v1/namespaces/default/pods/p/eviction"
        refused = await wire.send("POST", url, {"kind": "Eviction"})
        assert (refused.code, refused.json["reason"]) == (429, "TooManyRequests")
        store.put(
            "poddisruptionbudgets.policy",
            {**budget, "metadata": dict(metadata), "status": {"disruptionsAllowed": 1}},
        )
        assert (await wire.send("POST", url, {"kind": "Eviction"})).code == 201
        assert store.get("pods", "p", "default") is None

    _play(tmp_path, scene)
