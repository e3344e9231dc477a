"""Webhooks over real HTTPS: a tiny server on loopback that answers as it is told."""

import asyncio
import base64
import contextlib
import datetime
import ipaddress
import json
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from pratique.kube import status

MAP = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "webhook")])
    now = datetime.datetime.now(datetime.UTC)
    hosts = [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("hook.default.svc")]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName(hosts), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    path.write_bytes(pem + private)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context, base64.b64encode(pem).decode()


class Hook:
    """A webhook server; `answer(request) -> response` decides, `asked` keeps the requests."""

    def __init__(self, context, answer, host="127.0.0.1"):
        self.context, self.answer, self.host, self.asked, self.delay = context, answer, host, [], 0.0

    async def __aenter__(self):
        self.server = await asyncio.start_server(self.serve, self.host, 0, ssl=self.context)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *error):
        self.server.close()

    async def serve(self, reader, writer):
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(
                    int(line[15:])
                    for line in head.split(b"\r\n")
                    if line.lower().startswith(b"content-length:")
                )
                request = json.loads(await reader.readexactly(length))["request"]
                self.asked.append(request)
                await asyncio.sleep(self.delay)
                body = json.dumps(
                    {
                        "apiVersion": "admission.k8s.io/v1",
                        "kind": "AdmissionReview",
                        "response": {"uid": request["uid"], **self.answer(request)},
                    }
                ).encode()
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
                await writer.drain()


def configuration(ca, kind="Validating", *, config=None, port=0, **more):
    hook = {
        "name": "w.example.com",
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "clientConfig": {**(config or {"url": f"https://127.0.0.1:{port}/check"}), "caBundle": ca},
        "rules": [
            {"operations": ["*"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"]}
        ],
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "default"}},
        **more,
    }
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": f"{kind}WebhookConfiguration",
        "metadata": {"name": "w"},
        "webhooks": [hook],
    }


async def install(world, made):
    resource = f"{made['kind'].lower()}s.admissionregistration.k8s.io"
    await world.api.create(resource, made)


def refused(message):
    return pytest.raises(status.StatusError, match=message)


def test_a_denial_and_what_the_webhook_was_asked(play, certificate):
    context, ca = certificate

    async def scene(world):
        async with Hook(context, lambda request: {"allowed": False, "status": {"message": "no"}}) as hook:
            await install(world, configuration(ca, port=hook.port))
            with refused('^admission webhook "w.example.com" denied the request: no$'):
                await world.api.create("configmaps", MAP, namespace="default")
            (asked,) = [r for r in hook.asked if r["name"] == "c"]
            assert (asked["operation"], asked["namespace"], asked["oldObject"]) == ("CREATE", "default", None)
            assert asked["kind"] == {"group": "", "version": "v1", "kind": "ConfigMap"}
            assert asked["options"]["kind"] == "CreateOptions"
            assert asked["object"]["metadata"]["name"] == "c"
            # Another namespace is not selected.
            await world.api.create("configmaps", MAP, namespace="kube-system")

    play(scene)


def test_a_patch_is_applied_and_the_patched_object_is_validated(play, certificate):
    context, ca = certificate

    def patch(request):
        operations = [{"op": "add", "path": "/data", "value": {"k": "v"}}]
        return {
            "allowed": True,
            "patchType": "JSONPatch",
            "patch": base64.b64encode(json.dumps(operations).encode()).decode(),
        }

    async def scene(world):
        async with Hook(context, patch) as hook:
            await install(world, configuration(ca, "Mutating", port=hook.port))
            made = await world.api.create("configmaps", MAP, namespace="default")
            assert made["data"] == {"k": "v"}

    play(scene)


def test_what_fails_is_refused_or_ignored_as_the_policy_says(play, certificate):
    context, ca = certificate

    async def scene(world):
        async with Hook(context, lambda request: {"allowed": True}) as hook:
            hook.delay = 5
            await install(world, configuration(ca, port=hook.port, timeoutSeconds=1))
            said = f'failed calling webhook "w.example.com": failed to call webhook: Post "https://127.0.0.1:{hook.port}'
            with refused(f'^Internal error occurred: {said}/check\\?timeout=1s": context deadline exceeded$'):
                await world.api.create("configmaps", MAP, namespace="default")
        resource = "validatingwebhookconfigurations.admissionregistration.k8s.io"
        await world.api.delete(resource, "w")
        await install(world, configuration(ca, port=9))
        with refused("dial tcp 127.0.0.1:9: connect: connection refused$"):
            await world.api.create("configmaps", MAP, namespace="default")
        await world.api.delete(resource, "w")
        await install(world, configuration(ca, port=9, failurePolicy="Ignore"))
        await world.api.create("configmaps", MAP, namespace="default")

    play(scene)


def test_a_certificate_must_be_signed_by_the_bundle(play, certificate):
    context, _ = certificate

    async def scene(world):
        async with Hook(context, lambda request: {"allowed": True}) as hook:
            await install(world, configuration("", port=hook.port))
            with refused("x509: certificate signed by unknown authority$"):
                await world.api.create("configmaps", MAP, namespace="default")

    play(scene)


def test_a_service_leads_to_a_ready_pod_behind_it(play, certificate):
    context, ca = certificate
    place = {"service": {"name": "hook", "namespace": "default", "path": "/check"}}

    async def scene(world):
        await install(world, configuration(ca, config=place))
        url = 'Post "https://hook.default.svc:443/check\\?timeout=10s": '
        with refused(f'{url}service "hook" not found$'):
            await world.api.create("configmaps", MAP, namespace="default")
        async with Hook(context, lambda request: {"allowed": False}, host="127.0.0.1") as hook:
            service = {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": "hook"},
                "spec": {"ports": [{"port": 443, "targetPort": hook.port}]},
            }
            await world.api.create("services", service, namespace="default")
            with refused(f'{url}no endpoints available for service "hook"$'):
                await world.api.create("configmaps", MAP, namespace="default")
            endpoints = {
                "apiVersion": "v1",
                "kind": "Endpoints",
                "metadata": {"name": "hook"},
                "subsets": [{"addresses": [{"ip": "127.0.0.1"}], "ports": [{"port": hook.port}]}],
            }
            await world.api.create("endpoints", endpoints, namespace="default")
            with refused("denied the request without explanation$"):
                await world.api.create("configmaps", MAP, namespace="default")

    play(scene)


def test_a_webhook_that_wants_it_sees_what_later_ones_changed(play, certificate):
    context, ca = certificate

    def append(request):
        present = request["object"].get("data", {}).get("trace", "")
        operations = [
            {
                "op": "add",
                "path": "/data",
                "value": {"trace": present + append.letter[request["kind"]["kind"]]},
            }
        ]
        return {
            "allowed": True,
            "patchType": "JSONPatch",
            "patch": base64.b64encode(json.dumps(operations).encode()).decode(),
        }

    async def scene(world):
        letters = iter("121")
        append.letter = {"ConfigMap": ""}

        def answer(request):
            append.letter["ConfigMap"] = next(letters, "?")
            return append(request)

        async with Hook(context, answer) as hook:
            made = configuration(ca, "Mutating", port=hook.port, reinvocationPolicy="IfNeeded")
            second = {**made["webhooks"][0], "name": "x.example.com", "reinvocationPolicy": "Never"}
            await install(world, {**made, "webhooks": [made["webhooks"][0], second]})
            stored = await world.api.create("configmaps", MAP, namespace="default")
            assert stored["data"] == {"trace": "121"}
            assert len(hook.asked) == 3

    play(scene)
