"""The policy engines of a bed: Gatekeeper's manager and our agent, each a process on loopback beside the server.

In: an API server. Out: an engine that holds what the server holds. Both are installed from what is released with
them (definitions, roles, webhook configurations); a Deployment's place is taken by one process with all roles, that
runs as the service account of the Deployment, so that its rights are proven too. Webhooks are called by URL.
"""

from __future__ import annotations

import base64
import http.client
import json
import ssl
from pathlib import Path
from typing import Any

import yaml
from tests.bed.api import Api, Object
from tests.bed.processes import Program, free_port, until
from tests.bed.server import PEERS, ROOT, Server

from pratique.client import addon
from pratique.client.addon.manifests import SERVICE_ACCOUNT
from pratique.service import certificates

CONFIGURATIONS = ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration")
# What needs controllers and nodes to mean anything.
LEFT_OUT = ("Deployment", "Service", "PodDisruptionBudget", "ResourceQuota", "NetworkPolicy")
AUDIT_SECONDS = 2


class Engine:
    """One engine on one server; `stop` ends its process, its objects stay."""

    name = ""
    namespace = ""
    account = ""

    def __init__(self, server: Server, folder: Path) -> None:
        self.api = server.admin
        self.webhook, self.metrics, self.health = free_port(), free_port(), free_port()
        files = certificates.ensure(folder / self.name, ["127.0.0.1"])
        self._certificates = folder / self.name
        (self._certificates / "tls.crt").write_bytes(files.certificate.read_bytes())
        (self._certificates / "tls.key").write_bytes(files.key.read_bytes())
        (self._certificates / "audit").mkdir()
        self._ca = files.ca
        self.authority = base64.b64encode(files.ca.read_bytes()).decode()
        objects = [each for each in self.manifests() if each["kind"] not in LEFT_OUT]
        install(self.api, [each for each in objects if each["kind"] not in CONFIGURATIONS])
        token = self.api.request(
            "POST",
            f"/api/v1/namespaces/{self.namespace}/serviceaccounts/{self.account}/token",
            {
                "apiVersion": "authentication.k8s.io/v1",
                "kind": "TokenRequest",
                "spec": {"expirationSeconds": 36000},
            },
        )
        user = Api(self.api.server, ca=self.api.ca, token=token.body["status"]["token"])
        kubeconfig = user.write_kubeconfig(folder / f"{self.name}.kubeconfig")
        self.log = folder / f"{self.name}.log"
        self._kubeconfig = kubeconfig
        self.start()
        try:
            install(self.api, [self._by_url(each) for each in objects if each["kind"] in CONFIGURATIONS])
        except BaseException:
            self.stop()
            raise

    def start(self) -> None:
        """Start the process, and return when it holds what the server holds."""
        self._program = Program(self.command(self._kubeconfig), self.log, self.environment())
        try:
            self._program.wait_for(self._ready, f"{self.name} gets ready")
        except BaseException:
            self.stop()
            raise

    def manifests(self) -> list[Object]:
        """Return what is applied to a cluster."""
        raise NotImplementedError

    def command(self, kubeconfig: Path) -> list[str]:
        """Return the process that does all the work."""
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        """Return what the pod would be told."""
        return {"POD_NAME": "engine-0", "POD_NAMESPACE": self.namespace}

    def _ready(self) -> bool:
        return http_get(self.health, "/readyz")[0] == 200

    def scrape(self) -> str:
        """Return its metrics."""
        return http_get(self.metrics, "/metrics")[1]

    def ask(self, path: str, body: Any) -> tuple[int, str]:
        """Post something to the webhook, as an API server would, and return the status and the text of the answer."""
        tls = ssl.create_default_context(cafile=str(self._ca))
        connection = http.client.HTTPSConnection("127.0.0.1", self.webhook, timeout=30, context=tls)
        try:
            connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def _by_url(self, configuration: Object) -> Object:
        for hook in configuration["webhooks"]:
            path = hook["clientConfig"]["service"]["path"]
            hook["clientConfig"] = {
                "url": f"https://127.0.0.1:{self.webhook}{path}",
                "caBundle": self.authority,
            }
        return configuration

    def stop(self) -> None:
        """End the process."""
        self._program.stop()


class Gatekeeper(Engine):
    """Gatekeeper 3.23 as its deploy/gatekeeper.yaml installs it."""

    name = "gatekeeper"
    namespace = "gatekeeper-system"
    account = "gatekeeper-admin"

    def manifests(self) -> list[Object]:
        """Return deploy/gatekeeper.yaml."""
        return [each for each in yaml.safe_load_all((PEERS / "gatekeeper.yaml").read_text()) if each]

    def command(self, kubeconfig: Path) -> list[str]:
        """Return the manager with all operations."""
        return [
            str(PEERS / "gatekeeper"),
            f"--kubeconfig={kubeconfig}",
            f"--cert-dir={self._certificates}",
            "--disable-cert-rotation",
            "--host=127.0.0.1",
            f"--port={self.webhook}",
            f"--health-addr=127.0.0.1:{self.health}",
            f"--prometheus-port={self.metrics}",
            f"--audit-interval={AUDIT_SECONDS}",
            f"--api-cache-dir={self._certificates / 'audit'}",
            "--exempt-namespace=gatekeeper-system",
            "--debug-use-fake-pod",
            # Rego is what is compared: a template with both runs its Rego, as ours does.
            "--enable-k8s-native-validation=false",
            "--default-create-vap-for-templates=false",
            "--default-create-vap-binding-for-constraints=false",
            # deploy/gatekeeper.yaml means this, and writes `{http.send}`, which names nothing.
            "--disable-opa-builtin=http.send",
        ]


class Pratique(Engine):
    """Our agent, as the add-on installs it."""

    name = "pratique"
    namespace = addon.NAMESPACE
    account = SERVICE_ACCOUNT

    def manifests(self) -> list[Object]:
        """Return the add-on's manifests."""
        return addon.manifests(addon.AddonSettings())

    def command(self, kubeconfig: Path) -> list[str]:
        """Return the agent with all roles."""
        return [
            str(ROOT / ".venv" / "bin" / "python"),
            "-m",
            "pratique",
            "agent",
            f"--kubeconfig={kubeconfig}",
            f"--cert-dir={self._certificates}",
            "--disable-cert-rotation",
            "--host=127.0.0.1",
            f"--port={self.webhook}",
            f"--health-addr=127.0.0.1:{self.health}",
            f"--prometheus-port={self.metrics}",
            f"--audit-interval={AUDIT_SECONDS}",
            "--shutdown-delay=0",
        ]


ENGINES: dict[str, type[Engine]] = {"gatekeeper": Gatekeeper, "pratique": Pratique}


def install(api: Api, objects: list[Any]) -> None:
    """Apply objects, definitions first, and wait until what they define is served."""
    first = [each for each in objects if each["kind"] in ("Namespace", "CustomResourceDefinition")]
    for each in first:
        _apply(api, each)
    for each in first:
        if each["kind"] == "CustomResourceDefinition":
            until(lambda each=each: established(api.get(each).body), f"{each['metadata']['name']} is served")
    for each in objects:
        if each not in first:
            _apply(api, each)


def established(definition: Object) -> bool:
    """Tell whether a CustomResourceDefinition is served."""
    conditions = (definition.get("status") or {}).get("conditions") or ()
    return any(one["type"] == "Established" and one["status"] == "True" for one in conditions)


def _apply(api: Api, obj: Object) -> None:
    answer = api.apply(obj)
    if not answer.good:
        raise RuntimeError(f"{obj['kind']} {obj['metadata']['name']}: {answer.code} {answer.body}")


def http_get(port: int, path: str) -> tuple[int, str]:
    """Ask a port of loopback."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()
