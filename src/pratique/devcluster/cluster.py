"""The embedded cluster as a whole: store, API over TLS, controllers, node; started and stopped as one.

In come `Settings`, out goes a running cluster with a kubeconfig. This is the only module that knows all the
parts; the parts do not know it.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pratique.devcluster import auth, bootstrap
from pratique.devcluster.api import Api
from pratique.devcluster.controllers import Controllers
from pratique.devcluster.http.server import Server
from pratique.devcluster.node import Node
from pratique.devcluster.store import Store
from pratique.errors import UnavailableError
from pratique.listener import Listener, tls_of

TOKEN_SECONDS = 365 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Settings:
    """Where an embedded cluster lives and what it runs."""

    state_dir: Path
    host: str = "127.0.0.1"
    port: int = 7444
    images: Mapping[str, Sequence[str]] = field(default_factory=dict)
    services: Mapping[tuple[str, str], int] = field(default_factory=dict)
    node_name: str = "embedded-0"
    name: str = "embedded"


class DevCluster:
    """One embedded cluster."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.kubeconfig = settings.state_dir / "kubeconfig"
        self.port = settings.port
        self.api: Api | None = None
        self._lock: int | None = None
        self._listener: Listener | None = None
        self._controllers: Controllers | None = None
        self._node: Node | None = None

    @property
    def url(self) -> str:
        """Return the API's address."""
        host = f"[{self.settings.host}]" if ":" in self.settings.host else self.settings.host
        return f"https://{host}:{self.port}"

    async def start(self) -> None:
        """Start serving; return when the API answers and the controllers run."""
        settings = self.settings
        settings.state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._take_lock()
        try:
            await self._start(settings)
        except BaseException:
            await self.stop()
            raise

    async def _start(self, settings: Settings) -> None:
        files = auth.ensure(settings.state_dir / "pki", settings.host)
        store = Store(settings.state_dir / "objects.db")
        api = self.api = Api(store)
        tokens = auth.Tokens(files, store)
        bootstrap.ensure(api)
        api.definitions.start()
        server = Server(api, tokens)
        self._listener = Listener(
            server, host=settings.host, port=settings.port, tls=tls_of(files.certificate, files.key)
        )
        await self._listener.start()
        self.port = self._listener.port
        auth.write_kubeconfig(self.kubeconfig, files, url=self.url, cluster=settings.name)
        self._controllers = Controllers(api, settings, ca=files.ca_text)
        await self._controllers.start()

        def token(namespace: str, name: str) -> str:
            account = store.get("serviceaccounts", name, namespace)
            return tokens.issue(account, seconds=TOKEN_SECONDS, audiences=[]).text if account else ""

        self._node = Node(api, settings, server=(settings.host, self.port), ca=files.ca_text, token=token)
        server.node = self._node
        await self._node.start()

    def _take_lock(self) -> None:
        """Make sure that no other process serves the same state."""
        path = self.settings.state_dir / "lock"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            message = f"another process already runs the embedded cluster in `{self.settings.state_dir}`"
            raise UnavailableError(message, hint="stop it, or choose another folder for the state") from None
        self._lock = descriptor

    async def stop(self) -> None:
        """Stop everything; objects stay in the state folder."""
        if self._node is not None:
            await self._node.stop()
        if self._controllers is not None:
            await self._controllers.stop()
        if self.api is not None:
            await self.api.definitions.stop()
            self.api.store.end_watches()
        if self._listener is not None:
            await self._listener.stop()
        if self.api is not None:
            await self.api.close()
            self.api.store.close()
        if self._lock is not None:
            os.close(self._lock)
        self._node = self._controllers = self._listener = self._lock = self.api = None
