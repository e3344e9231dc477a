"""The README's helper for a cluster without kubelet and scheduler: one Node, pods bound and Running.

It runs only against a cluster that has no Node. Plain HTTP on the standard library, so that nothing of the
project stands between the transcripts and the server that they judge.
"""

from __future__ import annotations

import base64
import copy
import http.client
import json
import ssl
import tempfile
import threading
import urllib.parse
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

NODE = "node-0"
_LABELS = {"kubernetes.io/hostname": NODE, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}
_INFO = {
    "kubeletVersion": "v1.34.4",
    "osImage": "Linux",
    "kernelVersion": "6.1.0",
    "containerRuntimeVersion": "fake://1.0",
    "operatingSystem": "linux",
    "architecture": "amd64",
    **dict.fromkeys(("machineID", "systemUUID", "bootID", "kubeProxyVersion"), ""),
}


class Api:
    """JSON requests with the credentials of a kubeconfig."""

    def __init__(self, kubeconfig: Path) -> None:
        config = yaml.safe_load(kubeconfig.read_text())
        context = next(c["context"] for c in config["contexts"] if c["name"] == config["current-context"])
        cluster = next(c["cluster"] for c in config["clusters"] if c["name"] == context["cluster"])
        user = next(u["user"] for u in config["users"] if u["name"] == context["user"])
        self._server = urllib.parse.urlsplit(cluster["server"])
        self._headers = {"Content-Type": "application/json"}
        if "token" in user:
            self._headers["Authorization"] = f"Bearer {user['token']}"
        self._tls = ssl.create_default_context()
        with tempfile.TemporaryDirectory() as folder:
            ca = _pem(cluster, "certificate-authority", Path(folder, "ca"))
            if ca:
                self._tls.load_verify_locations(ca)
            certificate = _pem(user, "client-certificate", Path(folder, "certificate"))
            if certificate:
                self._tls.load_cert_chain(certificate, _pem(user, "client-key", Path(folder, "key")))

    def request(self, method: str, path: str, body: Any = None, *, kind: str = "") -> tuple[int, Any]:
        kinds = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}
        more = {"context": self._tls} if self._server.scheme == "https" else {}
        connection = kinds[self._server.scheme](self._server.hostname, self._server.port, timeout=10, **more)
        try:
            headers = {**self._headers, **({"Content-Type": kind} if kind else {})}
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            return response.status, json.loads(response.read() or b"null")
        finally:
            connection.close()


def _pem(parent: dict[str, Any], name: str, target: Path) -> str:
    if f"{name}-data" in parent:
        target.write_bytes(base64.b64decode(parent[f"{name}-data"]))
        return str(target)
    return str(parent.get(name, ""))


class Kubelet:
    """The helper's thread; `stop` ends it."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._addresses = 2
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join(10)

    def _run(self) -> None:
        self._register()
        while not self._stopped.wait(0.2):
            try:
                self._lease()
                _, pods = self._api.request("GET", "/api/v1/pods")
                for pod in pods["items"]:
                    self._advance(pod)
            except OSError:
                continue  # the server is busy or gone; the next round tells

    def _register(self) -> None:
        node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": NODE, "labels": _LABELS}}
        self._api.request("POST", "/api/v1/nodes", node)
        addresses = [{"type": "InternalIP", "address": "10.244.0.1"}, {"type": "Hostname", "address": NODE}]
        condition = {
            "type": "Ready",
            "status": "True",
            "reason": "KubeletReady",
            "message": "kubelet is posting ready status",
            "lastHeartbeatTime": _now(),
            "lastTransitionTime": _now(),
        }
        sizes = {"cpu": "4", "memory": "8Gi", "pods": "110"}
        status = {"addresses": addresses, "conditions": [condition], "nodeInfo": _INFO, "capacity": sizes}
        merge = "application/merge-patch+json"
        self._api.request("PATCH", f"/api/v1/nodes/{NODE}/status", {"status": status}, kind=merge)

    def _lease(self) -> None:
        base = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
        spec = {"holderIdentity": NODE, "leaseDurationSeconds": 40, "renewTime": _now(micro=True)}
        merge = "application/merge-patch+json"
        code, _ = self._api.request("PATCH", f"{base}/{NODE}", {"spec": spec}, kind=merge)
        if code == 404:
            lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": NODE}}
            self._api.request("POST", base, {**lease, "spec": spec})

    def _advance(self, pod: dict[str, Any]) -> None:
        metadata, spec, status = pod["metadata"], pod["spec"], pod["status"]
        path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}"
        if not spec.get("nodeName"):
            selector = spec.get("nodeSelector") or {}
            if not spec.get("schedulingGates") and selector.items() <= _LABELS.items():
                target = {"apiVersion": "v1", "kind": "Node", "name": NODE}
                binding = {"apiVersion": "v1", "kind": "Binding", "target": target}
                self._api.request(
                    "POST", f"{path}/binding", {**binding, "metadata": {"name": metadata["name"]}}
                )
        elif metadata.get("deletionTimestamp"):
            if metadata.get("deletionGracePeriodSeconds"):
                self._api.request("DELETE", path, {"gracePeriodSeconds": 0})
        elif status.get("phase") in (None, "Pending"):
            self._addresses = self._addresses % 250 + 1
            self._api.request("PUT", f"{path}/status", _running(pod, f"10.244.0.{self._addresses}"))
        elif status.get("phase") == "Running":
            code = _exit_status(pod)
            if code is not None:
                self._api.request("PUT", f"{path}/status", _ended(pod, code))


def _exit_status(pod: dict[str, Any]) -> int | None:
    wanted = pod["metadata"].get("annotations", {}).get("kubelet.example/exit")
    if wanted is not None:
        return int(wanted)
    owners = pod["metadata"].get("ownerReferences", [])
    return 0 if any(owner["kind"] == "Job" for owner in owners) else None


def _running(pod: dict[str, Any], address: str) -> dict[str, Any]:
    pod, now = copy.deepcopy(pod), _now()
    ready = pod["metadata"].get("annotations", {}).get("kubelet.example/ready") != "false"
    words = {True: "True", False: "False"}
    kinds = {"Initialized": True, "Ready": ready, "ContainersReady": ready, "PodScheduled": True}
    completed = {"exitCode": 0, "reason": "Completed", "startedAt": now, "finishedAt": now}
    base = {"restartCount": 0, "imageID": "", "lastState": {}}
    pod["status"] |= {
        "phase": "Running",
        "hostIP": "10.244.0.1",
        "podIP": address,
        "podIPs": [{"ip": address}],
        "startTime": now,
        "conditions": [
            {"type": kind, "status": words[value], "lastTransitionTime": now} for kind, value in kinds.items()
        ],
        "containerStatuses": [
            {
                **base,
                "name": container["name"],
                "image": container["image"],
                "ready": ready,
                "started": True,
                "state": {"running": {"startedAt": now}},
            }
            for container in pod["spec"]["containers"]
        ],
        "initContainerStatuses": [
            {
                **base,
                "name": container["name"],
                "image": container["image"],
                "ready": True,
                "state": {"terminated": completed},
            }
            for container in pod["spec"].get("initContainers", [])
        ],
    }
    return pod


def _ended(pod: dict[str, Any], code: int) -> dict[str, Any]:
    pod, now = copy.deepcopy(pod), _now()
    pod["status"]["phase"] = "Failed" if code else "Succeeded"
    reason = "Error" if code else "Completed"
    for status in pod["status"]["containerStatuses"]:
        started = status["state"].get("running", {}).get("startedAt", now)
        ended = {"exitCode": code, "reason": reason, "startedAt": started, "finishedAt": now}
        status.update(ready=False, started=False, state={"terminated": ended})
    for condition in pod["status"]["conditions"]:
        if condition["type"] in ("Ready", "ContainersReady"):
            condition.update(status="False", reason="PodCompleted", lastTransitionTime=now)
    return pod


def _now(*, micro: bool = False) -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ" if micro else "%Y-%m-%dT%H:%M:%SZ")


def start_if_needed(kubeconfig: Path) -> Kubelet | None:
    """Start the helper unless the cluster has a Node of its own."""
    api = Api(kubeconfig)
    code, nodes = api.request("GET", "/api/v1/nodes")
    if code != 200:
        raise SystemExit(f"cannot list nodes: {nodes}")
    return None if nodes["items"] else Kubelet(api)
