"""The service as one object: opened, started, answering, stopped.

`Service.app` is ASGI. A request is looked up in the one table of operations; its body is read on the loop,
everything that may block happens in a thread; a path that no operation has goes to `fallback` (the portal,
or whatever the caller set beside).
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import anyio.to_thread
from sqlalchemy.engine import Connection
from starlette.types import ASGIApp, Receive, Scope, Send

from pratique.service.actions import accounts, addon, desired, fleet
from pratique.service.actions.background import Background
from pratique.service.actions.context import SYSTEM, Context
from pratique.service.actions.hub import Hub
from pratique.service.actions.library import PolicyLibrary
from pratique.service.actions.tokens import Signer
from pratique.service.db import accounts as facts
from pratique.service.db.store import Store
from pratique.service.routes.dispatch import Dispatcher
from pratique.service.settings import Credentials, Settings
from pratique.service.world import World


class Service:
    """One running service."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.context: Context | None = None
        self._store = Store(settings.database)
        self._dispatcher = Dispatcher()

    @property
    def app(self) -> ASGIApp:
        """Return the ASGI application; it answers 503 until `start` is done."""
        return self._dispatcher

    @property
    def fallback(self) -> ASGIApp | None:
        """Return what answers paths that are not ours."""
        return self._dispatcher.fallback

    @fallback.setter
    def fallback(self, app: ASGIApp | None) -> None:
        self._dispatcher.fallback = app

    async def start(self) -> Credentials | None:
        """Open the data, bring it up to date and begin to answer.

        Returns the credentials that a first start made, else None.
        """
        hub, background = Hub(), Background()
        hub.open()
        background.open()
        context, made = await anyio.to_thread.run_sync(self._open, hub, background)
        self.context = context
        self._dispatcher.context = context
        addon.resume(context)
        return made

    async def stop(self) -> None:
        """End the streams and the background work, and close the data."""
        self._dispatcher.context = None
        if self.context is not None:
            self.context.hub.close()
            await self.context.background.close()
            self.context = None
        await anyio.to_thread.run_sync(self._store.close)

    async def sign_in_link(self) -> str:
        """Return the code of a one-time sign-in link, good for ten minutes."""
        return await anyio.to_thread.run_sync(accounts.new_link, self._started())

    async def reset_credentials(self) -> Credentials:
        """Make a new password and a new secret; the old ones stop working."""
        return await anyio.to_thread.run_sync(accounts.reset_credentials, self._started())

    async def adopt_cluster(self, name: str, *, kubeconfig: str) -> dict[str, Any]:
        """Register a cluster if it is unknown, and store how the service reaches it."""
        context = self._started()
        document, _ = await anyio.to_thread.run_sync(
            lambda: fleet.put(context, SYSTEM, name, {"kubeconfig": kubeconfig})
        )
        return document

    def _started(self) -> Context:
        if self.context is None:
            raise RuntimeError("the service is not started")
        return self.context

    def _open(self, hub: Hub, background: Background) -> tuple[Context, Credentials | None]:
        self._store.open()
        with self._store.write() as connection:
            tenant = _fact(connection, "tenant", lambda: str(uuid.uuid4()))
            subscription = _fact(connection, "subscription", lambda: str(uuid.uuid4()))
            key = _fact(connection, "signing-key", Signer.new_key)
            made = accounts.bootstrap(connection, tenant=tenant)
        context = Context(
            settings=self.settings,
            store=self._store,
            hub=hub,
            world=World(tenant, subscription, self.settings.location),
            signer=Signer(key),
            library=PolicyLibrary(self.settings.mirror),
            background=background,
        )
        with self._store.write() as connection:
            # What is built in, the mirror or the way of binding may differ from the version that ran before.
            desired.recompute(context, connection)
        return context, made


def create_app(settings: Settings) -> ASGIApp:
    """Return an ASGI application that starts and stops its own service by the server's lifespan."""
    service = Service(settings)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await service.app(scope, receive, send)
            return
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await service.start()
                await send({"type": "lifespan.startup.complete"})
            else:
                await service.stop()
                await send({"type": "lifespan.shutdown.complete"})
                return

    return app


def _fact(connection: Connection, key: str, make: Callable[[], str]) -> str:
    found = facts.get_fact(connection, key)
    if found is None:
        found = make()
        facts.put_fact(connection, key, found)
    return found
