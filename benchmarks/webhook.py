"""How long the webhook takes to answer over TLS, beside a plain TLS echo in the same run.

    python benchmarks/webhook.py [--requests 2000] [--constraints 2,40]

A server process on one core answers AdmissionReviews of a 4 kB Pod, one after the other over one connection
that is kept alive, from a client on another core where there is one. The constraints are the catalogue's
own policies, all of them matching the Pod. The echo is the same server with nothing between request and
answer; the ratio to it is what judging costs, whatever the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import multiprocessing
import os
import socket
import ssl
import statistics
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

import orjson
import uvloop

from pratique import catalog
from pratique.agent.answers import World
from pratique.agent.certs import load_chain, make_pair
from pratique.agent.exclusions import Exclusions
from pratique.agent.metrics import Metrics
from pratique.agent.servers import Listener, Receive, Scope, Send, answer, body_of
from pratique.agent.settings import Settings
from pratique.agent.webhook import Webhook
from pratique.client.providers import Providers
from pratique.constraint import Library
from pratique.constraint.expansion import Expander
from pratique.kube import yaml
from pratique.policy import Definition

NAME = "pratique-webhook-service.pratique-system.svc"
LABEL = "app"
DEMANDS: dict[str, dict[str, Any]] = {
    "K8sAzureV1PodEnforceLabels": {"labels": [LABEL]},
    "K8sAzureV2ContainerAllowedImages": {"imageRegex": r"^registry\.example/.+$", "excludedContainers": []},
    "K8sAzureV2NoPrivilege": {"excludedContainers": []},
}


def pod() -> dict[str, Any]:
    """Return a Pod of about 4 kB as an API server sends it."""
    container = {
        "image": "registry.example/team/web:1.2.3",
        "imagePullPolicy": "IfNotPresent",
        "ports": [{"containerPort": 8080, "protocol": "TCP", "name": "http"}],
        "resources": {
            "limits": {"cpu": "500m", "memory": "256Mi"},
            "requests": {"cpu": "100m", "memory": "128Mi"},
        },
        "env": [{"name": f"SETTING_{number}", "value": f"value-{number}"} for number in range(16)],
        "securityContext": {"runAsNonRoot": True, "privileged": False, "capabilities": {"drop": ["ALL"]}},
        "livenessProbe": {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 10},
        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
    }
    names = ("web", "proxy", "agent")
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "web-7d9f8b6c5d-x2x7k",
            "namespace": "shop",
            "labels": {LABEL: "web", "pod-template-hash": "7d9f8b6c5d"},
            "annotations": {"note": "n" * 200},
        },
        "spec": {
            "containers": [container | {"name": name} for name in names],
            "restartPolicy": "Always",
            "serviceAccountName": "web",
            "volumes": [{"name": "data", "emptyDir": {}}],
        },
    }


def review() -> bytes:
    """Return the AdmissionReview that is sent."""
    request = {
        "uid": "0df28fbd-5f5f-11e8-bc74-36e6bb280816",
        "kind": {"group": "", "version": "v1", "kind": "Pod"},
        "resource": {"group": "", "version": "v1", "resource": "pods"},
        "requestKind": {"group": "", "version": "v1", "kind": "Pod"},
        "requestResource": {"group": "", "version": "v1", "resource": "pods"},
        "name": "web-7d9f8b6c5d-x2x7k",
        "namespace": "shop",
        "operation": "CREATE",
        "userInfo": {"username": "system:serviceaccount:kube-system:replicaset-controller"},
        "object": pod(),
        "oldObject": None,
        "dryRun": False,
        "options": {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"},
    }
    return orjson.dumps({"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": request})


def library(count: int) -> Library:
    """Return a library with `count` constraints of the catalogue's policies that all match the Pod."""
    made = Library()
    kinds = []
    for document in catalog.definitions():
        definition = Definition.from_arm(document, identifier=document["id"])
        text = definition.template_text() or catalog.template(definition.template_url() or "")
        (template,) = yaml.read(text or "", file=definition.name)
        kind = template["spec"]["crd"]["spec"]["names"]["kind"]
        if kind in DEMANDS:
            made.put_template(template)
            kinds.append(kind)
    for number in range(count):
        kind = kinds[number % len(kinds)]
        made.put_constraint(
            {
                "apiVersion": "constraints.gatekeeper.sh/v1beta1",
                "kind": kind,
                "metadata": {"name": f"c{number}"},
                "spec": {
                    "match": {"kinds": [{"apiGroups": [""], "kinds": ["Pod"]}]},
                    "parameters": DEMANDS[kind],
                },
            }
        )
    return made


def webhook(count: int) -> Webhook:
    """Return the webhook over such a library."""

    async def nowhere(_: str) -> None:
        return None

    namespaces = {"/shop": {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}}
    world = World(library(count), Exclusions("pratique-system"), namespaces, nowhere, Expander(), Providers())
    return Webhook(world, Settings(), Metrics())


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer as quickly as this server can."""
    await body_of(receive)
    await answer(send, 200, b'{"response":{"allowed":true}}', b"application/json")


def serve(count: int | None, pipe: Connection) -> None:
    """Serve on one core until the process is ended; send the authority and the port through `pipe`."""
    pin(0)

    async def run() -> None:
        pair = make_pair("pratique-webhook-service", "pratique-system")
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        load_chain(tls, pair.certificate, pair.key)
        app = echo if count is None else webhook(count)
        listener = Listener(app, host="127.0.0.1", port=0, tls=tls)
        await listener.start()
        pipe.send((pair.authority.decode(), listener.port))
        await asyncio.Event().wait()

    uvloop.run(run())


def pin(core: int) -> None:
    """Stay on one core, where the machine has it."""
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[core % len(cores)]})


def measure(count: int | None, requests: int) -> list[float]:
    """Return the seconds of each request."""
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(count, theirs), daemon=True)
    server.start()
    # So that a server that fails ends the wait for it.
    theirs.close()
    try:
        authority, port = ours.recv()
        body = review()
        with connect(port, authority) as post:
            for _ in range(200):
                allowed = orjson.loads(post(body))["response"]["allowed"]
                assert allowed, "the pod of the benchmark satisfies every constraint"
            taken = []
            for _ in range(requests):
                began = time.perf_counter()
                post(body)
                taken.append(time.perf_counter() - began)
            return taken
    finally:
        server.terminate()
        server.join()


class connect:  # noqa: N801 (used as a function)
    """One kept-alive TLS connection."""

    def __init__(self, port: int, authority: str) -> None:
        context = ssl.create_default_context(cadata=authority)
        plain = socket.create_connection(("127.0.0.1", port))
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connection = http.client.HTTPSConnection("127.0.0.1", port, context=context)
        self._connection.sock = context.wrap_socket(plain, server_hostname=NAME)

    def __enter__(self) -> Callable[[bytes], bytes]:
        def post(body: bytes) -> bytes:
            self._connection.request("POST", "/v1/admit", body, {"Content-Type": "application/json"})
            return self._connection.getresponse().read()

        return post

    def __exit__(self, *_: object) -> None:
        self._connection.close()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--constraints", default="2,40")
    options = parser.parse_args()
    pin(1)
    print(f"AdmissionReview of {len(review())} bytes, {options.requests} requests each, one connection")
    base = statistics.median(measure(None, options.requests))
    print(f"{'':>16}{'p50 ms':>9}{'p99 ms':>9}{'x echo':>9}")
    for count in (None, *(int(one) for one in options.constraints.split(","))):
        taken = sorted(measure(count, options.requests))
        p50, p99 = statistics.median(taken), taken[int(len(taken) * 0.99)]
        name = "echo" if count is None else f"{count} constraints"
        print(f"{name:>16}{p50 * 1000:9.3f}{p99 * 1000:9.3f}{p50 / base:9.2f}")


if __name__ == "__main__":
    main()
