"""The API servers of a bed: etcd and kube-apiserver as they are released, and our embedded one.

In: a folder. Out: a running server with an administrator's `Api`. Nothing but an API server runs: there are no
controllers and no node on the real one, so what a controller would do (service accounts, namespaces' ends) does not
happen there.
"""

from __future__ import annotations

import asyncio
import base64
import secrets
import threading
from pathlib import Path
from typing import Any, Protocol

import yaml
from tests.bed.api import Api
from tests.bed.processes import Program, free_port

from pratique.devcluster import DevCluster, Settings
from pratique.service import certificates

ROOT = Path(__file__).resolve().parents[2]
PEERS = ROOT / ".cache" / "peers" / "bin"
ADMINS = "system:masters"
NEEDED = ("etcd", "kube-apiserver")


class Server(Protocol):
    """A running API server."""

    admin: Api

    def stop(self) -> None:
        """End it."""


class Real:
    """etcd and kube-apiserver, with RBAC and nothing in them."""

    def __init__(self, folder: Path) -> None:
        self._programs: list[Program] = []
        token, port = secrets.token_hex(16), free_port()
        files = certificates.ensure(folder, ["127.0.0.1", "localhost", "kubernetes.default.svc"])
        users = folder / "users.csv"
        users.write_text(f'{token},admin,admin,"{ADMINS}"\n')
        self.admin = Api(f"https://127.0.0.1:{port}", ca=files.ca, token=token)
        try:
            self._start_etcd(folder)
            self._start_api(folder, files, users, port)
        except BaseException:
            self.stop()
            raise

    def _start_etcd(self, folder: Path) -> None:
        client, peer = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
        self._etcd = client
        command = [str(PEERS / "etcd"), "--name=bed", f"--data-dir={folder / 'etcd'}"]
        command += [f"--listen-client-urls={client}", f"--advertise-client-urls={client}"]
        command += [f"--listen-peer-urls={peer}", f"--initial-advertise-peer-urls={peer}"]
        # The data goes away with the folder: nothing needs to reach the disk.
        command += [f"--initial-cluster=bed={peer}", "--unsafe-no-fsync"]
        self._programs.append(Program(command, folder / "etcd.log"))

    def _start_api(self, folder: Path, files: certificates.Certificate, users: Path, port: int) -> None:
        command = [str(PEERS / "kube-apiserver"), f"--etcd-servers={self._etcd}", f"--secure-port={port}"]
        command += ["--bind-address=127.0.0.1", f"--tls-cert-file={files.certificate}"]
        command += [f"--tls-private-key-file={files.key}", f"--token-auth-file={users}"]
        command += ["--authorization-mode=RBAC", "--service-cluster-ip-range=10.0.0.0/24"]
        command += [
            f"--service-account-key-file={files.certificate}",
            f"--service-account-signing-key-file={files.key}",
        ]
        command += [
            "--service-account-issuer=https://kubernetes.default.svc",
            "--endpoint-reconciler-type=none",
        ]
        # No controller makes the default service accounts that this plugin asks for.
        command += ["--disable-admission-plugins=ServiceAccount", f"--cert-dir={folder / 'made'}"]
        server = Program(command, folder / "kube-apiserver.log")
        self._programs.append(server)
        server.wait_for(lambda: self.admin.request("GET", "/readyz").good, "kube-apiserver gets ready")
        # Made by a controller of the server's own, a moment after it is ready.
        server.wait_for(
            lambda: self.admin.request("GET", "/api/v1/namespaces/default").good,
            "the default namespace exists",
        )

    def stop(self) -> None:
        """End both programs, the API server first."""
        for program in reversed(self._programs):
            program.stop()


class Embedded:
    """Our embedded cluster, on a thread of its own."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self._cluster = DevCluster(Settings(state_dir=folder / "cluster", port=0, **settings))
        self._run(self._cluster.start())
        config = yaml.safe_load(self._cluster.kubeconfig.read_text())
        ca = folder / "ca.crt"
        ca.write_bytes(base64.b64decode(config["clusters"][0]["cluster"]["certificate-authority-data"]))
        self.admin = Api(self._cluster.url, ca=ca, token=config["users"][0]["user"]["token"])

    def stop(self) -> None:
        """End it."""
        self._run(self._cluster.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)

    def _run(self, work: Any) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(60)
