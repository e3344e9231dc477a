"""Bundles from a registry: files by title, archives unpacked, logins, and what is refused; a stub on loopback."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from pratique.client import oci
from pratique.errors import DeniedError, InputError, NotFoundError, UnavailableError

BASIC = "Basic " + base64.b64encode(b"me:secret").decode()


class Stub:
    """A registry with one repository, `org/policies`."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}
        self.manifests: dict[str, bytes] = {}
        self.challenge = ""
        self.wanted = ""  # the header that opens it
        self.asked: list[tuple[str, str]] = []
        stub = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path, _, query = self.path.partition("?")
                given = self.headers.get("Authorization", "")
                stub.asked.append((self.path, given))
                if path == "/token":
                    known = given == BASIC and "scope=repository" in query
                    self.answer(200, json.dumps({"token": "issued"} if known else {}).encode())
                elif stub.wanted and given != stub.wanted:
                    self.answer(401, b"", stub.challenge)
                else:
                    name = path.removeprefix("/v2/org/policies/")
                    kind, _, key = name.partition("/")
                    found = {"manifests": stub.manifests, "blobs": stub.blobs}.get(kind, {}).get(key)
                    self.answer(404 if found is None else 200, found or b"")

            def answer(self, status: int, body: bytes, challenge: str = "") -> None:
                self.send_response(status)
                if challenge:
                    self.send_header("WWW-Authenticate", challenge)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self.server.server_port}"
        self.image = f"{self.host}/org/policies:1"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def blob(self, content: bytes) -> str:
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        self.blobs[digest] = content
        return digest

    def push(self, *layers: tuple[bytes, dict[str, str]], tag: str = "1") -> str:
        entries = [{"digest": self.blob(content), "annotations": notes} for content, notes in layers]
        manifest = json.dumps({"schemaVersion": 2, "layers": entries}).encode()
        digest = f"sha256:{hashlib.sha256(manifest).hexdigest()}"
        self.manifests[tag] = self.manifests[digest] = manifest
        return digest


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Stub]:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    found = Stub()
    yield found
    found.server.shutdown()
    found.server.server_close()


def archive(**files: bytes) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return made.getvalue()


def test_layers_are_files_and_archives(stub: Stub) -> None:
    stub.push(
        (b"kind: A", {oci.TITLE: "a.yaml"}),
        (archive(**{"policies/b.yaml": b"kind: B"}), {oci.TITLE: "policies", oci.UNPACK: "true"}),
        (archive(**{"./c.yaml": b"kind: C"}), {}),
    )
    assert oci.pull(stub.image) == {"a.yaml": b"kind: A", "policies/b.yaml": b"kind: B", "c.yaml": b"kind: C"}


def test_a_digest_and_an_index(stub: Stub) -> None:
    digest = stub.push((b"x", {oci.TITLE: "a.yaml"}))
    assert oci.pull(f"{stub.host}/org/policies@{digest}") == {"a.yaml": b"x"}
    stub.manifests["2"] = json.dumps({"manifests": [{"digest": digest}]}).encode()
    assert oci.pull(f"oci://{stub.host}/org/policies:2") == {"a.yaml": b"x"}


def test_the_login_of_docker_is_shown_to_the_token_server(stub: Stub, tmp_path: Path) -> None:
    stub.push((b"x", {oci.TITLE: "a.yaml"}))
    stub.wanted = "Bearer issued"
    stub.challenge = f'Bearer realm="http://{stub.host}/token",service="registry"'
    with pytest.raises(DeniedError, match="does not let us pull"):
        oci.pull(stub.image)
    auth = base64.b64encode(b"me:secret").decode()
    (tmp_path / "config.json").write_text(json.dumps({"auths": {stub.host: {"auth": auth}}}))
    assert oci.pull(stub.image) == {"a.yaml": b"x"}
    assert ("/token?service=registry&scope=repository:org/policies:pull", BASIC) in stub.asked


def test_basic_authentication_and_a_credential_helper(
    stub: Stub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stub.push((b"x", {oci.TITLE: "a.yaml"}))
    stub.wanted, stub.challenge = BASIC, 'Basic realm="here"'
    helper = tmp_path / "docker-credential-stub"
    helper.write_text(
        '#!/bin/sh\nread -r host\necho "{\\"Username\\": \\"me\\", \\"Secret\\": \\"secret\\"}"\n'
    )
    helper.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    (tmp_path / "config.json").write_text(json.dumps({"credHelpers": {stub.host: "stub"}}))
    assert oci.pull(stub.image) == {"a.yaml": b"x"}


def test_what_is_refused(stub: Stub) -> None:
    for text in ("policies", "UPPER/Case", "host/x:", "host/x@sha256:1"):
        with pytest.raises(InputError, match="is no image"):
            oci.pull(text)
    with pytest.raises(NotFoundError):
        oci.pull(f"{stub.host}/org/policies:none")
    digest = stub.push((b"x", {oci.TITLE: "a.yaml"}))
    stub.blobs[f"sha256:{hashlib.sha256(b'x').hexdigest()}"] = b"y"
    with pytest.raises(InputError, match="something else"):
        oci.pull(f"{stub.host}/org/policies@{digest}")
    stub.push((b"no archive", {}))
    with pytest.raises(InputError, match="no archive"):
        oci.pull(stub.image)
    for text in (b"[]", b"{", b"{}"):
        stub.manifests["1"] = text
        with pytest.raises(InputError):
            oci.pull(stub.image)


def test_a_registry_that_is_away_is_told() -> None:
    with pytest.raises(UnavailableError, match="cannot pull"):
        oci.pull("127.0.0.1:1/org/policies:1")


def test_a_bundle_has_an_end(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oci, "MAX_BYTES", 10)
    stub.push((b"x" * 100, {oci.TITLE: "a.yaml"}))
    with pytest.raises(InputError, match="larger than"):
        oci.pull(stub.image)
