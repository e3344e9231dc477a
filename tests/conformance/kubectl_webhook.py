"""The webhook server of a scenario: HTTPS on loopback, answers by path as the README describes."""

from __future__ import annotations

import base64
import copy
import datetime
import ipaddress
import json
import re
import ssl
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_FIELD = re.compile(r"\{([A-Za-z]+(?:\.[A-Za-z0-9_]+)*)\}")


class Certificate:
    """A self-signed certificate for 127.0.0.1, made once for a run."""

    def __init__(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "webhook.example.com")])
        now = datetime.datetime.now(datetime.UTC)
        hosts = [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")]
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName(hosts), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        pem = certificate.public_bytes(serialization.Encoding.PEM)
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        self.ca = base64.b64encode(pem).decode()
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "both.pem")
            path.write_bytes(pem + private)
            self.context.load_cert_chain(path)


class WebhookServer:
    """One scenario's server; `address` is its base address."""

    def __init__(self, behaviours: dict[str, dict[str, Any]], certificate: Certificate) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(behaviours))
        self._server.daemon_threads = True
        self._server.socket = certificate.context.wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )
        self.address = f"https://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _handler(behaviours: dict[str, dict[str, Any]]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            behaviour = behaviours.get(self.path.partition("?")[0])
            if behaviour is None:
                self._send(404, b"404 page not found\n", "text/plain")
                return
            time.sleep(behaviour.get("delay", 0))
            if "http" in behaviour or "body" in behaviour:
                text = behaviour.get("body", "")
                data = text if isinstance(text, str) else json.dumps(text)
                self._send(behaviour.get("http", 200), data.encode(), "application/json")
                return
            review = json.loads(body)
            answer = {
                "apiVersion": review["apiVersion"],
                "kind": "AdmissionReview",
                "response": {"uid": review["request"]["uid"], **respond(behaviour, review["request"])},
            }
            self._send(200, json.dumps(answer).encode(), "application/json")

        def _send(self, code: int, body: bytes, kind: str) -> None:
            try:
                self.send_response(code)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            except OSError:
                self.close_connection = True  # the caller did not wait

        def log_message(self, format: str, *arguments: Any) -> None:
            pass

    return Handler


def respond(behaviour: dict[str, Any], request: dict[str, Any]) -> dict[str, Any]:
    """Return the response's fields for a request."""
    names = ("allowed", "status", "warnings", "auditAnnotations")
    response = {name: _filled(behaviour[name], request) for name in names if name in behaviour}
    patch = behaviour.get("patch")
    if "append" in behaviour:
        patch = _append(behaviour["append"], request.get("object") or {})
    if patch is not None:
        response["patchType"] = "JSONPatch"
        response["patch"] = base64.b64encode(json.dumps(patch).encode()).decode()
    return response


def _append(what: dict[str, str], obj: dict[str, Any]) -> list[dict[str, Any]]:
    annotations = obj.get("metadata", {}).get("annotations")
    name, text = what["annotation"], what["text"]
    if annotations is None:
        return [{"op": "add", "path": "/metadata/annotations", "value": {name: text}}]
    path = "/metadata/annotations/" + name.replace("~", "~0").replace("/", "~1")
    return [{"op": "add", "path": path, "value": annotations.get(name, "") + text}]


def _filled(value: Any, request: dict[str, Any]) -> Any:
    if isinstance(value, str):
        return _FIELD.sub(lambda match: _field(match.group(1), request), value)
    if isinstance(value, dict):
        return {key: _filled(item, request) for key, item in value.items()}
    return [_filled(item, request) for item in value] if isinstance(value, list) else copy.copy(value)


def _field(path: str, request: Any) -> str:
    value = request
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)
