"""Speak HTTP to a server in this process, without a socket."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson

from pratique.devcluster import auth, bootstrap
from pratique.devcluster.api import Api
from pratique.devcluster.http.server import Server
from pratique.devcluster.store import Store


@dataclass
class Answer:
    """What came back."""

    code: int
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)

    @property
    def warnings(self) -> list[str]:
        return [value for name, value in self.headers if name == "warning"]


@dataclass
class Wire:
    """A server and who speaks to it."""

    server: Server
    token: str
    streams: list[asyncio.Task[None]] = field(default_factory=list)

    async def send(
        self, method: str, url: str, body: Any = None, *, media: str = "application/json", **headers: str
    ) -> Answer:
        """Send one request and return the answer."""
        parts = urlsplit(url)
        raw = body if isinstance(body, bytes) else b"" if body is None else orjson.dumps(body)
        names = {"authorization": f"Bearer {self.token}", "content-type": media}
        names |= {name.replace("_", "-"): value for name, value in headers.items()}
        scope = {
            "type": "http",
            "method": method,
            "path": parts.path,
            "query_string": parts.query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in names.items() if value],
        }
        sent: list[dict[str, Any]] = []
        messages = [{"type": "http.request", "body": raw}]

        async def receive() -> Any:
            if messages:
                return messages.pop()
            await asyncio.sleep(3600)
            return {"type": "http.disconnect"}

        async def sender(message: Any) -> None:
            sent.append(message)

        await self.server(scope, receive, sender)
        heads = [(name.decode(), value.decode()) for name, value in sent[0]["headers"]]
        return Answer(sent[0]["status"], heads, b"".join(item.get("body", b"") for item in sent[1:]))


def start(folder: Path) -> Wire:
    """Return a server over a fresh store; needs a running loop."""
    files = auth.ensure(folder / "pki", "127.0.0.1")
    store = Store(folder / "objects.db")
    api = Api(store)
    bootstrap.ensure(api)
    api.definitions.start()
    # Every pod names its ServiceAccount; without controllers nobody else makes this one.
    return Wire(Server(api, auth.Tokens(files, store)), files.admin_token)
