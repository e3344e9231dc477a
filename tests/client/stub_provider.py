"""A provider of external data for tests: HTTPS on loopback, with an authority of its own.

In: a function from keys to what is said of each, or a whole ProviderResponse. Out: a running server, what it
was asked, and the Provider that names it.
"""

from __future__ import annotations

import asyncio
import base64
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aiohttp import web

from pratique.service import certificates

Say = Callable[[list[str]], Any]


def items(values: dict[str, Any]) -> Say:
    """Say the value of each key, `{"error": ...}` being an error; what is not known is left out."""

    def say(keys: list[str]) -> list[dict[str, Any]]:
        found = {key: values[key] for key in keys if key in values}
        return [
            {"key": key, **(value if isinstance(value, dict) and "error" in value else {"value": value})}
            for key, value in found.items()
        ]

    return say


class StubProvider:
    """A server in a thread of its own; `asked` holds the keys of each request."""

    def __init__(
        self, folder: Path, say: Say, *, port: int = 0, tls: str = "TLSv1.3", trusts: bytes = b""
    ) -> None:
        self.asked: list[list[str]] = []
        self.seen: list[dict[str, Any]] = []
        self.subjects: list[str] = []
        self.say = say
        self.pause = 0.0
        self.certificate = certificates.ensure(folder)
        self._tls = tls
        self._trusts = trusts
        self._port = port
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def url(self) -> str:
        return f"https://localhost:{self._port}/provide"

    def document(self, name: str = "stub", **spec: Any) -> dict[str, Any]:
        """Return the Provider that names this server."""
        bundle = base64.b64encode(self.certificate.ca.read_bytes()).decode()
        return {
            "apiVersion": "externaldata.gatekeeper.sh/v1beta1",
            "kind": "Provider",
            "metadata": {"name": name},
            "spec": {"url": self.url, "timeout": 10, "caBundle": bundle, **spec},
        }

    def start(self) -> None:
        self._thread.start()
        assert self._ready.wait(30), "the stub provider does not start"

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(30)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._ready.set()
        self._loop.run_forever()
        self._loop.run_until_complete(self._runner.cleanup())
        self._loop.close()

    async def _serve(self) -> None:
        app = web.Application()
        app.router.add_post("/provide", self._answer)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate.certificate, self.certificate.key)
        if self._tls == "TLSv1.2":
            context.maximum_version = ssl.TLSVersion.TLSv1_2
        if self._trusts:
            context.verify_mode = ssl.CERT_OPTIONAL
            context.load_verify_locations(cadata=self._trusts.decode())
        site = web.TCPSite(self._runner, "localhost", self._port, ssl_context=context)
        await site.start()
        self._port = self._runner.addresses[0][1]

    async def _answer(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.seen.append(body)
        self.asked.append(body["request"]["keys"])
        peer = request.transport.get_extra_info("peercert") if request.transport else None
        self.subjects.append(
            dict(part for group in peer["subject"] for part in group)["commonName"] if peer else ""
        )
        await asyncio.sleep(self.pause)
        said = self.say(body["request"]["keys"])
        if isinstance(said, web.Response):
            return said
        if isinstance(said, list):
            said = {"response": {"idempotent": True, "items": said}}
        head = {"apiVersion": "externaldata.gatekeeper.sh/v1beta1", "kind": "ProviderResponse"}
        return web.json_response(head | said)


@contextmanager
def provider(folder: Path, say: Say, **options: Any) -> Iterator[StubProvider]:
    stub = StubProvider(folder, say, **options)
    stub.start()
    try:
        yield stub
    finally:
        stub.stop()
